// @ts-check
// The chart of a day: the marks of the printed record, at the moment looked at. What had happened by then and was not on
// record is drawn as not yet known; what lay ahead is veiled. The table below it says the same in words.
import { useMemo, useState } from "preact/hooks";
import { html } from "../markup.js";
import { SCORES, SIGNS, fieldName, unitOf, word } from "../strings.js";
import { titleOfCheck, titleOfState } from "../protocol.js";
import { clockTime } from "../times.js";
import { chosen, moment } from "./audit_day.js";
import { bagsOf, phasesOf, scoresOf, volumesOf } from "./audit_lanes.js";
import { LEFT, RIGHT, hoursOf, layoutOf, xOf } from "./audit_layout.js";
import { attributesOf } from "./audit_marks.js";
import { A } from "./audit_strings.js";
import { exactTime } from "./desk_times.js";
import { useDrawn } from "./kept_drawn.js";
import { crossed } from "./mark_shapes.js";

const PHASE = 28;
const FOOT = 26;
const HIT_PX = 12;
const ROOM_PX = 64;

/** @typedef {import("./audit_day.js").OpenedDay} OpenedDay */
/** @typedef {import("./audit_marks.js").Mark} Mark */
/** @typedef {import("./audit_layout.js").Axis} Axis */

/** @type {(name: string) => [string, string]} */
const signWords = (name) => [name in SIGNS ? word(SIGNS, name) : fieldName(name), unitOf(name)];

/** What a mark stands for. @param {Mark} mark */
function nameOf(mark) {
  if (mark.kind === "alert") return `${A.kinds.alert}: ${word({}, mark.severity)}`;
  if (mark.check) return `${word(A.kinds, mark.kind)}: ${titleOfCheck(mark.check)}`;
  if (mark.kind === "unrecordable") return `${fieldName(mark.sign)} ${A.kinds.unrecordable}`;
  return mark.kind in A.kinds ? word(A.kinds, mark.kind) : fieldName(mark.sign);
}

/** @param {Mark} mark */
function valueOf(mark) {
  if (mark.kind === "rate") return `${mark.value} ${A.strips.rateUnit}`;
  if (mark.kind === "check-missed") return A.missed(mark.value);
  if (mark.kind === "alert" || mark.kind === "symptom") return word({}, mark.value);
  return [mark.value, mark.value && mark.sign ? unitOf(mark.sign) : ""].filter(Boolean).join(" ");
}

/** Whether something had happened by the moment looked at and was not on record. @param {Mark} mark */
const isGhost = (mark) => mark.happened <= moment.value.at && mark.known > moment.value.known;

/** Whether something had not happened yet at the moment looked at. @param {Mark} mark */
const isAhead = (mark) => mark.happened > moment.value.at;

/** Whether a mark is struck, as it was known then. @param {Mark} mark @param {OpenedDay} day */
const struckThen = (mark, day) => mark.struck && (day.struck.get(mark.entry)?.at ?? 0) <= moment.value.known;

/** @typedef {{ghost: boolean, ahead: boolean, struck: boolean}} How a mark stands to the moment looked at */

/** @param {Mark} mark @param {OpenedDay} day @returns {How} */
const howOf = (mark, day) => ({ ghost: isGhost(mark), ahead: isAhead(mark), struck: struckThen(mark, day) });

/** What is said of a mark beside its value. @param {Mark} mark @param {How} how @returns {string[]} */
const remarks = (mark, how) => [how.ahead && A.ahead, how.ghost && A.notYet, mark.late && A.late, how.struck && A.struck, mark.doubt && A.doubt[/** @type {keyof typeof A.doubt} */ (mark.doubt)]].filter((said) => typeof said === "string" && said !== "");

/** @param {{day: OpenedDay, marks: Mark[], axis: Axis, width: number}} properties */
export function AuditChart({ day, marks, axis, width }) {
  const places = useMemo(() => new Map(day.entries.map((entry) => [entry.entry_id, entry])), [day]);
  // Where things lie changes with the day and the window, not with the moment: a play draws ten times a second.
  const { strips, height, volume, beyond } = useMemo(() => {
    const numberOf = (/** @type {string} */ id) => String(places.get(id)?.n ?? "");
    const volumes = volumesOf(day.view.dose.segments, Math.min(axis.last, Date.parse(day.view.as_of)));
    const words = { sign: signWords, check: (/** @type {string} */ name) => titleOfCheck(name), score: (/** @type {string} */ name) => word(SCORES, name), ...A.strips };
    const [scores, bags] = [scoresOf(day.entries, day.view, day.file), bagsOf(day.entries, day.view, day.file)];
    return layoutOf({ marks, axis, file: day.file, width, numberOf, volumes, scores, bags, words });
  }, [day, marks, axis, width]);
  const x = (/** @type {number} */ at) => xOf(axis, width, at);
  const { at, known } = moment.value;
  const whole = PHASE + height + FOOT;
  const ghosts = marks.filter(isGhost).length;
  const drawn = useDrawn([day, strips]);
  /** @param {import("./audit_layout.js").Placed} placed */
  const draw = (placed) => {
    const { mark } = placed;
    const how = howOf(mark, day);
    return drawn(placed, Object.values(how).join(), () => html`<${OneMark} key=${`${mark.kind} ${mark.entry} ${mark.sign} ${mark.check} ${mark.at}`} day=${day} placed=${placed} how=${how} onOpen=${open} />`);
  };
  const open = (/** @type {Mark} */ mark) => { chosen.value = places.get(mark.entry)?.seq ?? null; };
  return html`<figure class="day-chart" id="day-chart"><svg width=${width} height=${whole} role="img" aria-label=${A.chartLabel(marks.length, ghosts)}>
    <defs><pattern id="stood" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="6" class="hatch" /></pattern></defs>
    ${hoursOf(axis, width).map((hour) => html`<g key=${hour}><line class="grid" x1=${x(hour)} x2=${x(hour)} y1=${PHASE} y2=${whole - FOOT} /><text class="hour" x=${x(hour)} y=${whole - 6}>${clockTime(hour)}</text></g>`)}
    <${Phases} day=${day} axis=${axis} width=${width} />
    <g transform=${`translate(0 ${PHASE})`}>
      ${strips.map((strip) => html`<g key=${strip.name} data-strip=${strip.name}>
        ${strip.framed && html`<rect class="frame" x=${LEFT} y=${strip.top} width=${width - LEFT - RIGHT} height=${strip.height} />`}
        <text class="title" x="0" y=${strip.top + (strip.framed ? 14 : strip.height / 2 + 6)}>${strip.title}</text>
        ${strip.unit && html`<text class="unit" x="0" y=${strip.top + 33}>${strip.unit}</text>`}
        ${strip.levels.map((level) => html`<line class="grid" x1=${LEFT} x2=${width - RIGHT} y1=${level.y} y2=${level.y} /><text class="level" x=${LEFT - 4} y=${Math.min(strip.top + strip.height, Math.max(strip.top + 12, level.y + 5))}>${level.text}</text>`)}
        ${strip.lines.map((points) => html`<polyline class="line" points=${points} />`)}
        ${strip.name === "rate" && html`<polyline class="volume" points=${volume} />`}
        ${strip.told.map((told) => html`<${Said} key=${told.said.entry} told=${told} />`)}
        ${strip.placed.map(draw)}</g>`)}
    </g>
    <rect class="veil" x=${x(at)} y="0" width=${Math.max(0, width - RIGHT - x(at))} height=${whole - FOOT} />
    ${known !== at && html`<line class="known-line" x1=${x(known)} x2=${x(known)} y1="0" y2=${whole - FOOT} />`}
    <line class="at-line" x1=${x(at)} x2=${x(at)} y1="0" y2=${whole - FOOT} />
  </svg><figcaption>${A.chartKey}${beyond > 0 && ` ${A.beyond(beyond)}`}</figcaption></figure>`;
}

/** @param {{told: import("./audit_layout.js").Strip["told"][number]}} properties */
function Said({ told: { said, x, width, y } }) {
  const { at, known } = moment.value;
  const how = said.at > at ? "ahead" : said.known > known ? "ghost" : "";
  return html`<g class=${`said ${how}`} data-said=${said.entry}>${width > 0 && html`<rect x=${x} y=${y - 10} width=${width} height="20" />`}
    <text class=${width > 0 ? "" : "score"} x=${width > 0 ? x + 6 : x} y=${y + 6}>${width > 0 && width < ROOM_PX ? "" : said.text}</text></g>`;
}

/** @param {{day: OpenedDay, axis: Axis, width: number}} properties */
function Phases({ day, axis, width }) {
  const x = (/** @type {number} */ at) => xOf(axis, width, at);
  const phases = phasesOf(day.entries, axis.last).filter((phase) => phase.until > axis.first);
  return html`<g class="phases"><text class="title" x="0" y="18">${A.strips.phases}</text>${phases.map((phase) => {
    const [from, until] = [x(phase.from), x(phase.until)];
    return html`<g key=${phase.from} data-phase=${phase.state}><title>${`${titleOfState(phase.state)} ${exactTime(phase.from)}`}</title><rect x=${from} y="2" width=${Math.max(1, until - from)} height=${PHASE - 8} />
      ${until - from >= ROOM_PX && html`<text x=${from + 5} y="18">${short(titleOfState(phase.state), until - from)}</text>`}</g>`;
  })}</g>`;
}

/** @param {string} text @param {number} room in pixels */
const short = (text, room) => (text.length * 8.5 <= room - 8 ? text : `${text.slice(0, Math.max(1, Math.floor((room - 16) / 8.5)))}…`);

/** @param {{day: OpenedDay, placed: import("./audit_layout.js").Placed, how: How, onOpen: (mark: Mark) => void}} properties */
function OneMark({ day, placed, how, onOpen }) {
  const { mark, path, x, y } = placed;
  const { ghost, ahead, struck: now } = how;
  const band = mark.kind === "rate" || mark.kind === "pause";
  return html`<g class=${`mark${ghost ? " ghost" : ""}${ahead ? " ahead" : ""}${now ? " struck" : ""}`} ...${attributesOf({ ...mark, struck: now })} data-known=${ghost ? "not-yet" : "yes"} onClick=${() => onOpen(mark)}>
    <title>${[exactTime(mark.at, day.view.date), nameOf(mark), valueOf(mark), ...remarks(mark, how)].filter(Boolean).join(", ")}</title>
    ${path && html`<path d=${path} />`}
    ${placed.letter && html`<text class="letter" x=${x} y=${y + 5.5}>${placed.letter}</text>`}
    ${placed.label && html`<text class="label" x=${placed.labelX} y=${placed.labelY}>${placed.label}</text>`}
    ${mark.doubt && html`<text class="label" x=${x + 7} y=${y - 4}>?</text>`}
    ${now && html`<path class="crossing" d=${crossed(x, y)} />`}
    ${!band && html`<circle class="hit" cx=${x} cy=${y} r=${HIT_PX} />`}</g>`;
}

/** The chart in words. @param {{day: OpenedDay, marks: Mark[]}} properties */
export function ChartTable({ day, marks }) {
  const places = new Map(day.entries.map((entry) => [entry.entry_id, entry]));
  const { column } = A;
  const [open, setOpen] = useState(false);
  const shown = open ? [...marks].sort((one, other) => one.at - other.at) : [];
  return html`<details class="chart-table" onToggle=${(/** @type {any} */ event) => setOpen(event.target.open)}><summary>${A.table}</summary><div class="wide" tabindex="0" role="region" aria-label=${A.table}><table id="chart-table"><thead><tr><th>${column.at}</th><th>${column.what}</th><th>${column.value}</th><th>${column.known}</th><th>${column.marks}</th><th>${column.entry}</th></tr></thead>
    <tbody>${shown.map((mark) => html`<tr data-kind=${mark.kind}><td>${exactTime(mark.at, day.view.date)}${mark.until ? ` ${A.until(exactTime(mark.until, day.view.date))}` : ""}</td><td>${nameOf(mark)}</td><td>${valueOf(mark)}</td><td>${exactTime(mark.known, day.view.date)}</td><td>${remarks(mark, howOf(mark, day)).join(", ")}</td>
      <td>${places.has(mark.entry) && html`<button class="plain" onClick=${() => { chosen.value = places.get(mark.entry).seq; }}>${places.get(mark.entry).n}</button>`}</td></tr>`)}</tbody></table></div></details>`;
}
