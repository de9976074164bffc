// Try a client: type an id, Enter, see the decision. The focus stays in the field; the answer is announced.
import { ask } from "./ask.js";
import { drawAnswer } from "./answer.js";
import { el } from "./nodes.js";
import { t } from "./language.js";

const EXAMPLES = 3;

export class TryClient {
  /** `onNotAllowed` is called when a key is needed; `onDecided` when there is a new decision to show elsewhere. */
  constructor({ onNotAllowed, onDecided }) {
    this.form = document.getElementById("try-form");
    this.input = document.getElementById("client");
    this.answer = document.getElementById("answer");
    this.examples = document.getElementById("examples");
    this.on = { onNotAllowed, onDecided };
    this.known = {};
    this.current = ["idle", {}];
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.ask(); });
    new ResizeObserver(() => this.resized()).observe(this.answer);
  }

  /** What the page has: the policy for the scale, the number of clients, and examples to try. */
  knows({ state, decisions }) {
    this.known = { policy: state?.policy, clients: state?.clients };
    const ids = [...new Set((decisions ?? []).map((decision) => decision.client_id))];
    this.offer(ids.slice(0, EXAMPLES));
  }

  /** The ids of the last decisions change all the time; those offered first stay, so that they do not move. */
  offer(ids) {
    if (!ids.length || !this.examples.hidden) return;
    this.examples.hidden = false;
    this.examples.replaceChildren(el("span", {}, t("try.examples")), ...ids.map((id) => this.example(id)));
  }

  example(id) {
    const button = el("button", { type: "button", class: "example" }, id);
    button.addEventListener("click", () => { this.input.value = id; this.input.focus(); this.ask(); });
    return button;
  }

  ask() {
    const id = this.input.value.trim();
    this.input.setAttribute("aria-invalid", String(!id));
    if (!id) return this.show("problem", { problem: { title: t("try.empty") } });
    this.asking?.abort();
    this.asking = new AbortController();
    this.show("asking", { id });
    return ask(id, (state, details) => this.show(state, { ...details, id }), this.asking.signal);
  }

  show(state, details) {
    this.current = [state, details];
    this.redraw();
    this.answer.dataset.state = state;
    this.answer.setAttribute("aria-busy", String(state === "asking"));
    if (state === "not_allowed") this.on.onNotAllowed();
    if (state === "decided") this.on.onDecided();
    return state;
  }

  resized() {
    if (this.answer.clientWidth !== this.width) this.redraw();
  }

  redraw() {
    this.width = this.answer.clientWidth;
    const [state, details] = this.current;
    this.answer.replaceChildren(drawAnswer(state, { ...this.known, ...details }, this.width));
  }

  languageChanged() {
    this.redraw();
    if (!this.examples.hidden) this.examples.firstChild.textContent = t("try.examples");
  }
}
