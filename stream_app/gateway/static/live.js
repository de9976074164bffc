// Keeps the board live: server-sent events, read by fetch since EventSource sends no API key; polling where they fail.
import { getJson, reach, Refused } from "./reach.js";

const POLL_SECONDS = 3;
const REOPEN_SECONDS = 12;
const SILENT_SECONDS = 40; // the gateway sends a comment every 15
const POLLED = { state: "board/state", histogram: "board/histogram", decisions: "board/decisions?last=10" };
const NAMES = Object.keys(POLLED);

const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

/** The parts of one event: `{state?, histogram?, decisions?}`, whether sent together or one by one under its name. */
export function partsOf({ name, data }) {
  const value = JSON.parse(data);
  return NAMES.includes(name) ? { [name]: value } : value;
}

/** Whole events out of a text that may end within one: `[events, rest]`. */
export function eventsIn(text) {
  const blocks = text.replaceAll("\r\n", "\n").split("\n\n");
  const rest = blocks.pop();
  const field = (block, name) => block.split("\n").filter((line) => line.startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).replace(/^ /, "")).join("\n");
  const events = blocks.map((block) => ({ name: field(block, "event"), data: field(block, "data") }));
  return [events.filter((event) => event.data), rest];
}

export class Live {
  /** `onParts(parts)` gets what changed; `onConnection("live" | "polling" | "lost", error)` how it came. */
  constructor({ onParts, onConnection }) {
    this.onParts = onParts;
    this.onConnection = onConnection;
  }

  async run() {
    for (;;) {
      await this.poll();
      try { await this.stream(); } catch { /* the polling below finds out what is wrong, and says so */ }
      for (const until = performance.now() + REOPEN_SECONDS * 1000; performance.now() < until;) {
        await this.poll("polling");
        await pause(POLL_SECONDS);
      }
    }
  }

  async poll(how) {
    const settled = await Promise.allSettled(NAMES.map((name) => getJson(POLLED[name])));
    const parts = {};
    settled.forEach((one, at) => { if (one.status === "fulfilled") parts[NAMES[at]] = one.value.body; });
    const trouble = settled.find((one) => one.status === "rejected")?.reason;
    const state = settled[0];
    if (state.status === "rejected") this.onConnection("lost", state.reason);
    else if (how) this.onConnection(how);
    this.onParts(parts, trouble);
  }

  async stream() {
    const silence = new AbortController();
    const response = await reach("board/events", { signal: silence.signal, accept: "text/event-stream" });
    if (!response.ok) throw new Refused(response.status, {}, response.headers);
    this.onConnection("live");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const watchdog = setTimeout(() => silence.abort(), SILENT_SECONDS * 1000);
      const { done, value } = await reader.read().finally(() => clearTimeout(watchdog));
      if (done) return;
      const [events, unfinished] = eventsIn(rest + value);
      rest = unfinished;
      events.forEach((event) => this.onParts(partsOf(event)));
    }
  }
}
