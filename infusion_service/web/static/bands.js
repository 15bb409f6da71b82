// @ts-check
// What a scan came to, across the whole page: whose band it was, and whether that is the patient whose day is open. A
// scanner's own beep only means that it has read something; these sounds and this band say what.
import { signal } from "@preact/signals";
import { nameOf } from "./kept.js";
import { html } from "./markup.js";
import { meant } from "./protocol.js";
import { person } from "./people.js";
import { takeCodes } from "./scanner.js";
import { badgeRead } from "./sign_in.js";
import { playScan } from "./sound.js";
import { T } from "./strings.js";
import { enrol, enrolled, entries, go, mayPost, place, refresh, rows, view } from "./ward_state.js";

/** @typedef {import("./codes.js").Code} Code */

const GREEN_MS = 8000;
const SHOWN_CHARACTERS = 24;
const LAST_OF_BAND = 4;

/** The last scan, for all to see where it was made. */
export const scanned = signal(/** @type {{kind: "right" | "wrong" | "told", text: string, day?: string, on: string | null} | null} */ (null));

/** @param {"right" | "wrong" | "told"} kind @param {string} text @param {string} [day] another day that it belongs to */
export function tell(kind, text, day) {
  const said = { kind, text, day, on: place.value.day };
  scanned.value = said;
  if (kind !== "told") playScan(kind);
  if (kind !== "wrong") setTimeout(() => { if (scanned.value === said) scanned.value = null; }, GREEN_MS);
}

/** Whether a band is this patient's: it carries the pseudonym or one of the identifiers of the scheduling. @param {any} day a view or a tile @param {string} band */
const isOf = (day, band) => day.patient.id === band || Boolean(day.patient.identifiers?.some((/** @type {any} */ each) => each.value === band));

/** @param {any} row */
const called = (row) => `${person.value ? nameOf(row) : row.patient.initials || row.patient.id}, ${row.chair ? T.chair(row.chair) : T.noChair}`;

/** Hold a band against the open day, in the sight of everybody; says whether it is the right one. @param {string} band */
export function compareBand(band) {
  const day = view.value;
  if (isOf(day, band)) {
    tell("right", T.bandRight(called(day)));
    return true;
  }
  const other = rows.value.find((row) => isOf(row, band));
  // With nobody signed in a tablet knows patients by initials only, and no number of theirs.
  if (!other && !person.value) tell("told", T.bandLocked(band.slice(-LAST_OF_BAND)));
  else tell("wrong", T.bandWrong(other ? called(other) : T.bandNobody(band.slice(-LAST_OF_BAND)), called(day)), other?.day_id);
  return false;
}

/** @param {string} band */
function readBand(band) {
  if (place.value.day !== null && view.value) {
    compareBand(band);
    return;
  }
  const row = rows.value.find((each) => isOf(each, band));
  if (!row) {
    tell(person.value ? "wrong" : "told", person.value ? T.bandNotHere(T.bandNobody(band.slice(-LAST_OF_BAND))) : T.bandLocked(band.slice(-LAST_OF_BAND)));
    return;
  }
  go(row.day_id);
  tell("right", T.bandOpens(called(row)));
}

/** A bag label outside its form: is it the bag of the open day? @param {Extract<Code, {kind: "bag"}>} label */
function readLabel(label) {
  const day = view.value;
  if (place.value.day === null || !day) {
    tell("told", T.labelNoDay(T.label(label)));
    return;
  }
  if (label.patient && !compareBand(label.patient)) return;
  const made = meant("bag_prepared");
  const step = day.allowed.find((/** @type {any} */ row) => row.type === made);
  if (day.bag?.batch && label.batch) tell(day.bag.batch === label.batch ? "right" : "wrong", day.bag.batch === label.batch ? T.labelRight(label.batch) : T.labelWrong(label.batch, day.bag.batch));
  else if (!place.value.panel && made && step && !step.blocked_by.length && mayPost(step.by, person.value?.role)) go(day.day_id, { kind: "fact", type: made, label });
  else tell("told", T.labelHere(T.label(label)));
}

/** What every code does that no form waits for. @param {Code} code */
function read(code) {
  switch (code.kind) {
    case "badge":
      badgeRead.value = { code: code.code };
      break;
    case "patient":
      readBand(code.id);
      break;
    case "bag":
      readLabel(code);
      break;
    case "device":
      if (enrolled.value === false) enrol(code.token).then((done) => (done ? refresh() : tell("wrong", T.unknownToken)));
      else tell("told", T.scanDevice);
      break;
    default:
      tell("told", T.scanOther[code.kind](code.text.slice(0, SHOWN_CHARACTERS)));
  }
  return true;
}

/** The entry of the bag that a label names, to be chosen where a bag is asked for. @param {string | undefined} batch */
export const bagOf = (batch) => entries.value.findLast((entry) => entry.kind === "fact" && entry.type === meant("bag_prepared") && entry.data.batch === batch && batch);

export const startReadingCodes = () => takeCodes(read);

/** What was scanned, over the full width; red stays until somebody has read it. */
export function ScanBand() {
  const said = scanned.value;
  if (!said || said.on !== place.value.day) return null;
  return html`<section class="scan" data-kind=${said.kind} role=${said.kind === "wrong" ? "alert" : "status"}><p>${said.text}</p>
    ${said.day && html`<button onClick=${() => go(/** @type {string} */ (said.day))}>${T.openTheirDay}</button>`}
    <button class="plain" id="scan-close" onClick=${() => { scanned.value = null; }}>${T.understood}</button></section>`;
}
