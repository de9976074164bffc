// Rejections by reason: a table whose bars are in its cells.
import { el, svg } from "./nodes.js";
import { number, t, term } from "./language.js";
import { emptyState } from "./panel.js";

const REASONS_FIRST = 8;
const everything = { shown: false };

export function drawRejections({ rejections }) {
  if (rejections === null) return emptyState("rejections.unknown");
  const rows = Object.entries(rejections).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  if (!rows.length) return emptyState("empty.rejections");
  const most = rows[0][1];
  const shown = everything.shown ? rows : rows.slice(0, REASONS_FIRST);
  const table = tableOf(shown, most);
  return [table, more(rows, shown, most, table)].filter(Boolean);
}

function tableOf(rows, most) {
  return el("table", { class: "bars" }, el("caption", { class: "unseen" }, t("rejections.title")),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("rejections.reason")), el("th", { scope: "col" }, t("rejections.count")))),
    el("tbody", {}, ...rows.map(([reason, count]) => row(reason, count, count / most))));
}

function more(rows, shown, most, table) {
  if (rows.length === shown.length) return null;
  const button = el("button", { type: "button", class: "quiet" }, t("rejections.more", { n: rows.length - shown.length }));
  button.addEventListener("click", () => {
    everything.shown = true;
    const whole = tableOf(rows, most);
    table.replaceWith(whole);
    button.remove();
    whole.tabIndex = -1; // the focus would be lost with the button
    whole.focus();
  });
  return button;
}

function row(reason, count, share) {
  const { text, lang } = term(reason);
  const bar = svg("svg", { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { width: 100, height: 6, class: "bar-ground" }), svg("rect", { width: Math.max(share * 100, 1), height: 6, class: "bar-fill" }));
  return el("tr", {}, el("th", { scope: "row", title: reason, lang }, text), el("td", {}, el("span", { class: "barred" }, bar, el("span", { class: "count" }, number(count)))));
}
