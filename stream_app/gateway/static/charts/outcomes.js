// Stacked shares of the outcomes, one column a window, refused on top where the eye looks for trouble.
import { OUTCOMES, outcomeFill, svg } from "../nodes.js";
import { number, percent, roundPercent, t, windowName } from "../language.js";
import { emptyState } from "../panel.js";
import { columnLabels, framed, hitArea, legend, rules, swatch } from "./frame.js";

const EDGE = { top: 10, right: 8, bottom: 28, left: 46 };

export function drawOutcomes(windows, width) {
  if (!windows.length) return emptyState("empty.windows", "stream-app monitor");
  const height = 250;
  const each = (width - EDGE.left - EDGE.right) / windows.length;
  const y = (share) => height - EDGE.bottom - share * (height - EDGE.top - EDGE.bottom);
  const names = windows.map((one) => windowName(one.window));
  return framed({
    width, height, title: t("outcomes.svg", { n: windows.length }), summary: describe(windows.at(-1)),
    ground: [...rules([0, 0.25, 0.5, 0.75, 1], y, EDGE.left, width - EDGE.right, roundPercent),
      ...columnLabels(names, (at) => EDGE.left + (at + 0.5) * each, height - 8, each, width)],
    marks: windows.map((one, at) => ({ label: describe(one), node: column(shares(one), EDGE.left + at * each, each, y) })),
    legend: legend(...OUTCOMES.map((outcome) => [swatch(svg("rect", { ...outcomeFill(outcome), width: 18, height: 12, rx: 2 })), t(`outcome.${outcome}`)])),
    table: {
      head: [t("outcomes.window"), ...OUTCOMES.map((outcome) => t(`outcome.${outcome}`)), t("outcomes.rows")],
      rows: windows.map((one) => [windowName(one.window), ...OUTCOMES.map((outcome) => percent(shares(one)[outcome])), number(one.rows)]),
    },
  });
}

/** Shares that add up to 1, of what are shares up to rounding. */
function shares(one) {
  const total = OUTCOMES.reduce((sum, outcome) => sum + (one[outcome] ?? 0), 0) || 1;
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, (one[outcome] ?? 0) / total]));
}

function describe(one) {
  const percents = Object.fromEntries(Object.entries(shares(one)).map(([outcome, share]) => [outcome, percent(share)]));
  return t("outcomes.value", { window: windowName(one.window), rows: number(one.rows), ...percents });
}

function column(parts, x, each, y) {
  const gap = each > 8 ? Math.min(each * 0.18, 8) : 0.5;
  let base = 0;
  const areas = OUTCOMES.map((outcome) => {
    const bottom = y(base);
    base += parts[outcome];
    return svg("rect", { ...outcomeFill(outcome), x: x + gap / 2, y: y(base), width: each - gap, height: Math.max(bottom - y(base), 0) });
  });
  return svg("g", {}, ...areas, hitArea(x, y(1), each, y(0) - y(1)));
}
