// @ts-check
// The steps of a verification, one by one: made and good, failed, or not made and why; with what was compared.
import { html } from "../markup.js";
import { E } from "./evidence_strings.js";

/** @typedef {import("./proof.js").Check} Check */

/** @param {Record<string, string>} table @param {string} word */
export const said = (table, word) => table[word] ?? word;

/** What all steps say together. @param {{is: "good" | "bad" | "partly", words: Record<"good" | "bad" | "partly", string>, id: string}} properties */
export function Verdict({ is, words, id }) {
  return html`<p class=${`verdict ${is === "good" ? "good" : is === "bad" ? "error" : ""}`} id=${id} data-verdict=${is} role=${is === "bad" ? "alert" : "status"}>${words[is]}</p>`;
}

/** @param {{checks: Check[]}} properties */
export function Steps({ checks }) {
  return html`<ol class="steps">${checks.map((check) => html`<${OneStep} key=${check.step} check=${check} />`)}</ol>`;
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
