// Score histogram: bars are the latest decisions, coloured by outcome; the line is the reference.
// Our own few lines of SVG instead of plotly's bundled script: 4.4 MB (of which this needs a bar and a line), styles it
// writes inline, which the page's content policy forbids, and nothing a keyboard or a screen reader can reach.
import { outcomeFill, svg } from "../nodes.js";
import { percent, roundPercent, t } from "../language.js";
import { emptyState } from "../panel.js";
import { framed, hitArea, legend, rules, swatch, ticks } from "./frame.js";

const EDGE = { top: 34, right: 12, bottom: 40, left: 46 };

/** The bins up to the last that is not empty, and to beyond the refusal cut-off. */
function binsShown({ edges, reference, decisions }, cutoffs) {
  const bins = edges.slice(0, -1).map((low, at) => ({ low, high: edges[at + 1], reference: reference[at] ?? 0, decisions: decisions[at] ?? 0 }));
  const beyond = 1.25 * (cutoffs?.refuse_at ?? 0);
  const last = bins.findLastIndex((bin) => bin.reference >= 0.0005 || bin.decisions > 0);
  return bins.filter((bin, at) => at <= last || bin.low < beyond);
}

/** A bin, split at the cut-offs: `[{low, high, outcome}]`. */
function pieces({ low, high }, cutoffs) {
  if (!cutoffs) return [{ low, high, outcome: "approved" }];
  const bounds = [0, cutoffs.review_at, cutoffs.refuse_at, Infinity];
  return ["approved", "review", "refused"].map((outcome, at) => ({ outcome, low: Math.max(low, bounds[at]), high: Math.min(high, bounds[at + 1]) }))
    .filter((piece) => piece.high > piece.low);
}

export function drawHistogram({ histogram, policy }, width) {
  if (!histogram?.n) return emptyState("empty.decisions", "stream-app produce --sample 100");
  const bins = binsShown(histogram, policy);
  const height = Math.max(230, Math.min(390, width * 0.55));
  const most = Math.max(...bins.flatMap((bin) => [bin.decisions, bin.reference]));
  const steps = ticks(most);
  const end = bins.at(-1).high, start = bins[0].low;
  const x = (p) => EDGE.left + ((p - start) / (end - start)) * (width - EDGE.left - EDGE.right);
  const y = (share) => height - EDGE.bottom - (share / steps.at(-1)) * (height - EDGE.top - EDGE.bottom);
  return framed({
    width, height, title: t("histogram.svg", { n: histogram.n }), summary: t("histogram.n", { n: histogram.n }),
    ground: [...rules(steps, y, EDGE.left, width - EDGE.right, roundPercent), ...probabilityAxis(start, end, x, height, width)],
    marks: bins.map((bin) => ({ label: describe(bin), node: column(bin, policy, x, y, height) })),
    overlay: [svg("path", { class: "reference", d: outline(bins, x, y) }), ...cutoffLines(policy, x, y, width)],
    legend: key(policy), table: tableOf(bins),
  });
}

const range = (bin) => t("histogram.range", { low: roundPercent(bin.low), high: roundPercent(bin.high) });
const describe = (bin) => t("histogram.bin", { range: range(bin), decisions: percent(bin.decisions), reference: percent(bin.reference) });

function column(bin, policy, x, y, height) {
  const gap = x(bin.high) - x(bin.low) > 6 ? 1 : 0;
  const bars = pieces(bin, policy).map((piece) => svg("rect", {
    ...outcomeFill(piece.outcome), x: x(piece.low), y: y(bin.decisions), height: y(0) - y(bin.decisions),
    width: Math.max(x(piece.high) - x(piece.low) - (piece.high === bin.high ? gap : 0), 0.5) }));
  return svg("g", {}, ...bars, hitArea(x(bin.low), EDGE.top, x(bin.high) - x(bin.low), height - EDGE.top - EDGE.bottom));
}

function outline(bins, x, y) {
  const steps = bins.map((bin) => `V${y(bin.reference).toFixed(1)}H${x(bin.high).toFixed(1)}`);
  return `M${x(bins[0].low)} ${y(0)}${steps.join("")}V${y(0)}`;
}

function probabilityAxis(start, end, x, height, width) {
  const values = ticks(end - start, width < 480 ? 4 : 8).map((value) => value + start).filter((value) => value <= end + 1e-9);
  return [
    ...values.map((p) => svg("text", { class: "tick", x: x(p), y: height - EDGE.bottom + 17, "text-anchor": "middle" }, roundPercent(p))),
    svg("text", { class: "tick name", x: (EDGE.left + width - EDGE.right) / 2, y: height - 6, "text-anchor": "middle" }, t("histogram.title")),
  ];
}

function cutoffLines(policy, x, y, width) {
  if (!policy) return [];
  const line = (at, words, baseline, before) => [
    svg("line", { class: "cutoff", x1: x(at), x2: x(at), y1: y(0), y2: baseline - 10 }),
    svg("text", { class: "cutoff-name", x: x(at) + (before ? -5 : 5), y: baseline, "text-anchor": before ? "end" : "start" }, words)];
  // Review's name below and, where there is room, left of its line: the names never cross each other's line.
  return [
    ...line(policy.review_at, t("histogram.review_at", { at: percent(policy.review_at) }), 30, x(policy.review_at) > EDGE.left + 115),
    ...line(policy.refuse_at, t("histogram.refuse_at", { at: percent(policy.refuse_at) }), 14, x(policy.refuse_at) + 120 > width)];
}

function key(policy) {
  const area = (outcome) => swatch(svg("rect", { ...outcomeFill(outcome), width: 18, height: 12, rx: 2 }));
  const reference = [swatch(svg("path", { class: "reference", d: "M1 11V4H9V8H17" })), t("histogram.reference")];
  if (!policy) return legend([area("approved"), t("histogram.decisions")], reference);
  return legend(...["approved", "review", "refused"].map((outcome) => [area(outcome), t(`outcome.${outcome}`)]), reference);
}

function tableOf(bins) {
  return {
    head: [t("histogram.bin.column"), t("histogram.decisions"), t("histogram.reference")],
    rows: bins.map((bin) => [range(bin), percent(bin.decisions), percent(bin.reference)]),
  };
}
