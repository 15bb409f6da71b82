// @ts-check
// The ward board: one tile per bed, the most urgent first; a tile opens its day.
import { signal } from "@preact/signals";
import { html } from "./markup.js";
import { fileOf, isObserved, isOver, scoresOf, titleOfCheck, titleOfState } from "./protocol.js";
import { SEVERITIES, T, word } from "./strings.js";
import { ThemeButton } from "./theme.js";
import { Trend } from "./trend.js";
import { clockTime, serviceNow, slowTicks, span, ticks } from "./times.js";
import { device, go, mine, rows } from "./ward_state.js";
import { nameOf } from "./kept.js";
import { person } from "./people.js";
import { unsent } from "./queue.js";

const RANK = { critical: 0, high: 1, medium: 2, low: 3 };

/** @param {string} severity */
const rank = (severity) => RANK[/** @type {keyof RANK} */ (severity)] ?? 8;

/** @param {any[]} alerts */
export const worstFirst = (alerts) => [...alerts].sort((one, other) => rank(one.severity) - rank(other.severity));

/** @param {any} row */
const worst = (row) => Math.min(9, ...row.alerts.map((/** @type {any} */ alert) => rank(alert.severity)));

/** The worst alert of the other beds that nobody has acknowledged, of the grave ones. @param {string} day the open one @returns {{severity: string, day: string, chair: string | null} | undefined} */
export function worstElsewhere(day) {
  const open = rows.value.filter((row) => row.day_id !== day).flatMap((row) => row.alerts.filter((/** @type {any} */ alert) => !alert.acknowledged_by && rank(alert.severity) <= RANK.high)
    .map((/** @type {any} */ alert) => ({ severity: alert.severity, day: row.day_id, chair: row.chair })));
  return worstFirst(open)[0];
}

/** @param {any[]} checks */
export const soonestFirst = (checks) => [...checks].sort((one, other) => one.due_at.localeCompare(other.due_at));

/** @param {any} one @param {any} other */
function byUrgency(one, other) {
  const due = (/** @type {any} */ row) => soonestFirst(row.checks)[0]?.due_at ?? "9";
  return worst(one) - worst(other) || due(one).localeCompare(due(other)) || String(one.chair).localeCompare(String(other.chair));
}

/** Time to a moment, or past it. @param {{due: string}} properties */
export function Countdown({ due }) {
  void ticks.value;
  const remaining = Date.parse(due) - serviceNow();
  return html`<span class=${remaining > 0 ? "countdown" : "countdown overdue"}>${remaining > 0 ? T.inTime(span(remaining)) : T.overdue(span(remaining))}</span>`;
}

/** Time left, of something that ends by itself. @param {{until: string}} properties */
export function TimeLeft({ until }) {
  void ticks.value;
  const remaining = Date.parse(until) - serviceNow();
  return html`<span>${remaining > 0 ? span(remaining) : T.overBy(span(remaining))}</span>`;
}

/** The moment the phase ends by itself, and what it is called. @param {any} day */
export function endOf(day) {
  if (day.dose.projected_end && day.pump === "running") return { name: T.ends, at: day.dose.projected_end };
  if (day.observation.earliest_discharge && isObserved(day)) {
    return { name: T.until, at: day.observation.earliest_discharge };
  }
  return null;
}

/** What is not on the record yet, of this tablet as it knows itself, of others as the service was told. @param {any} row @returns {{device: string, facts: number}[]} */
export function missingOf(row) {
  const own = unsent.value.filter((each) => each.day === row.day_id).length;
  const others = row.missing_from_devices.filter((/** @type {any} */ each) => each.device !== device.value);
  return [...(own ? [{ device: T.thisTablet, facts: own }] : []), ...others];
}

/** @param {{row: any}} properties */
function Tile({ row }) {
  const end = endOf(row);
  const check = soonestFirst(row.checks)[0];
  const severity = Object.keys(RANK)[worst(row)] ?? "none";
  const name = person.value ? nameOf(row) : row.patient.initials || row.patient.id || T.unknown;
  return html`<button class="tile" data-severity=${severity} data-state=${row.state} data-day=${row.day_id} onClick=${() => go(row.day_id)}>
    <span class="who"><strong>${name}</strong> <span>${row.chair ? T.chair(row.chair) : T.noChair}</span></span>
    <span class="phase">${titleOfState(row.state, fileOf(row) ?? null)}, ${T.courseDay(row)}</span>
    ${end && html`<span class="figure"><span>${end.name} ${clockTime(end.at)}</span> <b><${TimeLeft} until=${end.at} /></b></span>`}
    ${row.pump === "running" && html`<span class="figure"><span>${T.infused}</span> <b>${row.dose.delivered_ml} ${T.mL}</b></span><${GivenBar} dose=${row.dose} />`}
    ${check && html`<span class="figure" data-check=${check.check}><span>${T.next(titleOfCheck(check.check, fileOf(row) ?? null))}</span> <b><${Countdown} due=${check.due_at} /></b></span>`}
    ${scoresOf(row).map((score) => html`<span class="figure" key=${score.name} data-score=${score.name}><span>${score.title}</span> <b>${score.total} <${Trend} by=${score.since_last} /></b></span>
      ${score.since_baseline ? html`<span class="since">${T.sinceFirst(score.since_baseline)}</span>` : null}`)}
    ${missingOf(row).map((each) => html`<span class="missing" key=${each.device} data-device=${each.device}>${T.notYetHere(each.device, each.facts)}</span>`)}
    ${worstFirst(row.alerts).map((alert) => html`<span class="alert-line" key=${alert.alert_id} data-severity=${alert.severity} data-rule=${alert.rule}>
      <${Severity} severity=${alert.severity} /> ${alert.says || alert.rule}</span>`)}
  </button>`;
}

/** How much of the bag is in. @param {{dose: any}} properties */
function GivenBar({ dose }) {
  if (!Number(dose.volume_ml)) return null;
  const percent = Math.min(100, Math.round((Number(dose.delivered_ml) / Number(dose.volume_ml)) * 100));
  return html`<svg class="given" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label=${T.phaseBar(percent)}><rect class="all" width="100" height="6" /><rect class="part" width=${percent} height="6" /></svg>`;
}

/** Shape and word, so that colour is never alone. @param {{severity: string}} properties */
export function Severity({ severity }) {
  const shapes = { critical: "M7 1h10l6 6v10l-6 6H7l-6-6V7z", high: "M12 2l11 20H1z", medium: "M12 2l10 10-10 10L2 12z", low: "M12 2a10 10 0 1 0 .01 0z" };
  const shape = shapes[/** @type {keyof shapes} */ (severity)] ?? shapes.low;
  return html`<svg class="shape" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><path d=${shape} /></svg>
    <strong>${word(SEVERITIES, severity)}</strong>`;
}

const SOON_MS = 15 * 60000;
/** Which beds somebody wants to see. */
const filter = signal("allBeds");
/** @type {Record<string, (row: any) => boolean>} */
const FILTERS = {
  allBeds: () => true,
  mine: (row) => mine.value.includes(row.day_id),
  withAlert: (row) => row.alerts.length > 0,
  dueSoon: (row) => row.checks.some((/** @type {any} */ check) => Date.parse(check.due_at) - serviceNow() < SOON_MS),
  wantsSecond: (row) => row.double_checks.length > 0,
};

/** Chairs nobody is in: whose day is over, and the numbers between. @param {any[]} all */
function emptyChairs(all) {
  const taken = new Set(all.filter((row) => !isOver(row)).map((row) => String(row.chair)));
  const known = all.map((row) => row.chair).filter(Boolean).map(String);
  const highest = Math.max(0, ...known.map(Number).filter(Number.isInteger));
  const numbered = Array.from({ length: highest }, (_, place) => String(place + 1));
  return [...new Set([...known, ...numbered])].filter((chair) => !taken.has(chair)).sort((one, other) => one.localeCompare(other, undefined, { numeric: true }));
}

/** Beds before the empty chairs and after them, the most urgent first: a day that is over with an alert nobody has settled is more
 * urgent than a chair nobody sits in, one that is over and settled is not. @param {any[]} shown */
export function inOrder(shown) {
  const sorted = [...shown].sort(byUrgency);
  const open = sorted.filter((row) => !isOver(row));
  const over = sorted.filter(isOver);
  return { first: [...open, ...over.filter((row) => row.alerts.length > 0)], last: over.filter((row) => row.alerts.length === 0) };
}

export function Board() {
  void slowTicks.value;
  const all = rows.value;
  const { first, last } = inOrder(all.filter(FILTERS[filter.value]));
  return html`<nav class="filters" aria-label=${T.filters}>${Object.keys(FILTERS).map((each) => html`<button class="choice" key=${each} data-filter=${each} aria-pressed=${filter.value === each}
      onClick=${() => { filter.value = each; }}>${T[/** @type {"mine"} */ (each)]} <small>${all.filter(FILTERS[each]).length}</small></button>`)}
      <${ThemeButton} /><button id="open-handover" onClick=${() => go(null, { kind: "handover" })}>${T.handover}</button></nav>
    <main id="beds" class="beds" aria-label=${T.beds}>
    ${first.map((row) => html`<${Tile} key=${row.day_id} row=${row} />`)}
    ${filter.value === "allBeds" && all.length > 0 && emptyChairs(all).map((chair) => html`<div class="empty-bed" key=${`empty-${chair}`} data-chair=${chair}>${T.chair(chair)}: ${T.emptyBed}</div>`)}
    ${last.map((row) => html`<${Tile} key=${row.day_id} row=${row} />`)}
    ${first.length + last.length === 0 && html`<p>${all.length ? T.noneSuch : T.empty}</p>`}</main>`;
}
