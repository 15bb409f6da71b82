// @ts-check
// What the page knows: who is signed in, the board, the open day. One stream tells when to ask again.
import { batch, signal } from "@preact/signals";
import { ask, post } from "./service.js";
import { hear, localDate, serviceClock, zone } from "./times.js";

const BOARD_EVERY_MS = 5000;

/** null until the service has answered. */
export const enrolled = signal(/** @type {boolean | null} */ (null));
export const person = signal(/** @type {{staff: string, role: string, session: string} | null} */ (null));
export const rows = signal(/** @type {any[]} */ ([]));
/** The open day's view, its entries, and its workflow. */
export const view = signal(/** @type {any} */ (null));
export const entries = signal(/** @type {any[]} */ ([]));
export const workflow = signal(/** @type {any} */ (null));
/** Where in the page somebody is: the board, or a day with an open panel. */
export const place = signal(/** @type {{day: string | null, panel: any}} */ ({ day: null, panel: null }));
/** The last thing that was recorded or refused. */
export const said = signal(/** @type {{kind: string, text: string} | null} */ (null));

/** @type {Map<string, any>} */
const workflows = new Map();
/** @type {EventSource | null} */
let stream = null;
let asking = false;
let askAgain = false;

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
  } catch {
    // The network is away: what is shown turns grey by its age.
  } finally {
    asking = false;
  }
}

async function askEverything() {
  const session = await ask("/v1/sessions/current");
  if (session.status === 401) {
    batch(() => { enrolled.value = false; rows.value = []; view.value = null; person.value = null; });
    return;
  }
  if (session.status !== 200) return;
  const who = session.body.session === null ? null : session.body;
  batch(() => {
    enrolled.value = true;
    if (person.value?.session !== who?.session) person.value = who;
  });
  listen();
  await (place.value.day === null ? refreshBoard() : refreshDay(place.value.day));
}

async function refreshBoard() {
  const open = await ask("/v1/days?open=true");
  if (open.status !== 200) return;
  const today = localDate(Date.parse(open.body.as_of), open.body.days[0]?.timezone);
  const dated = await ask(`/v1/days?date=${today}`);
  if (dated.status !== 200) return;
  hear(dated.body.as_of, dated.body.clock);
  const found = new Map([...open.body.days, ...dated.body.days].map((row) => [row.day_id, row]));
  batch(() => {
    rows.value = [...found.values()];
    zone.value = rows.value[0]?.timezone;
  });
}

/** @param {string} day */
async function refreshDay(day) {
  const [shown, listed] = await Promise.all([ask(`/v1/days/${day}`), ask(`/v1/days/${day}/entries`)]);
  if (shown.status !== 200 || listed.status !== 200) return;
  const { name, version } = shown.body.workflow;
  const known = `${name}/${version}`;
  if (!workflows.has(known)) {
    const answer = await ask(`/v1/workflows/${known}`);
    if (answer.status !== 200) return;
    workflows.set(known, answer.body);
  }
  if (place.value.day !== day) return;
  hear(shown.body.as_of);
  batch(() => {
    zone.value = shown.body.timezone;
    view.value = shown.body;
    entries.value = listed.body.entries;
    workflow.value = workflows.get(known);
  });
}

function listen() {
  if (stream !== null) return;
  const opened = new EventSource("/v1/log/stream");
  stream = opened;
  opened.addEventListener("entry", () => refresh());
  opened.addEventListener("beat", (event) => {
    const beat = JSON.parse(/** @type {MessageEvent} */ (event).data);
    hear(beat.as_of, beat.clock);
  });
  opened.addEventListener("error", () => {
    if (opened.readyState === EventSource.CLOSED && stream === opened) stream = null;
  });
}

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
  refresh();
}

/** Begin: go back to where a reload left off, then keep asking. */
export async function begin() {
  addEventListener("popstate", (event) => arrive(event.state ?? { day: null, panel: null }));
  if (history.state) place.value = history.state;
  await refresh();
  // Time moves doses and countdowns on even where nothing is appended.
  setInterval(refresh, BOARD_EVERY_MS);
}

/** @param {string} token */
export async function enrol(token) {
  const { status } = await ask("/v1/devices/current/cookie", { method: "POST", headers: { Authorization: `Bearer ${token}` } });
  return status === 204;
}

/** Sign somebody in on this tablet; returns why not, or nothing. @param {string} badge @param {string} pin */
export async function signIn(badge, pin) {
  const { status, body } = await post("/v1/sessions", { badge, pin, cookie: true });
  if (status !== 201) return String(body.detail);
  person.value = { staff: body.staff, role: body.role, session: body.session };
  await refresh();
  return "";
}

export async function signOut() {
  await ask("/v1/sessions/current", { method: "DELETE" });
  person.value = null;
  await refresh();
}

/** Whether a role may do what is allowed to these. A charge nurse may do all that a nurse may. @param {string[]} by @param {string | undefined} role */
export function mayPost(by, role) {
  return role !== undefined && (by.includes(role) || (role === "charge_nurse" && by.includes("nurse")));
}

export const simulated = () => serviceClock.value.simulated;
