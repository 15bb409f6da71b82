// @ts-check
// Facts of this tablet on their way to the record, in its own order. A fact is written to the disk before it is sent,
// and leaves it only when the service has answered. What is refused once nobody waits for it any more waits for a person.
import { computed, signal } from "@preact/signals";
import { ask, newId, post } from "./service.js";
import { T } from "./strings.js";
import { change, look } from "./store.js";
import { clockTime, hear, isHeard, serviceNow, silence } from "./times.js";

/**
 * @typedef {{seq: number, day: string, title: string, who: string | null, session: string | null, badge?: string, group?: string,
 *   state: "waiting" | "needs_you", fact: any, problem?: any, urgent: boolean, chair?: string, initials?: string}} Row
 * @typedef {{ok: boolean, receipt?: any, problem?: any, unreachable?: boolean}} Outcome
 */

const BATCH_MAX = 50;
const EVERY_MS = 15000;
const URGENT_EVERY_MS = 2000;
/** A fact that lay here for longer came late because of the network, not because of who entered it. */
const WAITED_MS = 120000;
const CLOCK_HEARD_MS = 8000;
const LATE_MS = 15 * 60000;

/** All facts that are here and not on the record, oldest first. */
export const queue = signal(/** @type {Row[]} */ ([]));

/** What is being sent this very moment, with somebody waiting for the answer. */
const underWay = signal(/** @type {number[]} */ ([]));
/** What stays here: all but what is under way. */
export const unsent = computed(() => queue.value.filter((row) => !underWay.value.includes(row.seq)));

/** Who waits for the answer to which row. @type {Map<number, (outcome: Outcome) => void>} */
const waiting = new Map();
/** @type {Promise<void> | null} */
let flushing = null;
/** The session the page's cookie stands for. */
let currentSession = /** @type {string | null} */ (null);
let onSettled = () => {};
/** Whether the service was out of reach when it was last tried. */
let cutOff = false;
const channel = new BroadcastChannel("infusion-queue");

/** @param {string | null} session */
export const setCurrentSession = (session) => { currentSession = session; };

/** @param {() => void} settled called after something left or changed in the queue */
export async function openQueue(settled) {
  onSettled = settled;
  channel.onmessage = learnFromOtherPages;
  addEventListener("online", () => flush());
  document.addEventListener("visibilitychange", () => { if (!document.hidden) flush(); });
  setInterval(() => { if (hasWaiting()) flush(); }, EVERY_MS);
  setInterval(() => { if (queue.value.some((row) => row.urgent && row.state === "waiting")) flush(); }, URGENT_EVERY_MS);
  await reload();
}

export const hasWaiting = () => queue.value.some((row) => row.state === "waiting");

async function reload() {
  try {
    queue.value = /** @type {Row[]} */ (await look("queue", (store) => store.getAll()));
  } catch {
    queue.value = [];
  }
}

/** Another page of this tablet has sent what somebody waits for here. */
async function learnFromOtherPages() {
  await reload();
  for (const seq of waiting.keys()) {
    const row = queue.value.find((each) => each.seq === seq);
    if (!row) settle({ seq }, { ok: true });
    else if (row.state === "needs_you") settle(row, { ok: false, unreachable: true });
  }
}

async function told() {
  await reload();
  channel.postMessage("changed");
  onSettled();
}

/** Write a fact to the disk. Throws where this tablet cannot keep it. @param {Omit<Row, "seq" | "state">} row @returns {Promise<Row>} */
export async function enqueue(row) {
  const whole = { ...row, state: /** @type {"waiting"} */ ("waiting") };
  const seq = Number(await change("queue", (store) => store.add(whole)));
  underWay.value = [...underWay.value, seq];
  await told();
  underWay.value = underWay.value.filter((each) => each !== seq);
  return { ...whole, seq };
}

/** Take a row out: it is on the record, or a person has withdrawn it. @param {number} seq */
export async function remove(seq) {
  await change("queue", (store) => store.delete(seq));
  await told();
}

/** @param {Row} row */
async function rewrite(row) {
  await change("queue", (store) => store.put(row));
}

/** Put a resume into one group with the pause that waits here: they go in together or not at all. @param {Row} pause */
export async function groupWith(pause) {
  const group = pause.group ?? pause.fact.event_id;
  await rewrite({ ...pause, group });
  await reload();
  return group;
}

/** Send one row and wait for what becomes of it. @param {Row} row @returns {Promise<Outcome>} */
export function send(row) {
  const outcome = new Promise((/** @type {(outcome: Outcome) => void} */ resolve) => { waiting.set(row.seq, resolve); });
  underWay.value = [...underWay.value, row.seq];
  flush();
  return outcome;
}

/** Bring what waits to the service, in order; one at a time on this tablet, whatever pages are open. */
export function flush() {
  flushing ??= alone(flushAll).finally(() => {
    flushing = null;
    // Whoever came while the last batch was on its way goes with the next.
    if (queue.value.some((row) => row.state === "waiting" && waiting.has(row.seq))) flush();
  });
  return flushing;
}

/** @param {() => Promise<void>} work */
async function alone(work) {
  if (navigator.locks) await navigator.locks.request("infusion-queue", work);
  else await work();
}

async function flushAll() {
  /** Days whose facts wait for a better moment: those after them must not overtake. */
  const held = new Set();
  for (;;) {
    await reload();
    const rows = queue.value.filter((row) => row.state === "waiting" && !held.has(row.day)).slice(0, BATCH_MAX);
    if (rows.length === 0) return;
    let answer = null;
    try {
      await hearTheClock();
      answer = await post("/v1/batches", { items: rows.map(itemOf) }, { asDevice: rows.some((row) => row.session !== currentSession) });
    } catch {
      // The network is away.
    }
    if (answer?.status !== 200) {
      cutOff = true;
      for (const row of queue.value) settle(row, { ok: false, unreachable: true });
      return;
    }
    for (const [place, row] of rows.entries()) await take(row, answer.body.items[place], held);
    await told();
  }
}

/**
 * A tablet that slept counts its time wrongly, and the service would put that right in every fact by the time of sending.
 * So the clock is heard anew before anything is sent that waited through a silence.
 */
async function hearTheClock() {
  if (isHeard() && !cutOff && silence() < CLOCK_HEARD_MS) return;
  const { status, body } = await ask("/v1/days?limit=1");
  if (status !== 200) return;
  hear(body.as_of, body.clock);
  cutOff = false;
}

/** What the service said of one row. @param {Row} row @param {any} result @param {Set<string>} held */
async function take(row, result, held) {
  if (result.status !== "refused") {
    await change("queue", (store) => store.delete(row.seq));
    queue.value = queue.value.filter((each) => each.seq !== row.seq);
    settle(row, { ok: true, receipt: result.receipt });
  } else if (result.problem.status >= 500 || result.problem.status === 429) {
    held.add(row.day);
    settle(row, { ok: false, unreachable: true });
  } else if (result.problem.code === "event_id_reused" && row.fact.late_reason === undefined && !row.fact.as_first) {
    // It went in before the answer was lost, without the reason it was given since.
    await rewrite({ ...row, fact: { ...row.fact, as_first: true } });
  } else if (result.problem.code === "group_refused") {
    // What it was grouped with did not stand; this happened all the same, and is sent for itself.
    await rewrite({ ...row, fact: { ...row.fact, event_id: newId() }, group: undefined });
  } else if (waiting.has(row.seq)) {
    await change("queue", (store) => store.delete(row.seq));
    settle(row, { ok: false, problem: result.problem });
  } else {
    // Whoever settles it signs under their own name: nobody's badge is needed any more.
    const { badge, ...left } = row;
    await rewrite({ ...left, state: "needs_you", problem: result.problem });
  }
}

/** @param {{seq: number}} row @param {Outcome} outcome */
function settle(row, outcome) {
  underWay.value = underWay.value.filter((seq) => seq !== row.seq);
  waiting.get(row.seq)?.(outcome);
  waiting.delete(row.seq);
}

/** A row as the service takes it. @param {Row} row */
export function itemOf(row) {
  const { as_first, ...fact } = row.fact;
  const now = serviceNow();
  const late = now - Date.parse(fact.occurred_at) > LATE_MS && now - Date.parse(fact.recorded_at) > WAITED_MS;
  return {
    ...fact, day: row.day, device_seq: row.seq, sent_at: new Date(now).toISOString(),
    ...(row.session ? { session: row.session } : {}), ...(row.badge ? { badge: row.badge } : {}), ...(row.group ? { group: row.group } : {}),
    ...(late && !as_first && fact.late_reason === undefined ? { late_reason: T.lateOffline(clockTime(fact.recorded_at)) } : {}),
  };
}

/** Try once more with a row that was refused, as a new fact: the first decision on an event id is final. @param {Row} row @param {any} changes */
export async function sendAgain(row, changes) {
  const fact = { ...row.fact, ...changes, event_id: newId(), recorded_at: new Date(serviceNow()).toISOString() };
  delete fact.as_first;
  await rewrite({ ...row, fact, state: "waiting", problem: undefined, group: undefined });
  await told();
  return send({ ...row, fact });
}
