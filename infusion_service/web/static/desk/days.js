// @ts-check
// Finding a day: by date, ward and state, the newest first; or by whose it is. Who a patient is goes into the body of
// the question, never into an address.
import { useEffect, useState } from "preact/hooks";
import { html } from "../markup.js";
import { fileOf, learnFile, nameOfFile, titleOfState } from "../protocol.js";
import { shownDate } from "../times.js";
import { A } from "./audit_strings.js";
import { Refusal } from "./frame.js";
import { askDesk, sendDesk } from "./service.js";
import { F } from "./strings.js";
import { addressOf } from "./where.js";

/** @typedef {import("./service.js").Answer} Answer */
/** @typedef {{patient: string, family: string, ward: string, state: string, from: string, to: string, open: boolean}} Sought */

const ROWS = 50;
/** @type {Sought} */
const ANY = { patient: "", family: "", ward: "", state: "", from: "", to: "", open: false };

/** What was looked for when a day was opened, so that Back finds the list as it was. @type {{sought: Sought, pages: string[]}} */
let left = { sought: ANY, pages: [] };

/** @param {Record<string, string>} asked */
const given = (asked) => Object.fromEntries(Object.entries(asked).filter(([, said]) => said.trim() !== "").map(([name, said]) => [name, said.trim()]));

/** Whether somebody's days are looked for, and not all of a date. @param {Sought} sought */
const isWhose = ({ patient, family }) => Boolean(patient.trim() || family.trim());

/** One page. @param {Sought} sought @param {string} after @returns {Promise<Answer>} */
function ask(sought, after) {
  const { patient, family, ward, state, from, to, open } = sought;
  if (isWhose(sought)) return sendDesk("/v1/audit/days", given({ patient, family, ward, from, to, after }));
  const query = new URLSearchParams({ ...given({ ward, state, date: from, after }), newest: "true", limit: String(ROWS), ...(open ? { open: "true" } : {}) });
  return askDesk(`/v1/days?${query}`);
}

/** The workflows there are, so that states have their names. */
async function learnWorkflows() {
  const listed = await askDesk("/v1/workflows");
  if (listed.status !== 200) return [];
  const files = await Promise.all(listed.body.workflows.map((/** @type {any} */ each) => askDesk(`/v1/workflows/${nameOfFile(each)}`)));
  return files.filter((file) => file.status === 200).map((file) => (learnFile(file.body), file.body));
}

export function Days() {
  const [sought, setSought] = useState(left.sought);
  const [asked, setAsked] = useState(left);
  const [answer, setAnswer] = useState(/** @type {Answer | null} */ (null));
  const [files, setFiles] = useState(/** @type {any[]} */ ([]));
  useEffect(() => void learnWorkflows().then(setFiles), []);
  useEffect(() => {
    let dropped = false;
    left = asked;
    ask(asked.sought, asked.pages.at(-1) ?? "").then((found) => { if (!dropped) setAnswer(found); });
    return () => { dropped = true; };
  }, [asked]);
  const states = Object.fromEntries(files.flatMap((file) => Object.keys(file.states).map((state) => [state, titleOfState(state, file)])));
  return html`<main><h2>${A.findTitle}</h2><${Search} sought=${sought} states=${states} onChange=${setSought} onFind=${() => setAsked({ sought, pages: [] })} onAll=${() => { setSought(ANY); setAsked({ sought: ANY, pages: [] }); }} />
    ${answer === null ? html`<p>${F.loading}</p>` : html`<${Refusal} answer=${answer} /><${Found} answer=${answer} asked=${asked} onPage=${(/** @type {string[]} */ pages) => setAsked({ ...asked, pages })} states=${states} />`}</main>`;
}

/** @param {{sought: Sought, states: Record<string, string>, onChange: (sought: Sought) => void, onFind: () => void, onAll: () => void}} properties */
function Search({ sought, states, onChange, onFind, onAll }) {
  const whose = isWhose(sought);
  const field = (/** @type {"patient" | "family" | "ward" | "from" | "to"} */ name) => ({ id: `find-${name}`, autocomplete: "off", value: sought[name], onInput: (/** @type {any} */ event) => onChange({ ...sought, [name]: event.target.value }) });
  const find = (/** @type {Event} */ event) => {
    event.preventDefault();
    onFind();
  };
  return html`<form class="find" onSubmit=${find}>
    <label>${A.patientId} <input ...${field("patient")} /></label><label>${A.family} <input ...${field("family")} /></label>
    <label>${A.ward} <input ...${field("ward")} /></label>
    <label>${whose ? A.from : A.date} <input type="date" ...${field("from")} /></label>
    ${whose ? html`<label>${A.to} <input type="date" ...${field("to")} /></label>` : html`<label>${A.state} <select id="find-state" value=${sought.state} onChange=${(/** @type {any} */ event) => onChange({ ...sought, state: event.target.value })}><option value="">${A.anyState}</option>${Object.entries(states).map(([state, title]) => html`<option value=${state}>${title}</option>`)}</select></label>
      <label><input type="checkbox" id="find-open" checked=${sought.open} onChange=${() => onChange({ ...sought, open: !sought.open })} /> ${A.openOnly}</label>`}
    <button class="primary" id="find">${A.find}</button> <button type="button" id="find-all" onClick=${onAll}>${A.anew}</button>
    <small>${A.noName}</small></form>`;
}

/** @param {{answer: Answer, asked: {sought: Sought, pages: string[]}, states: Record<string, string>, onPage: (pages: string[]) => void}} properties */
function Found({ answer, asked, states, onPage }) {
  if (answer.status !== 200) return null;
  const { days, next } = answer.body;
  const { pages } = asked;
  // A search goes from the oldest day on; the newest of what was found stands on top.
  const shown = isWhose(asked.sought) ? [...days].reverse() : days;
  return html`<p role="status" class="quiet" id="found">${A.searched(days.length, Boolean(next))}${pages.length > 0 ? `. ${A.page(pages.length + 1)}` : ""}</p>
    ${days.length === 0 ? html`<p>${A.noneSuch}</p>` : html`<div class="wide"><table id="days"><thead><tr><th>${A.date}</th><th>${A.ward}</th><th>${A.chair}</th><th>${A.patient}</th><th>${A.course}</th><th>${A.state}</th></tr></thead>
      <tbody>${shown.map((/** @type {any} */ day) => html`<tr key=${day.day_id} data-day=${day.day_id}><td><a href=${addressOf("day", [day.day_id])}>${day.date ? shownDate(day.date) : A.noDate}</a></td><td>${day.ward}</td><td>${day.chair ?? ""}</td>
        <td>${[day.patient.family?.toUpperCase(), day.patient.given].filter(Boolean).join(", ")} <span class="quiet">${day.patient.id}</span></td><td>${day.course ? A.courseDay(day.course, day.day) : ""}</td>
        <td>${day.state ? states[day.state] ?? titleOfState(day.state, fileOf(day)) : ""}</td></tr>`)}</tbody></table></div>`}
    <p class="pages">${pages.length > 0 && html`<button id="first-page" onClick=${() => onPage([])}>${A.first}</button><button id="page-before" onClick=${() => onPage(pages.slice(0, -1))}>${A.before}</button>`}
      ${next && html`<button id="next-page" onClick=${() => onPage([...pages, next])}>${A.more}</button>`}</p>`;
}
