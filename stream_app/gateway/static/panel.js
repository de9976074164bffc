// A panel: loading, empty, in trouble, or showing its data. Each state names itself and what to do.
import { el, withCommands } from "./nodes.js";
import { t } from "./language.js";
import { Refused } from "./reach.js";

/** An empty state: a sentence and the command that ends it. */
export function emptyState(key, command) {
  return el("p", { class: "empty" }, t(key), command ? el("code", {}, command) : null);
}

export function troubleText(error) {
  if (!(error instanceof Refused)) return t("trouble", { why: t("trouble.away") });
  return t("trouble", { why: error.problem.detail ?? t("trouble.status", { status: error.status }) });
}

export class Panel {
  /** `draw(data, width)` gives the panel's nodes. Data that did not change is not drawn again. */
  constructor(host, draw) {
    this.host = host;
    this.draw = draw;
    this.data = undefined;
    this.drawn = "";
    this.host.replaceChildren(el("p", { class: "loading" }, t("loading")));
    new ResizeObserver(() => this.redraw()).observe(host);
    // Not redrawn while it has the keyboard's focus: the focus would be lost.
    host.addEventListener("focusout", () => queueMicrotask(() => this.redraw()));
  }

  show(data) {
    this.data = data;
    this.error = undefined;
    this.redraw();
  }

  /** Data shown before stays; the banner shows that it is old. */
  trouble(error) {
    if (this.data === undefined) this.error = error;
    this.redraw();
  }

  redraw({ force = false } = {}) {
    if (!force && this.host.contains(document.activeElement)) return;
    const width = Math.floor(this.host.clientWidth);
    const signature = JSON.stringify([width, this.data, this.error && troubleText(this.error)]);
    if (!force && signature === this.drawn) return;
    this.drawn = signature;
    const open = this.host.querySelector("details")?.open;
    this.host.replaceChildren(...this.nodes(width));
    if (open) this.host.querySelector("details")?.setAttribute("open", ""); // a table that was opened stays open
  }

  nodes(width) {
    if (this.error) return [el("p", { class: "empty" }, ...withCommands(troubleText(this.error)))];
    if (this.data === undefined) return [el("p", { class: "loading" }, t("loading"))];
    return [this.draw(this.data, width)].flat();
  }
}
