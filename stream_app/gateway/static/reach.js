// Calls the gateway: JSON over fetch, with the API key if one was entered.
const KEY_NAME = "board.key";

/** The gateway did not answer at all. */
export class Away extends Error {}

/** It answered with an error. `problem`: its problem body (RFC 9457), {} without one. */
export class Refused extends Error {
  constructor(status, problem, headers) {
    super(problem.title ?? `status ${status}`);
    this.status = status;
    this.problem = problem;
    this.retryAfter = Number(headers.get("retry-after")) || null;
  }
}

export function rememberKey(key) {
  sessionStorage.setItem(KEY_NAME, key);
}

function keyHeaders() {
  const key = sessionStorage.getItem(KEY_NAME);
  return key ? { "X-API-Key": key } : {};
}

/** The raw response. Raises Away when there is none. */
export async function reach(path, { signal, accept = "application/json" } = {}) {
  try {
    return await fetch(path, { signal, cache: "no-store", headers: { accept, ...keyHeaders() } });
  } catch (fault) {
    if (signal?.aborted && signal.reason?.name !== "TimeoutError") throw fault;
    throw new Away(String(fault));
  }
}

async function bodyOf(response) {
  try { return await response.json(); } catch { return {}; }
}

/** `{status, body, headers}` of a success; raises Refused or Away. */
export async function getJson(path, { seconds = 15, signal } = {}) {
  const limit = AbortSignal.timeout(seconds * 1000);
  const response = await reach(path, { signal: signal ? AbortSignal.any([signal, limit]) : limit });
  const body = await bodyOf(response);
  if (!response.ok) throw new Refused(response.status, body, response.headers);
  return { status: response.status, body, headers: response.headers };
}
