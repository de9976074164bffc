// Drift, feature by window. A heat map is a table with coloured cells, so it is one: headers, links and numbers are
// there for everybody, and the colour only adds to them.
import { el } from "../nodes.js";
import { decimal, t, term, windowName } from "../language.js";
import { emptyState } from "../panel.js";

const FEATURES_FIRST = 16;
const STEPS = [0.25, 0.5, 1, 2, 4];
const everything = { shown: false };

const step = (ratio) => STEPS.findIndex((limit) => ratio <= limit) === -1 ? STEPS.length : STEPS.findIndex((limit) => ratio <= limit);

/** Rows as features, whichever way round they came; those that drifted most come first. */
function rowsOf({ windows, features, ratio }) {
  const byFeature = ratio.length === features.length && ratio.every((row) => row.length === windows.length);
  const at = (feature, window) => (byFeature ? ratio[feature]?.[window] : ratio[window]?.[feature]) ?? null;
  const rows = features.map((feature, index) => ({ feature, ratios: windows.map((_, window) => at(index, window)) }));
  return rows.sort((a, b) => worst(b) - worst(a));
}

const worst = (row) => Math.max(...row.ratios.map((ratio) => ratio ?? -1));

export function drawDrift(drift) {
  if (!drift.windows?.length) return emptyState("empty.windows", "stream-app monitor");
  const rows = rowsOf(drift);
  const shown = everything.shown ? rows : rows.slice(0, FEATURES_FIRST);
  const host = el("div", { class: "scroll heat-scroll", tabindex: "0", role: "region", "aria-label": t("drift.region") }, tableOf(drift, shown));
  requestAnimationFrame(() => { host.scrollLeft = host.scrollWidth; }); // the newest window is at the right
  return [scale(), host, more(drift, rows.length - shown.length, host)].filter(Boolean);
}

function tableOf(drift, rows) {
  return el("table", { class: "heat" }, el("caption", { class: "unseen" }, t("drift.caption")),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("drift.feature")), ...drift.windows.map((window) => el("th", { scope: "col" }, ...header(drift, window))))),
    el("tbody", {}, ...rows.map((row) => line(drift, row))));
}

function header(drift, window) {
  const url = drift.reports?.[window];
  const name = windowName(window);
  if (!url) return [name];
  return [el("a", { href: url, target: "_blank", rel: "noopener", "aria-label": t("drift.report", { window: name }) }, name)];
}

function line(drift, { feature, ratios }) {
  const { text, lang } = term(feature);
  return el("tr", {}, el("th", { scope: "row", title: feature, lang }, text), ...ratios.map((ratio, at) => cell(text, windowName(drift.windows[at]), ratio)));
}

function cell(feature, window, ratio) {
  if (ratio === null) return el("td", { class: "heat-none", title: t("drift.too_few") }, "–", el("span", { class: "unseen" }, t("drift.too_few")));
  const drifted = ratio > 1;
  const attributes = { class: `heat-${step(ratio)}${drifted ? " drifted" : ""}`, title: t("drift.cell", { feature, window, ratio: decimal(ratio) }) };
  const mark = drifted ? [el("span", { "aria-hidden": "true", class: "flag" }, "▲"), el("span", { class: "unseen" }, `${t("drift.drifted")} `)] : [];
  return el("td", attributes, ...mark, decimal(ratio, 1, 1));
}

function scale() {
  const cells = Array.from({ length: STEPS.length + 1 }, (_, at) => el("span", { class: `heat-${at}` }, at > 2 ? "▲" : ""));
  return el("p", { class: "heat-scale", "aria-hidden": "true" }, t("drift.scale.low"), el("span", { class: "steps" }, ...cells.slice(0, 3)), t("drift.scale.limit"),
    el("span", { class: "steps" }, ...cells.slice(3)), t("drift.scale.high"));
}

function more(drift, hidden, host) {
  if (hidden <= 0) return null;
  const button = el("button", { type: "button", class: "quiet" }, t("drift.more", { n: hidden }));
  button.addEventListener("click", () => {
    everything.shown = true;
    host.replaceChildren(tableOf(drift, rowsOf(drift)));
    button.remove();
    host.focus();
  });
  return button;
}
