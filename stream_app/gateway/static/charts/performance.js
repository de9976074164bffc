// Estimated against realised default rate by window. Defaults are known years before paid loans are, so that among the
// loans whose end is known they are far too many at first. A window's realised rate is therefore drawn as the range the
// whole window can still come to: from every open loan paid to every open loan defaulted, with the sampling error of
// the known ones. It narrows as labels arrive, to the 95 % interval in the end; the point appears once half of them are known.
import { el, svg } from "../nodes.js";
import { percent, roundPercent, t, windowName } from "../language.js";
import { emptyState } from "../panel.js";
import { columnLabels, framed, hitArea, legend, rules, swatch, ticks } from "./frame.js";

const EDGE = { top: 18, right: 12, bottom: 28, left: 46 };
const MOSTLY_KNOWN = 0.5;
const known = (one) => one.realised !== null && one.realised !== undefined;
const isMostlyKnown = (one) => known(one) && (one.labelled_share ?? 1) >= MOSTLY_KNOWN;

/** `{low, high}` of the whole window's default rate, whatever becomes of the open loans. */
export function rangeOf(one) {
  const share = one.labelled_share ?? 1;
  return { low: (one.low ?? one.realised) * share, high: (one.high ?? one.realised) * share + (1 - share) };
}

const verdictOf = (one) => one.calibration;

export function drawPerformance(windows, width) {
  if (!windows.some((one) => known(one) || one.expected != null)) return emptyState("empty.performance", "stream-app produce --outcomes FILE");
  const height = 250;
  const each = (width - EDGE.left - EDGE.right) / windows.length;
  const steps = ticks(Math.max(0.02, ...windows.flatMap(ratesShown)) * 1.05);
  const x = (at) => EDGE.left + (at + 0.5) * each;
  const y = (rate) => height - EDGE.bottom - (Math.min(rate, steps.at(-1)) / steps.at(-1)) * (height - EDGE.top - EDGE.bottom);
  const chart = framed({
    width, height, title: t("performance.svg", { n: windows.length }), summary: describe(windows.findLast(known) ?? windows.at(-1)),
    ground: [...rules(steps, y, EDGE.left, width - EDGE.right, roundPercent),
      ...columnLabels(windows.map((one) => windowName(one.window)), x, height - 8, each, width),
      ...runs(windows).map((run) => svg("path", { class: "band", d: band(run, x, y) }))],
    marks: windows.map((one, at) => ({ label: describe(one), node: point(one, x(at), y, each, height) })),
    overlay: [svg("path", { class: "expected", d: line(windows, x, y) })],
    legend: key(), table: tableOf(windows),
  });
  return [headline(windows), ...chart].filter(Boolean);
}

/** Rates the scale must reach; ranges that are still wide may leave it at the top. */
function ratesShown(one) {
  if (!known(one)) return [one.expected ?? 0];
  return [one.expected ?? 0, 1.5 * rangeOf(one).low, isMostlyKnown(one) ? rangeOf(one).high * (one.labelled_share ?? 1) : 0];
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

function describe(one) {
  const window = windowName(one.window), expected = one.expected == null ? "–" : percent(one.expected);
  if (!known(one)) return t("performance.value.open", { window, expected });
  const { low, high } = rangeOf(one);
  const allKnown = (one.labelled_share ?? 1) >= 0.995;
  return t(allKnown ? "performance.value.known" : "performance.value", { window, expected, realised: percent(one.realised), labelled: percent(one.labelled_share ?? 1, { most: 0 }), low: percent(low), high: percent(high), verdict: verdictText(one) });
}

function point(one, x, y, each, height) {
  const shapes = [];
  if (known(one)) {
    const [low, high] = [y(rangeOf(one).low), y(rangeOf(one).high)];
    const cap = Math.min(4, each / 4);
    const ends = [low, ...(high > y(Infinity) ? [high] : [])]; // a range that leaves the scale has no cap at the top
    shapes.push(svg("path", { class: "interval", d: `M${x} ${low}V${high}${ends.map((end) => `M${x - cap} ${end}h${2 * cap}`).join("")}` }));
  }
  if (isMostlyKnown(one)) shapes.push(svg("circle", { class: "realised", cx: x, cy: y(one.realised), r: Math.min(4.5, Math.max(2, each / 4)) }));
  return svg("g", {}, ...shapes, hitArea(x - each / 2, EDGE.top, each, height - EDGE.top - EDGE.bottom));
}

/** Runs of neighbouring windows with labels: the band must not cross one without. */
function runs(windows) {
  const lists = [[]];
  windows.forEach((one, at) => (known(one) ? lists.at(-1).push({ ...one, at }) : lists.push([])));
  return lists.filter((run) => run.length > 1);
}

function band(run, x, y) {
  const upper = run.map((one) => `${x(one.at)} ${y(rangeOf(one).high)}`);
  const lower = run.map((one) => `${x(one.at)} ${y(rangeOf(one).low)}`).reverse();
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
    head: ["outcomes.window", "performance.expected", "performance.labelled", "performance.realised", "performance.interval", "performance.verdict"].map((key) => t(key)),
    rows: windows.map((one) => [windowName(one.window), one.expected == null ? "–" : percent(one.expected),
      percent(one.labelled_share ?? 0, { most: 0 }), ...(known(one) ? [percent(one.realised), `${percent(rangeOf(one).low)} – ${percent(rangeOf(one).high)}`] : ["–", "–"]),
      verdictText(one) || "–"]),
  };
}
