// @ts-check
// When something happened: now, some minutes ago, or a time that is typed; and why it comes late.
import { html } from "./markup.js";
import { readTime } from "./field_values.js";
import { T } from "./strings.js";
import { clockTime, serviceNow } from "./times.js";

const AGO_MIN = [0, 5, 10, 15, 30];
const MINUTE_MS = 60000;

/** @typedef {{ago: number, typed: string, reason: string}} Moment */

/** The members of a fact that say when it happened; nothing where it is now. @param {Moment} when @param {string} date the day's own @param {string | undefined} original of a fact that is corrected @returns {{members: any, error?: string}} */
export function momentOf(when, date, original) {
  const reason = when.reason || (original ? T.correctionReason : "");
  const why = reason ? { late_reason: reason } : {};
  if (when.typed) {
    const { value, error } = readTime(when.typed, date);
    return error ? { members: {}, error } : { members: { occurred_at: value, ...why } };
  }
  if (when.ago) return { members: { occurred_at: new Date(serviceNow() - when.ago * MINUTE_MS).toISOString(), ...why } };
  return { members: original ? { occurred_at: original, ...why } : {} };
}

/** @param {{when: Moment, onChange: (when: Moment) => void, original?: string}} properties */
export function When({ when, onChange, original }) {
  const late = when.ago > 0 || when.typed !== "" || original;
  return html`<div class="field when" role="group" aria-label=${T.when}><span class="label">${T.when}</span><div class="options">
    ${AGO_MIN.map((minutes) => html`<button class="choice" key=${minutes} aria-pressed=${when.ago === minutes && !when.typed}
      onClick=${() => onChange({ ...when, ago: minutes, typed: "" })}>${minutes ? T.ago(minutes) : original ? T.asBefore(clockTime(original)) : T.now}</button>`)}
    <label>${T.atWhat} <input class="short" id="occurred-at" inputmode="numeric" autocomplete="off" placeholder=${T.hintClock} value=${when.typed}
      onInput=${(/** @type {any} */ event) => onChange({ ...when, typed: event.target.value })} /></label></div>
    ${late && html`<label class="why-late">${T.lateReason} <input id="late-reason" value=${when.reason} onInput=${(/** @type {any} */ event) => onChange({ ...when, reason: event.target.value })} /></label>`}</div>`;
}
