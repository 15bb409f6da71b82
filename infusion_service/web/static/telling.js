// @ts-check
// An entry in words: what it is called and what it says, in one line. Of every page.
import { titleOfCheck, titleOfFact, workflow } from "./protocol.js";
import { T, code, fieldName, unitOf, word } from "./strings.js";
import { clockTime, shownDate } from "./times.js";

const LISTED = 4;
const UNTOLD = new Set(["event_id", "data", "alert", "alerts", "entry", "bag", "confirmed", "source", "spo2_scale", "patient", "workflow", "timezone", "missed_cutoff"]);

/** @param {any} entry @param {any} file the day's workflow */
export function titleOf(entry, file = workflow.value) {
  return entry.kind === "refused" ? `${titleOfFact(entry.data.type, file)}: ${T.refused}` : titleOfFact(entry.type, file);
}

/** A long list by its most frequent answer and what differs from it: a checklist. @param {any[]} items */
function counted(items) {
  const answerOf = (/** @type {any} */ item) => Object.values(item)[1];
  const answers = new Map();
  for (const item of items) answers.set(answerOf(item), (answers.get(answerOf(item)) ?? 0) + 1);
  const [usual, count] = [...answers].sort((one, other) => other[1] - one[1])[0];
  const others = items.filter((item) => answerOf(item) !== usual).map((item) => Object.values(item).slice(0, 2).map((one) => code(String(one))).join(": "));
  return [T.times(count, code(String(usual)).toLowerCase()), ...others].join(", ");
}

/** A text as somebody wrote it, a code as a word: who wrote "well-known" or a batch "A-12" wants to read just that. @param {string} text @param {any} field as the workflow file has it, where it has it */
const spoken = (text, field) => ((field ? field.type === "choice" : /^[a-z0-9_]+$/.test(text)) ? code(text) : text);

/** @param {string} name @param {any} value @param {any} field @returns {string} */
function told(name, value, field) {
  if (value === true) return fieldName(name);
  if (Array.isArray(value) && value.length > LISTED && value.every((each) => typeof each === "object")) return counted(value);
  if (Array.isArray(value)) return value.map((each) => (typeof each === "object" ? Object.values(each).slice(0, 2).map((one) => code(String(one))).join(": ") : code(String(each)))).join(", ");
  const text = typeof value === "string" && /^\d{4}-.*T/.test(value) ? clockTime(value) : typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value) ? shownDate(value) : unitOf(name) || typeof value !== "string" ? String(value) : spoken(value, field);
  // A note is what it says.
  return field?.type === "text" && name === "text" ? text : `${fieldName(name)} ${text} ${unitOf(name)}`.trim();
}

/** What an entry says, in one line. @param {any} entry @param {any} file the day's workflow */
export function summary(entry, file = workflow.value) {
  const data = entry.data ?? {};
  if (entry.withheld) return T.withheld;
  if (entry.kind === "refused") return data.detail ?? code(data.code);
  if (entry.type.startsWith("alert.")) return [word({}, data.rule), data.severity].filter(Boolean).join(", ");
  if (entry.type === "check.overdue") return titleOfCheck(data.check, file);
  return Object.entries(data).filter(([name, value]) => !UNTOLD.has(name) && value !== false && value !== null).map(([name, value]) => told(name, value, file?.facts[entry.type]?.fields[name])).filter(Boolean).join(", ");
}
