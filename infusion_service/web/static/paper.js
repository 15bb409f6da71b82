// @ts-check
// What needs the service, on paper while it is away: the fact's own fields with room to write, the boxes for names,
// signatures and times, and what to do with the sheet afterwards. Printed black on white on A4, by the browser.
import { html } from "./markup.js";
import { initialsOnly } from "./kept.js";
import { person } from "./people.js";
import { means, titleOfGuard, titleOfState, workflow } from "./protocol.js";
import { StopButton } from "./stop.js";
import { ROLES, T, code, fieldName, unitOf, word } from "./strings.js";
import { clockTime, localDate, serviceClock, serviceNow, shownDate } from "./times.js";
import { back, device, go } from "./ward_state.js";

const CHOICES_MAX = 12;

/** @param {any} day @param {string} type @param {Record<string, unknown>} preset */
export const openPaper = (day, type, preset = {}) => go(day.day_id, { kind: "paper", type, preset });

/** Boxes to tick, or a line to write on. @param {{name: string, field: any, value?: any}} properties */
function Blank({ name, field, value }) {
  const of = field.type === "boolean" ? [T.yes, T.no] : (field.of ?? []).map((/** @type {string} */ each) => code(each));
  if (of.length && of.length <= CHOICES_MAX) return html`<span class="ticks">${of.map((/** @type {string} */ each) => html`<span key=${each}>☐ ${each}</span>`)}</span>`;
  if (name === "guard" && value) return html`<b>${titleOfGuard(value)}</b>`;
  return html`<span class="line"></span>`;
}

/** @param {{name: string, field: any, columns: string[], value?: any}} properties */
function Row({ name, field, columns, value }) {
  const unit = unitOf(name);
  const choices = Object.entries(field.fields ?? {}).filter(([, each]) => each.type === "choice");
  if (field.type === "list" && choices.length > 1) {
    const [[, item], [, result]] = choices;
    return item.of.map((/** @type {string} */ each) => html`<tr key=${each}><th scope="row">${code(each)}</th>${columns.map((column) => html`<td key=${column}><${Blank} name=${each} field=${result} /></td>`)}</tr>`);
  }
  return html`<tr><th scope="row">${fieldName(name)} ${unit && html`<small>${unit}</small>`} ${field.optional && html`<small>${T.optional}</small>`}</th>
    ${columns.map((column) => html`<td key=${column}><${Blank} name=${name} field=${field} value=${value} /></td>`)}</tr>`;
}

/** @param {{day: any, type: string, preset?: Record<string, any>}} properties */
export function PaperForm({ day, type, preset = {} }) {
  const fact = workflow.value.facts[type];
  const columns = fact.second ? [T.paperFirst, T.paperSecond] : [T.paperOne];
  const guards = workflow.value.guards.filter((/** @type {any} */ guard) => guard.on.includes(type));
  const { patient } = day;
  const name = person.value && patient.family ? `${patient.family.toUpperCase()}, ${patient.given ?? ""}` : "";
  const about = [[T.paperPatient, name || initialsOnly(patient).initials, !name], [T.paperBorn, person.value && patient.born ? shownDate(patient.born) : "", !person.value], [T.paperNumber, patient.id, false],
    [T.paperBed, day.chair ? T.chair(day.chair) : "", !day.chair], [T.paperDay, `${shownDate(day.date)} · ${T.courseDay(day)} · ${titleOfState(day.state)}`, false]];
  const now = serviceNow();
  return html`<main class="paper-panel" aria-labelledby="paper-title"><article class="paper">
      ${serviceClock.value.simulated && html`<p class="drill">${T.simulation(serviceClock.value.speed)}</p>`}
      <h2 id="paper-title">${fact.title}</h2><p>${T.paperOf(workflow.value.title)}. <strong>${T.paperLate}</strong></p>
      <dl>${about.map(([term, value, open]) => html`<div key=${term}><dt>${term}</dt><dd>${value} ${open && html`<span class="line"></span>`}</dd></div>`)}</dl>
      <table><thead><tr><td>${name || initialsOnly(patient).initials}</td>${columns.map((column) => html`<th key=${column} scope="col">${column}</th>`)}</tr></thead>
        <tbody>${Object.entries(fact.fields).filter(([each]) => each !== "confirmed").map(([each, field]) => html`<${Row} key=${each} name=${each} field=${field} columns=${columns} value=${preset[each]} />`)}
          ${[T.paperWhen, T.paperName, T.paperSign, T.paperTime].map((each) => html`<tr key=${each} class="signed"><th scope="row">${each}</th>${columns.map((column) => html`<td key=${column}><span class="line"></span></td>`)}</tr>`)}</tbody></table>
      ${guards.length > 0 && !means(type, ["override"]) && html`<section><h3>${T.paperGuards}</h3><ul class="ticks">${guards.map((/** @type {any} */ guard) => html`<li key=${guard.id}>☐ ${titleOfGuard(guard.id)}</li>`)}</ul></section>`}
      <p>${T.paperLateWhy} <span class="line"></span></p><p>${T.paperEntered} <span class="line"></span></p>
      <p><small>${T.paperBy(fact.by.map((/** @type {string} */ role) => word(ROLES, role)).join(", "))} · ${T.paperTablet(device.value, `${shownDate(localDate(now))} ${clockTime(now)}`)}</small></p></article>
    <div class="bottom-bar"><button class="plain" id="paper-back" onClick=${back}>‹ ${T.back}</button><button class="primary big" id="print" onClick=${() => print()}>${T.print}</button><${StopButton} day=${day} /></div></main>`;
}
