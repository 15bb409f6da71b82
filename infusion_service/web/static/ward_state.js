// @ts-check
// What the page knows: the board, the open day, where somebody is in it. One stream tells when to ask again; without
// network it goes on with what this tablet kept.
import { batch, effect, signal } from "@preact/signals";
import { forgetAll, forgetOtherDays, keep, keepDay, kept, keptDay } from "./kept.js";
import { listen, listenAnew, startWatchdog } from "./link.js";
import { announceAlerts } from "./announce.js";
import { hasLeft, learn, person, recallPerson, startAutoLock, turn } from "./people.js";
import { flush, openQueue, unsent } from "./queue.js";
import { fileOf, learnFile, nameOfFile, workflow } from "./protocol.js";
import { ask, post } from "./service.js";
import { lookForNewVersion } from "./shell.js";
import { soundFor } from "./sound.js";
import { hear, localDate, recallClock, serviceClock, zone } from "./times.js";

const BOARD_EVERY_MS = 5000;

/** null until the service has answered. */
export const enrolled = signal(/** @type {boolean | null} */ (null));
/** What this tablet is called. */
export const device = signal("");
/** Whether the last question was answered. */
export const reachable = signal(true);
export const rows = signal(/** @type {any[]} */ ([]));
/** The open day's view and its entries. */
export const view = signal(/** @type {any} */ (null));
export const entries = signal(/** @type {any[]} */ ([]));
/** Where in the page somebody is: the board, or a day with an open panel. */
export const place = signal(/** @type {{day: string | null, panel: any}} */ ({ day: null, panel: null }));
/** Days that somebody called theirs on this tablet. */
export const mine = signal(/** @type {string[]} */ ([]));
/** The last thing that was recorded or refused. */
export const said = signal(/** @type {{kind: string, text: string} | null} */ (null));

let asking = false;
let askAgain = false;
let reported = "";

export async function refresh() {
  if (asking) {
    askAgain = true;
    return;
  }
  asking = true;
  try {
    do {
      askAgain = false;
      await askEverything();
    } while (askAgain);
    if (!reachable.value) {
      reachable.value = true;
      flush();
    }
  } catch {
    // The network is away: what is shown turns grey by its age.
    reachable.value = false;
    await showKept();
  } finally {
    asking = false;
  }
}

async function askEverything() {
  await hasLeft();
  const before = turn();
  const session = await ask("/v1/sessions/current");
  if (before !== turn()) {
    askAgain = true;
    return;
  }
  if (session.status === 401) {
    batch(() => { enrolled.value = false; rows.value = []; view.value = null; person.value = null; });
    await forgetAll();
    return;
  }
  if (session.status !== 200) throw new Error(String(session.status));
  await learn(session.body);
  batch(() => { enrolled.value = true; device.value = session.body.device; });
  listen(refresh, () => { flush(); reported = ""; lookForNewVersion(); });
  // The other beds are asked for on a day's screen too: their alerts sound wherever somebody is.
  await Promise.all([refreshBoard(), place.value.day === null ? null : refreshDay(place.value.day), report()]);
}

async function refreshBoard() {
  const open = await ask("/v1/days?open=true");
  if (open.status !== 200) return;
  const today = localDate(Date.parse(open.body.as_of), open.body.days[0]?.timezone);
  const dated = await ask(`/v1/days?date=${today}`);
  if (dated.status !== 200) return;
  hear(dated.body.as_of, dated.body.clock);
  const found = new Map([...open.body.days, ...dated.body.days].map((row) => [row.day_id, row]));
  for (const row of found.values()) await workflowOf(row.workflow);
  batch(() => {
    announceAlerts(soundFor([...found.values()].flatMap((row) => row.alerts.map((/** @type {any} */ alert) => ({ ...alert, chair: row.chair })))));
    rows.value = [...found.values()];
    if (place.value.day === null) zone.value = rows.value[0]?.timezone ?? zone.value;
  });
  await keep("board", { rows: rows.value, zone: zone.value, device: device.value });
  await forgetOtherDays(new Set(found.keys()));
}

/** @param {{name: string, version: number} | undefined} named @returns {Promise<any>} */
async function workflowOf(named) {
  if (!named) return undefined;
  const found = fileOf({ workflow: named });
  // One that an earlier version of the page kept here may say less than is asked of it now.
  if (found?.scores) return found;
  const answer = await ask(`/v1/workflows/${nameOfFile(named)}`);
  if (answer.status !== 200) return found;
  learnFile(answer.body);
  await keep(`workflow:${nameOfFile(named)}`, answer.body);
  return answer.body;
}

/** @param {string} day */
async function refreshDay(day) {
  const [shown, listed] = await Promise.all([ask(`/v1/days/${day}`), ask(`/v1/days/${day}/entries`)]);
  if (shown.status !== 200 || listed.status !== 200) return;
  const found = await workflowOf(shown.body.workflow);
  if (!found || place.value.day !== day) return;
  hear(shown.body.as_of);
  batch(() => {
    zone.value = shown.body.timezone;
    view.value = shown.body;
    entries.value = listed.body.entries;
    workflow.value = found;
  });
  await keepDay(shown.body, listed.body.entries);
}

/** Tell the service what waits here, so that other screens can say so. */
async function report() {
  const waits = new Map();
  for (const row of unsent.value) {
    const known = waits.get(row.day) ?? { day: row.day, facts: 0, oldest_at: row.fact.recorded_at };
    waits.set(row.day, { ...known, facts: known.facts + 1 });
  }
  const waiting = [...waits.values()];
  const text = JSON.stringify(waiting);
  if (text === reported) return;
  const { status } = await post("/v1/devices/current/queue", { waiting }, { method: "PUT" });
  if (status === 204) reported = text;
}

/** Show the day as it was last seen here, where nothing of it is shown yet. */
async function showKept() {
  const { day } = place.value;
  if (day === null || view.value?.day_id === day) return;
  const last = (await keptDay(day)) ?? fromRow(rows.value.find((row) => row.day_id === day));
  const found = last && (await keptWorkflow(last.view.workflow));
  if (!found || place.value.day !== day) return;
  batch(() => {
    view.value = { ...last.view, allowed: last.view.allowed ?? allowedOffline(found) };
    entries.value = last.entries;
    workflow.value = found;
  });
}

/** What of a day can be charted where only its tile on the board was seen. @param {any} row */
function fromRow(row) {
  return row && { view: { bag: null, double_checks: [], struck: [], overrides: [], baseline_deficits: [], ...row }, entries: [] };
}

/** @param {any} found a workflow */
const allowedOffline = (found) => Object.entries(found.facts).filter(([, fact]) => fact.offline)
  .map(([type, fact]) => ({ type, title: fact.title, by: fact.by, blocked_by: [] }));

/** @param {{name: string, version: number}} named */
async function keptWorkflow(named) {
  if (!fileOf({ workflow: named })) {
    const found = await kept(`workflow:${nameOfFile(named)}`);
    if (found) learnFile(found);
  }
  return fileOf({ workflow: named });
}

/** Call a day one's own, or no longer. @param {string} day */
export function toggleMine(day) {
  mine.value = mine.value.includes(day) ? mine.value.filter((each) => each !== day) : [...mine.value, day];
  keep(`mine:${person.value?.staff}`, mine.value);
}

/** Whose days are whose changes with who is signed in. */
effect(() => {
  const who = person.value?.staff;
  kept(`mine:${who}`).then((days) => { mine.value = (who && days) || []; });
});

/** @param {string | null} day @param {any} panel */
export function go(day, panel = null) {
  history.pushState({ day, panel }, "");
  arrive({ day, panel });
}

/** Close the panel, and take what was opened for it out of the browser's history. */
export function back() {
  history.back();
}

/** @param {{day: string | null, panel: any}} where */
function arrive(where) {
  batch(() => {
    if (where.day !== place.value.day) {
      view.value = null;
      said.value = null;
    }
    place.value = where;
  });
  document.body.dataset.panel = where.panel ? where.panel.kind : "none";
  scrollTo(0, 0);
  if (!reachable.value) showKept();
  refresh();
}

/** Begin: with what was kept, where a reload left off, then keep asking. */
export async function begin() {
  addEventListener("popstate", (event) => arrive(event.state ?? { day: null, panel: null }));
  if (history.state) place.value = history.state;
  document.body.dataset.panel = place.value.panel ? place.value.panel.kind : "none";
  await recall();
  await openQueue(() => report().catch(() => null));
  await refresh();
  flush();
  startWatchdog();
  startAutoLock(() => place.value.day === null);
  addEventListener("online", refresh);
  // Time moves doses and countdowns on even where nothing is appended.
  setInterval(refresh, BOARD_EVERY_MS);
}

async function recall() {
  await Promise.all([recallClock(), recallPerson()]);
  const board = await kept("board");
  if (!board) return;
  for (const row of board.rows) if (row.workflow) await keptWorkflow(row.workflow);
  batch(() => {
    rows.value = board.rows;
    zone.value = board.zone;
    device.value = board.device;
    enrolled.value = true;
  });
}

/** @param {string} token */
export async function enrol(token) {
  const { status } = await ask("/v1/devices/current/cookie", { method: "POST", headers: { Authorization: `Bearer ${token}` } });
  return status === 204;
}

/** Ask again as whoever is signed in now: the stream of the one before tells what they might see. */
export async function asSomebodyElse() {
  listenAnew();
  await refresh();
}

/** Whether a role may do what is allowed to these. A charge nurse may do all that a nurse may. @param {string[]} by @param {string | undefined} role */
export function mayPost(by, role) {
  return role !== undefined && (by.includes(role) || (role === "charge_nurse" && by.includes("nurse")));
}

export const simulated = () => serviceClock.value.simulated;
