// Keeps the page live: server-sent events, read with fetch since EventSource sends no API key; polling where they fail.
import { getJson, reach, Refused } from "./reach.js";

const POLL_SECONDS = 3;
const REOPEN_SECONDS = 12;
const SILENT_SECONDS = 40; // the gateway sends a comment every 15
const POLLED = { state: "board/state", histogram: "board/histogram", decisions: "board/decisions?last=10" };
const NAMES = Object.keys(POLLED);

const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

/** The data of the complete events in a text that may end within one, and the rest: `[data, rest]`. */
export function eventData(text) {
  const blocks = text.replaceAll("\r\n", "\n").split("\n\n");
  const rest = blocks.pop();
  const dataOf = (block) => block.split("\n").filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(5).replace(/^ /, "")).join("\n");
  return [blocks.map(dataOf).filter(Boolean), rest];
}

export class Live {
  /** `onParts({state?, histogram?, decisions?})` gets what changed; `onConnection("live" | "polling" | "lost")` the way. */
  constructor({ onParts, onConnection }) {
    this.onParts = onParts;
    this.onConnection = onConnection;
  }

  async run() {
    for (;;) {
      await this.poll();
      try { await this.stream(); } catch { /* the polling below reports what is wrong */ }
      for (const until = performance.now() + REOPEN_SECONDS * 1000; performance.now() < until;) {
        await this.poll("polling");
        await pause(POLL_SECONDS);
      }
    }
  }

  async poll(how) {
    const settled = await Promise.allSettled(NAMES.map((name) => getJson(POLLED[name])));
    const parts = {};
    settled.forEach((result, index) => { if (result.status === "fulfilled") parts[NAMES[index]] = result.value.body; });
    const trouble = settled.find((result) => result.status === "rejected")?.reason;
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
      const [events, unfinished] = eventData(rest + value);
      rest = unfinished;
      events.forEach((data) => this.onParts(JSON.parse(data)));
    }
  }
}
