// Asks for the decision on one client and reports the state of the answer.
import { Away, getJson, Refused } from "./reach.js";

const POLL_SECONDS = 1;
const TIMEOUT_SECONDS = 60;

const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

/**
 * Calls `onState(state, details)` with one of decided, unknown, away, not_allowed, busy, problem; or with pending and then
 * with the state it ended in. `signal` aborts it.
 */
export async function ask(clientId, onState, signal) {
  const began = performance.now();
  try {
    const answer = await getJson(`predict/${encodeURIComponent(clientId)}`, { signal });
    if (answer.status !== 202) return onState("decided", { decision: answer.body, milliseconds: performance.now() - began });
    onState("pending", {});
    return await pollUntilDecided(answer.headers.get("location"), began, onState, signal);
  } catch (error) {
    return signal.aborted ? undefined : onState(...stateOf(error));
  }
}

async function pollUntilDecided(link, began, onState, signal) {
  while (performance.now() - began < TIMEOUT_SECONDS * 1000) {
    await pause(POLL_SECONDS);
    if (signal.aborted) return undefined;
    const answer = await getJson(link, { signal }).catch(notYet);
    if (answer.status === 200) return onState("decided", { decision: answer.body, milliseconds: performance.now() - began });
  }
  return onState("pending", { over: TIMEOUT_SECONDS });
}

/** A decision that is not in the store yet is no error. */
function notYet(error) {
  if (error instanceof Refused && [404, 503].includes(error.status)) return { status: 202 };
  throw error;
}

function stateOf(error) {
  if (error instanceof Away) return ["away", {}];
  if (!(error instanceof Refused)) return ["problem", { problem: { detail: String(error) } }];
  const states = { 401: "not_allowed", 403: "not_allowed", 404: "unknown", 429: "busy", 502: "away", 503: "away", 504: "away" };
  return [states[error.status] ?? "problem", { problem: error.problem, status: error.status, seconds: error.retryAfter }];
}
