// Key figures: counts, the mix of outcomes, and whether the service can decide now.
import { el, glyph, OUTCOMES, outcomeFill, svg } from "./nodes.js";
import { number, percent, t } from "./language.js";
import { emptyState } from "./panel.js";

export function drawFigures(state, width) {
  const decisions = state.decisions ?? { total: 0 };
  return [
    headline(decisions),
    decisions.total ? mix(decisions, width) : emptyState("empty.decisions", "stream-app produce --sample 100"),
    el("dl", { class: "tiles" }, ...tiles(state, decisions)),
  ];
}

const headline = (decisions) => el("p", { class: "total" }, el("strong", {}, number(decisions.total)), ` ${t("figures.decisions").toLowerCase()}`);

function mix(decisions, width) {
  const share = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, (decisions[outcome] ?? 0) / decisions.total]));
  const shares = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, percent(share[outcome])]));
  let x = 0;
  const areas = OUTCOMES.map((outcome) => {
    const area = svg("rect", { ...outcomeFill(outcome), x: x * width, width: Math.max(share[outcome] * width - 2, 0), height: 16, rx: 2 });
    x += share[outcome];
    return area;
  });
  return el("div", { class: "mix" },
    svg("svg", { width, height: 16, viewBox: `0 0 ${width} 16`, role: "img", "aria-label": t("figures.mix", shares) }, ...areas),
    el("ul", { role: "list" }, ...OUTCOMES.map((outcome) =>
      el("li", { class: `ink-${outcome}` }, glyph(outcome), el("strong", {}, shares[outcome]), ` ${t(`figures.${outcome}`)}`, el("small", {}, number(decisions[outcome] ?? 0))))));
}

function tiles(state, decisions) {
  const rejected = state.rejections && Object.values(state.rejections).reduce((sum, count) => sum + count, 0);
  const seen = rejected !== null && rejected + decisions.total;
  const up = state.operational;
  return [
    up === undefined ? null : tile("figures.service", t(up ? "figures.service.up" : "figures.service.down"), null, up ? "good" : "bad"),
    state.lag == null ? null : tile("figures.lag", number(state.lag), t("figures.lag.note")),
    state.clients == null ? null : tile("figures.clients", number(state.clients)),
    tile("figures.rejections", rejected === null ? "–" : number(rejected), seen ? t("figures.rejections.note", { share: percent(rejected / seen, { most: 2 }) }) : null),
    state.policy ? tile("figures.policy", `${percent(state.policy.review_at)} · ${percent(state.policy.refuse_at)}`, t("figures.policy.note")) : null,
    state.model ? tile("figures.model", state.model.name, state.model.version) : null,
  ].filter(Boolean);
}

function tile(key, value, note, tone) {
  const sign = tone ? el("span", { class: `sign ${tone}`, "aria-hidden": "true" }, tone === "good" ? "✓" : "!") : null;
  return el("div", {}, el("dt", {}, t(key)), el("dd", {}, sign, value, note ? el("small", {}, note) : null));
}
