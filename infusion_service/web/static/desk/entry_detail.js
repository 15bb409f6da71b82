// @ts-check
// One entry whole: what it says, of whom, what it hangs together with; and its proof.
import { useEffect, useRef } from "preact/hooks";
import { html } from "../markup.js";
import { titleOfState } from "../protocol.js";
import { fieldName, unitOf, word } from "../strings.js";
import { chosen, moveKnown, together } from "./audit_day.js";
import { A } from "./audit_strings.js";
import { delay, exactTime } from "./desk_times.js";
import { isUnknown, nameOf, remarksOf, saysOf, whoOf } from "./entries_table.js";
import { ProofPanel } from "./proof_panel.js";

/** @typedef {import("./audit_day.js").OpenedDay} OpenedDay */

/** What stands in the leaf and in the head of an entry, and is told in its own place. */
const TIMES = /^\d{4}-\d{2}-\d{2}T/;

/** A value in words, whatever its depth. @param {any} value @returns {any} */
function told(value) {
  if (Array.isArray(value)) return value.length === 0 ? A.noneOf : html`<ul>${value.map((each) => html`<li>${told(each)}</li>`)}</ul>`;
  if (typeof value === "object" && value !== null) return html`<dl class="data">${Object.entries(value).map(([name, each]) => html`<div><dt>${fieldName(name)}</dt><dd>${told(each)}${each !== null && typeof each !== "object" && unitOf(name) ? ` ${unitOf(name)}` : ""}</dd></div>`)}</dl>`;
  return typeof value === "string" && TIMES.test(value) ? exactTime(value) : String(value);
}

/** @param {{day: OpenedDay, entry: any}} properties */
export function EntryDetail({ day, entry }) {
  const title = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => title.current?.focus(), [entry.seq]);
  const date = day.view.date;
  const late = entry.occurred_at ? Date.parse(entry.rcv) - Date.parse(entry.occurred_at) : 0;
  const row = (/** @type {string} */ name, /** @type {any} */ value) => value && html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  const seeThen = () => {
    together.value = true;
    moveKnown(Date.parse(entry.rcv));
  };
  return html`<article class="entry-detail" id="entry-detail" data-seq=${entry.seq} aria-labelledby="entry-title">
    <div class="entry-head"><h3 id="entry-title" tabindex="-1" ref=${title}>${A.entry(entry.n)}: ${nameOf(entry)}</h3>
      <button id="see-then" onClick=${seeThen}>${A.seenAs}</button> <button id="close-entry" onClick=${() => { chosen.value = null; }}>${A.close}</button></div>
    <p>${saysOf(entry)}</p>
    <dl class="facts">
      ${row(A.occurred, entry.occurred_at && exactTime(entry.occurred_at, date))}${row(A.recorded, exactTime(entry.rcv, date))}${row(A.delay, late >= 1000 && delay(late))}
      ${row(A.marks, remarksOf(entry, day, isUnknown(entry)).join(", "))}${row(A.lateReason, entry.late_reason)}
      ${row(A.who, entry.actor && whoOf(entry.actor))}${row(A.second, entry.second && whoOf(entry.second))}${row(A.device, entry.device && [entry.device.id, entry.device.seq !== undefined && A.deviceSeq(entry.device.seq)].filter(Boolean).join(", "))}
      ${row(A.sent, entry.sent_at && exactTime(entry.sent_at, date))}${row(A.charted, entry.recorded_at && exactTime(entry.recorded_at, date))}
      ${row(A.fields.outcome, entry.outcome?.state_to && A.moved(entry.outcome.state_from ? titleOfState(entry.outcome.state_from) : "", titleOfState(entry.outcome.state_to)))}
      <${Related} day=${day} entry=${entry} />
      ${row(A.claimed, entry.claimed && told(entry.claimed))}${row(A.fields.session, entry.session && html`<code>${entry.session}</code>`)}${row(A.group, entry.group && html`<code>${entry.group}</code>`)}
      ${row(A.fields.kind, entry.kind && word(A.filterKinds, entry.kind))}${row(A.fields.type, entry.type && html`<code>${entry.type}</code>`)}${row(A.seq, A.seqOf(entry.seq, entry.n))}
      ${row(A.data, entry.data && Object.keys(entry.data).length > 0 && told(entry.data))}
      ${row(A.leaf, html`<code>${entry.leaf_hash}</code>`)}
    </dl>
    <details><summary>${A.raw}</summary><pre tabindex="0">${JSON.stringify(entry, null, 2)}</pre></details>
    <${ProofPanel} entry=${entry} />
  </article>`;
}

/** The entries that this one hangs together with. @param {{day: OpenedDay, entry: any}} properties */
function Related({ day, entry }) {
  const id = entry.entry_id;
  if (!id) return null;
  const ofIds = (/** @type {string[]} */ ids) => ids.map((each) => day.entries.find((other) => other.entry_id === each) ?? null);
  const alerts = day.entries.filter((other) => other.type === "alert.raised" && other.data?.evidence.includes(id));
  const struck = day.struck.get(id);
  /** @type {[string, any[]][]} */
  const groups = [
    [A.correctsLabel, entry.corrects ? ofIds([entry.corrects]) : []],
    [A.struckLabel, struck ? ofIds([struck.by]) : []],
    [A.evidence, entry.type === "alert.raised" ? ofIds(entry.data?.evidence ?? []) : []],
    [A.evidenceOf, alerts],
    [A.cause, entry.cause ? ofIds([entry.cause]) : []],
    [A.caused, day.entries.filter((other) => other.cause === id && !alerts.includes(other))],
  ];
  return html`${groups.filter(([, others]) => others.length > 0).map(([name, others]) => html`<div key=${name}><dt>${name}</dt><dd><ul>${others.map((other) => html`<li>${other === null ? A.otherDay : html`<button class="inline" data-open=${other.seq} onClick=${() => { chosen.value = other.seq; }}>${other.n}: ${nameOf(other)}</button> ${other.type?.startsWith("alert.") ? saysOf(other) : ""}`}</li>`)}</ul></dd></div>`)}`;
}
