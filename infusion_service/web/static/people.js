// @ts-check
// Who is signed in on this tablet. Without network a badge is enough for somebody who was seen here today: what they
// chart then waits for their own confirmation. Nobody's PIN, and no token, is ever kept.
import { signal } from "@preact/signals";
import { forgetNames, keep, kept } from "./kept.js";
import { setCurrentSession } from "./queue.js";
import { ask, post } from "./service.js";
import { T } from "./strings.js";
import { moment, passedSince } from "./times.js";

/** @typedef {{staff: string, role: string, session: string | null, badge?: string}} Person */

const SEEN_FOR_MS = 16 * 3600000;
const ON_BOARD_MS = 30000;
const ON_DAY_MS = 120000;
const LOOK_EVERY_MS = 1000;
const NOTE_EVERY_MS = 10000;

export const person = signal(/** @type {Person | null} */ (null));

let touchedAt = moment();
let notedAt = -Infinity;
/** Somebody signed out while the service was away: their session ends with the first word to it. */
let signOutDue = false;
let leaving = Promise.resolve();
let turns = 0;

/** Grows with everybody who signs in or out: an answer from before says nothing of who is here now. */
export const turn = () => turns;

/** @param {Person | null} who */
function set(who) {
  turns += 1;
  person.value = who;
  setCurrentSession(who?.session ?? null);
  touchedAt = moment();
  note();
}

function note() {
  notedAt = performance.now();
  keep("person", person.value && { person: person.value, at: Date.now() });
}

/** Begin with who was at work here a moment ago. */
export async function recallPerson() {
  signOutDue = (await kept("sign out")) === true;
  const last = await kept("person");
  if (last && Date.now() - last.at < ON_DAY_MS) set(last.person);
}

/** Take over who the service says is signed in. @param {any} answer of GET /v1/sessions/current */
export async function learn(answer) {
  if (signOutDue && answer.session !== null) {
    await ask("/v1/sessions/current", { method: "DELETE" });
    return learn({ ...answer, session: null });
  }
  await sayDone();
  const who = answer.session === null ? null : { staff: answer.staff, role: answer.role, session: answer.session };
  if (who?.session === person.value?.session && (who === null) === (person.value === null)) return;
  set(who);
  if (who === null) await forgetNames();
}

async function sayDone() {
  if (!signOutDue) return;
  signOutDue = false;
  await keep("sign out", false);
}

/** @param {string} badge */
async function nameOf(badge) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`infusion badge ${badge}`));
  return `seen:${[...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Sign somebody in on this tablet; returns why not, or nothing. @param {string} badge @param {string} pin */
export async function signIn(badge, pin) {
  let answer;
  // The end of one session takes its cookie away, whosever it is by then.
  await leaving;
  try {
    answer = await post("/v1/sessions", { badge, pin, cookie: true });
  } catch {
    return signInOffline(badge);
  }
  if (answer.status >= 500) return signInOffline(badge);
  if (answer.status !== 201) return String(answer.body.detail);
  const { staff, role, session } = answer.body;
  await sayDone();
  set({ staff, role, session });
  if (crypto.subtle) keep(await nameOf(badge), { staff, role, at: Date.now() });
  return "";
}

/** @param {string} badge */
async function signInOffline(badge) {
  const seen = crypto.subtle ? await kept(await nameOf(badge)) : undefined;
  if (!seen || Date.now() - seen.at > SEEN_FOR_MS) return T.notSeenToday;
  set({ staff: seen.staff, role: seen.role, session: null, badge });
  return "";
}

export async function signOut() {
  const had = person.value;
  set(null);
  leaving = endSession(had);
  await leaving;
}

/** Until this is over, whatever the service says of who is signed in is about somebody who has left. */
export const hasLeft = () => leaving;

/** @param {Person | null} had */
async function endSession(had) {
  await forgetNames();
  if (!had?.session) return;
  try {
    await ask("/v1/sessions/current", { method: "DELETE" });
  } catch {
    signOutDue = true;
    await keep("sign out", true);
  }
  turns += 1;
}

/** Sign out who has left. @param {() => boolean} onBoard whether the board is shown, which anybody may pass */
export function startAutoLock(onBoard) {
  const lock = () => {
    if (person.value && passedSince(touchedAt) > (onBoard() ? ON_BOARD_MS : ON_DAY_MS)) signOut();
  };
  const touched = () => {
    // A tablet that has just woken up is locked by the first touch, not kept open by it.
    lock();
    touchedAt = moment();
    if (person.value && performance.now() - notedAt > NOTE_EVERY_MS) note();
  };
  for (const each of ["pointerdown", "keydown"]) addEventListener(each, touched, { passive: true, capture: true });
  setInterval(lock, LOOK_EVERY_MS);
}
