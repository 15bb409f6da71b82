// @ts-check
// From what was typed and touched to the data of a fact, with what is wrong beside its field. The service judges again.
import { T } from "./strings.js";
import { clockTime, localDate, toUtc } from "./times.js";

/** Whether a field holds nothing. @param {any} value */
export const isEmpty = (value) => value === undefined || value === "" || value === null || (Array.isArray(value) && value.length === 0);

/** @param {any} field @param {string} text @returns {{value?: number, error?: string}} */
function readNumber(field, text) {
  const digits = /^-?\d+(?:[.,](\d+))?$/.exec(text.trim());
  if (!digits) return { error: T.notANumber };
  const scale = field.type === "integer" ? 0 : field.scale;
  if ((digits[1] ?? "").length > scale) return { error: T.decimals(scale) };
  const value = Number(text.trim().replace(",", "."));
  if (field.hard && (value < Number(field.hard[0]) || value > Number(field.hard[1]))) return { error: T.outOfRange(field.hard[0], field.hard[1]) };
  if (field.at_least !== null && value < Number(field.at_least)) return { error: T.atLeast(field.at_least) };
  if (field.at_most !== null && value > Number(field.at_most)) return { error: T.atMost(field.at_most) };
  if (field.above !== null && value <= Number(field.above)) return { error: T.above(field.above) };
  return { value };
}

/** A 24 h time on the day's own date, or on a date written before it. @param {string} text @param {string} date */
export function readTime(text, date) {
  const parts = /^(?:(\d{4}-\d{2}-\d{2})[ T])?([01]?\d|2[0-3]):([0-5]\d)$/.exec(text.trim());
  return parts ? { value: toUtc(`${parts[1] ?? date}T${parts[2].padStart(2, "0")}:${parts[3]}`) } : { error: T.badTime };
}

/** @param {string} text */
function readDate(text) {
  const date = text.trim();
  return /^\d{4}-\d{2}-\d{2}$/.test(date) && !Number.isNaN(Date.parse(date)) ? { value: date } : { error: T.badDate };
}

/** @param {any} field @param {any} value @param {string} date the day's @returns {{value?: any, error?: string}} */
function readValue(field, value, date) {
  switch (field.type) {
    case "integer":
    case "decimal":
      return readNumber(field, String(value));
    case "time":
      return readTime(String(value), date);
    case "date":
      return readDate(String(value));
    case "texts":
      return { value: String(value).split("\n").map((line) => line.trim()).filter(Boolean) };
    case "list":
      return readList(field, value, date);
    default:
      return { value };
  }
}

/** @param {any} field @param {Record<string, any>[]} items @param {string} date */
function readList(field, items, date) {
  const read = items.map((item) => readData(field, item, date));
  const error = read.map((each) => Object.values(each.errors)[0]).find(Boolean);
  return error ? { error } : { value: read.map((each) => each.data) };
}

/** @param {{fields: Record<string, any>}} fact @param {Record<string, any>} values @param {string} date the day's own @returns {{data: Record<string, any>, errors: Record<string, string>}} */
export function readData(fact, values, date) {
  /** @type {Record<string, any>} */
  const data = {};
  /** @type {Record<string, string>} */
  const errors = {};
  for (const [name, field] of Object.entries(fact.fields)) {
    if (isEmpty(values[name])) {
      // No deficit at all is an answer too.
      if (field.type === "choices" && !field.optional) data[name] = [];
      else if (!field.optional) errors[name] = T.required;
      continue;
    }
    const { value, error } = readValue(field, values[name], date);
    if (error) errors[name] = error;
    else data[name] = value;
  }
  return { data, errors };
}

/** Recorded data as somebody would type it, to be corrected. @param {{fields: Record<string, any>}} fact @param {Record<string, any>} data @returns {Record<string, any>} */
export function asTyped(fact, data) {
  const typed = Object.entries(data).filter(([name]) => name in fact.fields && name !== "confirmed").map(([name, value]) => {
    const { type } = fact.fields[name];
    if (type === "time" && value) return [name, `${localDate(Date.parse(value))} ${clockTime(value)}`];
    if (type === "texts") return [name, value.join("\n")];
    if (type === "list") return [name, value.map((/** @type {any} */ each) => asTyped(fact.fields[name], each))];
    return [name, value];
  });
  return Object.fromEntries(typed);
}
