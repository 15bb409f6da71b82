// @ts-check
// A fact that was charted for the wrong patient: it is struck here and entered there, in one.
import { useState } from "preact/hooks";
import { reasonsOf, record } from "./charting.js";
import { nameOf } from "./kept.js";
import { html } from "./markup.js";
import { fileOf, titleOfState } from "./protocol.js";
import { StopButton } from "./stop.js";
import { T } from "./strings.js";
import { summary, titleOf } from "./telling.js";
import { clockTime } from "./times.js";
import { back, entries, go, reachable, rows } from "./ward_state.js";

/** @param {{day: any, entry: string}} properties */
export function MovePanel({ day, entry }) {
  const [to, setTo] = useState(/** @type {any} */ (null));
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const fact = entries.value.find((each) => each.entry_id === entry);
  if (!fact) return html`<main class="in-flow"><p>${T.loading}</p></main>`;
  const others = rows.value.filter((row) => row.day_id !== day.day_id);
  const what = `${titleOf(fact)} ${summary(fact)}`.trim();
  const move = async () => {
    setBusy(true);
    const moved = { type: fact.type, data: fact.data, occurred_at: fact.occurred_at, corrects: entry, late_reason: why || T.wrongPatientReason };
    const answer = await record(to.day_id, moved, { title: what });
    setBusy(false);
    if (answer.ok) go(to.day_id);
    else setProblem(answer.problem ?? { detail: T.unreachable });
  };
  return html`<main class="fact-form" aria-labelledby="move-title"><h2 id="move-title">${T.wrongPatient}</h2>
    <p class="before"><s>${clockTime(fact.occurred_at)} ${what}</s></p>
    <p>${T.moveWhere}</p>
    <div class="options beds-options">${others.map((row) => html`<button class="choice" key=${row.day_id} data-to=${row.day_id} aria-pressed=${to?.day_id === row.day_id} onClick=${() => setTo(row)}>
      ${nameOf(row)}, ${row.chair ? T.chair(row.chair) : T.noChair}<small>${titleOfState(row.state, fileOf(row) ?? null)}</small></button>`)}</div>
    <label class="why-late">${T.lateReason} <input id="move-why" value=${why} onInput=${(/** @type {any} */ event) => setWhy(event.target.value)} /></label>
    ${to && html`<p class="note">${T.movesTo(what, nameOf(to))}</p>`}
    ${problem && html`<ul class="error" role="alert">${reasonsOf(problem).map((reason) => html`<li>${reason}</li>`)}</ul>`}
    <div class="bottom-bar"><button class="plain" onClick=${back}>‹ ${T.cancel}</button>
      <button class="primary big" id="move" disabled=${busy || !to || !reachable.value} onClick=${move}>${T.moveIt}</button><${StopButton} day=${day} /></div></main>`;
}
