// @ts-check
// What happened, the latest first: when, what, by whom; late entries hollow, what was struck out still readable.
import { useState } from "preact/hooks";
import { html } from "./markup.js";
import { means, meant, titleOfState, workflow } from "./protocol.js";
import { ROLES, T, word } from "./strings.js";
import { summary, titleOf } from "./telling.js";
import { clockTime } from "./times.js";
import { person } from "./people.js";
import { entries, go, mayPost, view } from "./ward_state.js";

const SHOWN = 25;
const LATE_MS = 15 * 60000;

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
  const moved = entry.outcome?.state_to;
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
    <div><b>${titleOf(entry)}</b> ${summary(entry)} ${moved && html`<em>→ ${titleOfState(moved)}</em>`}
      <small>${entry.actor.role === "service" ? "" : `${entry.actor.id}, ${word(ROLES, entry.actor.role).toLowerCase()}`}${entry.second ? ` ${T.withSecond(entry.second.id)}` : ""}${entry.actor.how === "device" ? ` · ${T.unattributed}` : ""}${late ? ` · ${T.late} (${clockTime(entry.rcv)})` : ""}${struck ? ` · ${T.struck}` : ""}${entry.corrects ? ` · ${T.corrects}` : ""}</small></div>
    ${mine && confirm && day.unconfirmed.includes(entry.entry_id) && html`<button onClick=${() => go(day.day_id, { kind: "fact", type: confirm, preset: { entry: entry.entry_id } })}>${T.confirmEntry}</button>`}
    ${strikable && html`<details class="mend"><summary>${T.mend}</summary><div class="buttons">
      ${correctable && html`<button data-mend="correct" onClick=${() => go(day.day_id, { kind: "fact", type: entry.type, preset: entry.data, instead })}>${T.correct}</button>
      <button data-mend="move" onClick=${() => go(day.day_id, { kind: "move", entry: entry.entry_id })}>${T.wrongPatient}</button>`}
      ${strike && html`<button data-mend="strike" onClick=${() => go(day.day_id, { kind: "fact", type: strike, preset: { entry: entry.entry_id } })}>${T.strike}</button>`}</div></details>`}
  </li>`;
}
