// @ts-check
// One patient's day: who, which phase, the big numbers, what is due, what is wrong, what may be done next.
import { useState } from "preact/hooks";
import { Countdown, Severity, TimeLeft, soonestFirst, worstFirst } from "./board.js";
import { DayChart } from "./chart.js";
import { mayWait, record } from "./charting.js";
import { FactForm } from "./fact_form.js";
import { html } from "./markup.js";
import { person } from "./people.js";
import { factOfCheck, isObserved, means, meant, noteOf, reasonOfAlert, scoresOf, titleOfCheck, titleOfGuard, titleOfState, workflow } from "./protocol.js";
import { StopButton, StopPanel, callStop, callableStop, isStop } from "./stop.js";
import { MovePanel } from "./move.js";
import { PaperForm, openPaper } from "./paper.js";
import { PUMP, ROLES, T, code, fieldName, word } from "./strings.js";
import { age, clockTime, shownDate } from "./times.js";
import { Timeline } from "./timeline.js";
import { Trend } from "./trend.js";
import { VitalsScreen } from "./vitals.js";
import { Waiting } from "./tray.js";
import { entries, go, mayPost, mine, place, reachable, said, toggleMine, view } from "./ward_state.js";

/** Facts that have a place of their own, beside what they are about. */
const ELSEWHERE = ["acknowledgement", "strike", "confirmation", "override"];

/** Open what charts a type of fact. @param {string} type @param {Record<string, unknown>} preset */
export function openFact(type, preset = {}) {
  if (!workflow.value.facts[type] || means(type, ["pump_stopped", "emergency"])) return;
  go(view.value.day_id, type === meant("vital_signs") ? { kind: "vitals" } : { kind: "fact", type, preset });
}

export function DayScreen() {
  const day = view.value;
  if (!day || !workflow.value) return html`<main class="in-flow"><p>${reachable.value ? T.loading : T.notKept}</p></main>`;
  const panel = place.value.panel;
  return html`
    <section class="pinned" aria-label=${T.patientBanner}><${Banner} day=${day} />${panel?.kind !== "vitals" && html`<${Said} />`}</section>
    ${panel?.kind === "vitals" ? html`<${VitalsScreen} day=${day} key="vitals" />`
      : panel?.kind === "stop" ? html`<${StopPanel} day=${day} called=${panel} key="stop" />`
      : panel?.kind === "fact" ? html`<${FactForm} day=${day} type=${panel.type} preset=${panel.preset} instead=${panel.instead} label=${panel.label} key=${panel.type} />`
      : panel?.kind === "paper" ? html`<${PaperForm} day=${day} type=${panel.type} preset=${panel.preset} key="paper" />`
      : panel?.kind === "move" ? html`<${MovePanel} day=${day} entry=${panel.entry} key="move" />`
      : html`<${Overview} day=${day} />`}
    ${!panel && html`<section class="bottom-bar" aria-label=${T.actions}>
      ${meant("vital_signs") && html`<button class="primary big" id="open-vitals" onClick=${() => openFact(String(meant("vital_signs")))}>${T.vitals}</button>`}
      ${person.value && html`<button class="choice" id="my-patient" aria-pressed=${mine.value.includes(day.day_id)} onClick=${() => toggleMine(day.day_id)}>${T.myPatient}</button>`}
      <${StopButton} day=${day} /></section>`}`;
}

/** What the day's checklist says of allergies; no other fact knows of any. */
function allergies() {
  const struck = new Set(view.value.struck);
  const items = entries.value.filter((entry) => entry.kind === "fact" && means(entry.type, ["checklist"]) && !struck.has(entry.entry_id)).flatMap((entry) => entry.data.items ?? []);
  const last = new Map(items.map((item) => [item.item, item]));
  return [...last.values()].filter((item) => /allerg|hypersens/.test(item.item) && item.result === "present").map((item) => [code(item.item), item.note].filter(Boolean).join(", "));
}

/** @param {{day: any}} properties */
function Banner({ day }) {
  const { patient } = day;
  const named = person.value && patient.family;
  const name = named ? `${patient.family.toUpperCase()}, ${patient.given ?? ""}` : person.value ? patient.id : patient.initials || patient.id;
  return html`<div class="banner">
    <h1 id="patient">${name}</h1>
    ${person.value
      ? html`${patient.born && html`<span>${T.born(shownDate(patient.born), age(patient.born))}</span>`}<span>${patient.id}</span>`
      : html`<span>${T.lockedPatient}</span>`}
    <span>${day.chair ? T.chair(day.chair) : T.noChair}</span><span>${T.courseDay(day)}</span>
    ${allergies().map((each) => html`<strong class="flag" data-flag="allergy">${T.allergy(each)}</strong>`)}
    ${day.course_flags.map((/** @type {any} */ flag) => html`<strong class="flag">${word(T.flags, flag.flag ?? flag)}</strong>`)}
    ${day.baseline_deficits.length > 0 && html`<strong class="flag">${T.baseline(day.baseline_deficits.map(fieldName).join(", "))}</strong>`}
    <span class="phase-now" id="phase" data-state=${day.state}>${titleOfState(day.state)} <small>${T.since(clockTime(day.state_since))}</small></span>
  </div>`;
}

/** What the last save came to; in one of three states, and never more than was answered. */
export function Said() {
  const last = said.value;
  return html`<p id="said" class="said" role="status" data-kind=${last?.kind ?? "none"}>${last?.text ?? ""}</p>`;
}

/** @param {{day: any}} properties */
function Overview({ day }) {
  return html`<main class="day" aria-label=${titleOfState(day.state)}>
    <div class="column"><${Waiting} day=${day} /><${Numbers} day=${day} /><${Alerts} day=${day} /><${Checks} day=${day} /><${DayChart} day=${day} /><${Timeline} day=${day} /></div>
    <div class="column"><${Steps} day=${day} /></div>
  </main>`;
}

/** @param {{day: any}} properties */
function Numbers({ day }) {
  const { dose, bag, observation } = day;
  const left = dose.volume_ml === null ? null : Math.max(0, Number(dose.volume_ml) - Number(dose.delivered_ml));
  const observed = isObserved(day) ? observation.earliest_discharge : null;
  /** @param {string} id @param {string} name @param {any} value @param {any} rest */
  const figure = (id, name, value, rest = "") => html`<div class="number"><dt>${name}</dt><dd id=${id}>${value}</dd><dd class="quiet">${rest}</dd></div>`;
  return html`<section aria-label=${T.numbers}><dl class="numbers">
    ${figure("infused", T.infusedMl, dose.delivered_ml, word(PUMP, day.pump))}
    ${figure("left", T.leftMl, left === null ? T.unknown : left.toFixed(1), bag?.expires_at ? T.bagExpires(clockTime(bag.expires_at)) : "")}
    ${day.pump === "running" && figure("rate", T.rate, dose.rate_ml_per_h, T.rateMlh)}
    ${dose.projected_end && day.pump === "running" && figure("ends", T.ends, clockTime(dose.projected_end), html`<${TimeLeft} until=${dose.projected_end} />`)}
    ${observed && figure("observed", T.observedUntil, clockTime(observed), html`<${TimeLeft} until=${observed} />`)}
    ${scoresOf(day, workflow.value).map((score) => figure(score.name, score.title, html`${score.total} <${Trend} by=${score.since_last} />`, score.since_baseline ? T.sinceFirst(score.since_baseline) : T.atTime(clockTime(score.at))))}
  </dl></section>`;
}

/** @param {{day: any}} properties */
function Checks({ day }) {
  const due = soonestFirst(day.checks);
  return html`<section aria-labelledby="checks-title"><h2 id="checks-title">${T.nextChecks}</h2>
    ${due.length === 0 && html`<p class="quiet">${T.noChecks}</p>`}
    <ul class="checks">${due.map((check) => html`<li key=${check.check} data-check=${check.check}>
      <span>${titleOfCheck(check.check)} ${check.missed > 0 && html`<small>${T.missed(check.missed)}</small>`}</span>
      <span>${clockTime(check.due_at)}</span><b><${Countdown} due=${check.due_at} /></b>
      <button onClick=${() => openFact(factOfCheck(check.check) ?? noteOf()?.type ?? "")} aria-label=${`${T.checkNow}: ${titleOfCheck(check.check)}`}>${T.checkNow}</button></li>`)}</ul></section>`;
}

/** @param {{day: any}} properties */
function Alerts({ day }) {
  const open = worstFirst(day.alerts);
  return html`<section aria-labelledby="alerts-title"><h2 id="alerts-title">${T.alerts}</h2>
    ${open.length === 0 && html`<p class="quiet">${T.noAlerts}</p>`}
    ${open.map((alert) => html`<${AlertCard} key=${alert.alert_id} day=${day} alert=${alert} />`)}</section>`;
}

/** @param {{day: any, alert: any}} properties */
function AlertCard({ day, alert }) {
  const [busy, setBusy] = useState(false);
  const acknowledge = async () => {
    setBusy(true);
    await record(day.day_id, { type: String(meant("acknowledgement")), data: { alert: alert.alert_id } }, { title: T.acknowledge });
    setBusy(false);
  };
  return html`<article class="alert" data-severity=${alert.severity} data-rule=${alert.rule}>
    <p class="headline"><${Severity} severity=${alert.severity} /> ${alert.says || alert.rule}</p>
    <p>${T.raised(clockTime(alert.raised_at))}${alert.answer_by && !alert.answered_at ? ` · ${T.answerBy(clockTime(alert.answer_by))}` : ""}${alert.escalated.length ? ` · ${T.told(alert.escalated.map((/** @type {string} */ role) => word(ROLES, role)).join(", "))}` : ""}${alert.retrospective ? ` · ${T.retrospective}` : ""}
      ${alert.acknowledged_by && ` · ${T.acknowledgedBy(alert.acknowledged_by)}`}</p>
    <div class="buttons">${nextActions(day, alert).map((action) => html`<button class="primary" onClick=${action.does}>${action.text}</button>`)}
      ${!alert.acknowledged_by && meant("acknowledgement") && html`<button class="acknowledge" disabled=${busy} onClick=${acknowledge}>${T.acknowledge}</button>`}</div>
  </article>`;
}

/** What answers an alert, the most urgent first. @param {any} day @param {any} alert @returns {{text: string, does: () => void}[]} */
function nextActions(day, alert) {
  const { facts, actions } = workflow.value;
  const answers = actions[alert.action]?.[day.pump === "running" ? "answered_by" : "answered_by_idle"] ?? [];
  const signs = meant("vital_signs");
  const found = [];
  for (const type of new Set([...answers, ...alert.wants, ...alert.wants.map((/** @type {string} */ wanted) => factOfCheck(wanted))])) {
    if (isStop(type) && isStop(callableStop(day))) found.push({ text: T.doStop, does: () => callStop(day) });
    else if (facts[type]?.urgent || type === signs || !day.allowed.some((/** @type {any} */ row) => row.type === type && mayPost(row.by, person.value?.role ?? "device"))) continue;
    else if (means(type, ["review"])) found.push({ text: T.doReview, does: () => openFact(type, { alerts: [alert.alert_id] }) });
    else found.push({ text: facts[type].title, does: () => openFact(type, means(type, ["pump_paused"]) ? reasonOfAlert(type) : {}) });
  }
  const review = meant("review");
  if (review && !answers.includes(review) && mayPost(facts[review].by, person.value?.role)) found.push({ text: T.doReview, does: () => openFact(review, { alerts: [alert.alert_id] }) });
  return signs ? [...found, { text: T.doVitals, does: () => openFact(signs) }] : found;
}

/** @param {{day: any}} properties */
function Steps({ day }) {
  const facts = workflow.value.facts;
  const resume = meant("pump_resumed");
  // What waits on this tablet has halted the pump already: its resume may wait with it.
  const more = resume && mayWait(resume, day.day_id) && !day.allowed.some((/** @type {any} */ row) => row.type === resume)
    ? [{ type: resume, title: facts[resume].title, by: facts[resume].by, blocked_by: [] }] : [];
  const shown = [...day.allowed, ...more].filter((/** @type {any} */ row) => !facts[row.type].urgent && row.type !== meant("vital_signs") && !means(row.type, ELSEWHERE));
  const moves = shown.filter((/** @type {any} */ row) => facts[row.type].moves.length && !facts[row.type].move_optional);
  const plain = shown.filter((/** @type {any} */ row) => !moves.includes(row));
  return html`
    <section aria-labelledby="steps-title"><h2 id="steps-title">${T.steps}</h2>
      ${moves.length === 0 && html`<p class="quiet">${T.noSteps}</p>`}
      <div class="steps">${moves.map((/** @type {any} */ row) => html`<${Step} key=${row.type} day=${day} row=${row} />`)}</div></section>
    <section aria-labelledby="chart-title"><h2 id="chart-title">${T.chart}</h2>
      ${!person.value && html`<p class="quiet">${T.signInFirst}</p>`}
      <div class="steps narrow">${plain.map((/** @type {any} */ row) => html`<${Step} key=${row.type} day=${day} row=${row} />`)}</div></section>`;
}

/** @param {{day: any, row: any}} properties */
function Step({ day, row }) {
  const role = person.value?.role;
  const reasons = row.blocked_by.map((/** @type {any} */ guard) => guard.reason);
  const permitted = mayPost(row.by, role) || (role === undefined && row.by.includes("device"));
  const onPaper = !reachable.value && !mayWait(row.type, day.day_id);
  if (onPaper) reasons.splice(0, reasons.length, T.notWithout);
  if (!permitted) reasons.unshift(T.onlyFor(row.by.map((/** @type {string} */ each) => word(ROLES, each).toLowerCase()).join(", ")));
  const waiting = day.double_checks.find((/** @type {any} */ check) => check.type === row.type);
  const why = `why-${row.type.replace(".", "-")}`;
  const overridable = row.blocked_by.filter((/** @type {any} */ guard) => guard.override?.some((/** @type {string} */ by) => mayPost([by], role)));
  return html`<div class="step">
    <button data-type=${row.type} disabled=${reasons.length > 0} aria-describedby=${reasons.length ? why : undefined} onClick=${() => openFact(row.type)}>${row.title}</button>
    ${waiting && html`<p class="waiting">${T.waitsForSecond(waiting.by)}</p>`}
    ${reasons.length > 0 && html`<div class="refused"><ul class="reasons" id=${why}>${reasons.map((/** @type {string} */ reason) => html`<li>${reason}</li>`)}</ul>
      ${onPaper && html`<button class="plain" data-paper=${row.type} onClick=${() => openPaper(day, row.type)}>${T.paper}</button>`}</div>`}
    ${overridable.map((/** @type {any} */ guard) => html`<button class="plain" onClick=${() => openFact(String(meant("override")), { guard: guard.guard })}>${T.setAside} ${titleOfGuard(guard.guard)}</button>`)}
  </div>`;
}
