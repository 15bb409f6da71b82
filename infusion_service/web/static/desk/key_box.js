// @ts-check
// The key lines an auditor trusts, and the checkpoints that were verified under them.
import { useEffect, useState } from "preact/hooks";
import { html } from "../markup.js";
import { shownDate } from "../times.js";
import { E } from "./evidence_strings.js";
import { Rejected } from "./exact_bytes.js";
import { forgetKey, keeps, pinKey, pins } from "./pins.js";
import { askDesk, saveFile } from "./service.js";
import { readKey } from "./signed_note.js";
import { said } from "./steps.js";

/** @param {string} time */
const dateOf = (time) => shownDate(time.slice(0, 10));

/** The keys pinned in this browser, the checkpoints seen, and a field for another line. @param {{place: string}} properties `place`: goes before the names of its fields, where a page has two */
export function Keys({ place }) {
  const { keys, seen } = pins.value;
  return html`<details class="keys" open=${keys.length === 0}><summary>${E.keyTitle}</summary>
    ${!keeps.value && html`<p class="error">${E.keepFailed}</p>`}
    ${keys.length === 0 && html`<p>${E.keyNone}</p>`}
    <ul>${keys.map((key) => html`<li key=${key.line} ...${{ [`data-${place}key`]: key.line }}><code>${key.line}</code> <span class="quiet">${E.pinnedOn(dateOf(key.on))}, ${key.pasted ? E.pasted : E.fromService}</span>
      <button class="plain" onClick=${() => forgetKey(key.line)}>${E.forgetKey}</button></li>`)}</ul>
    ${Object.entries(seen).map(([origin, { note, size, on }]) => html`<p key=${origin}>${E.lastSeen(size, dateOf(on))}
      <button class="plain" onClick=${() => saveFile(new Blob([note], { type: "text/plain" }), E.checkpointFile(size))}>${E.saveCheckpoint}</button></p>`)}
    <${NewKey} first=${keys.length === 0} place=${place} /></details>`;
}

/** @param {{first: boolean, place: string}} properties */
function NewKey({ first, place }) {
  const [line, setLine] = useState("");
  const [wrong, setWrong] = useState("");
  const [named, setNamed] = useState(/** @type {string[]} */ ([]));
  useEffect(() => {
    if (first) askDesk("/v1/log/key").then((answer) => setNamed(answer.status === 200 ? answer.body.keys.filter((/** @type {any} */ key) => key.signs).map((/** @type {any} */ key) => key.key) : []));
  }, [first]);
  const pin = async (/** @type {string} */ wanted, /** @type {boolean} */ pasted) => {
    try {
      pinKey((await readKey(wanted)).line, pasted);
      setLine("");
      setWrong("");
    } catch (fault) {
      setWrong(fault instanceof Rejected ? said(E.why, fault.message) : E.why.insecure);
    }
  };
  const enter = (/** @type {Event} */ event) => {
    event.preventDefault();
    void pin(line, true);
  };
  return html`<form onSubmit=${enter}><label>${E.keyLine} <input id=${`${place}key-line`} size="60" required autocomplete="off" spellcheck=${false} value=${line} onInput=${(/** @type {any} */ event) => setLine(event.target.value)} /></label>
      <button id=${`${place}pin-key`}>${first ? E.pinKey : E.addKey}</button></form>
    ${wrong && html`<p class="error" role="alert">${wrong}</p>`}
    ${first && named.map((each) => html`<p key=${each} class="quiet">${E.serviceSays} <code>${each}</code> <button class="plain" ...${{ [`data-${place}take`]: each }} onClick=${() => pin(each, false)}>${E.takeKey}</button></p>`)}`;
}
