// @ts-check
// Putting a fact on the record: the same attempt is one event, whatever the network does to it.
import { newId, post, postFact } from "./service.js";
import { T } from "./strings.js";
import { clockTime } from "./times.js";
import { person, refresh, said } from "./ward_state.js";

/** @typedef {{type: string, data?: any, occurred_at?: string, late_reason?: string, corrects?: string, second?: {token: string}, event_id?: string}} Fact */
/** @typedef {{ok: boolean, receipt?: any, problem?: any, unreachable?: boolean}} Answer */

/** Facts whose answer never came, by their content: sent again they keep their id. @type {Map<string, string>} */
const unanswered = new Map();

/**
 * Post one fact. `path` other than that of the day's events is the first half of a double check.
 * @param {string} day @param {Fact} fact @param {{title: string, token?: string, first?: boolean}} how @returns {Promise<Answer>}
 */
export async function record(day, fact, { title, token, first = false }) {
  const content = JSON.stringify([day, fact, first, token ?? null]);
  const event_id = fact.event_id ?? unanswered.get(content) ?? newId();
  unanswered.set(content, event_id);
  said.value = { kind: "sending", text: T.saving };
  try {
    const body = { ...fact, event_id };
    const { status, body: answer } = first ? await post("/v1/double-checks", { ...body, day }) : await postFact(day, body, token);
    if (status >= 500) return unreachable();
    unanswered.delete(content);
    if (status === 200 || status === 201) {
      said.value = { kind: "recorded", text: T.recorded(title, clockTime(answer.received_at)) };
      await refresh();
      return { ok: true, receipt: answer };
    }
    const had = person.value;
    await refresh();
    // The tablet's own credential took over when the session ended: what was refused was not the person.
    const problem = had && !person.value ? { ...answer, detail: T.sessionEnded, guards: undefined } : answer;
    said.value = { kind: "refused", text: T.notRecorded(reasonsOf(problem).join(" · ")) };
    return { ok: false, problem };
  } catch {
    return unreachable();
  }
}

/** @returns {Answer} */
function unreachable() {
  said.value = { kind: "refused", text: T.notRecorded(T.unreachable) };
  return { ok: false, unreachable: true };
}

/** Why something was refused, one reason each. @param {any} problem @returns {string[]} */
export function reasonsOf(problem) {
  if (problem.guards?.length) return problem.guards.map((/** @type {any} */ guard) => guard.reason);
  if (problem.rules?.length) return problem.rules.map((/** @type {any} */ rule) => rule.reason);
  return [[problem.detail, problem.hint].filter(Boolean).join(" ")];
}

/** What is wrong with which field of the data. @param {any} problem @returns {Record<string, string>} */
export function fieldErrors(problem) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const { pointer, detail } of problem?.errors ?? []) {
    const field = /^\/data\/([^/]+)/.exec(pointer)?.[1];
    if (field) found[field] = detail;
  }
  if (problem?.field) found[String(problem.field)] = reasonsOf(problem)[0];
  return found;
}
