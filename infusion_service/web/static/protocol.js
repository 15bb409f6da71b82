// @ts-check
// What the page asks a workflow file for. It knows no product: facts are looked up by what they mean, guards by their
// kind, and what facts, states and checks are called stands in the file. What a file does not have, the page leaves out.
import { signal } from "@preact/signals";
import { GUARD_KINDS, SCORES, T, code, word } from "./strings.js";

/** The workflow of the open day. */
export const workflow = signal(/** @type {any} */ (null));
/** Every workflow file that is known here, by name and version. */
const known = signal(/** @type {Record<string, any>} */ ({}));

/** @param {{name: string, version: number}} named */
export const nameOfFile = ({ name, version }) => `${name}/${version}`;

/** @param {any} file */
export const learnFile = (file) => { known.value = { ...known.value, [nameOfFile(file)]: file }; };

/** The file a day follows, where it is known here. @param {any} day a view or a tile */
export const fileOf = (day) => (day?.workflow ? known.value[nameOfFile(day.workflow)] : undefined);

/** The type of the fact that means this, or nothing. @param {string} meaning @param {any} file @returns {string | undefined} */
export const meant = (meaning, file = workflow.value) => Object.keys(file?.facts ?? {}).find((type) => file.facts[type].means === meaning);

/** Whether a type of fact means one of these. @param {string} type @param {string[]} meanings @param {any} file */
export const means = (type, meanings, file = workflow.value) => meanings.includes(file?.facts[type]?.means);

/** The fact that is a plain note: it moves and means nothing, and holds one text. @param {any} file @returns {{type: string, field: string, title: string, max_chars: number} | undefined} */
export function noteOf(file = workflow.value) {
  for (const [type, fact] of Object.entries(file?.facts ?? {})) {
    const fields = Object.entries(fact.fields);
    const [[field, only] = []] = fields;
    if (fact.means || fact.moves.length || fact.second || fields.length !== 1 || only.type !== "text") continue;
    return { type, field, title: fact.title, max_chars: only.max_chars };
  }
  return undefined;
}

/** @param {string} type @param {any} file */
export const titleOfFact = (type, file = workflow.value) => file?.facts[type]?.title ?? word({}, type.replaceAll(".", " "));

/** @param {string} state @param {any} file */
export const titleOfState = (state, file = workflow.value) => file?.states[state]?.title ?? word({}, state);

/** The fact that answers a check, of those that fall due again and again and of those an alert wants. @param {string} check @param {any} file @returns {string | undefined} */
export function factOfCheck(check, file = workflow.value) {
  const wanted = (file?.alerts ?? []).flatMap((/** @type {any} */ rule) => rule.bands ?? []).map((/** @type {any} */ band) => band.wants_check);
  return [...(file?.checks ?? []), ...wanted].find((each) => each?.check === check)?.fact;
}

/** What a check is called: by its fact, or by its own name where that says more (which sample). @param {string} check @param {any} file */
export function titleOfCheck(check, file = workflow.value) {
  const type = factOfCheck(check, file);
  if (type === undefined || means(type, ["lab_sampled", "lab_resulted"], file)) return word({}, check);
  return means(type, ["vital_signs"], file) ? T.vitals : titleOfFact(type, file);
}

/** What a guard is called, by its kind. @param {string} id @param {any} file */
export function titleOfGuard(id, file = workflow.value) {
  const guard = (file?.guards ?? []).find((/** @type {any} */ each) => each.id === id);
  const name = GUARD_KINDS[/** @type {keyof GUARD_KINDS} */ (guard?.kind)];
  if (!name) return word({}, id);
  const what = guard.medication_class ?? guard.analyte;
  return what ? `${name}: ${code(what).toLowerCase()}` : name;
}

/** Whether a day's state ends it. @param {any} day */
export const isOver = (day) => Boolean(fileOf(day)?.states[day.state]?.terminal);

/** Whether the day is in a state in which somebody waits for the end of the observation. @param {any} day */
export function isObserved(day) {
  const file = fileOf(day);
  const leaving = (file?.guards ?? []).filter((/** @type {any} */ guard) => guard.kind === "observed_for").flatMap((/** @type {any} */ guard) => guard.on);
  return leaving.some((/** @type {string} */ type) => (file.facts[type]?.moves ?? []).some((/** @type {any} */ move) => move.from.includes(day.state)));
}

/** The scores of a day's last complete set, with how they moved. @param {any} day a view or a tile @param {any} file @returns {{name: string, title: string, total: number, at: string, since_last: number | null, since_baseline: number | null}[]} */
export function scoresOf(day, file = fileOf(day)) {
  return Object.keys(file?.scores ?? {}).filter((name) => day.vitals[name])
    .map((name) => ({ name, title: word(SCORES, name), since_last: null, since_baseline: null, ...day.vitals[name], ...day.score_changes?.[name] }));
}

/** What a scanned band says in a check-in: the choice that speaks of a scan. @param {string} type @returns {Record<string, string>} */
export function answerOfBand(type) {
  if (!means(type, ["check_in"])) return {};
  for (const [name, field] of Object.entries(workflow.value.facts[type].fields)) {
    const scan = field.type === "choice" && field.of.find((/** @type {string} */ each) => each.includes("scan"));
    if (scan) return { [name]: scan };
  }
  return {};
}

/** What a bag label says, in the fields of a fact: the batch in the text that is called so, the expiry in the date that is. @param {string} type @param {{batch?: string, expires?: string}} label @returns {Record<string, string>} */
export function answerOfLabel(type, { batch, expires }) {
  if (!means(type, ["bag_prepared"])) return {};
  const named = Object.entries(workflow.value.facts[type].fields);
  const lot = named.find(([name, field]) => field.type === "text" && /batch|lot/.test(name))?.[0];
  const dates = named.filter(([, field]) => field.type === "date").map(([name]) => name);
  const expiry = dates.find((name) => /expir|use_by/.test(name)) ?? (dates.length === 1 ? dates[0] : undefined);
  return { ...(lot && batch && { [lot]: batch }), ...(expiry && expires && { [expiry]: expires }) };
}

/** The reason that stands until somebody says one: one that calls itself other, else the first in the file. @param {any} field */
export const reasonUnsaid = (field) => field.of.find((/** @type {string} */ each) => each.startsWith("other")) ?? field.of[0];

/** The reason of a pause that an alert asks for: the one after which nobody resumes unasked. @param {string} type @param {any} file */
export function reasonOfAlert(type, file = workflow.value) {
  const free = new Set((file.guards ?? []).flatMap((/** @type {any} */ guard) => guard.free_reasons ?? []));
  const kept = (file.facts[type].fields.reason?.of ?? []).filter((/** @type {string} */ each) => !free.has(each));
  return free.size && kept.length === 1 ? { reason: kept[0] } : {};
}

/** The signs of a set as the screen has them: those it knows in the order of a round, then the file's own. @param {any} fact @param {string[]} round */
export function signsOf(fact, round) {
  const measured = (/** @type {string} */ name) => ["integer", "decimal"].includes(fact.fields[name]?.type);
  const set = fact.complete_set.length ? fact.complete_set : Object.keys(fact.fields).filter((name) => measured(name) && fact.fields[name].hard);
  const place = (/** @type {string} */ name) => (round.includes(name) ? round.indexOf(name) : round.length);
  const sorted = [...set].sort((one, other) => place(one) - place(other));
  return { measured: sorted.filter(measured), chosen: sorted.filter((name) => fact.fields[name]?.type === "choice") };
}
