// @ts-check
// The marks a day's chart is made of: the same as in the printed record, from the entries and the view of the day as it
// is known now. Pure. `docs/auditors.md` says what each stands for; a test holds both charts against each other.

/**
 * @typedef {object} Mark one mark: of which entry, when, and what it says; moments in milliseconds
 * @property {string} kind @property {string} entry @property {number} at
 * @property {boolean} late @property {boolean} struck
 * @property {number} happened when it came to be so: a check is due at `at`, and missed later
 * @property {number} known when it was received
 * @property {string} value @property {number | null | undefined} until of a band: its end, null where it had not ended
 * @property {string} sign @property {string} check @property {string} severity @property {string} doubt
 */

/** Received so long after it happened, or longer, is late. */
export const LATE_MS = 60000;

export const KINDS = [
  "pressure", "pulse", "spo2", "respiration", "temperature", "sign", "unrecordable", "rate", "pause", "drug", "symptom",
  "alert", "check-done", "check-missed",
];

/** What a field's name contains, to the mark of its sign. @type {[string, string][]} */
const SIGN_MARKS = [["heart_rate", "pulse"], ["pulse", "pulse"], ["spo2", "spo2"], ["respiratory", "respiration"], ["celsius", "temperature"]];

const RUNS = ["pump_started", "pump_rate_changed", "pump_resumed"];
const STANDS = ["pump_paused", "pump_alarm", "pump_stopped", "pump_completed"];

/** @param {any} entry */
export const isLate = (entry) => Date.parse(entry.rcv) - Date.parse(entry.occurred_at) >= LATE_MS;

/** Fields of vital signs that are drawn: numbers with a range. @param {any} file @returns {Record<string, any>} */
export function chartedFields(file) {
  const sets = Object.values(file.facts).filter((fact) => fact.means === "vital_signs");
  return Object.fromEntries(sets.flatMap((fact) => Object.entries(fact.fields))
    .filter(([, field]) => ["integer", "decimal"].includes(field.type) && (field.soft || field.hard)));
}

/** Fields drawn as one bar: the higher to the lower. @param {any} file @returns {Record<string, string>} */
export function pressures(file) {
  const charted = chartedFields(file);
  const pairs = Object.values(file.facts).filter((fact) => fact.means === "vital_signs").flatMap((fact) => fact.greater);
  return Object.fromEntries(pairs.filter((pair) => pair.higher in charted && pair.lower in charted).map((pair) => [pair.higher, pair.lower]));
}

/** @param {string} name */
const markOfSign = (name) => SIGN_MARKS.find(([part]) => name.includes(part))?.[1] ?? "sign";

/** Every mark of a day, in the order of KINDS and within a kind of time. @param {{entries: any[], view: any, file: any}} day @returns {Mark[]} */
export function marksOf(day) {
  const known = day.entries.filter((entry) => entry.data && !entry.withheld);
  const struck = new Set(day.view.struck);
  const facts = known.filter((entry) => entry.kind === "fact");
  const meaning = (/** @type {any} */ entry) => day.file.facts[entry.type]?.means;
  /** @param {any} entry @param {string} kind @param {Partial<Mark>} said @returns {Mark} */
  const of = (entry, kind, said = {}) => ({
    kind, entry: entry.entry_id, at: Date.parse(entry.occurred_at), happened: said.at ?? Date.parse(entry.occurred_at), known: Date.parse(entry.rcv), late: isLate(entry), struck: struck.has(entry.entry_id),
    value: "", until: undefined, sign: "", check: "", severity: "", doubt: "", ...said,
  });
  const marks = [
    ...facts.filter((entry) => meaning(entry) === "vital_signs").flatMap((entry) => signs(entry, day.file, of)),
    ...bands(day, facts, meaning, struck),
    ...facts.filter((entry) => "drug" in entry.data).map((entry) => of(entry, "drug", { at: Date.parse(entry.data.started_at ?? entry.occurred_at), value: String(entry.data.drug) })),
    ...facts.filter((entry) => meaning(entry) === "symptom").map((entry) => of(entry, "symptom", { value: String(entry.data.code ?? "") })),
    ...alerts(known, of),
    ...facts.flatMap((entry) => done(entry, day.file).map((check) => of(entry, "check-done", { check }))),
    ...known.filter((entry) => entry.type === "check.overdue").map((entry) => of(entry, "check-missed", { at: Date.parse(entry.data.due_at), happened: Date.parse(entry.occurred_at), value: String(entry.data.missed), check: entry.data.check })),
  ];
  return marks.sort((one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind) || one.at - other.at);
}

/** @param {any} entry @param {any} file @param {(entry: any, kind: string, said?: Partial<Mark>) => Mark} of @returns {Mark[]} */
function signs(entry, file, of) {
  const fields = chartedFields(file);
  const { data } = entry;
  const bars = Object.entries(pressures(file)).filter(([higher, lower]) => higher in data && lower in data);
  const inBars = new Set(bars.flat());
  const doubt = (/** @type {string} */ name) => doubtAbout(fields[name], Number(data[name]));
  return [
    ...bars.map(([higher, lower]) => of(entry, "pressure", { value: `${data[higher]}/${data[lower]}`, sign: higher, doubt: doubt(higher) || doubt(lower) })),
    ...Object.keys(fields).filter((name) => name in data && !inBars.has(name)).map((name) => of(entry, markOfSign(name), { value: String(data[name]), sign: name, doubt: doubt(name) })),
    ...(data.unrecordable ?? []).filter((/** @type {string} */ name) => name in fields).map((/** @type {string} */ name) => of(entry, "unrecordable", { sign: name })),
  ];
}

/** @param {any} field @param {number} value */
function doubtAbout(field, value) {
  const outside = (/** @type {any[] | null} */ range) => Boolean(range) && (value < Number(range?.[0]) || value > Number(range?.[1]));
  return outside(field.hard) ? "implausible" : outside(field.soft) ? "unusual" : "";
}

/** The pump as the facts that count give it. @param {any} day @param {any[]} facts @param {(entry: any) => string} meaning @param {Set<string>} struck @returns {Mark[]} */
function bands(day, facts, meaning, struck) {
  const segments = day.view.dose.segments.map((/** @type {any} */ each) => ({ from: Date.parse(each.from), to: each.to ? Date.parse(each.to) : null, rate: each.rate_ml_per_h }));
  /** @param {string} kind @param {number} at @param {number | null} until @param {string} value @param {string[]} meanings @returns {Mark} */
  const band = (kind, at, until, value, meanings) => {
    const began = facts.filter((entry) => meanings.includes(meaning(entry)) && Date.parse(entry.occurred_at) === at && !struck.has(entry.entry_id)).at(-1);
    return { kind, entry: began?.entry_id ?? "", at, happened: at, known: began ? Date.parse(began.rcv) : at, late: Boolean(began) && isLate(began), struck: false, value, until, sign: "", check: "", severity: "", doubt: "" };
  };
  const rates = segments.map((/** @type {any} */ each) => band("rate", each.from, each.to, each.rate, RUNS));
  const pauses = segments.slice(1).map((/** @type {any} */ next, /** @type {number} */ place) => [segments[place].to, next.from])
    .filter((/** @type {[number | null, number]} */ [from, to]) => from !== null && from < to).map((/** @type {[number, number]} */ [from, to]) => band("pause", from, to, "", STANDS));
  const last = segments.at(-1);
  const stands = Boolean(day.file.states[day.view.state]?.paused) && last && last.to !== null;
  return [...rates, ...pauses, ...(stands ? [band("pause", last.to, null, "", STANDS)] : [])];
}

/** An alert whose evidence was corrected away is struck: it should never have been raised. @param {any[]} entries @param {(entry: any, kind: string, said?: Partial<Mark>) => Mark} of */
function alerts(entries, of) {
  const closed = new Map(entries.filter((entry) => entry.type === "alert.closed").map((entry) => [entry.data.alert_id, entry.data.reason]));
  return entries.filter((entry) => entry.type === "alert.raised")
    .map((entry) => of(entry, "alert", { value: entry.data.rule, severity: entry.data.severity, struck: closed.get(entry.entry_id) === "corrected" }));
}

/** The checks that a fact does: it carries all that they ask for; a sign that could not be measured was looked at. @param {any} entry @param {any} file @returns {string[]} */
function done(entry, file) {
  const has = (/** @type {string} */ sign) => sign in entry.data || (entry.data.unrecordable ?? []).includes(sign);
  const does = (/** @type {any} */ check) => check.fact === entry.type && (!check.analyte || entry.data.analyte === check.analyte)
    && (check.complete_set ? file.facts[entry.type].complete_set : check.signs).every(has);
  return [...new Set(/** @type {string[]} */ (file.checks.filter(does).map((/** @type {any} */ check) => check.check)))];
}

/** When an entry was struck, by what is known of it: the moment a correction or a strike of it was received. @param {any[]} entries @param {any} file the day's workflow, which says what a strike is called @returns {Map<string, {at: number, by: string}>} */
export function struckBy(entries, file) {
  /** @type {Map<string, {at: number, by: string}>} */
  const found = new Map();
  for (const entry of entries) {
    // Of what the service derives, only its own strikes name an entry; of facts, a confirmation names one too and strikes nothing.
    const strikes = entry.kind === "derived" || (entry.kind === "fact" && file.facts[entry.type]?.means === "strike");
    const target = entry.corrects ?? (strikes ? entry.data?.entry : undefined);
    if (target && !found.has(target)) found.set(target, { at: Date.parse(entry.rcv), by: entry.entry_id });
  }
  return found;
}

/** What a drawn mark carries, as in the record. @param {Mark} mark @returns {Record<string, string>} */
export function attributesOf(mark) {
  const moment = (/** @type {number} */ at) => new Date(at).toISOString();
  return {
    "data-mark": mark.kind, "data-entry": mark.entry, "data-late": String(mark.late), "data-struck": String(mark.struck), "data-at": moment(mark.at), "data-value": mark.value,
    ...(mark.until === undefined ? {} : { "data-until": mark.until === null ? "" : moment(mark.until) }),
    ...Object.fromEntries([["sign", mark.sign], ["check", mark.check], ["severity", mark.severity], ["doubt", mark.doubt]].filter(([, said]) => said).map(([name, said]) => [`data-${name}`, said])),
  };
}
