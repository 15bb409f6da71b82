// @ts-check
// Times of a day as an auditor reads them: to the second, and with the date where it is another one than the day's.
import { localDate, shownDate, zone } from "../times.js";
import { A } from "./audit_strings.js";

/** @type {Map<string | undefined, Intl.DateTimeFormat>} */
const clocks = new Map();

/** @param {number | string} moment @param {string | null} date the day's own @returns {string} 10:31:00, or 24-Nov-2026 10:31:00 */
export function exactTime(moment, date = null) {
  const at = typeof moment === "string" ? Date.parse(moment) : moment;
  const clock = clocks.get(zone.value) ?? new Intl.DateTimeFormat("en-GB", { timeZone: zone.value, hour: "2-digit", minute: "2-digit", second: "2-digit" });
  clocks.set(zone.value, clock);
  const own = localDate(at);
  return date && own !== date ? `${shownDate(own)} ${clock.format(at)}` : clock.format(at);
}

/** How long something took to arrive. @param {number} milliseconds */
export function delay(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 120) return A.seconds(seconds);
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? A.minutes(minutes) : A.hours(Math.floor(minutes / 60), minutes % 60);
}
