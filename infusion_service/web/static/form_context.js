// @ts-check
// What stands beside a form: the guards of a step, met or not; the evidence a review is about; what a correction replaces.
import { Severity, worstFirst } from "./board.js";
import { DayChart } from "./chart.js";
import { html } from "./markup.js";
import { means, meant, signsOf, titleOfGuard, workflow } from "./protocol.js";
import { SIGNS, T, fieldName, unitOf } from "./strings.js";
import { clockTime } from "./times.js";
import { entries, view } from "./ward_state.js";

const SETS = 4;
/** Guards that are judged by what the form itself is going to say. */
const ASKED = new Set(["field_true", "rate_within_plan", "second_person"]);

/** Every guard of a step, with what is wanted of those that fail. @param {{day: any, type: string}} properties */
export function GuardList({ day, type }) {
  const failing = new Map((day.allowed.find((/** @type {any} */ row) => row.type === type)?.blocked_by ?? []).map((/** @type {any} */ each) => [each.guard, each.reason]));
  const guards = workflow.value.guards.filter((/** @type {any} */ guard) => guard.on.includes(type));
  if (guards.length === 0) return null;
  return html`<ul class="guards" aria-label=${T.guards}>${guards.map((/** @type {any} */ guard) => {
    const why = failing.get(guard.id);
    const met = why ? "no" : ASKED.has(guard.kind) ? "asked" : "yes";
    return html`<li key=${guard.id} data-guard=${guard.id} data-met=${met}><span aria-hidden="true">${{ no: "✗", asked: "○", yes: "✓" }[met]}</span> <b>${titleOfGuard(guard.id)}</b> ${why ?? (met === "asked" ? T.askedBelow : T.met)}</li>`;
  })}</ul>`;
}

/** What a reviewer looks at: the open alerts, the last sets of signs, the day as a picture. @param {{day: any}} properties */
export function Evidence({ day }) {
  const struck = new Set(view.value.struck);
  const sets = entries.value.filter((entry) => means(entry.type, ["vital_signs"]) && entry.kind === "fact" && !struck.has(entry.entry_id))
    .sort((one, other) => other.occurred_at.localeCompare(one.occurred_at)).slice(0, SETS);
  const kind = workflow.value.facts[meant("vital_signs") ?? ""];
  const { measured, chosen } = kind ? signsOf(kind, Object.keys(SIGNS)) : { measured: [], chosen: [] };
  return html`<section class="evidence" aria-label=${T.evidence}>
    <ul>${worstFirst(day.alerts).map((alert) => html`<li key=${alert.alert_id} class="alert-line" data-severity=${alert.severity}><${Severity} severity=${alert.severity} /> ${alert.says || alert.rule}, ${T.raised(clockTime(alert.raised_at))}</li>`)}</ul>
    <div class="sides"><table><thead><tr><th>${T.sign}</th>${sets.map((set) => html`<th key=${set.entry_id}>${clockTime(set.occurred_at)}</th>`)}</tr></thead>
      <tbody>${[...measured, ...chosen].map((sign) => html`<tr key=${sign}><th scope="row">${SIGNS[/** @type {keyof SIGNS} */ (sign)] ?? fieldName(sign)} <small>${unitOf(sign)}</small></th>
        ${sets.map((set) => html`<td key=${set.entry_id}>${set.data[sign] ?? T.unknown}</td>`)}</tr>`)}</tbody></table>
    <${DayChart} day=${day} /></div></section>`;
}

/** What was there before, struck through. @param {{instead: import("./fact_form.js").Instead}} properties */
export function Before({ instead }) {
  if (!instead.was) return null;
  return html`<p class="before">${instead.of ? T.otherPatient : T.replaces} <s>${clockTime(instead.occurred_at)} ${instead.was}</s> ${T.staysReadable}</p>`;
}
