// @ts-check
// Emergency stop in two taps. The first is on its way to the record before anything is asked; the second adds the
// reason as a correction of the first. Works with nobody signed in: then it counts under the tablet until confirmed.
import { signal } from "@preact/signals";
import { reasonsOf } from "./charting.js";
import { html } from "./markup.js";
import { newId, postFact } from "./service.js";
import { T, code } from "./strings.js";
import { clockTime, serviceNow, span, ticks } from "./times.js";
import { back, entries, go, refresh, workflow } from "./ward_state.js";

const AGAIN_AFTER_MS = 2000;
const STOP = "infusion.stopped";
const EMERGENCY = "emergency.declared";

/** How the calls of this page stand, by event id. */
const calls = signal(/** @type {Record<string, {state: string, text: string, reason?: string}>} */ ({}));

/** @param {string} id @param {{state: string, text: string, reason?: string}} call */
function note(id, call) {
  calls.value = { ...calls.value, [id]: call };
}

/** Which fact a stop is in the day's state: the infusion's, an emergency where nothing runs, or none. @param {any} day */
export function callableStop(day) {
  const allowed = day.allowed.map((/** @type {any} */ row) => row.type);
  const moves = workflow.value.facts[STOP].moves;
  const ends = moves.some((/** @type {any} */ move) => move.to !== "=" && move.from.includes(day.state));
  if (allowed.includes(STOP) && (ends || day.pump === "running")) return STOP;
  return allowed.includes(EMERGENCY) ? EMERGENCY : null;
}

/** The first tap. @param {any} day */
export function callStop(day) {
  const type = callableStop(day);
  if (type === null) return;
  const id = newId();
  const calledAt = new Date(serviceNow()).toISOString();
  go(day.day_id, { kind: "stop", id, type, calledAt });
  const reason = type === STOP ? "other_clinical" : T.emergencyReason;
  send(day.day_id, id, { event_id: id, type, occurred_at: calledAt, data: { reason } });
}

/** Post until there is an answer: a stop is never given up. @param {string} day @param {string} id @param {any} fact @param {string | undefined} reason */
async function send(day, id, fact, reason = undefined) {
  note(id, { state: "sending", text: T.stopSending, reason: calls.value[id]?.reason });
  try {
    const { status, body } = await postFact(day, fact);
    if (status < 500 && status !== 429) {
      const stands = status === 200 || status === 201;
      if (stands) note(id, { state: "recorded", text: T.stopCalled, reason });
      else note(id, { state: fact.corrects ? "recorded" : "refused", text: T.notRecorded(reasonsOf(body).join(" · ")), reason: calls.value[id]?.reason });
      await refresh();
      return;
    }
  } catch {
    // The network is away: the screen says so, and it is tried again.
  }
  setTimeout(() => send(day, id, fact, reason), AGAIN_AFTER_MS);
}

/** @param {{day: any}} properties */
export function StopButton({ day }) {
  const type = callableStop(day);
  if (type === null) return null;
  return html`<button class="stop" id="stop" onClick=${() => callStop(day)}>
    <svg viewBox="0 0 24 24" width="32" height="32" aria-hidden="true"><path d="M7 1h10l6 6v10l-6 6H7l-6-6V7z" /></svg>
    ${type === STOP ? T.stop : T.emergency}</button>`;
}

/** @param {{day: any, called: {id: string, type: string, calledAt: string}}} properties */
export function StopPanel({ day, called }) {
  void ticks.value;
  // After a reload only the record itself can say that the stop is on it.
  const onRecord = entries.value.some((entry) => entry.entry_id === called.id);
  const call = calls.value[called.id] ?? (onRecord ? { state: "recorded", text: T.stopCalled } : { state: "refused", text: T.stopLost });
  const stops = called.type === STOP;
  /** @param {string} reason */
  const choose = (reason) => {
    const fact = { event_id: newId(), type: called.type, occurred_at: called.calledAt, corrects: called.id, data: { reason } };
    send(day.day_id, called.id, fact, reason);
  };
  const reasons = workflow.value.facts[STOP].fields.reason.of;
  return html`<main class="stop-panel" aria-label=${stops ? T.stop : T.emergency}>
    <p class="stop-said" id="stop-said" role="alert" data-kind=${call.state}>
      <strong>${call.text}</strong> · ${stops ? T.stopCalledAt(clockTime(called.calledAt)) : T.emergencyCalledAt(clockTime(called.calledAt))}
      ${" · "}<span>${span(serviceNow() - Date.parse(called.calledAt))}</span></p>
    ${stops && html`<p class="halt">${T.stopHalt}</p>`}
    <h2>${call.reason ? T.stopReasonKept(code(call.reason)) : T.stopWhy}</h2>
    ${!call.reason && html`<div class="reasons-grid">${reasons.map((/** @type {string} */ reason) => html`<button
      key=${reason} data-reason=${reason} disabled=${call.state === "sending"} onClick=${() => choose(reason)}>${code(reason)}</button>`)}</div>`}
    <ul class="stop-list">${T.stopChecklist.map((each) => html`<li>${each}</li>`)}</ul>
    <div class="bottom-bar"><button class="primary big" onClick=${() => go(day.day_id, { kind: "vitals" })}>${T.doVitals}</button>
      <button id="stop-close" onClick=${back}>${T.stopClose}</button></div>
  </main>`;
}
