// What every chart has: title and description, values reached with the arrow keys, a line that shows them, a table.
import { el, svg } from "../nodes.js";
import { t } from "../language.js";

let made = 0;

/**
 * `marks`: `[{node, label}]`, one a value, from left to right; one of them is a tab stop, the arrow keys move it.
 * `table`: `{head, rows}` of texts; the first of a row names it. `summary`: the line's text while no value is chosen.
 */
export function framed({ width, height, title, summary, ground, marks, overlay = [], legend, table }) {
  const id = `chart-${++made}`;
  const readout = el("p", { class: "readout" }, summary);
  const drawing = svg("svg", { class: "chart", width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-labelledby": `${id}-title ${id}-keys` },
    svg("title", { id: `${id}-title` }, title), svg("desc", { id: `${id}-keys` }, t("chart.keys")),
    svg("g", { "aria-hidden": "true" }, ...ground), ...marks.map((mark) => mark.node), svg("g", { "aria-hidden": "true", class: "overlay" }, ...overlay));
  reachable(marks, readout, summary);
  return [legend ?? null, drawing, readout, asTable(title, table)].filter(Boolean);
}

function reachable(marks, readout, summary) {
  marks.forEach(({ node, label }, at) => {
    for (const [name, value] of [["role", "img"], ["aria-label", label], ["tabindex", at === 0 ? 0 : -1]]) node.setAttribute(name, value);
    node.classList.add("mark");
    node.addEventListener("focus", () => { readout.textContent = label; });
    node.addEventListener("pointerenter", () => { readout.textContent = label; });
    node.addEventListener("pointerleave", () => { readout.textContent = summary; });
    node.addEventListener("blur", () => { readout.textContent = summary; });
    node.addEventListener("keydown", (event) => step(event, marks, at));
  });
}

function step(event, marks, at) {
  const last = marks.length - 1;
  const target = { ArrowRight: Math.min(at + 1, last), ArrowLeft: Math.max(at - 1, 0), Home: 0, End: last }[event.key];
  if (target === undefined) return;
  event.preventDefault();
  marks[at].node.setAttribute("tabindex", "-1");
  marks[target].node.setAttribute("tabindex", "0");
  marks[target].node.focus();
}

function asTable(title, { head, rows }) {
  const body = el("tbody", {}, ...rows.map(([name, ...cells]) =>
    el("tr", {}, el("th", { scope: "row" }, name), ...cells.map((cell) => el("td", {}, cell)))));
  const table = el("table", { class: "values" }, el("caption", { class: "unseen" }, title),
    el("thead", {}, el("tr", {}, ...head.map((name) => el("th", { scope: "col" }, name)))), body);
  return el("details", {}, el("summary", {}, t("chart.table")), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, table));
}

/** An invisible area that makes a whole column answer the pointer, and shows the keyboard's focus. */
export const hitArea = (x, y, width, height) => svg("rect", { class: "hit", x, y, width: Math.max(width, 0), height, rx: 2 });

/** Round steps from 0 to beyond `most`, about `wanted` of them. */
export function ticks(most, wanted = 4) {
  const rough = (most || 1) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= rough * 0.999);
  return Array.from({ length: Math.ceil((most || 1) / step - 1e-9) + 1 }, (_, at) => at * step);
}

/** Horizontal rules with their values on the left. */
export function rules(values, y, left, right, format) {
  return values.flatMap((value) => [
    svg("line", { class: value === 0 ? "axis" : "rule", x1: left, x2: right, y1: y(value), y2: y(value) }),
    svg("text", { class: "tick", x: left - 6, y: y(value) + 4, "text-anchor": "end" }, format(value))]);
}

/** Labels under columns, as many as there is room for; the newest always has its own. */
export function columnLabels(labels, x, y, columnWidth, right, labelWidth = 84) {
  const every = Math.max(1, Math.ceil(labelWidth / columnWidth));
  const inside = (at) => (x(at) + labelWidth / 2 > right ? { x: right, "text-anchor": "end" } : { x: x(at), "text-anchor": "middle" });
  return labels.flatMap((label, at) => ((labels.length - 1 - at) % every ? [] : [svg("text", { class: "tick", y, ...inside(at) }, label)]));
}

export function legend(...items) {
  return el("ul", { class: "legend", role: "list" }, ...items.map(([swatch, text]) => el("li", {}, swatch, text)));
}

/** A small sample of how something is drawn, for the legend. */
export const swatch = (...shapes) => svg("svg", { class: "swatch", viewBox: "0 0 18 12", width: 18, height: 12, "aria-hidden": "true" }, ...shapes);
