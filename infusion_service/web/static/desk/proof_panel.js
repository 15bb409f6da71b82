// @ts-check
// "Is this what was recorded?": an entry verified in this browser, step by step, under a key the auditor pins.
import { useEffect, useState } from "preact/hooks";
import { html } from "../markup.js";
import { shownDate } from "../times.js";
import { E } from "./evidence_strings.js";
import { Refusal } from "./frame.js";
import { forgetKey, keeps, pinKey, pins } from "./pins.js";
import { Rejected } from "./exact_bytes.js";
import { verdict } from "./proof.js";
import { readKey } from "./signed_note.js";
import { askDesk, saveFile } from "./service.js";
import { verifyShown } from "./verifying.js";

/** @typedef {import("./proof.js").Check} Check */
/** @typedef {import("./verifying.js").Verified} Verified */

/** @param {Record<string, string>} table @param {string} word */
const said = (table, word) => table[word] ?? word;

/** @param {string} time */
const dateOf = (time) => shownDate(time.slice(0, 10));

/** @param {{entry: any}} properties `entry` as the page shows it, in the interface's own JSON */
export function ProofPanel({ entry }) {
  const [found, setFound] = useState(/** @type {Verified | "running" | null} */ (null));
  const held = pins.value.keys.map((key) => key.line).join();
  // What was said of another entry, or under other keys, says nothing of this one.
  useEffect(() => setFound(null), [JSON.stringify(entry), held]);
  const verify = async () => {
    setFound("running");
    setFound(await verifyShown(entry));
  };
  const running = found === "running";
  const done = found !== null && !running ? found : null;
  return html`<section class="proof" aria-label=${E.verifyTitle}>
    <h3>${E.verifyTitle}</h3>
    <p class="quiet">${E.verifyHow}</p>
    <p><button class="primary" id="verify-entry" disabled=${running} onClick=${verify}>${running ? E.verifying : done ? E.again : E.verify}</button></p>
    ${done && html`<${Refusal} answer=${done.refusal} />`}
    ${done && done.checks.length > 0 && html`<${Outcome} checks=${done.checks} />`}
    <${Keys} />
  </section>`;
}

/** @param {{checks: Check[]}} properties */
function Outcome({ checks }) {
  const all = verdict(checks);
  return html`<p id="verdict" data-verdict=${all} class=${all === "good" ? "good" : all === "bad" ? "error" : ""} role=${all === "bad" ? "alert" : "status"}>${E.verdicts[all]}</p>
    <ol class="steps">${checks.map((check) => html`<${OneStep} key=${check.step} check=${check} />`)}</ol>`;
}

/** @param {{check: Check}} properties */
function OneStep({ check }) {
  const mark = check.ok === null ? E.marks.not : check.ok ? E.marks.yes : E.marks.no;
  const tone = check.ok === null ? "quiet" : check.ok ? "good" : "error";
  return html`<li data-step=${check.step} data-ok=${String(check.ok)}>
    <span class=${tone}>${mark}</span> <p>${E.steps[check.step]}${check.why && html`: <span class=${check.ok === false ? "error" : "quiet"}>${said(E.why, check.why)}</span>`}</p>
    ${check.compared.length > 0 && html`<details open=${check.ok === false}><summary>${E.compared}</summary><div class="wide"><table>
      <thead><tr><th>${E.member}</th><th>${E.computed}</th><th>${E.stated}</th></tr></thead>
      <tbody>${check.compared.map(({ what, here, there }) => html`<tr key=${what} class=${here === there ? "" : "differs"}><th>${said(E.what, what)}</th><td><code>${here}</code></td><td><code>${there}</code></td></tr>`)}</tbody></table></div></details>`}
  </li>`;
}

/** The keys pinned in this browser, the checkpoints seen, and a place for another line. */
function Keys() {
  const { keys, seen } = pins.value;
  return html`<details class="keys" open=${keys.length === 0}><summary>${E.keyTitle}</summary>
    ${!keeps.value && html`<p class="error">${E.keepFailed}</p>`}
    ${keys.length === 0 && html`<p>${E.keyNone}</p>`}
    <ul>${keys.map((key) => html`<li key=${key.line} data-key=${key.line}><code>${key.line}</code> <span class="quiet">${E.pinnedOn(dateOf(key.on))}, ${key.pasted ? E.pasted : E.fromService}</span>
      <button class="plain" onClick=${() => forgetKey(key.line)}>${E.forgetKey}</button></li>`)}</ul>
    ${Object.entries(seen).map(([origin, { note, size, on }]) => html`<p key=${origin}>${E.lastSeen(size, dateOf(on))}
      <button class="plain" onClick=${() => saveFile(new Blob([note], { type: "text/plain" }), E.checkpointFile(size))}>${E.saveCheckpoint}</button></p>`)}
    <${NewKey} first=${keys.length === 0} /></details>`;
}

/** @param {{first: boolean}} properties */
function NewKey({ first }) {
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
  return html`<form onSubmit=${enter}><label>${E.keyLine} <input id="key-line" size="60" required autocomplete="off" spellcheck=${false} value=${line} onInput=${(/** @type {any} */ event) => setLine(event.target.value)} /></label>
      <button id="pin-key">${first ? E.pinKey : E.addKey}</button></form>
    ${wrong && html`<p class="error" role="alert">${wrong}</p>`}
    ${first && named.map((each) => html`<p key=${each} class="quiet">${E.serviceSays} <code>${each}</code> <button class="plain" data-take=${each} onClick=${() => pin(each, false)}>${E.takeKey}</button></p>`)}`;
}
