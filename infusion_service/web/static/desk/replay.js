// @ts-check
// The two rulers of a day: by when it was recorded, and by when it happened; the steps along them; and playing it. What
// a play shows follows the clock: a picture that came late is the right one for its time.
import { useEffect, useState } from "preact/hooks";
import { html } from "../markup.js";
import { localDate, toUtc } from "../times.js";
import { askedNow, chosen, moment, moveAt, moveKnown, notYetKnown, together } from "./audit_day.js";
import { LEFT, RIGHT, xOf } from "./audit_layout.js";
import { isLate } from "./audit_marks.js";
import { A } from "./audit_strings.js";
import { exactTime } from "./desk_times.js";
import { nameOf, saysOf } from "./entries_table.js";
import { addressOf } from "./where.js";

const SPEEDS = [1, 60, 600];
const STEP_MS = 60000;
const THUMB_PX = 16;
const TOLD = 4;
const RULER = 44;
/** So often a play draws; where movement is to be reduced, once a second. */
const FRAME_MS = { moving: 100, reduced: 1000 };

/** @typedef {import("./audit_day.js").OpenedDay} OpenedDay */
/** @typedef {import("./audit_layout.js").Axis} Axis */

/** The moments at which something was recorded, each once. @param {any[]} entries @returns {number[]} */
export const recordedAt = (entries) => [...new Set(entries.filter((entry) => entry.kind !== "access").map((entry) => Date.parse(entry.rcv)))].sort((one, other) => one - other);

/** Steps along the order of recording. @param {OpenedDay} day */
function stepsOf({ entries }) {
  const all = entries.filter((entry) => entry.kind !== "access");
  const after = (/** @type {number[]} */ moments) => moments.find((at) => at > moment.value.known);
  return {
    previous: recordedAt(all).findLast((at) => at < moment.value.known),
    next: after(recordedAt(all)),
    nextAlert: after(recordedAt(all.filter((entry) => entry.type === "alert.raised"))),
    nextLate: after(recordedAt(all.filter((entry) => entry.kind === "fact" && isLate(entry)))),
  };
}

/** @param {{day: OpenedDay, axis: Axis, width: number}} properties */
export function Replay({ day, axis, width }) {
  const { speed, play } = usePlay(day, axis);
  const steps = stepsOf(day);
  const step = (/** @type {keyof ReturnType<typeof stepsOf>} */ name) => html`<button id=${`step-${name}`} disabled=${steps[name] === undefined} onClick=${() => { play(0); moveKnown(/** @type {number} */ (steps[name])); }}>${A[name]}</button>`;
  const { at, known } = moment.value;
  const date = day.view.date;
  return html`<section class="replay" aria-label=${A.replay}>
    <div class="steps-along">${step("previous")}${step("next")}${step("nextAlert")}${step("nextLate")}
      <button id="whole-day" onClick=${() => { play(0); together.value = true; moveKnown(day.last); }}>${A.whole}</button>
      <${GoTo} day=${day} />
      <span class="speeds" role="group" aria-label=${A.speeds}>${SPEEDS.map((times) => html`<button key=${times} id=${`play-${times}`} aria-label=${A.play(times)} aria-pressed=${speed === times} onClick=${() => play(speed === times ? 0 : times)}>▶ ×${times}</button>`)}
        ${speed > 0 && html`<button id="stop-play" onClick=${() => play(0)}>■ ${A.stop}</button>`}</span>
      <${Link} id=${day.id} /></div>
    <${Slider} id="known-at" label=${A.known} how=${A.knownHow} value=${known} axis=${axis} width=${width} date=${date} onMove=${(/** @type {number} */ to) => { play(0); moveKnown(to); }} />
    <${Ruler} day=${day} axis=${axis} width=${width} />
    <${Slider} id="happened-by" label=${A.at} how=${A.atHow} value=${at} axis=${axis} width=${width} date=${date} onMove=${(/** @type {number} */ to) => { play(0); moveAt(to); }} />
    <div class="ruler-foot"><label><input type="checkbox" id="together" checked=${together.value} onChange=${() => { together.value = !together.value; if (together.value) moveKnown(known); }} /> ${A.together}</label>
      <${Arrived} day=${day} quiet=${speed > 0} /></div>
  </section>`;
}

/** Moves by the clock of this browser, as many times as fast, until it reaches the end. @param {OpenedDay} day @param {Axis} axis */
function usePlay(day, axis) {
  const [speed, play] = useState(0);
  useEffect(() => {
    if (speed === 0) return undefined;
    const end = Math.max(day.last, moment.value.known);
    const began = { at: performance.now(), known: moment.value.known >= day.last ? Math.max(axis.first, day.first) : moment.value.known };
    const every = matchMedia("(prefers-reduced-motion: reduce)").matches ? FRAME_MS.reduced : FRAME_MS.moving;
    const timer = setInterval(() => {
      const to = began.known + (performance.now() - began.at) * speed;
      moveKnown(Math.min(to, end));
      if (to >= end) play(0);
    }, every);
    return () => clearInterval(timer);
  }, [speed, day.id]);
  return { speed, play };
}

/** @param {{id: string, label: string, how: string, value: number, axis: Axis, width: number, date: string | null, onMove: (to: number) => void}} properties */
function Slider({ id, label, how, value, axis, width, date, onMove }) {
  const shown = exactTime(value, date);
  const room = (/** @type {HTMLInputElement | null} */ input) => {
    if (!input) return;
    // The middle of the thumb stands over its moment of the chart.
    input.style.width = `${width - LEFT - RIGHT + THUMB_PX}px`;
    input.style.marginLeft = `${-THUMB_PX / 2}px`;
  };
  return html`<div class="slider"><label for=${id} title=${how}>${label}</label>
    <input ref=${room} id=${id} type="range" min=${axis.first} max=${axis.last} step=${STEP_MS} value=${value} aria-valuetext=${shown} onInput=${(/** @type {any} */ event) => onMove(Number(event.target.value))} />
    <output for=${id} id=${`${id}-time`}>${shown}</output></div>`;
}

/** Every entry from when it was recorded to when it happened: what came late lies askew. @param {{day: OpenedDay, axis: Axis, width: number}} properties */
function Ruler({ day, axis, width }) {
  const x = (/** @type {number} */ at) => xOf(axis, width, at);
  const { at, known } = moment.value;
  const lines = day.entries.filter((entry) => entry.kind !== "access" && entry.occurred_at);
  return html`<svg class="ruler" width=${width} height=${RULER} aria-hidden="true">
    <text x="0" y="14">${A.rulerTitle.recorded}</text><text x="0" y=${RULER - 4}>${A.rulerTitle.occurred}</text>
    <line class="axis" x1=${LEFT} x2=${width - RIGHT} y1="4" y2="4" /><line class="axis" x1=${LEFT} x2=${width - RIGHT} y1=${RULER - 4} y2=${RULER - 4} />
    ${lines.map((entry) => {
      const recorded = Date.parse(entry.rcv);
      return html`<line key=${entry.seq} class=${`told${isLate(entry) ? " late" : ""}${recorded > known ? " unknown" : ""}`} x1=${x(recorded)} y1="4" x2=${x(Date.parse(entry.occurred_at))} y2=${RULER - 4} />`;
    })}
    <line class="cursor" x1=${x(known)} y1="0" x2=${x(at)} y2=${RULER} /></svg>`;
}

/** @param {{day: OpenedDay}} properties */
function GoTo({ day }) {
  const [time, setTime] = useState("");
  const [wrong, setWrong] = useState(false);
  const go = (/** @type {Event} */ event) => {
    event.preventDefault();
    const [, hours, minutes] = /^([01]?\d|2[0-3])[:.]?([0-5]\d)$/.exec(time.trim()) ?? [];
    setWrong(minutes === undefined);
    if (minutes === undefined) return;
    const date = day.view.date ?? localDate(day.first);
    moveKnown(Date.parse(toUtc(`${date}T${hours.padStart(2, "0")}:${minutes}`)));
  };
  return html`<form onSubmit=${go}><label>${A.goTo} <input id="go-to" inputmode="numeric" autocomplete="off" title=${A.goToHow} aria-invalid=${String(wrong)} aria-describedby=${wrong ? "go-to-wrong" : undefined} value=${time} onInput=${(/** @type {any} */ event) => setTime(event.target.value)} /></label><button id="go">${A.go}</button>
    ${wrong && html`<span class="error" id="go-to-wrong" role="alert">${A.goToHow}</span>`}</form>`;
}

/** The address of this moment, to open again or to send: a click keeps it in the clipboard, where there is one. @param {{id: string}} properties */
function Link({ id }) {
  const [copied, setCopied] = useState("");
  const href = addressOf("day", [id], askedNow());
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(new URL(href, location.href).href);
      setCopied(href);
    } catch {
      // No clipboard here: it stands in the address bar.
    }
  };
  return html`<a class="moment-link" id="moment-link" href=${href} onClick=${copy}>${A.link}</a>${copied === href && html`<span role="status">${A.copied}</span>`}`;
}

/** What was recorded at the moment where we stand, or last before. @param {{day: OpenedDay, quiet: boolean}} properties */
function Arrived({ day, quiet }) {
  const { known } = moment.value;
  const last = recordedAt(day.entries).findLast((at) => at <= known);
  const date = day.view.date;
  const there = day.entries.filter((entry) => entry.kind !== "access" && Date.parse(entry.rcv) === last);
  const waiting = notYetKnown(day, moment.value).length;
  return html`<div class="arrived" id="arrived" aria-live=${quiet ? "off" : "polite"}>
    <p id="not-yet" class=${waiting ? "strong" : "quiet"}>${A.unknownYet(waiting)}</p>
    ${last === undefined ? html`<p>${A.nothingYet}</p>` : html`<p>${last === known ? A.arrived(there.length, exactTime(last, date)) : A.lastBefore(exactTime(last, date))} ${there.slice(0, TOLD).map((entry, place) => html`${place > 0 && " · "}<button class="inline" onClick=${() => { chosen.value = entry.seq; }}>${told(entry)}</button>${isLate(entry) && ` (${A.happenedAt(exactTime(entry.occurred_at, date))})`}`)}${there.length > TOLD && ` · ${A.andMore(there.length - TOLD)}`}</p>`}</div>`;
}

/** @param {any} entry */
const told = (entry) => (entry.type?.startsWith("alert.") ? `${nameOf(entry)}: ${saysOf(entry)}` : nameOf(entry));
