// @ts-check
// What is on this tablet and not on the record: what waits for the network, and what the service refused once the
// network was back. Nothing leaves here but by a person's decision or the service's receipt.
import { useState } from "preact/hooks";
import { reasonsOf } from "./charting.js";
import { html } from "./markup.js";
import { nameOf } from "./kept.js";
import { person } from "./people.js";
import { fileOf, noteOf, titleOfState } from "./protocol.js";
import { enqueue, queue, remove, send, sendAgain, unsent } from "./queue.js";
import { newId } from "./service.js";
import { T } from "./strings.js";
import { clockTime, serviceNow } from "./times.js";
import { summary } from "./telling.js";
import { back, go, rows, view } from "./ward_state.js";

/** @typedef {import("./queue.js").Row} Row */

/** What of one day is not on the record yet. @param {{day: any}} properties */
export function Waiting({ day }) {
  const here = unsent.value.filter((row) => row.day === day.day_id);
  const elsewhere = day.missing_from_devices.filter((/** @type {any} */ each) => !here.length || each.facts !== here.length);
  if (here.length === 0 && elsewhere.length === 0) return null;
  return html`<section class="waiting-facts" aria-labelledby="waiting-title"><h2 id="waiting-title">${T.tray}</h2>
    <ul>${here.map((row) => html`<li key=${row.seq} data-state=${row.state} data-type=${row.fact.type}><time>${clockTime(row.fact.occurred_at)}</time>
      <span><b>${row.title}</b> ${summary(row.fact)}</span> <em>${row.state === "waiting" ? T.onThisTablet : T.needsYouState}</em></li>`)}
      ${elsewhere.map((/** @type {any} */ each) => html`<li key=${each.device}><span>${T.notYetHere(each.device, each.facts)}</span></li>`)}</ul>
    ${here.some((row) => row.state === "needs_you") && html`<button class="primary" onClick=${() => go(day.day_id, { kind: "tray" })}>${T.needsYou(here.filter((row) => row.state === "needs_you").length)}</button>`}</section>`;
}

export function Tray() {
  const all = [...queue.value].sort((one, other) => Number(one.state === "waiting") - Number(other.state === "waiting") || one.seq - other.seq);
  return html`<main class="tray" aria-label=${T.tray}><h1>${T.tray}</h1>
    ${all.length === 0 && html`<p>${T.trayEmpty}</p>`}
    ${all.map((row) => html`<${TrayRow} key=${row.seq} row=${row} />`)}
    <div class="bottom-bar"><button class="plain" id="tray-back" onClick=${back}>‹ ${T.back}</button></div></main>`;
}

/** @param {{row: Row}} properties */
function TrayRow({ row }) {
  const tile = rows.value.find((each) => each.day_id === row.day);
  const shown = view.value?.day_id === row.day ? view.value : tile;
  const file = fileOf(shown) ?? null;
  const where = [person.value && shown ? nameOf(shown) : row.initials, row.chair && T.chair(row.chair)].filter(Boolean).join(", ");
  return html`<article class="tray-row" data-state=${row.state} data-type=${row.fact.type}>
    <div class="sides"><section><h2>${T.entered}</h2>
      <p><b>${row.title}</b> ${summary(row.fact, file)}</p><p>${where}</p><p>${T.enteredBy(row.who ?? T.nobody, clockTime(row.fact.occurred_at))}</p></section>
    <section><h2>${T.recordSays}</h2>
      ${row.state === "waiting" ? html`<p>${T.trayWaits}</p>`
      : html`<ul>${reasonsOf(row.problem, file).map((reason) => html`<li>${T.refusedBecause(reason)}</li>`)}</ul>
        ${shown && html`<p>${T.dayIs(titleOfState(shown.state, file), clockTime(shown.state_since))}</p>`}`}</section></div>
    ${row.state === "needs_you" && html`<${Decisions} row=${row} file=${file} />`}</article>`;
}

/** What a person can do with what was refused. @param {{row: Row, file: any}} properties */
function Decisions({ row, file }) {
  const [busy, setBusy] = useState(false);
  const [reason, setReason] = useState("");
  const late = row.problem.code === "late_reason_required";
  const against = row.problem.event_id;
  const who = person.value;
  const plain = noteOf(file);
  /** @param {() => Promise<unknown>} work */
  const doing = (work) => async () => {
    setBusy(true);
    await work();
    setBusy(false);
  };
  const mine = () => ({ who: who?.staff ?? null, session: who?.session ?? null, badge: who?.badge });
  const again = (/** @type {any} */ changes) => sendAgain({ ...row, ...mine() }, { late_reason: reason || T.lateDefault, ...changes });
  const asNote = async () => {
    if (!plain) return;
    const text = T.noteOf(`${row.title} ${summary(row.fact, file)}`.trim(), clockTime(row.fact.occurred_at), row.who ?? T.nobody, reasonsOf(row.problem, file).join(" · "));
    const fact = { event_id: newId(), type: plain.type, occurred_at: row.fact.occurred_at, recorded_at: new Date(serviceNow()).toISOString(), late_reason: reason || T.lateDefault, data: { [plain.field]: text.slice(0, plain.max_chars) } };
    const { seq, state, ...kept } = row;
    const note = await enqueue({ ...kept, ...mine(), fact, title: plain.title, problem: undefined, group: undefined, urgent: false });
    await remove(seq);
    await send(note);
  };
  const correct = () => go(row.day, { kind: "fact", type: row.fact.type, preset: row.fact.data, instead: { seq: row.seq, occurred_at: row.fact.occurred_at } });
  const off = busy || !who;
  return html`<div class="decisions">
    ${!who && html`<p class="note">${T.signInFirst}</p>`}
    <label>${T.lateReason} <input value=${reason} onInput=${(/** @type {any} */ event) => setReason(event.target.value)} /></label>
    <div class="buttons">
      ${late && html`<button class="primary" data-do="late" disabled=${off} onClick=${doing(() => again({}))}>${T.lateEntry}</button>`}
      ${!late && plain && html`<button class="primary" data-do="note" disabled=${off} onClick=${doing(asNote)}>${T.onlyNote}</button>`}
      <button data-do="correct" disabled=${off} onClick=${correct}>${T.correctIt}</button>
      ${against && html`<button data-do="replace" disabled=${off} onClick=${doing(() => again({ corrects: against }))}>${T.replaceIt}</button>`}
      <button data-do="withdraw" disabled=${off} onClick=${doing(() => remove(row.seq))}>${T.withdraw}</button></div>
    <p class="quiet">${T.withdrawNote}</p></div>`;
}
