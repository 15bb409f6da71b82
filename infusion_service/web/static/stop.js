// @ts-check
// Emergency stop in two taps. The first is on this tablet's disk and on its way to the record before anything is asked;
// the second adds the reason as a correction of the first. Works with nobody signed in and without network: it is sent
// again until there is an answer, also after a reload.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { reasonsOf, record, signature } from "./charting.js";
import { initialsOnly } from "./kept.js";
import { html } from "./markup.js";
import { person } from "./people.js";
import { means, meant, noteOf, reasonUnsaid, workflow } from "./protocol.js";
import { enqueue, queue, remove, send } from "./queue.js";
import { newId, postFact } from "./service.js";
import { T, code } from "./strings.js";
import { clockTime, serviceNow, span, ticks } from "./times.js";
import { back, entries, go, mayPost, refresh, view } from "./ward_state.js";

const MINUTE_MS = 60000;
const VITALS_WITHIN_MS = 5 * MINUTE_MS;
/** How long before a stop somebody was last seen well, to be touched instead of typed. */
const WELL_AGO_MIN = [0, 5, 15, 30, 60];

/** What the service refused of the calls of this page, by event id. */
const refused = signal(/** @type {Record<string, string>} */ ({}));

/** Which fact a stop is in the day's state: the infusion's, an emergency where nothing runs, or none. @param {any} day */
export function callableStop(day) {
  const allowed = day.allowed.map((/** @type {any} */ row) => row.type);
  const stop = meant("pump_stopped");
  const emergency = meant("emergency");
  const ends = stop !== undefined && workflow.value.facts[stop].moves.some((/** @type {any} */ move) => move.to !== "=" && move.from.includes(day.state));
  if (stop && allowed.includes(stop) && (ends || day.pump === "running")) return stop;
  return emergency && allowed.includes(emergency) ? emergency : null;
}

/** Whether a type of fact is the infusion's stop, not an emergency. @param {string | null} type */
export const isStop = (type) => type !== null && type === meant("pump_stopped");

/** What the first tap says of why: nobody was asked yet. @param {string} type */
function unsaid(type) {
  const { reason } = workflow.value.facts[type].fields;
  if (!reason) return {};
  return { reason: reason.of.length ? reasonUnsaid(reason) : T.emergencyReason };
}

/** The first tap. @param {any} day */
export function callStop(day) {
  const type = callableStop(day);
  if (type === null) return;
  const id = newId();
  const calledAt = new Date(serviceNow()).toISOString();
  go(day.day_id, { kind: "stop", id, type, calledAt });
  call(day, { event_id: id, type, occurred_at: calledAt, recorded_at: calledAt, data: unsaid(type) });
}

/** Keep it, and send it at once, past whatever else waits; a stop is never given up. @param {any} day @param {any} fact */
async function call(day, fact) {
  const signed = signature();
  const title = workflow.value.facts[fact.type].title;
  const kept = enqueue({ day: day.day_id, title, fact, ...signed, chair: day.chair ?? undefined, initials: initialsOnly(day.patient).initials, urgent: true }).catch(() => null);
  const first = directly(day.day_id, { ...fact, ...(signed.session ? { session: signed.session } : {}) }, signed);
  const row = await kept;
  const answer = await first;
  if (answer === null && row) await send(row);
  else if (row) await remove(row.seq);
  else if (answer === null) refused.value = { ...refused.value, [fact.event_id]: T.unreachable };
  if (answer?.why) refused.value = { ...refused.value, [fact.corrects ? `${fact.corrects}:reason` : fact.event_id]: answer.why };
  await refresh();
}

/** @param {string} day @param {any} fact @param {{session: string | null, badge?: string}} signed @returns {Promise<{why: string} | null>} null where there was no answer */
async function directly(day, fact, signed) {
  try {
    const { status, body } = await postFact(day, { ...fact, ...(signed.badge ? { badge: signed.badge } : {}) }, { asDevice: !signed.session });
    if (status >= 500 || status === 429) return null;
    return { why: status < 300 ? "" : reasonsOf(body).join(" · ") };
  } catch {
    return null;
  }
}

/** How a call stands: what the page may say of it. @param {string} id */
function standing(id) {
  const row = queue.value.find((each) => each.fact.event_id === id);
  if (entries.value.some((entry) => entry.entry_id === id && entry.kind === "fact")) return { state: "recorded", text: T.stopCalled };
  if (refused.value[id]) return { state: "refused", text: T.notRecorded(refused.value[id]) };
  if (row?.state === "needs_you") return { state: "refused", text: T.notRecorded(reasonsOf(row.problem).join(" · ")) };
  return row ? { state: "sending", text: T.stopSending } : { state: "sending", text: T.stopAsking };
}

/** @param {{day: any}} properties */
export function StopButton({ day }) {
  const type = callableStop(day);
  if (type === null) return null;
  return html`<button class="stop" id="stop" onClick=${() => callStop(day)}>
    <svg viewBox="0 0 24 24" width="32" height="32" aria-hidden="true"><path d="M7 1h10l6 6v10l-6 6H7l-6-6V7z" /></svg>
    ${isStop(type) ? T.stop : T.emergency}</button>`;
}

/** The reason given for a call so far, on the record or on this tablet. @param {string} id */
function reasonOf(id) {
  const waits = queue.value.findLast((row) => row.fact.corrects === id);
  return (waits?.fact ?? entries.value.find((entry) => entry.corrects === id && entry.kind === "fact"))?.data.reason;
}

/** The reasons of a call; where it takes any text, those of a stop. @param {string} type @returns {string[]} */
function reasonsToChoose(type) {
  const { facts } = workflow.value;
  const own = facts[type].fields.reason;
  return !own ? [] : own.of.length ? own.of : facts[meant("pump_stopped") ?? ""]?.fields.reason.of ?? [];
}

/** @param {{day: any, called: {id: string, type: string, calledAt: string}}} properties */
export function StopPanel({ day, called }) {
  void ticks.value;
  const stood = standing(called.id);
  const stops = isStop(called.type);
  const given = reasonOf(called.id);
  /** @param {string} reason */
  const choose = (reason) => {
    const recorded_at = new Date(serviceNow()).toISOString();
    call(day, { event_id: newId(), type: called.type, occurred_at: called.calledAt, recorded_at, corrects: called.id, data: { reason } });
  };
  const reasons = reasonsToChoose(called.type);
  return html`<main class="stop-panel" aria-label=${stops ? T.stop : T.emergency}>
    <p class="stop-said" id="stop-said" role="alert" data-kind=${stood.state}>
      <strong>${stood.text}</strong> · ${stops ? T.stopCalledAt(clockTime(called.calledAt)) : T.emergencyCalledAt(clockTime(called.calledAt))}
      ${" · "}<span>${span(serviceNow() - Date.parse(called.calledAt))}</span></p>
    ${stops && html`<p class="halt">${T.stopHalt}</p>`}
    ${refused.value[`${called.id}:reason`] && html`<p class="error" role="alert">${T.notRecorded(refused.value[`${called.id}:reason`])}</p>`}
    <h2>${given ? T.stopReasonKept(code(given)) : T.stopWhy}</h2>
    ${!given && html`<div class="reasons-grid">${reasons.map((/** @type {string} */ reason) => html`<button
      key=${reason} data-reason=${reason} onClick=${() => choose(reason)}>${code(reason)}</button>`)}</div>`}
    <${Afterwards} day=${day} called=${called} />
    <div class="bottom-bar"><button class="primary big" onClick=${() => go(day.day_id, { kind: "vitals" })}>${T.doVitals}</button>
      <button id="stop-close" onClick=${back}>${T.stopClose}</button><${Reversal} day=${day} called=${called} /></div>
  </main>`;
}

/** What follows a stop, to be touched when it is done: each becomes a note with its time and name. @param {{day: any, called: {id: string, calledAt: string}}} properties */
function Afterwards({ day, called }) {
  void ticks.value;
  const [busy, setBusy] = useState(false);
  const note = noteOf();
  const since = (/** @type {string} */ begins) => [...entries.value, ...queue.value.filter((row) => row.day === day.day_id).map((row) => ({ ...row.fact, kind: "fact", actor: { id: row.who ?? T.nobody } }))]
    .findLast((entry) => note && entry.type === note.type && entry.kind === "fact" && entry.occurred_at >= called.calledAt && entry.data?.[note.field]?.startsWith(begins));
  /** @param {string} text */
  const write = async (text) => {
    if (!note) return;
    setBusy(true);
    await record(day.day_id, { type: note.type, data: { [note.field]: text } }, { title: note.title });
    setBusy(false);
  };
  const off = busy || !person.value || !note;
  const well = since(T.lastWell);
  const measured = entries.value.some((entry) => entry.kind === "fact" && means(entry.type, ["vital_signs"]) && entry.occurred_at >= called.calledAt);
  const due = Date.parse(called.calledAt) + VITALS_WITHIN_MS - serviceNow();
  return html`<section class="stop-list" aria-label=${T.stopList}>
    ${!person.value && html`<p class="note">${T.signInFirst}</p>`}
    ${T.stopChecklist.map((each) => { const done = since(each); return html`<button class="choice" key=${each} data-done=${each} aria-pressed=${Boolean(done)} disabled=${off || Boolean(done)} onClick=${() => write(each)}>
      <span aria-hidden="true">${done ? "✓" : "□"}</span> ${each} ${done && html`<small>${T.doneAt(clockTime(done.occurred_at), done.actor.id)}</small>`}</button>`; })}
    <p class="countdown">${measured ? html`✓ ${T.stopVitals}` : html`${due > 0 ? "□" : "!"} ${T.stopVitals} <b>${due > 0 ? span(due) : T.overdue(span(due))}</b>`}</p>
    <div class="last-well" role="group" aria-label=${T.lastWell}>${well ? html`<p>✓ ${well.data[String(note?.field)]}</p>` : html`<span>□ ${T.lastWell}</span>
      ${WELL_AGO_MIN.map((minutes) => html`<button class="choice" key=${minutes} data-well=${minutes} disabled=${off} aria-label=${T.ago(minutes)} onClick=${() => write(T.lastWellAt(clockTime(Date.parse(called.calledAt) - minutes * MINUTE_MS)))}>${clockTime(Date.parse(called.calledAt) - minutes * MINUTE_MS)}</button>`)}`}</div></section>`;
}

/** A stop that was none is struck out, with its reason; whoever may strike it. @param {{day: any, called: {id: string}}} properties */
function Reversal({ day, called }) {
  const strike = meant("strike");
  const last = entries.value.findLast((entry) => entry.kind === "fact" && (entry.entry_id === called.id || entry.corrects === called.id) && !view.value.struck.includes(entry.entry_id));
  const role = person.value?.role;
  const own = last?.actor.id === person.value?.staff || ["charge_nurse", "prescriber"].includes(role ?? "");
  if (!last || !strike || !own || !mayPost(workflow.value.facts[strike].by, role)) return null;
  return html`<button class="plain" id="stop-mistake" onClick=${() => go(day.day_id, { kind: "fact", type: strike, preset: { entry: last.entry_id } })}>${T.stopMistake}</button>`;
}
