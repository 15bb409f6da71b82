// @ts-check
// Putting a fact on the record: the same attempt is one event, whatever the network does to it. What may be charted
// without network goes through the tablet's queue; everything else needs the service's answer, and is refused without.
import { initialsOnly } from "./kept.js";
import { enqueue, flush, groupWith, hasWaiting, queue, send } from "./queue.js";
import { newId, post, postFact } from "./service.js";
import { titleOfState, workflow } from "./protocol.js";
import { T } from "./strings.js";
import { clockTime, serviceNow } from "./times.js";
import { person } from "./people.js";
import { reachable, refresh, said, view } from "./ward_state.js";

/** @typedef {{type: string, data?: any, occurred_at?: string, late_reason?: string, corrects?: string, second?: {token: string}, event_id?: string}} Fact */
/** @typedef {{ok: boolean, receipt?: any, problem?: any, unreachable?: boolean, here?: boolean}} Answer `here`: kept on this tablet, not on the record yet */

/** Facts whose answer never came, by their content: sent again they keep their id. @type {Map<string, string>} */
const unanswered = new Map();

/** The pause that waits on this tablet: with it, and only with it, a resume may wait too. @param {string} day */
export function waitingPause(day) {
  const facts = workflow.value?.facts ?? {};
  return queue.value.findLast((row) => row.day === day && row.state === "waiting" && facts[row.fact.type]?.means === "pump_paused");
}

/** Whether this kind of fact may wait on the tablet. @param {string} type @param {string} day */
export function mayWait(type, day) {
  const fact = workflow.value?.facts[type];
  if (!fact?.offline) return false;
  return fact.means !== "pump_resumed" || waitingPause(day) !== undefined;
}

/** Who a fact counts under, as a row of the queue keeps it. */
export function signature() {
  const who = person.value;
  return { who: who?.staff ?? null, session: who?.session ?? null, ...(who?.badge ? { badge: who.badge } : {}) };
}

/** What a row says of the bed, so that the tray can name it without the network. @param {string} day */
function bed(day) {
  const shown = view.value?.day_id === day ? view.value : null;
  return { chair: shown?.chair ?? undefined, initials: shown && initialsOnly(shown.patient).initials };
}

/**
 * Post one fact. `first`: it is the first half of a double check.
 * @param {string} day @param {Fact} fact @param {{title: string, token?: string, first?: boolean}} how @returns {Promise<Answer>}
 */
export async function record(day, fact, { title, token, first = false }) {
  const waits = !token && !first && !fact.second && mayWait(fact.type, day);
  if (waits) return recordThroughQueue(day, fact, title);
  if (!reachable.value && !first) {
    const why = T.needsNetwork;
    said.value = { kind: "refused", text: T.notRecorded(why) };
    return { ok: false, problem: { detail: why } };
  }
  // What was charted before comes before.
  if (hasWaiting()) await flush();
  return recordAtOnce(day, fact, { title, token, first });
}

/** @param {string} day @param {Fact} fact @param {string} title @returns {Promise<Answer>} */
async function recordThroughQueue(day, fact, title) {
  const now = new Date(serviceNow()).toISOString();
  const kind = workflow.value.facts[fact.type];
  const pause = kind.means === "pump_resumed" ? waitingPause(day) : undefined;
  const group = pause && (await groupWith(pause));
  const whole = { event_id: newId(), occurred_at: now, ...fact, recorded_at: now };
  let row;
  try {
    row = await enqueue({ day, title, fact: whole, ...signature(), ...bed(day), urgent: kind.urgent, ...(group ? { group } : {}) });
  } catch {
    // Nothing can be kept here (a private window, a full disk): then only the service's own answer counts.
    return recordAtOnce(day, fact, { title });
  }
  said.value = { kind: "waiting", text: T.onTablet(title, clockTime(now)) };
  const outcome = await send(row);
  if (outcome.unreachable) {
    reachable.value = false;
    said.value = { kind: "waiting", text: T.stillOnTablet(title, clockTime(now)) };
    return { ok: true, here: true };
  }
  await refresh();
  if (outcome.ok) said.value = { kind: "recorded", text: T.recorded(title, clockTime(outcome.receipt?.received_at ?? now)) };
  else said.value = { kind: "refused", text: T.notRecorded(reasonsOf(outcome.problem).join(" · ")) };
  return outcome;
}

/** @param {string} day @param {Fact} fact @param {{title: string, token?: string, first?: boolean}} how @returns {Promise<Answer>} */
async function recordAtOnce(day, fact, { title, token, first = false }) {
  const content = JSON.stringify([day, fact, first, token ?? null]);
  const event_id = fact.event_id ?? unanswered.get(content) ?? newId();
  unanswered.set(content, event_id);
  said.value = { kind: "sending", text: T.saving };
  try {
    const body = { ...fact, event_id };
    const { status, body: answer } = first ? await post("/v1/double-checks", { ...body, day }) : await postFact(day, body, { token });
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
  reachable.value = false;
  said.value = { kind: "refused", text: T.notRecorded(T.unreachable) };
  return { ok: false, unreachable: true };
}

/** What the service would ask about or refuse in numbers, asked here at once and without network. @param {any} fact @param {Record<string, any>} data @param {string} state */
export function doubtsAbout(fact, data, state) {
  const outside = (/** @type {string} */ name, /** @type {any} */ range) => range && typeof data[name] === "number" && (data[name] < Number(range[0]) || data[name] > Number(range[1]));
  const emergency = workflow.value.states[state]?.emergency;
  for (const [name, field] of Object.entries(fact.fields)) {
    if (!emergency && outside(name, field.hard)) return { code: "implausible", field: name, detail: T.outOfRange(field.hard[0], field.hard[1]), fields: [name] };
  }
  const fields = data.confirmed ? [] : Object.keys(fact.fields).filter((name) => outside(name, fact.fields[name].soft) || outside(name, fact.fields[name].hard));
  return fields.length ? { code: "needs_confirmation", fields, field: fields[0] } : null;
}

/** Why something was refused, one reason each. @param {any} problem @param {any} file the day's workflow @returns {string[]} */
export function reasonsOf(problem, file = workflow.value) {
  if (problem.code === "transition_not_allowed") return [T.notInState(titleOfState(problem.state, file))];
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
