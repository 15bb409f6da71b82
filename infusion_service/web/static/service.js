// @ts-check
// Asking the service. Every answer comes back as data; only a network that is away throws.

/** A UUID of version 7: ids that grow with time keep the log's index small. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let time = Date.now();
  for (let place = 5; place >= 0; place -= 1) {
    bytes[place] = time % 256;
    time = Math.floor(time / 256);
  }
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

const WAIT_MS = 8000;
/** Asks under the tablet's own credential, whoever is signed in on it. */
const AS_DEVICE = { "Infusion-As": "device" };

/** @param {string} path @param {RequestInit} init @returns {Promise<{status: number, body: any}>} */
export async function ask(path, init = {}) {
  const response = await fetch(path, { credentials: "same-origin", signal: AbortSignal.timeout(WAIT_MS), ...init });
  const body = response.status === 204 ? null : await response.json();
  return { status: response.status, body };
}

/** @param {string} path @param {unknown} value @param {{token?: string, asDevice?: boolean, method?: string}} how `token`: a second person's, instead of the page's cookie */
export function post(path, value, { token, asDevice = false, method = "POST" } = {}) {
  const headers = { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}), ...(asDevice ? AS_DEVICE : {}) };
  return ask(path, { method, headers, body: JSON.stringify(value) });
}

/** @param {string} day @param {Record<string, unknown>} fact @param {{token?: string, asDevice?: boolean}} how */
export const postFact = (day, fact, how = {}) => post(`/v1/days/${day}/events`, fact, how);

/** End a session that was opened for one signature only. @param {string} token */
export function endSession(token) {
  return ask("/v1/sessions/current", { method: "DELETE", headers: { Authorization: `Bearer ${token}` } }).catch(() => null);
}
