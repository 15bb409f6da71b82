// @ts-check
// The end of a shift: of each bed what changed since, what is due, what was overridden, and that somebody has read it back.
import { useEffect, useState } from "preact/hooks";
import { Countdown, Severity, soonestFirst, worstFirst } from "./board.js";
import { record } from "./charting.js";
import { html } from "./markup.js";
import { nameOf } from "./kept.js";
import { person } from "./people.js";
import { ask } from "./service.js";
import { means, noteOf, scoresOf, titleOfCheck, titleOfGuard, titleOfState, workflow } from "./protocol.js";
import { PUMP, T, fieldName, word } from "./strings.js";
import { clockTime, serviceNow } from "./times.js";
import { summary, titleOf } from "./telling.js";
import { Trend } from "./trend.js";
import { back, reachable, rows } from "./ward_state.js";

const HOURS = [1, 2, 4, 8];
const HOUR_MS = 3600000;
/** A long day has more to tell than anybody listens to: the latest are read out, the rest is there to be opened. */
const CHANGED_SHOWN = 8;
const UNTOLD = ["vital_signs", "acknowledgement", "scheduling"];

const ID = /[0-9a-f]{8}-[0-9a-f]{4}-/;

/** Whether an entry was struck here because it stands elsewhere now. @param {any} entry @param {any} file */
const isMove = (entry, file) => means(entry.type, ["strike"], file) && ID.test(entry.data.reason ?? "");

/** @param {string} day @returns {Promise<{view: any, entries: any[], file: any} | null>} */
async function read(day) {
  const [view, listed] = await Promise.all([ask(`/v1/days/${day}`), ask(`/v1/days/${day}/entries`)]);
  if (view.status !== 200 || listed.status !== 200) return null;
  const known = await ask(`/v1/workflows/${view.body.workflow.name}/${view.body.workflow.version}`);
  return { view: view.body, entries: listed.body.entries, file: known.body };
}

/** @param {any} one @param {any} other */
const byChair = (one, other) => String(one.chair).localeCompare(String(other.chair), undefined, { numeric: true });

export function Handover() {
  const [hours, setHours] = useState(4);
  const [beds, setBeds] = useState(/** @type {any[] | null} */ (null));
  const [asked, setAsked] = useState(0);
  const who = person.value?.staff;
  useEffect(() => {
    if (!who) return;
    Promise.all([...rows.value].sort(byChair).map((row) => read(row.day_id))).then((found) => setBeds(found.filter(Boolean)), () => setBeds(null));
  }, [who, asked, rows.value.length]);
  const since = serviceNow() - hours * HOUR_MS;
  return html`<main class="handover" aria-labelledby="handover-title">
    <h2 id="handover-title">${T.handover}</h2>
    <div class="options" role="group" aria-label=${T.handoverHow}><span>${T.handoverSince(clockTime(since))}</span>${HOURS.map((each) => html`<button class="choice" key=${each} data-hours=${each} aria-pressed=${hours === each} onClick=${() => setHours(each)}>${T.hours(each)}</button>`)}</div>
    ${!who ? html`<p class="note">${T.handoverLocked}</p>` : !reachable.value ? html`<p class="note">${T.unreachable}</p>` : beds === null ? html`<p>${T.loading}</p>`
    : beds.map((bed) => html`<${Bed} key=${bed.view.day_id} bed=${bed} since=${since} onRead=${() => setAsked(asked + 1)} />`)}
    <div class="bottom-bar"><button class="plain" id="handover-back" onClick=${back}>‹ ${T.back}</button></div></main>`;
}

/** @param {{bed: {view: any, entries: any[], file: any}, since: number, onRead: () => void}} properties */
function Bed({ bed, since, onRead }) {
  const [busy, setBusy] = useState(false);
  const { view, file } = bed;
  const note = noteOf(file);
  const struck = new Set(view.struck);
  const recent = bed.entries.filter((entry) => ["fact", "refused"].includes(entry.kind) && Date.parse(entry.rcv) >= since && !struck.has(entry.entry_id) && entry.data);
  const sets = recent.filter((entry) => means(entry.type, ["vital_signs"], file) && entry.kind === "fact");
  const backs = recent.filter((entry) => note && entry.type === note.type && entry.data[note.field]?.startsWith(T.readBackNote("").slice(0, 18)));
  // What the service notes about itself is no change in the patient: the first half of a double check, a strike that only moves an entry.
  const changed = recent.filter((entry) => (entry.kind === "refused" || file.facts[entry.type]) && !means(entry.type, UNTOLD, file) && !isMove(entry, file) && !backs.includes(entry));
  const overrides = view.overrides.filter((/** @type {any} */ each) => Date.parse(each.at) >= since);
  const line = (/** @type {any} */ entry) => html`<li key=${entry.seq}><time>${clockTime(entry.occurred_at)}</time> <b>${titleOf(entry, file)}</b> ${summary(entry, file)}</li>`;
  const readBack = async () => {
    if (!note) return;
    setBusy(true);
    // What a fact may do is looked up in the file of its day.
    workflow.value = file;
    await record(view.day_id, { type: note.type, data: { [note.field]: T.readBackNote(clockTime(since)) } }, { title: note.title });
    setBusy(false);
    onRead();
  };
  return html`<article class="bed" data-day=${view.day_id}><h3><b>${nameOf(view)}</b> · ${view.chair ? T.chair(view.chair) : T.noChair} · ${titleOfState(view.state, file)} ${T.since(clockTime(view.state_since))}</h3>
    <p>${T.given(view.dose.delivered_ml, word(PUMP, view.pump))}${scoresOf(view, file).map((score) => html` · ${T.score(score.title, score.total)} <${Trend} by=${score.since_last} />`)}${view.unconfirmed.length ? ` · ${T.toConfirm(view.unconfirmed.length)}` : ""}</p>
    <div class="sides"><section><h4>${T.situation}</h4><ul>${worstFirst(view.alerts).map((alert) => html`<li key=${alert.alert_id} class="alert-line" data-severity=${alert.severity}><${Severity} severity=${alert.severity} /> ${alert.says || alert.rule}</li>`)}
        ${view.alerts.length === 0 && html`<li class="quiet">${T.nothing}</li>`}</ul>
      <h4>${T.background}</h4><ul>${view.baseline_deficits.length > 0 && html`<li>${T.baseline(view.baseline_deficits.map(fieldName).join(", "))}</li>`}${overrides.map((/** @type {any} */ each) => html`<li key=${each.override}>${T.override(titleOfGuard(each.guard, file), each.by, each.reason)}</li>`)}
        ${overrides.length + view.baseline_deficits.length === 0 && html`<li class="quiet">${T.nothing}</li>`}</ul></section>
      <section><h4>${T.assessment}</h4><ul>${sets.length > 0 && html`<li>${T.sets(sets.length, clockTime(sets.at(-1).occurred_at))}</li>`}
        ${changed.slice(-CHANGED_SHOWN).map(line)}
        ${sets.length + changed.length === 0 && html`<li class="quiet">${T.nothing}</li>`}</ul>
        ${changed.length > CHANGED_SHOWN && html`<details><summary>${T.earlierEntries(changed.length - CHANGED_SHOWN)}</summary><ul>${changed.slice(0, -CHANGED_SHOWN).map(line)}</ul></details>`}
      <h4>${T.recommendation}</h4><ul>${soonestFirst(view.checks).map((check) => html`<li key=${check.check}>${titleOfCheck(check.check, file)} ${clockTime(check.due_at)} <${Countdown} due=${check.due_at} /></li>`)}
        ${view.checks.length === 0 && html`<li class="quiet">${T.nothing}</li>`}</ul></section></div>
    ${backs.length ? html`<p class="read-back">✓ ${T.readBackDone(backs.at(-1).actor.id, clockTime(backs.at(-1).occurred_at))}</p>`
    : !note ? html`<p class="quiet">${T.noNote}</p>`
    : html`<button class="read-back" disabled=${busy} onClick=${readBack}>${T.readBack}</button>`}</article>`;
}
