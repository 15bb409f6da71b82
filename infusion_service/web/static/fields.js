// @ts-check
// The control of each type of field, with its label, its unit and what is wrong with it.
import { html } from "./markup.js";
import { means, titleOfFact } from "./protocol.js";
import { T, code, fieldName, unitOf } from "./strings.js";
import { clockTime } from "./times.js";
import { entries } from "./ward_state.js";

const BUTTONS_MAX = 7;
const LONG_TEXT_CHARS = 200;
const HINTS = { date: T.hintDate, time: T.hintTime };

/** What may be named by its id: alerts, bags, entries. @param {string} name @param {any} day @returns {{id: string, text: string}[]} */
function namable(name, day) {
  if (name === "alert" || name === "alerts") {
    return day.alerts.map((/** @type {any} */ alert) => ({ id: alert.alert_id, text: alert.says || alert.rule }));
  }
  const facts = entries.value.filter((entry) => entry.kind === "fact" && (name !== "bag" || means(entry.type, ["bag_prepared"])));
  return facts.map((entry) => ({ id: entry.entry_id, text: `${clockTime(entry.occurred_at)} ${titleOfFact(entry.type)} ${entry.data.batch ?? ""}` })).reverse();
}

/** @param {{name: string, field: any, day: any, value: any, error?: string, onChange: (value: any) => void}} properties */
export function Field({ name, field, day, value, error, onChange }) {
  const id = `field-${name}`;
  const unit = unitOf(name);
  const label = html`${fieldName(name)} ${unit && html`<small>${unit}</small>`} ${field.type in HINTS && html`<small>${HINTS[/** @type {keyof HINTS} */ (field.type)]}</small>`} ${field.optional && html`<small>${T.optional}</small>`}`;
  const wrong = html`<span class="error" id=${`${id}-error`}>${error ?? ""}</span>`;
  const about = { id, "aria-invalid": error ? "true" : "false", "aria-describedby": error ? `${id}-error` : undefined };
  const typed = (/** @type {any} */ event) => onChange(event.target.value);

  if (field.type === "list") return html`<${ListField} name=${name} field=${field} value=${value ?? []} error=${error} onChange=${onChange} />`;
  const options = optionsOf(name, field, day);
  if (options && (options.length <= BUTTONS_MAX || field.type === "choices" || field.type === "ids")) {
    const many = field.type === "choices" || field.type === "ids";
    const picked = many ? value ?? [] : [value];
    /** @param {any} each */
    const pick = (each) => onChange(!many ? (each === value && field.optional ? undefined : each) : picked.includes(each) ? picked.filter((/** @type {any} */ one) => one !== each) : [...picked, each]);
    return html`<div class="field" role="group" aria-labelledby=${`${id}-label`} data-field=${name}><span class="label" id=${`${id}-label`}>${label}</span>
      <div class="options">${options.map((option) => html`<button class="choice" key=${option.id} data-value=${String(option.id)} aria-pressed=${picked.includes(option.id)} onClick=${() => pick(option.id)}>${option.text}</button>`)}</div>${wrong}</div>`;
  }
  return html`<div class="field" data-field=${name}><label class="label" for=${id}>${label}</label>
    ${options ? html`<select ...${about} value=${value ?? ""} onChange=${typed}><option value="">${T.choose}</option>${options.map((option) => html`<option key=${option.id} value=${option.id}>${option.text}</option>`)}</select>`
    : field.type === "texts" ? html`<textarea ...${about} rows="3" placeholder=${T.onePerLine} value=${value ?? ""} onInput=${typed} />`
    : field.type === "text" && field.max_chars > LONG_TEXT_CHARS ? html`<textarea ...${about} rows="3" maxlength=${field.max_chars} value=${value ?? ""} onInput=${typed} />`
    : html`<input ...${about} ...${inputOf(field)} value=${value ?? ""} onInput=${typed} autocomplete="off" />`}${wrong}</div>`;
}

/** @param {any} field */
function inputOf(field) {
  // Typed, not picked: the browser's own pickers follow its language, and write twelve hours for the half of them.
  if (field.type === "date" || field.type === "time") return { type: "text", inputmode: "numeric", class: "short" };
  if (field.type === "integer") return { type: "text", inputmode: "numeric", class: "short" };
  if (field.type === "decimal") return { type: "text", inputmode: "decimal", class: "short" };
  return { type: "text", maxlength: field.max_chars };
}

/** What can be chosen from, or null where it is typed. @param {string} name @param {any} field @param {any} day @returns {{id: any, text: string}[] | null} */
function optionsOf(name, field, day) {
  if (field.type === "boolean") return [{ id: true, text: T.yes }, { id: false, text: T.no }];
  if (field.type === "choice" || field.type === "choices") return field.of.map((/** @type {string} */ each) => ({ id: each, text: code(each) }));
  if (field.type === "id" || field.type === "ids") return namable(name, day);
  return null;
}

/** A list with a choice in it is one line per choice: a checklist. @param {{name: string, field: any, value: any[], error?: string, onChange: (value: any[]) => void}} properties */
function ListField({ name, field, value, error, onChange }) {
  const choices = Object.entries(field.fields).filter(([, each]) => each.type === "choice");
  if (choices.length < 2) return html`<div class="field list" data-field=${name}><span class="label">${fieldName(name)}</span><p class="note">${T.listElsewhere}</p></div>`;
  const [[key, rowField], [result, resultField]] = choices;
  const rest = Object.entries(field.fields).filter(([each]) => each !== key && each !== result);
  /** @param {string} item @param {Record<string, any>} more */
  const change = (item, more) => {
    const before = value.find((each) => each[key] === item) ?? { [key]: item };
    onChange([...value.filter((each) => each[key] !== item), { ...before, ...more }]);
  };
  const missing = rowField.of.filter((/** @type {string} */ item) => !value.some((each) => each[key] === item));
  return html`<div class="field list" role="group" aria-label=${fieldName(name)} data-field=${name}>
    <span class="label">${fieldName(name)} <span class="error">${error ?? ""}</span></span>
    <button class="choice" id="all-clear" disabled=${missing.length === 0} onClick=${() => onChange([...value, ...missing.map((/** @type {string} */ item) => ({ [key]: item, [result]: resultField.of[0] }))])}>${T.allClear}</button>
    ${rowField.of.map((/** @type {string} */ item) => {
      const set = value.find((each) => each[key] === item);
      return html`<div class="list-row" key=${item} data-item=${item} role="group" aria-label=${code(item)}><span>${code(item)}</span>
        <div class="options">${resultField.of.map((/** @type {string} */ each) => html`<button class="choice" data-value=${each} aria-pressed=${set?.[result] === each} onClick=${() => change(item, { [result]: each })}>${code(each)}</button>`)}</div>
        ${set && html`<details><summary>${T.more}</summary>${rest.map(([each, sub]) => html`<label>${fieldName(each)} ${sub.type in HINTS && html`<small>${HINTS[/** @type {keyof HINTS} */ (sub.type)]}</small>`} <input ...${inputOf(sub)} value=${set[each] ?? ""} onInput=${(/** @type {any} */ event) => change(item, { [each]: event.target.value || undefined })} /></label>`)}</details>`}</div>`;
    })}</div>`;
}
