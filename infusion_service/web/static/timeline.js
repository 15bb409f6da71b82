// @ts-check
// What happened, the latest first: when, what, by whom; late entries hollow, what was struck out still readable.
import { useState } from "preact/hooks";
import { html } from "./markup.js";
import { means, meant, titleOfCheck, titleOfFact, titleOfState, workflow } from "./protocol.js";
import { ROLES, T, code, fieldName, unitOf, word } from "./strings.js";
import { clockTime } from "./times.js";
import { person } from "./people.js";
import { entries, go, mayPost, view } from "./ward_state.js";

const SHOWN = 25;
const LISTED = 4;
const LATE_MS = 15 * 60000;
const UNTOLD = new Set(["event_id", "data", "alert", "alerts", "entry", "bag", "confirmed", "source", "spo2_scale", "patient", "workflow", "timezone", "missed_cutoff"]);

/** @param {any} entry @param {any} file the day's workflow */
export function titleOf(entry, file = workflow.value) {
  return entry.kind === "refused" ? `${titleOfFact(entry.data.type, file)}: ${T.refused}` : titleOfFact(entry.type, file);
}

/** A long list by its most frequent answer and what differs from it: a checklist. @param {any[]} items */
function counted(items) {
  const answerOf = (/** @type {any} */ item) => Object.values(item)[1];
  const answers = new Map();
  for (const item of items) answers.set(answerOf(item), (answers.get(answerOf(item)) ?? 0) + 1);
  const [usual, count] = [...answers].sort((one, other) => other[1] - one[1])[0];
  const others = items.filter((item) => answerOf(item) !== usual).map((item) => Object.values(item).slice(0, 2).map((one) => code(String(one))).join(": "));
  return [T.times(count, code(String(usual)).toLowerCase()), ...others].join(", ");
}

/** @param {string} name @param {any} value @returns {string} */
function told(name, value) {
  if (value === true) return fieldName(name);
  if (Array.isArray(value) && value.length > LISTED && value.every((each) => typeof each === "object")) return counted(value);
  if (Array.isArray(value)) return value.map((each) => (typeof each === "object" ? Object.values(each).slice(0, 2).map((one) => code(String(one))).join(": ") : code(String(each)))).join(", ");
  const text = typeof value === "string" && /^\d{4}-.*T/.test(value) ? clockTime(value) : unitOf(name) || typeof value !== "string" ? String(value) : code(value);
  return `${fieldName(name)} ${text} ${unitOf(name)}`.trim();
}

/** What an entry says, in one line. @param {any} entry @param {any} file the day's workflow */
export function summary(entry, file = workflow.value) {
  const data = entry.data ?? {};
  if (entry.withheld) return T.withheld;
  if (entry.kind === "refused") return data.detail ?? code(data.code);
  if (entry.type.startsWith("alert.")) return [word({}, data.rule), data.severity].filter(Boolean).join(", ");
  if (entry.type === "check.overdue") return titleOfCheck(data.check, file);
  return Object.entries(data).filter(([name, value]) => !UNTOLD.has(name) && value !== false && value !== null).map(([name, value]) => told(name, value)).filter(Boolean).join(", ");
}

/** @param {{day: any}} properties */
export function Timeline({ day }) {
  const [all, setAll] = useState(false);
  const listed = entries.value.filter((entry) => entry.kind !== "access" && entry.data)
    .sort((one, other) => other.occurred_at.localeCompare(one.occurred_at) || other.seq - one.seq);
  const shown = all ? listed : listed.slice(0, SHOWN);
  return html`<section aria-labelledby="timeline-title"><h2 id="timeline-title">${T.timeline}</h2>
    <ol class="timeline" id="timeline">${shown.map((entry) => html`<${Line} key=${entry.seq} day=${day} entry=${entry} />`)}</ol>
    ${listed.length > shown.length && html`<button class="plain" onClick=${() => setAll(true)}>${T.entriesAll} (${listed.length})</button>`}</section>`;
}

/** @param {{day: any, entry: any}} properties */
function Line({ day, entry }) {
  const struck = view.value.struck.includes(entry.entry_id);
  const late = Date.parse(entry.rcv) - Date.parse(entry.occurred_at) > LATE_MS;
  const moved = entry.outcome?.state && entry.outcome.state !== entry.outcome.from;
  const mine = entry.kind === "fact" && !struck && person.value;
  const strikable = mine && (entry.actor.id === person.value?.staff || ["charge_nurse", "prescriber"].includes(person.value?.role ?? "")) && !means(entry.type, ["scheduling"]);
  const kind = workflow.value.facts[entry.type];
  const strike = meant("strike");
  const confirm = meant("confirmation");
  // What two people entered is corrected by two: struck out, and entered anew.
  const correctable = strikable && kind && kind.second !== "independent" && mayPost(kind.by, person.value?.role);
  const instead = { entry: entry.entry_id, occurred_at: entry.occurred_at, was: `${titleOf(entry)} ${summary(entry)}`.trim() };
  return html`<li data-kind=${entry.kind} data-type=${entry.type} data-late=${late ? "yes" : "no"} data-struck=${struck ? "yes" : "no"}>
    <time>${clockTime(entry.occurred_at)}</time>
    <div><b>${titleOf(entry)}</b> ${summary(entry)} ${moved && html`<em>→ ${titleOfState(entry.outcome.state)}</em>`}
      <small>${entry.actor.role === "service" ? "" : `${entry.actor.id}, ${word(ROLES, entry.actor.role).toLowerCase()}`}${entry.second ? ` ${T.withSecond(entry.second.id)}` : ""}${entry.actor.how === "device" ? ` · ${T.unattributed}` : ""}${late ? ` · ${T.late} (${clockTime(entry.rcv)})` : ""}${struck ? ` · ${T.struck}` : ""}${entry.corrects ? ` · ${T.corrects}` : ""}</small></div>
    ${mine && confirm && day.unconfirmed.includes(entry.entry_id) && html`<button onClick=${() => go(day.day_id, { kind: "fact", type: confirm, preset: { entry: entry.entry_id } })}>${T.confirmEntry}</button>`}
    ${strikable && html`<details class="mend"><summary>${T.mend}</summary><div class="buttons">
      ${correctable && html`<button data-mend="correct" onClick=${() => go(day.day_id, { kind: "fact", type: entry.type, preset: entry.data, instead })}>${T.correct}</button>
      <button data-mend="move" onClick=${() => go(day.day_id, { kind: "move", entry: entry.entry_id })}>${T.wrongPatient}</button>`}
      ${strike && html`<button data-mend="strike" onClick=${() => go(day.day_id, { kind: "fact", type: strike, preset: { entry: entry.entry_id } })}>${T.strike}</button>`}</div></details>`}
  </li>`;
}
