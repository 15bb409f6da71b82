// @ts-check
// Who sits at this desk: a token handed over once, kept as a cookie no script can read.
import { signal } from "@preact/signals";
import { serviceClock } from "../times.js";
import { askDesk, sendDesk } from "./service.js";

/** @typedef {{id: string, role: string, wards: string[] | null, scopes: string[], site: string}} Somebody */

/** Undefined until it is known, null where nobody is signed in. */
export const who = signal(/** @type {Somebody | null | undefined} */ (undefined));

/** Take a token. @param {string} token @returns {Promise<boolean>} whether the service knows it */
export async function signIn(token) {
  const answer = await sendAs(token.trim());
  if (answer.status === 201) arrive(answer.body);
  return answer.status === 201;
}

/** @param {string} token */
function sendAs(token) {
  return askDesk("/v1/credentials/current/cookie", { method: "POST", body: "{}", headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` } });
}

/** Leave the desk. */
export async function signOut() {
  await sendDesk("/v1/credentials/current/cookie", {}, "DELETE");
  who.value = null;
}

/** @param {any} answer whom the service says this is */
function arrive(answer) {
  serviceClock.value = answer.clock;
  heard.asOf = Date.parse(answer.as_of);
  heard.at = performance.now();
  who.value = answer.role === null ? null : answer;
}

const heard = { asOf: Date.now(), at: performance.now() };

/** Now by the service's clock, as it was last heard. */
export const deskNow = () => heard.asOf + (performance.now() - heard.at) * serviceClock.value.speed;

/** Sign in by a link of the terminal, which carries the token behind the #, or as whoever sat here before a reload. */
export async function begin() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    history.replaceState(null, "", location.pathname);
    if (await signIn(given)) return;
  }
  const answer = await askDesk("/v1/credentials/current");
  if (answer.status === 200) arrive(answer.body);
  else who.value = null;
}
