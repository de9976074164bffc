// Estimated against realised default rate by window. The realised one comes with its 95 % interval as a bar and a band,
// since most loans are still open: a point without it would pretend to know.
import { el, svg } from "../nodes.js";
import { percent, roundPercent, t, windowName } from "../language.js";
import { emptyState } from "../panel.js";
import { columnLabels, framed, hitArea, legend, rules, swatch, ticks } from "./frame.js";

const EDGE = { top: 18, right: 12, bottom: 28, left: 46 };
const known = (one) => one.realised !== null && one.realised !== undefined;

const verdictOf = (one) => one.verdict ?? one.calibration ?? null;

export function drawPerformance(windows, width) {
  if (!windows.some((one) => known(one) || one.expected != null)) return emptyState("empty.performance", "stream-app produce --outcomes FILE");
  const height = 250;
  const each = (width - EDGE.left - EDGE.right) / windows.length;
  const steps = ticks(Math.max(...windows.flatMap((one) => [one.expected, one.realised, one.high]).filter((rate) => rate != null), 0.01));
  const x = (at) => EDGE.left + (at + 0.5) * each;
  const y = (rate) => height - EDGE.bottom - (Math.min(rate, steps.at(-1)) / steps.at(-1)) * (height - EDGE.top - EDGE.bottom);
  const chart = framed({
    width, height, title: t("performance.svg", { n: windows.length }), summary: say(windows.findLast(known) ?? windows.at(-1)),
    ground: [...rules(steps, y, EDGE.left, width - EDGE.right, roundPercent),
      ...columnLabels(windows.map((one) => windowName(one.window)), x, height - 8, each, width),
      ...runs(windows).map((run) => svg("path", { class: "band", d: band(run, x, y) }))],
    marks: windows.map((one, at) => ({ label: say(one), node: point(one, x(at), y, each, height) })),
    overlay: [svg("path", { class: "expected", d: line(windows, x, y) })],
    legend: key(), table: tableOf(windows),
  });
  return [headline(windows), ...chart].filter(Boolean);
}

/** The verdict on the newest window that has one. */
function headline(windows) {
  const judged = windows.findLast((one) => verdictOf(one) && verdictOf(one) !== "unknown");
  if (!judged) return null;
  const verdict = verdictOf(judged);
  return el("p", { class: `verdict ${verdict}` }, el("span", { "aria-hidden": "true" }, verdict === "in_line" ? "✓" : "▲"),
    t("performance.latest", { window: windowName(judged.window), verdict: t(`verdict.${verdict}`) }));
}

const verdictText = (one) => (verdictOf(one) ? t(`verdict.${verdictOf(one)}`) : "");

function say(one) {
  const window = windowName(one.window), expected = one.expected == null ? "–" : percent(one.expected);
  if (!known(one)) return t("performance.value.open", { window, expected });
  const ends = { low: percent(one.low ?? one.realised), high: percent(one.high ?? one.realised) };
  return t("performance.value", { window, expected, realised: percent(one.realised), ...ends, labelled: percent(one.labelled_share ?? 1, { most: 0 }), verdict: verdictText(one) });
}

function point(one, x, y, each, height) {
  const shapes = [];
  if (known(one)) {
    const [low, high] = [y(one.low ?? one.realised), y(one.high ?? one.realised)];
    const cap = Math.min(4, each / 4);
    shapes.push(svg("path", { class: "interval", d: `M${x} ${low}V${high}M${x - cap} ${low}h${2 * cap}M${x - cap} ${high}h${2 * cap}` }));
    shapes.push(svg("circle", { class: "realised", cx: x, cy: y(one.realised), r: Math.min(4.5, Math.max(2, each / 4)) }));
  }
  return svg("g", {}, ...shapes, hitArea(x - each / 2, EDGE.top, each, height - EDGE.top - EDGE.bottom));
}

/** Stretches of neighbouring windows whose truth is known: a band must not run over one that is not. */
function runs(windows) {
  const found = [[]];
  windows.forEach((one, at) => (known(one) ? found.at(-1).push({ ...one, at }) : found.push([])));
  return found.filter((run) => run.length > 1);
}

function band(run, x, y) {
  const upper = run.map((one) => `${x(one.at)} ${y(one.high ?? one.realised)}`);
  const lower = run.map((one) => `${x(one.at)} ${y(one.low ?? one.realised)}`).reverse();
  return `M${[...upper, ...lower].join("L")}Z`;
}

function line(windows, x, y) {
  const points = windows.flatMap((one, at) => (one.expected == null ? [] : [`${x(at).toFixed(1)} ${y(one.expected).toFixed(1)}`]));
  return points.length ? `M${points.join("L")}` : "";
}

function key() {
  return legend(
    [swatch(svg("path", { class: "expected", d: "M0 6H18" })), t("performance.expected")],
    [swatch(svg("circle", { class: "realised", cx: 9, cy: 6, r: 4 })), t("performance.realised")],
    [swatch(svg("path", { class: "interval", d: "M9 1V11M6 1h6M6 11h6" })), t("performance.interval")]);
}

function tableOf(windows) {
  return {
    head: ["outcomes.window", "performance.expected", "performance.realised", "performance.interval", "performance.labelled", "performance.verdict"].map((key) => t(key)),
    rows: windows.map((one) => [windowName(one.window), one.expected == null ? "–" : percent(one.expected), ...(known(one)
      ? [percent(one.realised), `${percent(one.low ?? one.realised)} – ${percent(one.high ?? one.realised)}`, percent(one.labelled_share ?? 1, { most: 0 })]
      : ["–", "–", percent(one.labelled_share ?? 0, { most: 0 })]), verdictText(one) || "–"]),
  };
}
