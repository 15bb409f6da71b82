// @ts-check
// Which way it goes: a score since the set before and since the first, by arrow and by word; what a sign scores.
import { html } from "./markup.js";
import { T } from "./strings.js";

/** @param {number} by */
export const arrow = (by) => (by > 0 ? "▲" : by < 0 ? "▼" : "→");

/** @param {{by: number | null}} properties since the set before */
export function Trend({ by }) {
  if (by === null) return null;
  return html`<span class="trend" data-by=${by}><span aria-hidden="true">${arrow(by)}</span>${by ? Math.abs(by) : ""}<span class="unseen">${by > 0 ? T.up : by < 0 ? T.down : T.unchanged}</span></span>`;
}

/** Whether a band of a score takes a value. @param {any} band @param {any} value @param {Record<string, any>} values */
function fits(band, value, values) {
  if (Object.entries(band.when ?? {}).some(([sign, wanted]) => values[sign] !== wanted)) return false;
  if (band.among?.length) return band.among.includes(value);
  if (typeof value !== "number") return true;
  return (band.at_least === null || value >= Number(band.at_least)) && (band.at_most === null || value <= Number(band.at_most));
}

/** The points of each sign that is known. The service scores what is charted; this only shows what it is going to say. @param {any} score of the workflow file @param {Record<string, any>} known as last charted @param {Record<string, any>} typed @returns {Record<string, number>} */
export function pointsOf(score, known, typed) {
  const carried = Object.fromEntries(Object.keys(score.defaults).map((sign) => [sign, known[sign]?.value ?? score.defaults[sign]]));
  const values = { ...carried, ...typed };
  const scored = score.parts.filter((/** @type {any} */ part) => values[part.sign] !== undefined)
    .map((/** @type {any} */ part) => [part.sign, part.bands.find((/** @type {any} */ band) => fits(band, values[part.sign], values))?.points ?? 0]);
  return Object.fromEntries(scored);
}
