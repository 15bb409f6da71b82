// @ts-check
// Forms whose refusals stand beside the field they are about: a problem document names it by a JSON pointer.
import { useState } from "preact/hooks";
import { html } from "../markup.js";
import { Refusal } from "./frame.js";
import { O } from "./operations_strings.js";

/** @typedef {import("./service.js").Answer} Answer */
/** @typedef {{values: Record<string, any>, problem: Answer | null, busy: boolean, set: (name: string, value: unknown) => void, clear: () => void,
 *   sends: (send: (values: Record<string, any>) => Promise<Answer>, done: (body: any) => void) => (event: Event) => Promise<void>}} Form */

/** @param {Record<string, any>} start @returns {Form} */
export function useForm(start) {
  const [values, setValues] = useState(start);
  const [problem, setProblem] = useState(/** @type {Answer | null} */ (null));
  const [busy, setBusy] = useState(false);
  return {
    values, problem, busy,
    set: (name, value) => setValues((before) => ({ ...before, [name]: value })),
    clear: () => setValues(start),
    sends: (send, done) => async (event) => {
      event.preventDefault();
      if (busy) return;
      setBusy(true);
      const answer = await send(values);
      setBusy(false);
      const taken = answer.status >= 200 && answer.status < 300;
      setProblem(taken ? null : answer);
      if (taken) done(answer.body);
    },
  };
}

/** A pattern tells nobody what to type: the hint and the label do. */
const OF_PATTERN = /matching regex/;

/** What is wrong with one field. @param {Form} form @param {string} pointer @returns {string} */
function faultOf(form, pointer) {
  const errors = form.problem?.body?.errors ?? [];
  return errors.filter((/** @type {any} */ each) => each.pointer === pointer || each.pointer.startsWith(`${pointer}/`)).map((/** @type {any} */ each) => (OF_PATTERN.test(each.detail) ? O.wrongForm : each.detail)).join("; ");
}

/**
 * One field with its label, a hint, and what is wrong with it.
 * @param {{form: Form, name: string, label: string, hint?: string, pointer?: string, options?: [string, string][], rows?: number, [attribute: string]: any}} properties
 */
export function Field({ form, name, label, hint, pointer = `/${name}`, options, rows, ...attributes }) {
  const fault = faultOf(form, pointer);
  const id = `field-${name}`;
  const describes = [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(" ") || undefined;
  const common = { id, name, "aria-describedby": describes, "aria-invalid": fault ? "true" : undefined, ...attributes };
  const taken = (/** @type {any} */ event) => form.set(name, attributes.type === "checkbox" ? event.target.checked : event.target.value);
  const value = form.values[name];
  return html`<div class="field"><label for=${id}>${label}</label>
    ${options ? html`<select ...${common} value=${value} onChange=${taken}>${options.map(([key, title]) => html`<option value=${key} selected=${key === value}>${title}</option>`)}</select>`
      : rows ? html`<textarea ...${common} rows=${rows} value=${value} onInput=${taken}></textarea>`
      : attributes.type === "checkbox" ? html`<input ...${common} checked=${value} onChange=${taken} />`
      : html`<input ...${common} value=${value} onInput=${taken} autocomplete="off" />`}
    ${hint && html`<small id="${id}-hint">${hint}</small>`}
    ${fault && html`<span class="error" id="${id}-fault">${fault}</span>`}</div>`;
}

/** What was refused that is about no field shown here. @param {{form: Form, pointers?: string[]}} properties `pointers`: those of the fields shown */
export function Refused({ form, pointers = [] }) {
  const errors = form.problem?.body?.errors ?? [];
  const shown = errors.length > 0 && errors.every((/** @type {any} */ each) => pointers.some((pointer) => each.pointer === pointer || each.pointer.startsWith(`${pointer}/`)));
  return shown ? html`<p class="error" role="alert">${O.mendFields}</p>` : html`<${Refusal} answer=${form.problem} />`;
}

/** A button that asks once more in its own place, for what cannot be taken back. @param {{label: string, sure: string, id?: string, act: () => Promise<void> | void}} properties */
export function Sure({ label, sure, id, act }) {
  const [asked, setAsked] = useState(false);
  if (!asked) return html`<button id=${id} onClick=${() => setAsked(true)}>${label}</button>`;
  return html`<span class="sure"><button class="primary" id=${id && `${id}-sure`} onClick=${async () => { await act(); setAsked(false); }}>${sure}</button>
    <button class="plain" onClick=${() => setAsked(false)}>${O.leaveIt}</button></span>`;
}

/** Text between commas, as a list. @param {string} text */
export const listed = (text) => text.split(",").map((each) => each.trim()).filter(Boolean);
