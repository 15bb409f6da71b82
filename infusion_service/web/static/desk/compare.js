// @ts-check
// Side by side: the day as the ward saw it, and the same moment as it is known now; what differs is said in words.
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../markup.js";
import { titleOfCheck, titleOfGuard, titleOfState } from "../protocol.js";
import { CODES, PUMP, SEVERITIES, T, fieldName, unitOf, word } from "../strings.js";
import { moment, standHere, viewAt } from "./audit_day.js";
import { A } from "./audit_strings.js";
import { exactTime } from "./desk_times.js";
import { Refusal } from "./frame.js";

/** @typedef {import("./audit_day.js").OpenedDay} OpenedDay */
/** @typedef {import("./audit_day.js").Moment} Moment */
/** @typedef {import("./service.js").Answer} Answer */
/** @typedef {{name: string, title: string, lines: (view: any) => string[], brief?: boolean}} Row `brief`: what stands on both sides is counted, not listed */
/** @typedef {{number: number, when: Moment, then: Answer, now: Answer}} Both `number`: which asking it was */

/** A moment has to stand so long before it is asked for; while it moves without rest, it is asked for so often. */
const REST_MS = 250;
const AT_LEAST_EVERY_MS = 1000;

const asking = { at: -Infinity, number: 0 };

/** Both views of the moment that is looked at, as soon as it stands still. @param {OpenedDay} day @returns {{both: Both | null, waits: boolean}} */
function useBoth(day) {
  const { at, known } = moment.value;
  const [both, setBoth] = useState(/** @type {Both | null} */ (null));
  const here = useRef(true);
  useEffect(() => () => { here.current = false; }, []);
  useEffect(() => {
    const rest = Math.min(REST_MS, Math.max(0, asking.at + AT_LEAST_EVERY_MS - performance.now()));
    const timer = setTimeout(async () => {
      asking.at = performance.now();
      const number = (asking.number += 1);
      standHere(day.id);
      const [then, now] = await Promise.all([viewAt(day.id, at, known), viewAt(day.id, at, null)]);
      // While a day plays, the moment has moved on when the answer comes; an older answer never replaces a newer one.
      if (here.current) setBoth((shown) => (shown && shown.number > number ? shown : { number, when: { at, known }, then, now }));
    }, rest);
    return () => clearTimeout(timer);
  }, [day, at, known]);
  return { both, waits: both === null || both.when.at !== at || both.when.known !== known };
}

/** @param {{day: OpenedDay}} properties */
export function Compare({ day }) {
  const { both, waits } = useBoth(day);
  if (both === null) return html`<section class="compare" id="compare" aria-busy="true" aria-labelledby="compare-title"><h2 id="compare-title">${A.compare}</h2><p>${A.reading}</p></section>`;
  const { when, then, now } = both;
  const [saw, know] = [then, now].map((answer) => (answer.status === 200 ? answer.body : null));
  const date = day.view.date;
  const rows = rowsOf(day, [saw, know]).map((row) => ({ row, then: saw ? row.lines(saw) : [], now: know ? row.lines(know) : [] }));
  const differing = rows.filter((each) => each.then.join("\n") !== each.now.join("\n"));
  const [at, known] = [exactTime(when.at, date), exactTime(when.known, date)];
  return html`<section class="compare" id="compare" aria-busy=${String(waits)} data-at=${at} data-known=${known} aria-labelledby="compare-title"><h2 id="compare-title">${A.compare}</h2>
    ${[then, now].map((answer) => answer.status !== 404 && html`<${Refusal} answer=${answer} />`)}
    <p id="differences" class=${differing.length ? "strong" : "quiet"} aria-live="polite">${differing.length ? A.differs(differing.map(({ row }) => row.title)) : A.same}</p>
    <div class="wide" tabindex="0" role="region" aria-label=${A.comparison}><table><thead><tr><th scope="col">${A.column.what}</th>
      <th scope="col">${A.saw} <small>${A.sawHow(at, known)}</small></th><th scope="col">${A.know} <small>${A.knowHow(at)}</small></th></tr></thead>
      <tbody>${saw === null && html`<tr><td></td><td>${A.noDayYet}</td><td>${know === null ? A.noDayYet : ""}</td></tr>`}
        ${rows.filter((each) => each.then.length + each.now.length > 0).map((each) => html`<${Line} key=${each.row.name} each=${each} />`)}</tbody></table></div></section>`;
}

/** @param {{each: {row: Row, then: string[], now: string[]}}} properties */
function Line({ each: { row, then, now } }) {
  const differs = then.join("\n") !== now.join("\n");
  return html`<tr data-row=${row.name} data-differs=${differs ? "yes" : "no"}><th scope="row">${row.title}${differs && html` <em>${A.different}</em>`}</th>
    <${Cell} mine=${then} other=${now} brief=${row.brief} /><${Cell} mine=${now} other=${then} brief=${row.brief} /></tr>`;
}

/** @param {{mine: string[], other: string[], brief?: boolean}} properties */
function Cell({ mine, other, brief = false }) {
  const alone = mine.filter((line) => !other.includes(line));
  const common = mine.length - alone.length;
  const listed = brief ? alone : mine;
  const several = mine.length > 1 || other.length > 1;
  return html`<td>${mine.length === 0 ? html`<span class="quiet">${A.noneOf}</span>` : html`<ul>${listed.map((line) => html`<li key=${line}>${alone.includes(line) ? html`<mark>${line}</mark>` : line}${several && alone.includes(line) && html` <small>${A.onlyHere}</small>`}</li>`)}
    ${brief && common > 0 && html`<li><details><summary>${A.common(common)}</summary><ul>${mine.filter((line) => other.includes(line)).map((line) => html`<li key=${line}>${line}</li>`)}</ul></details></li>`}</ul>`}</td>`;
}

/** @param {OpenedDay} day @param {any[]} views @returns {Row[]} */
function rowsOf(day, views) {
  const time = (/** @type {string | null} */ at) => (at === null ? T.unknown : exactTime(at, day.view.date).replace(/:00$/, ""));
  const { rows } = A;
  const scores = Object.keys(day.file.scores ?? {});
  const signs = [...new Set(views.flatMap((view) => Object.keys(view?.vitals ?? {})))];
  const changed = (/** @type {any} */ view, /** @type {string} */ name) => {
    const by = view.score_changes?.[name]?.since_last;
    return by ? `, ${A.scoreChange(by)}` : "";
  };
  /** @type {Row[]} */
  const vitals = signs.map((name) => ({
    name: `sign-${name}`, title: scores.includes(name) ? name.toUpperCase() : fieldName(name),
    lines: (view) => {
      const found = view.vitals[name];
      if (!found) return [];
      const value = scores.includes(name) ? A.score(found.total, changed(view, name)) : typeof found.value === "boolean" ? (found.value ? T.yes : T.no) : [found.value in CODES ? word(CODES, found.value) : found.value, unitOf(name)].filter((said) => said !== "").join(" ");
      return [A.sign(value, time(found.at))];
    },
  }));
  const steps = (/** @type {any} */ view) => view.allowed.filter((/** @type {any} */ step) => step.blocked_by.length === 0);
  const blocked = (/** @type {any} */ view) => view.allowed.filter((/** @type {any} */ step) => step.blocked_by.length > 0);
  return [
    { name: "state", title: rows.state, lines: (view) => (view.state ? [`${titleOfState(view.state)} ${T.since(time(view.state_since))}`] : []) },
    { name: "alerts", title: rows.alerts, lines: (view) => view.alerts.map((/** @type {any} */ alert) => A.alertOf(word(SEVERITIES, alert.severity), alert.says || word({}, alert.rule), time(alert.raised_at)) + (alert.acknowledged_by ? `, ${A.acknowledged(alert.acknowledged_by)}` : "")) },
    ...vitals.filter(({ name }) => !["sign-on_oxygen", "sign-spo2_scale"].includes(name)),
    { name: "pump", title: rows.pump, lines: (view) => [view.pump === "running" ? A.pumpAt(word(PUMP, view.pump), view.dose.rate_ml_per_h) : word(PUMP, view.pump)] },
    { name: "dose", title: rows.dose, lines: (view) => [A.dose(view.dose.delivered_ml, view.dose.delivered_mg, view.dose.planned_mg)] },
    { name: "end", title: rows.end, lines: (view) => (view.dose.projected_end ? [time(view.dose.projected_end)] : []) },
    { name: "checks", title: rows.checks, lines: (view) => view.checks.map((/** @type {any} */ check) => A.checkOf(titleOfCheck(check.check), word(A.check, check.status).toLowerCase(), time(check.due_at))) },
    { name: "observation", title: rows.observation, lines: (view) => (view.observation.earliest_discharge ? [time(view.observation.earliest_discharge)] : []) },
    { name: "overrides", title: rows.overrides, lines: (view) => view.overrides.map((/** @type {any} */ each) => A.overrideOf(titleOfGuard(each.guard), each.by, each.reason)) },
    { name: "flags", title: rows.flags, lines: (view) => view.course_flags.map((/** @type {any} */ flag) => word(T.flags, typeof flag === "string" ? flag : flag.flag)) },
    { name: "unconfirmed", title: rows.unconfirmed, lines: (view) => (view.unconfirmed.length ? [A.entriesOf(view.unconfirmed.length)] : []) },
    { name: "struck", title: rows.struck, lines: (view) => (view.struck.length ? [A.entriesOf(view.struck.length)] : []) },
    { name: "steps", title: rows.steps, brief: true, lines: (view) => steps(view).map((/** @type {any} */ step) => step.title) },
    { name: "blocked", title: rows.blocked, brief: true, lines: (view) => blocked(view).map((/** @type {any} */ step) => A.stepOf(step.title, step.blocked_by.map((/** @type {any} */ guard) => guard.reason).join("; "))) },
  ];
}
