// @ts-check
// Time as the service tells it: now = the service's time at the last answer + what has passed here since, times the
// speed of its clock. Nothing is ever counted down, so a tablet that slept shows the right thing when it wakes.
import { computed, signal } from "@preact/signals";
import { keep, kept } from "./kept.js";
import { T } from "./strings.js";

export const STALE_AFTER_MS = 15000;
const TICK_MS = 1000;
const SLOW_MS = 10000;

/** Grows every second; who reads it is drawn again. Oftener would only empty the battery. */
export const ticks = signal(0);
/** The same for what need not be drawn as often: a new number every ten seconds. */
export const slowTicks = computed(() => Math.floor((ticks.value * TICK_MS) / SLOW_MS));
/** Whether time is simulated, and how fast it runs. */
export const serviceClock = signal({ simulated: false, speed: 1 });
export const zone = signal(/** @type {string | undefined} */ (undefined));

const KEEP_EVERY_MS = 30000;
const DAY_MS = 86400000;

const heard = { asOf: 0, at: -Infinity, wall: 0 };
/** What the clock was when it was last heard, from before this page was loaded. */
let recalled = /** @type {{asOf: number, at: number} | null} */ (null);
let keptAt = -Infinity;

/** @param {string} asOf @param {{simulated: boolean, speed: number} | undefined} clock */
export function hear(asOf, clock = undefined) {
  heard.asOf = Date.parse(asOf);
  heard.at = performance.now();
  heard.wall = Date.now();
  if (clock && (clock.speed !== serviceClock.value.speed || clock.simulated !== serviceClock.value.simulated)) {
    serviceClock.value = clock;
  }
  if (heard.at - keptAt < KEEP_EVERY_MS) return;
  keptAt = heard.at;
  keep("clock", { asOf: heard.asOf, at: Date.now(), clock: serviceClock.value });
}

/** Go on with the service's clock as it was heard before a reload. */
export async function recallClock() {
  const last = await kept("clock");
  if (!last || heard.at !== -Infinity) return;
  recalled = { asOf: last.asOf, at: last.at };
  serviceClock.value = last.clock;
}

/** Whether the service was heard since this page was loaded. */
export const isHeard = () => heard.at !== -Infinity;

/** Now, by both clocks of this tablet. */
export const moment = () => ({ at: performance.now(), wall: Date.now() });

/** Milliseconds since a moment by the clock that says more: the one stands still while a tablet sleeps, the other may be set back. @param {{at: number, wall: number}} since */
export const passedSince = ({ at, wall }) => Math.max(performance.now() - at, Date.now() - wall);

/** Milliseconds since the service was last heard of; infinite where it never was. */
export function silence() {
  if (heard.at !== -Infinity) return passedSince(heard);
  return recalled ? Date.now() - recalled.at : Infinity;
}

export function serviceNow() {
  if (heard.at !== -Infinity) return heard.asOf + (performance.now() - heard.at) * serviceClock.value.speed;
  if (recalled) return recalled.asOf + (Date.now() - recalled.at) * serviceClock.value.speed;
  return Date.now();
}

/** How far this tablet's own clock is ahead of the service's; nothing is charted by it, but people look at it. */
export const clockOffset = () => (serviceClock.value.simulated || heard.at === -Infinity ? 0 : Date.now() - serviceNow());

export function startTicking() {
  setInterval(() => { ticks.value += 1; }, TICK_MS);
}

/** Costly to make, and asked for with every tick. @type {Map<string | undefined, Intl.DateTimeFormat>} */
const clocks = new Map();

/** @param {string | undefined} where a zone */
function clockOf(where) {
  const found = clocks.get(where) ?? new Intl.DateTimeFormat("en-GB", { timeZone: where, hour: "2-digit", minute: "2-digit" });
  clocks.set(where, found);
  return found;
}

/** @param {string | number | null | undefined} moment */
export function clockTime(moment) {
  if (moment === null || moment === undefined) return T.unknown;
  const at = typeof moment === "string" ? Date.parse(moment) : moment;
  return clockOf(zone.value).format(at);
}

/** The day of a moment in the ward's zone, as 2026-11-23. @param {number} moment @param {string | undefined} where */
export function localDate(moment, where = zone.value) {
  return new Intl.DateTimeFormat("en-CA", { timeZone: where, year: "numeric", month: "2-digit", day: "2-digit" }).format(moment);
}

/** A date of the calendar as 04-Mar-1989. @param {string} date */
export function shownDate(date) {
  const parts = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", year: "numeric", timeZone: "UTC" });
  return parts.format(Date.parse(date)).replaceAll(" ", "-");
}

/** Whole years from a date to now. @param {string} born */
export function age(born) {
  const [year, month, day] = born.split("-").map(Number);
  const [nowYear, nowMonth, nowDay] = localDate(serviceNow()).split("-").map(Number);
  return nowYear - year - (nowMonth < month || (nowMonth === month && nowDay < day) ? 1 : 0);
}

/** What the ward's clocks are ahead of UTC, as "GMT+1". @param {number} at */
const offsetAt = (at) => new Intl.DateTimeFormat("en-GB", { timeZone: zone.value, timeZoneName: "shortOffset" }).formatToParts(at).find((part) => part.type === "timeZoneName")?.value ?? "";

/** The offset, on a date on which the clocks change: a time alone is ambiguous then. Empty on all others. */
const changing = computed(() => {
  void slowTicks.value;
  const now = serviceNow();
  const midnight = Date.parse(toUtc(`${localDate(now)}T00:00`));
  return offsetAt(midnight) === offsetAt(midnight + DAY_MS) ? "" : offsetAt(now);
});
export const offsetToday = () => changing.value;

/** @param {number} milliseconds */
export function span(milliseconds) {
  const seconds = Math.floor(Math.abs(milliseconds) / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  if (hours) return `${hours} h ${String(minutes).padStart(2, "0")} min`;
  return `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
}

/** A wall time of the ward ("2026-11-23T10:15") as UTC. @param {string} local */
export function toUtc(local) {
  const wanted = Date.parse(`${local}:00Z`);
  const shownAs = (/** @type {number} */ at) => Date.parse(`${new Intl.DateTimeFormat("sv-SE", { timeZone: zone.value, dateStyle: "short", timeStyle: "medium" }).format(at).replace(" ", "T")}Z`);
  let at = wanted;
  // Twice: the offset at the first guess may be that of the other side of a clock change.
  for (let round = 0; round < 2; round += 1) at += wanted - shownAs(at);
  return new Date(at).toISOString();
}
