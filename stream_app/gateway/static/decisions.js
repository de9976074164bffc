// The last ten decisions with their reasons; on a phone each row becomes a card (board.css), and stays a row to a reader.
import { el, glyph } from "./nodes.js";
import { dateTime, digitsApart, percent, t, term, time } from "./language.js";
import { emptyState } from "./panel.js";

export function drawDecisions({ decisions, policy }) {
  if (!decisions?.length) return emptyState("empty.decisions", "stream-app produce --sample 100");
  const who = decisions.some((decision) => decision.client_id) ? "decisions.client" : "decisions.request";
  const heads = ["decisions.time", who, "decisions.outcome", "decisions.probability", "decisions.reasons"];
  return el("table", { class: "decisions", role: "table" }, el("caption", { class: "unseen" }, t("decisions.title")),
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...heads.map((key) => el("th", { scope: "col", role: "columnheader" }, t(key))))),
    el("tbody", { role: "rowgroup" }, ...decisions.map((decision) => row(decision, policy, heads))));
}

function row(decision, policy, heads) {
  const edges = policy ? [policy.review_at, policy.refuse_at] : [];
  const values = [
    el("time", { datetime: decision.decided_at, title: dateTime(decision.decided_at) }, time(decision.decided_at)),
    el("span", { class: "id", title: decision.request_id }, decision.client_id ?? decision.request_id),
    badge(decision.outcome), percent(decision.probability_of_default, { most: digitsApart(decision.probability_of_default, edges) }), reasons(decision.reasons ?? []),
  ];
  return el("tr", { role: "row" }, ...values.map((value, index) =>
    el("td", { role: "cell", class: heads[index].split(".")[1] }, el("span", { class: "cell-name", "aria-hidden": "true" }, t(heads[index])), value)));
}

export const badge = (outcome) => el("span", { class: `badge ink-${outcome}` }, glyph(outcome), t(`outcome.${outcome}`));

/** A reason's text in the page's language; it may come as a text or as the record {code, feature, contribution, text}. */
export function reasonText(reason) {
  const { text, lang } = term(typeof reason === "string" ? reason : reason.text ?? reason.code);
  return el("span", { lang }, text);
}

function reasons(all) {
  if (!all.length) return el("span", { class: "faint" }, t("decisions.none"));
  return el("ol", { class: "reasons", role: "list" }, ...all.map((reason) => el("li", {}, reasonText(reason))));
}
