// Asks for the decision about one client, and says in which of its states the answer is.
import { Away, getJson, Refused } from "./reach.js";

const LOOK_AGAIN_SECONDS = 1;
const GIVE_UP_SECONDS = 60;

const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

/**
 * Calls `onState(state, details)` with one of decided, unknown, away, not_allowed, busy, problem, or with pending first
 * and then again with how it ended. `signal` gives up the asking.
 */
export async function ask(clientId, onState, signal) {
  const began = performance.now();
  try {
    const answer = await getJson(`predict/${encodeURIComponent(clientId)}`, { signal });
    if (answer.status !== 202) return onState("decided", { decision: answer.body, milliseconds: performance.now() - began });
    onState("pending", {});
    return await lookAgain(linkOf(answer), began, onState, signal);
  } catch (error) {
    return signal.aborted ? undefined : onState(...stateOf(error));
  }
}

/** Where the decision will be: the Location header, or a link in the body. */
function linkOf({ headers, body }) {
  const link = headers.get("location") ?? body.link ?? body.href ?? body.decision_url ?? `decisions/${encodeURIComponent(body.request_id)}`;
  return link;
}

async function lookAgain(link, began, onState, signal) {
  while (performance.now() - began < GIVE_UP_SECONDS * 1000) {
    await pause(LOOK_AGAIN_SECONDS);
    if (signal.aborted) return undefined;
    const answer = await getJson(link, { signal }).catch(notYet);
    if (answer.status === 200) return onState("decided", { decision: answer.body, milliseconds: performance.now() - began });
  }
  return onState("pending", { over: GIVE_UP_SECONDS });
}

/** A decision that is not in the store yet is no error; anything else is. */
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
