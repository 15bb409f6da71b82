// @ts-check
// One day: whose, its replay with the chart, then and now, its entries, and what can be carried away as evidence.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { html } from "../markup.js";
import { titleOfState } from "../protocol.js";
import { T } from "../strings.js";
import { shownDate } from "../times.js";
import { AuditChart, ChartTable } from "./audit_chart.js";
import { chosen, follow, openDay, opened, standHere } from "./audit_day.js";
import { axisOf } from "./audit_layout.js";
import { marksOf } from "./audit_marks.js";
import { A } from "./audit_strings.js";
import { Compare } from "./compare.js";
import { DayProof } from "./day_proof.js";
import { EntriesTable } from "./entries_table.js";
import { EntryDetail } from "./entry_detail.js";
import { ExportButton } from "./export_button.js";
import { Refusal } from "./frame.js";
import { AccessList } from "./questions.js";
import { Replay } from "./replay.js";
import { addressOf, goTo, where } from "./where.js";

const NARROWEST = 480;

/** The width of a box, in whole pixels, as it changes. @returns {[import("preact").RefObject<HTMLElement>, number]} */
function useWidth() {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!box.current) return undefined;
    const watching = new ResizeObserver(([seen]) => setWidth(Math.max(NARROWEST, Math.floor(seen.contentRect.width))));
    watching.observe(box.current);
    return () => watching.disconnect();
  }, []);
  return [box, width];
}

/** The screen of the day that the address names. */
export function DayScreen() {
  const [id = ""] = where.value.rest;
  useEffect(() => void openDay(id), [id]);
  useEffect(() => {
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  const found = opened.value;
  if (found === null || (found.day !== null && found.day.id !== id)) return html`<main><p>${A.reading}</p></main>`;
  if (found.day === null) return html`<main><${Refusal} answer=${found.refusal} /><p><a href=${addressOf("days")}>${A.back}</a></p></main>`;
  return html`<${Day} key=${id} day=${found.day} />`;
}

/** @param {{day: import("./audit_day.js").OpenedDay}} properties */
function Day({ day }) {
  const marks = useMemo(() => marksOf(day), [day]);
  const axis = useMemo(() => axisOf(marks, day.entries), [day, marks]);
  const [box, width] = useWidth();
  const entry = day.entries.find((/** @type {any} */ each) => each.seq === chosen.value);
  useEffect(() => standHere(day.id), [chosen.value]);
  const toDay = (/** @type {string} */ other, /** @type {number | undefined} */ seq) => goTo("day", [other], seq === undefined ? {} : { entry: String(seq) });
  return html`<main class="day" data-day=${day.id}><${Heading} day=${day} />
    <div class="replay-and-compare"><div class="over-time" ref=${box}>${width > 0 && html`<${Replay} day=${day} axis=${axis} width=${width} />
        <h2 class="unseen">${A.chart}</h2><${AuditChart} day=${day} marks=${marks} axis=${axis} width=${width} />`}</div>
      <${Compare} day=${day} /></div>
    <${ChartTable} day=${day} marks=${marks} />
    <section aria-labelledby="entries-title"><h2 id="entries-title">${A.entries}</h2><p class="quiet">${A.entriesHow}</p>
      <div class=${entry ? "entries-and-one" : ""}><div class="all-entries"><${EntriesTable} day=${day} /></div>${entry && html`<${EntryDetail} key=${entry.seq} day=${day} entry=${entry} />`}</div></section>
    <section aria-labelledby="evidence-title"><h2 id="evidence-title">${A.evidenceTitle}</h2>
      <p><a href=${`/v1/days/${day.id}/report`} target="_blank" rel="noopener">${A.record}</a></p>
      <${DayProof} day=${day.id} entries=${day.entries} openEntry=${(/** @type {number} */ seq) => { chosen.value = seq; }} />
      <${ExportButton} day=${day.id} /><${AccessList} patient=${day.view.patient.id} day=${day.id} openDay=${toDay} /></section></main>`;
}

/** Whose day it is, and which. @param {{day: import("./audit_day.js").OpenedDay}} properties */
function Heading({ day }) {
  const { view } = day;
  const { patient } = view;
  const name = [patient.family?.toUpperCase(), patient.given].filter(Boolean).join(", ");
  return html`<div class="whose"><p><a href=${addressOf("days")}>← ${A.back}</a></p>
    <h2 id="whose">${name && `${name} · `}${patient.id}</h2>
    <p>${[view.date && shownDate(view.date), patient.born && A.born(shownDate(patient.born)), A.onWard(view.ward, view.chair ?? ""), view.course && T.courseDay(view), view.state && titleOfState(view.state), A.workflow(view.workflow.name, view.workflow.version), A.times(view.timezone)].filter(Boolean).join(" · ")}</p>
    <button id="read-again" title=${A.grown} onClick=${() => openDay(day.id, true)}>${A.again}</button></div>`;
}
