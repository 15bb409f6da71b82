// @ts-check
// The questions across days, asked stretch by stretch, and who read one patient's days.
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../markup.js";
import { T, word } from "../strings.js";
import { clockTime, localDate, shownDate, toUtc, zone } from "../times.js";
import { E } from "./evidence_strings.js";
import { Refusal } from "./frame.js";
import { sendDesk } from "./service.js";

/** @typedef {import("./service.js").Answer} Answer */
/** @typedef {{rows: any[], at: number, size: number, running: boolean, cut: "" | "stopped" | "many", refusal: Answer | null}} Found */
/** @typedef {{since?: string, until?: string, patient?: string}} About */

const NAMES = /** @type {(keyof typeof E.questionsNamed)[]} */ (Object.keys(E.questionsNamed));
const ROWS_SHOWN_MAX = 2000;
const TIMES = new Set(["received_at", "occurred_at"]);
const NUMBERS = new Set(["seq", "minutes", "acknowledged_min", "answered_min", "closed_min"]);

/** @returns {Found} */
const nothingYet = () => ({ rows: [], at: 0, size: 0, running: true, cut: "", refusal: null });

/** Asks one question to its end, or until it is dropped, telling what was found so far. @param {string} question @param {About} about @param {(found: Found) => void} tell @param {{dropped: boolean}} asking */
async function askThrough(question, about, tell, asking) {
  let found = nothingYet();
  let more = true;
  while (more && !asking.dropped) {
    const answer = await sendDesk(`/v1/audit/${question}`, { ...about, after: found.at });
    if (asking.dropped) return;
    if (answer.status !== 200) {
      tell({ ...found, running: false, refusal: answer });
      return;
    }
    more = answer.body.more;
    found = { ...found, rows: [...found.rows, ...answer.body.rows], at: more ? answer.body.next_after : answer.body.log_size, size: answer.body.log_size };
    if (more && found.rows.length > ROWS_SHOWN_MAX) {
      tell({ ...found, running: false, cut: "many" });
      return;
    }
    tell({ ...found, running: more });
  }
}

/** One question at a time; asking another drops the first. @returns {[Found | null, (question: string, about: About) => void, () => void]} */
function useAsking() {
  const [found, setFound] = useState(/** @type {Found | null} */ (null));
  const asking = useRef({ dropped: false });
  useEffect(() => () => { asking.current.dropped = true; }, []);
  const ask = (/** @type {string} */ question, /** @type {About} */ about) => {
    asking.current.dropped = true;
    asking.current = { dropped: false };
    setFound(nothingYet());
    void askThrough(question, about, setFound, asking.current);
  };
  const stop = () => {
    asking.current.dropped = true;
    setFound((now) => now && { ...now, running: false, cut: "stopped" });
  };
  return [found, ask, stop];
}

/** The zone of all times shown here. */
const zoneName = () => zone.value ?? Intl.DateTimeFormat().resolvedOptions().timeZone;

/** @param {{openDay: (day: string, seq?: number) => void}} properties */
export function Questions({ openDay }) {
  const [question, setQuestion] = useState(NAMES[0]);
  const [asked, setAsked] = useState(NAMES[0]);
  const [about, setAbout] = useState({ since: "", until: "", patient: "" });
  const [found, ask, stop] = useAsking();
  const enter = (/** @type {Event} */ event) => {
    event.preventDefault();
    setAsked(question);
    ask(question, {
      ...(about.since && { since: toUtc(about.since) }), ...(about.until && { until: toUtc(about.until) }), ...(about.patient.trim() && { patient: about.patient.trim() }),
    });
  };
  const field = (/** @type {keyof typeof about} */ name) => ({ value: about[name], onInput: (/** @type {any} */ event) => setAbout({ ...about, [name]: event.target.value }) });
  return html`<section class="questions" aria-label=${E.questions}><h2>${E.questions}</h2>
    <form onSubmit=${enter}>
      <label>${E.question} <select id="question" value=${question} onChange=${(/** @type {any} */ event) => setQuestion(event.target.value)}>${NAMES.map((name) => html`<option value=${name}>${E.questionsNamed[name]}</option>`)}</select></label>
      <label>${E.since} <input id="since" type="datetime-local" ...${field("since")} /></label>
      <label>${E.until} <input id="until" type="datetime-local" ...${field("until")} /></label>
      <label>${E.patient} <input id="patient-asked" autocomplete="off" placeholder=${E.patientAny} ...${field("patient")} /></label>
      <button class="primary" id="ask">${E.ask}</button>
      ${found?.running && html`<button type="button" onClick=${stop}>${E.stop}</button>`}
    </form>
    ${found ? html`<${Rows} found=${found} question=${asked} openDay=${openDay} />` : html`<p class="quiet">${E.notAsked}</p>`}</section>`;
}

/** Who read a patient's days, or the whole log since it knows them. @param {{patient: string, day?: string, openDay: (day: string, seq?: number) => void}} properties with `day`: readings of that day alone, and of the log */
export function AccessList({ patient, day = undefined, openDay }) {
  const [found, ask, stop] = useAsking();
  useEffect(stop, [patient, day]);
  const mine = found && { ...found, rows: found.rows.filter((row) => !day || !row.day || row.day === day) };
  return html`<section class="access" aria-label=${E.accessTitle}><h3>${E.accessTitle}</h3>
    <p class="quiet">${E.accessOf(patient)}</p>
    <p><button id="show-access" disabled=${found?.running} onClick=${() => ask("reads", { patient })}>${found?.running ? E.asking : E.showAccess}</button></p>
    ${mine && mine.cut !== "stopped" && html`<${Rows} found=${mine} question="reads" openDay=${openDay} />`}</section>`;
}

/** @param {{found: Found, question: keyof typeof E.questionsNamed, openDay: (day: string, seq?: number) => void}} properties */
function Rows({ found, question, openDay }) {
  const { rows, running } = found;
  const columns = rows.length === 0 ? [] : Object.keys(rows[0]).filter((name) => name !== "day" && (NUMBERS.has(name) || rows.some((row) => row[name] !== null && String(row[name]) !== "")));
  return html`<${Refusal} answer=${found.refusal} />
    <p role="status" id="looked" data-running=${String(running)}>${running ? `${E.asking} ` : ""}${E.found(rows.length)}${found.size > 0 ? `, ${E.looked(found.at, found.size)}; ${T.zone(zoneName())}` : ""}</p>
    ${found.cut && html`<p>${found.cut === "many" ? E.cut(ROWS_SHOWN_MAX) : E.stopped}</p>`}
    ${rows.length > 0 && html`<div class="wide"><table id="rows" data-question=${question}><thead><tr>${columns.map((name) => html`<th class=${NUMBERS.has(name) ? "number" : ""}>${E.columns[/** @type {keyof typeof E.columns} */ (name)] ?? name}</th>`)}<td></td></tr></thead>
      <tbody>${rows.map((row) => html`<tr key=${row.seq} data-seq=${row.seq}>${columns.map((name) => html`<td class=${NUMBERS.has(name) ? "number" : TIMES.has(name) || name === "date" ? "time" : ""}>${shownAs(name, row[name])}</td>`)}
        <td>${row.day && html`<button class="plain" data-day=${row.day} onClick=${() => openDay(row.day, row.seq)}>${E.openDay}</button>`}</td></tr>`)}</tbody></table></div>`}
    ${rows.length === 0 && !running && !found.refusal && html`<p class="quiet">${E.nothing}</p>`}`;
}

/** @param {string} name @param {any} value */
function shownAs(name, value) {
  if (value === null || value === "" || (Array.isArray(value) && value.length === 0)) return T.unknown;
  if (TIMES.has(name)) return `${shownDate(localDate(Date.parse(value)))} ${clockTime(value)}`;
  if (name === "date") return shownDate(value);
  if (name === "type") return E.readTypes[/** @type {keyof typeof E.readTypes} */ (value)] ?? html`<code>${value}</code>`;
  return Array.isArray(value) ? value.map((each) => word({}, each)).join(", ") : value;
}
