// Draws the answer about a client: one function a state, each with what happened and what to do next.
import { el, glyph, OUTCOMES, outcomeFill, svg, withCommands } from "./nodes.js";
import { decimal, digitsApart, number, percent, roundPercent, t, time } from "./language.js";
import { reasonText } from "./decisions.js";

const SCALE = { height: 74, bar: 34, thick: 14 };

/** `state` and `details` as `ask` gives them; `width` for the scale, in pixels. */
export function drawAnswer(state, details, width) {
  const draw = { decided, asking, pending, unknown, not_allowed: notAllowed, away, busy, problem }[state];
  return draw ? draw(details, width) : el("p", { class: "faint idle" }, t("try.idle"));
}

const asking = ({ id }) => el("p", { class: "asking" }, t("try.asking", { id }));

function note(tone, sign, title, ...paragraphs) {
  return el("div", { class: `note ${tone}` }, el("h3", {}, el("span", { class: "sign", "aria-hidden": "true" }, sign), title),
    ...paragraphs.filter(Boolean).map((text) => el("p", {}, ...withCommands(text))));
}

const pending = ({ id, over }) => note("waits", "…", t("pending.title"), over ? t("pending.over", { seconds: over }) : t("pending.detail", { id }));
const unknown = ({ id, clients }) => note("asks", "?", t("unknown.title"), t("unknown.detail", { id }), clients === 0 ? t("unknown.none") : t("unknown.next", { id }));
const away = ({ problem: body }) => note("fails", "!", t("away.title"), body?.detail ?? t("away.detail"), body?.do_next ?? t("away.next"));
const notAllowed = ({ problem: body }) => note("fails", "!", t("key.title"), t("key.detail"), body?.do_next);
const busy = ({ seconds }) => note("waits", "…", t("busy.title"), t("busy.detail"), t("busy.next", { seconds: seconds ?? 60 }));
const problem = ({ problem: body, status }) => note("fails", "!", body?.title ?? t("problem.title"), body?.detail ?? t("problem.detail", { status }), body?.do_next);

function decided({ id, decision, milliseconds, policy: known }, width) {
  const { outcome, probability_of_default: probability } = decision;
  const policy = decision.policy ?? known;
  const edges = policy ? [policy.review_at, policy.refuse_at] : [];
  const most = digitsApart(probability, edges);
  const model = decision.model ? `${decision.model.name} ${decision.model.version}` : "–";
  return el("div", { class: `decision ink-${outcome}` },
    el("p", { class: "who" }, t("answer.for", { id: decision.client_id ?? id })),
    el("h3", {}, glyph(outcome), t(`outcome.${outcome}`)),
    el("p", { class: "probability" }, `${t("answer.probability")} `, el("strong", {}, percent(probability, { most }))),
    policy ? scale(probability, policy, width) : null,
    policy ? el("p", { class: "against" }, t(`answer.${outcome}`, { review: percent(policy.review_at, { most }), refuse: percent(policy.refuse_at, { most }) })) : null,
    ...whyOf(decision.reasons ?? []),
    el("p", { class: "made" }, t("answer.made", { time: time(decision.decided_at), model, milliseconds: number(Math.round(milliseconds)) })));
}

function whyOf(reasons) {
  if (!reasons.length) return [el("p", { class: "faint" }, t("answer.no_reasons"))];
  return [el("h4", {}, t("answer.reasons")), el("ol", { class: "why", role: "list" }, ...reasons.map((reason) =>
    el("li", {}, reasonText(reason), typeof reason.contribution === "number" ? strength(reason.contribution, reasons) : null)))];
}

/** Log-odds as a factor on the odds of default, and a bar relative to the strongest reason. */
function strength(contribution, reasons) {
  const strongest = Math.max(...reasons.map((reason) => Math.abs(reason.contribution)));
  const bar = svg("svg", { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { width: 100, height: 6, class: "bar-ground" }), svg("rect", { width: (Math.abs(contribution) / strongest) * 100, height: 6, class: "bar-fill" }));
  return el("small", {}, t("answer.odds", { factor: decimal(Math.exp(contribution), 2, 2) }), bar);
}

/** The probability on a line of three bands. Hidden from screen readers: the sentences beside it hold the same. */
function scale(probability, { review_at: review, refuse_at: refuse }, width) {
  const end = Math.min(1, Math.max(2.2 * refuse, 1.15 * probability));
  const inner = width - 2;
  const x = (p) => 1 + (Math.min(p, end) / end) * inner;
  const bounds = [0, review, refuse, end];
  const bands = OUTCOMES.map((outcome, index) => svg("rect", { ...outcomeFill(outcome), x: x(bounds[index]), y: SCALE.bar, width: Math.max(x(bounds[index + 1]) - x(bounds[index]) - 2, 0), height: SCALE.thick }));
  const label = (cutoff, words) => [svg("line", { class: "cutoff", x1: x(cutoff) - 1, x2: x(cutoff) - 1, y1: SCALE.bar - 4, y2: SCALE.bar + SCALE.thick + 6 }),
    svg("text", { class: "tick", x: x(cutoff), y: SCALE.bar + SCALE.thick + 20, "text-anchor": "middle" }, words)];
  const here = Math.min(Math.max(x(probability), 30), width - 30);
  return svg("svg", { class: "scale", width, height: SCALE.height, viewBox: `0 0 ${width} ${SCALE.height}`, "aria-hidden": "true" },
    ...bands, ...label(review, percent(review)), ...label(refuse, percent(refuse)),
    svg("text", { class: "tick", x: 1, y: SCALE.bar + SCALE.thick + 20 }, roundPercent(0)),
    svg("text", { class: "tick", x: width - 1, y: SCALE.bar + SCALE.thick + 20, "text-anchor": "end" }, percent(end, { most: 0 })),
    svg("path", { class: "pin", d: `M${x(probability)} ${SCALE.bar + SCALE.thick + 3}l-7 -22h14z` }),
    svg("text", { class: "pin-name", x: here, y: 14, "text-anchor": "middle" }, percent(probability, { most: digitsApart(probability, [review, refuse]) })));
}
