// @ts-check
// Every entry of a day in the order of the log, to filter and to open.
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../markup.js";
import { summary, titleOf } from "../telling.js";
import { ROLES, word } from "../strings.js";
import { chosen, moment } from "./audit_day.js";
import { isLate } from "./audit_marks.js";
import { A } from "./audit_strings.js";
import { delay, exactTime } from "./desk_times.js";
import { useDrawn } from "./kept_drawn.js";

/** @typedef {import("./audit_day.js").OpenedDay} OpenedDay */
/** @typedef {keyof typeof A.filterKinds} KindShown */

const KINDS = /** @type {KindShown[]} */ (Object.keys(A.filterKinds));

/** Who it was, and how they were known. @param {any} actor */
export const whoOf = (actor) => (actor.role === "service" ? A.how.service : `${actor.id}, ${word(ROLES, actor.role)} (${word(A.how, actor.how)})`);

/** @param {any} entry */
export function saysOf(entry) {
  if (entry.withheld) return A.withheld;
  if (!entry.data) return A.erased;
  // A check in which nothing was found says so: no answer at all would look the same.
  const answers = Object.values(entry.data);
  return answers.length > 0 && answers.every((answer) => answer === false) ? A.allNo(answers.length) : summary(entry);
}

/** @param {any} entry */
export const nameOf = (entry) => (entry.type ? titleOf(entry) : A.erased);

/** Whether an entry was not on record yet at the moment looked at. @param {any} entry */
export const isUnknown = (entry) => entry.kind !== "access" && Date.parse(entry.rcv) > moment.value.known;

/** What is to be known of an entry beside what it says. @param {any} entry @param {OpenedDay} day @param {boolean} unknown @returns {string[]} */
export function remarksOf(entry, day, unknown) {
  const byId = (/** @type {string} */ id) => day.entries.find((each) => each.entry_id === id);
  const struck = day.struck.get(entry.entry_id);
  const late = entry.kind !== "access" && entry.occurred_at && isLate(entry);
  return [
    unknown ? A.notYet : "",
    late ? A.late : "",
    struck ? A.struckByNo(String(byId(struck.by)?.n ?? "")) : "",
    entry.corrects ? A.corrects(String(byId(entry.corrects)?.n ?? A.otherDay)) : "",
  ].filter(Boolean);
}

/** @param {any} entry @param {OpenedDay} day @param {{kind: KindShown, late: boolean, struck: boolean, text: string}} wanted */
function isWanted(entry, day, { kind, late, struck, text }) {
  if (kind === "all" ? entry.kind === "access" : entry.kind !== kind && (kind !== "fact" || entry.kind !== undefined)) return false;
  if (late && !(entry.occurred_at && entry.kind !== "access" && isLate(entry))) return false;
  if (struck && !day.struck.has(entry.entry_id)) return false;
  if (!text.trim()) return true;
  const said = [nameOf(entry), saysOf(entry), entry.actor?.id, entry.device?.id, entry.late_reason, entry.type, entry.data?.rule].join(" ").toLowerCase();
  return said.includes(text.trim().toLowerCase());
}

/** Scroll the chosen row into sight, within its box alone. @param {HTMLElement | null} around */
function bringIntoSight(around) {
  const row = /** @type {HTMLElement | null} */ (around?.querySelector("[aria-current]") ?? null);
  if (!around || !row) return;
  const [top, bottom] = [row.offsetTop - row.offsetHeight, row.offsetTop + row.offsetHeight];
  if (top < around.scrollTop) around.scrollTop = top;
  else if (bottom > around.scrollTop + around.clientHeight) around.scrollTop = bottom - around.clientHeight;
}

/** @param {{day: OpenedDay}} properties */
export function EntriesTable({ day }) {
  const [wanted, setWanted] = useState({ kind: /** @type {KindShown} */ ("all"), late: false, struck: false, text: "" });
  const shown = day.entries.filter((entry) => isWanted(entry, day, wanted));
  const drawn = useDrawn([day]);
  const row = (/** @type {any} */ entry) => {
    const [unknown, current] = [isUnknown(entry), chosen.value === entry.seq];
    return drawn(entry, `${unknown} ${current}`, () => html`<${Row} key=${entry.seq} day=${day} entry=${entry} unknown=${unknown} current=${current} />`);
  };
  const around = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => bringIntoSight(around.current), [chosen.value]);
  const box = (/** @type {"late" | "struck"} */ name, /** @type {string} */ label) => html`<label><input type="checkbox" id=${`only-${name}`} checked=${wanted[name]} onChange=${() => setWanted({ ...wanted, [name]: !wanted[name] })} /> ${label}</label>`;
  return html`<form class="filters" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <label>${A.filterKind} <select id="filter-kind" value=${wanted.kind} onChange=${(/** @type {any} */ event) => setWanted({ ...wanted, kind: event.target.value })}>${KINDS.map((kind) => html`<option value=${kind}>${A.filterKinds[kind]}</option>`)}</select></label>
      ${box("late", A.onlyLate)}${box("struck", A.onlyStruck)}
      <label>${A.search} <input id="filter-text" autocomplete="off" value=${wanted.text} onInput=${(/** @type {any} */ event) => setWanted({ ...wanted, text: event.target.value })} /></label>
      <span role="status" class="quiet">${A.shownOf(shown.length, day.entries.length)}</span></form>
    <div class="wide tall" ref=${around} tabindex="0" role="region" aria-label=${A.listOfEntries}><table id="entries"><thead><tr><th scope="col" class="number">${A.no}</th><th scope="col">${A.occurred}</th><th scope="col">${A.recorded}</th><th scope="col">${A.delay}</th><th scope="col">${A.what}</th><th scope="col">${A.who}</th><th scope="col">${A.device}</th><th scope="col">${A.marks}</th></tr></thead>
      <tbody>${shown.map(row)}</tbody></table></div>`;
}

/** @param {{day: OpenedDay, entry: any, unknown: boolean, current: boolean}} properties */
function Row({ day, entry, unknown, current }) {
  const late = entry.occurred_at && entry.kind !== "access" && isLate(entry);
  const date = day.view.date;
  const open = () => { chosen.value = entry.seq; };
  return html`<tr data-seq=${entry.seq} data-n=${entry.n} data-type=${entry.type} data-late=${String(Boolean(late))} data-known=${unknown ? "not-yet" : "yes"} data-struck=${String(day.struck.has(entry.entry_id))} aria-current=${current ? "true" : undefined}>
    <td class="number"><button class="plain" data-open=${entry.seq} aria-label=${A.entry(entry.n)} onClick=${open}>${entry.n}</button></td>
    <td>${entry.occurred_at ? exactTime(entry.occurred_at, date) : ""}</td><td>${exactTime(entry.rcv, date)}</td><td>${late ? delay(Date.parse(entry.rcv) - Date.parse(entry.occurred_at)) : ""}</td>
    <td><b>${nameOf(entry)}</b> ${entry.type ? saysOf(entry) : ""}</td><td>${entry.actor ? whoOf(entry.actor) : ""}</td><td>${entry.device?.id ?? ""}</td><td>${remarksOf(entry, day, unknown).join(", ")}</td></tr>`;
}
