// Light or dark: what the reader chose last, else what the system prefers. Runs before the first paint.
"use strict";
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const remembered = () => { try { return localStorage.getItem("board.theme"); } catch { return null; } };
  const isDark = () => (remembered() ?? (system.matches ? "dark" : "light")) === "dark";

  function apply() {
    root.dataset.theme = isDark() ? "dark" : "light";
    document.getElementById("theme")?.setAttribute("aria-pressed", String(isDark()));
  }

  function flip() {
    const chosen = isDark() ? "light" : "dark";
    try { localStorage.setItem("board.theme", chosen); } catch { root.dataset.theme = chosen; return; }
    apply();
  }

  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", flip);
    apply();
  });
})();
