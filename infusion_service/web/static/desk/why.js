// @ts-check
// Why an endpoint is behind, in one sentence made of its status, and what to do about it.
import { between, span, when } from "./moments.js";
import { O, WHY } from "./operations_strings.js";

/** @typedef {{key: string, tone: string, word: string, says: string, todo: string}} Why `key`: the kind of state, for sorting and tests */

const WORST_FIRST = ["disabled", "failing", "unusable", "blocked", "parked", "pending", "paused", "held", "behind", "fine"];

/** What was answered, in words an engineer acts on. @param {any} attempt @returns {string} */
export function answered(attempt) {
  if (!attempt) return O.noAnswerYet;
  const code = String(attempt.status ?? attempt.fault);
  const group = attempt.status ? `${String(attempt.status).charAt(0)}xx` : "";
  const says = WHY.answers[code] ?? WHY.answers[group] ?? "";
  const quoted = attempt.excerpt ? ` “${attempt.excerpt}”` : "";
  return `${code}${says && `: ${says}`}${quoted}`;
}

/** The newest attempt at whatever is held up or parked. @param {any} status */
export function lastFailure(status) {
  const tried = [...(status.blocked_deliveries ?? []).map((/** @type {any} */ each) => each.last_attempt), ...status.parked_deliveries.map((/** @type {any} */ each) => each.attempts.at(-1))];
  return tried.filter(Boolean).sort((one, other) => one.at.localeCompare(other.at)).at(-1) ?? null;
}

/** @param {string | null | undefined} moment @param {string} now */
const inTime = (moment, now) => (moment && moment > now ? WHY.inTime(span(between(now, moment))) : WHY.atOnce);

/** @param {any} status @returns {Why} */
export function why(status) {
  const found = stopped(status) ?? troubled(status) ?? (status.lag_entries > 0 ? of("behind", "info", WHY.behind(status.lag_entries), "") : null);
  const parked = status.parked ? WHY.parked(status.parked) : "";
  if (!found) return status.parked ? of("parked", "warning", parked, WHY.parkedTodo) : of("fine", "good", WHY.fine, "");
  return { ...found, says: [found.says, parked].filter(Boolean).join(" ") };
}

/** It is not meant to send. @param {any} status @returns {Why | null} */
function stopped(status) {
  const waits = status.lag_entries ? WHY.waits(status.lag_entries) : "";
  if (status.state === "pending") return of("pending", "warning", `${WHY.pending} ${waits}`, WHY.pendingTodo);
  if (status.state === "held") return of("held", "held", `${WHY.held(status.state_reason)} ${waits}`, WHY.heldTodo);
  if (status.state === "disabled") return of("disabled", "critical", `${WHY.disabled(status.state_reason)} ${waits}`, WHY.disabledTodo);
  if (!status.dispatching) return of("unusable", "critical", WHY.unusable, WHY.unusableTodo);
  return null;
}

/** It is meant to send and cannot. @param {any} status @returns {Why | null} */
function troubled(status) {
  const now = status.as_of;
  const last = answered(lastFailure(status));
  if (status.circuit === "open") return of("failing", "critical", WHY.failing(when(status.failing_since), last, inTime(status.next_attempt_at ?? status.next_probe_at, now), status.lag_entries), WHY.failingTodo);
  if (status.paused_until && status.paused_until > now) return of("paused", "info", WHY.paused(span(between(now, status.paused_until)), status.lag_entries), "");
  if (!status.blocked) return null;
  const first = status.blocked_deliveries[0];
  return of("blocked", "warning", WHY.blocked(status.blocked, first.n, first.type, answered(first.last_attempt), inTime(first.next_attempt_at, now)), WHY.blockedTodo);
}

/** @param {string} key @param {string} tone @param {string} says @param {string} todo @returns {Why} */
const of = (key, tone, says, todo) => ({ key, tone, word: WHY.words[key], says: says.trim(), todo });

/** @param {Why} one @param {Why} other */
export const worse = (one, other) => WORST_FIRST.indexOf(one.key) - WORST_FIRST.indexOf(other.key);
