// @ts-check
// The ward board: one tile per bed, live. It asks the service for everything and works nothing out but time:
// now = the service's time at the last answer + what has passed here since, times the speed of its clock.

const BOARD_EVERY_MS = 5000;
const STALE_AFTER_MS = 15000;
const TICK_MS = 250;
const RANK = { critical: 0, high: 1, medium: 2, low: 3 };
const PHASES = {
  scheduled: "Scheduled", checked_in: "Checked in", screening: "Screening", premedicating: "Premedication",
  ready: "Ready to start", infusing: "Infusing", paused: "Paused", emergency: "EMERGENCY", observing: "Observation",
  extended_observation: "Extended observation", discharged: "Discharged", left_early: "Left early",
  transferred: "Transferred", deferred: "Deferred", cancelled: "Cancelled", missed: "Missed",
};
const CHECKS = { vitals: "Vital signs", befast: "BE-FAST", ecg: "ECG", platelets: "Platelets", callback: "Call back" };

/** @type {{rows: any[], asOf: number, at: number, speed: number, heardAt: number}} */
const board = { rows: [], asOf: 0, at: 0, speed: 1, heardAt: -Infinity };
/** @type {EventSource | null} */
let stream = null;
let asking = false;
let askAgain = false;

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} tag @param {string} text @param {Record<string, string>} attributes */
function element(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function serviceNow() {
  return board.asOf + (performance.now() - board.at) * board.speed;
}

/** @param {string} asOf @param {{simulated: boolean, speed: number}} clock */
function hear(asOf, clock) {
  board.asOf = Date.parse(asOf);
  board.at = board.heardAt = performance.now();
  board.speed = clock.speed;
  const bar = byId("simulation");
  bar.hidden = !clock.simulated;
  bar.textContent = clock.speed ? `SIMULATION ×${clock.speed}: no real patients` : "SIMULATION: time stands still, no real patients";
}

/** @param {string} path @param {RequestInit} init */
async function ask(path, init = {}) {
  const response = await fetch(path, { credentials: "same-origin", ...init });
  const body = response.status === 204 ? null : await response.json();
  return { status: response.status, body };
}

async function refresh() {
  if (asking) {
    askAgain = true;
    return;
  }
  asking = true;
  try {
    const open = await ask("/v1/days?open=true");
    if (open.status === 401) return notEnrolled();
    if (open.status !== 200) return;
    const zone = open.body.days[0]?.timezone;
    const today = localDate(Date.parse(open.body.as_of), zone);
    const dated = await ask(`/v1/days?date=${today}`);
    if (dated.status !== 200) return;
    const rows = new Map([...open.body.days, ...dated.body.days].map((row) => [row.day_id, row]));
    board.rows = [...rows.values()];
    hear(dated.body.as_of, dated.body.clock);
    byId("enrol").hidden = true;
    if (byId("person").hidden) await showPerson();
    draw();
    listen();
  } catch {
    // The network is away: what is shown turns grey by its age.
  } finally {
    asking = false;
    if (askAgain) {
      askAgain = false;
      setTimeout(refresh, TICK_MS);
    }
  }
}

async function showPerson() {
  const { status, body } = await ask("/v1/sessions/current");
  const signedIn = status === 200 && body.session !== null;
  byId("person").hidden = false;
  byId("sign-in-form").hidden = signedIn;
  byId("signed-in").hidden = !signedIn;
  if (signedIn) byId("signed-in-as").textContent = `Signed in: ${body.staff}, ${body.role.replaceAll("_", " ")}`;
}

function listen() {
  if (stream !== null) return;
  stream = new EventSource("/v1/log/stream");
  stream.addEventListener("entry", () => refresh());
  stream.addEventListener("beat", (event) => {
    const beat = JSON.parse(/** @type {MessageEvent} */ (event).data);
    hear(beat.as_of, beat.clock);
  });
  stream.addEventListener("error", () => {
    if (stream?.readyState === EventSource.CLOSED) stream = null;
  });
}

function notEnrolled() {
  byId("enrol").hidden = false;
  byId("person").hidden = true;
  board.rows = [];
  draw();
}

/** @param {number} moment @param {string | undefined} zone */
function localDate(moment, zone) {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).format(moment);
}

/** @param {string | number | null | undefined} moment @param {string | undefined} zone */
function clockTime(moment, zone) {
  if (moment === null || moment === undefined) return "–";
  const at = typeof moment === "string" ? Date.parse(moment) : moment;
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" }).format(at);
}

/** @param {number} milliseconds */
function span(milliseconds) {
  const seconds = Math.floor(Math.abs(milliseconds) / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const rest = String(seconds % 60).padStart(2, "0");
  return hours ? `${hours} h ${String(minutes).padStart(2, "0")} min` : `${minutes}:${rest}`;
}

/** The moment the phase ends by itself, and what it is called. @param {any} row */
function endOf(row) {
  if (row.dose.projected_end && row.pump === "running") return ["Infusion ends", row.dose.projected_end];
  if (row.observation.earliest_discharge && ["observing", "extended_observation"].includes(row.state)) {
    return ["Observed until", row.observation.earliest_discharge];
  }
  return null;
}

/** @param {any} row */
function nextCheck(row) {
  return [...row.checks].sort((one, other) => one.due_at.localeCompare(other.due_at))[0];
}

/** @param {any} row */
function worst(row) {
  return Math.min(9, ...row.alerts.map((/** @type {any} */ alert) => RANK[/** @type {keyof RANK} */ (alert.severity)] ?? 8));
}

/** @param {any} one @param {any} other */
function byUrgency(one, other) {
  const due = (/** @type {any} */ row) => nextCheck(row)?.due_at ?? "9";
  return worst(one) - worst(other) || due(one).localeCompare(due(other)) || String(one.chair).localeCompare(String(other.chair));
}

function draw() {
  const beds = [...board.rows].sort(byUrgency).map(tile);
  byId("beds").replaceChildren(...beds);
  byId("empty").hidden = board.rows.length > 0 || !byId("enrol").hidden;
  const zone = board.rows[0]?.timezone;
  byId("zone").textContent = zone ?? "";
  tick();
}

/** @param {any} row */
function tile(row) {
  const severity = Object.keys(RANK)[worst(row)] ?? "none";
  const bed = element("article", "", { "data-severity": severity, "data-state": row.state, "data-day": row.day_id });
  const who = element("div", "", { class: "who" });
  who.append(
    element("span", row.patient.initials || row.patient.id || "–", { class: "initials" }),
    element("span", row.chair ? `Chair ${row.chair}` : "no chair", { class: "where" }),
  );
  bed.append(who, element("p", `${PHASES[/** @type {keyof PHASES} */ (row.state)] ?? row.state}, day ${row.day}`, { class: "phase" }));
  bed.append(figures(row), alerts(row));
  return bed;
}

/** @param {any} row */
function figures(row) {
  const list = element("dl", "", { class: "figures" });
  const end = endOf(row);
  if (end) {
    list.append(element("dt", end[0]), element("dd", clockTime(end[1], row.timezone)));
    list.append(element("dt", "Left"), element("dd", "", { class: "left", "data-until": end[1] }));
  }
  if (row.pump === "running") list.append(element("dt", "Infused"), element("dd", `${row.dose.delivered_ml} mL`));
  const check = nextCheck(row);
  if (check) {
    const name = CHECKS[/** @type {keyof CHECKS} */ (check.check)] ?? check.check;
    list.append(element("dt", `Next: ${name}`), element("dd", "", { class: "due", "data-due": check.due_at, "data-check": check.check }));
  }
  if (row.vitals.news2) list.append(element("dt", "NEWS2"), element("dd", String(row.vitals.news2.total)));
  return list;
}

/** @param {any} row */
function alerts(row) {
  const list = element("ul", "", { class: "alerts" });
  const worstFirst = [...row.alerts].sort((one, other) => RANK[/** @type {keyof RANK} */ (one.severity)] - RANK[/** @type {keyof RANK} */ (other.severity)]);
  for (const alert of worstFirst) {
    const text = `${alert.severity.toUpperCase()}: ${alert.says || alert.rule}`;
    list.append(element("li", text, { "data-severity": alert.severity, "data-rule": alert.rule }));
  }
  return list;
}

function tick() {
  const now = serviceNow();
  const age = performance.now() - board.heardAt;
  const live = age < STALE_AFTER_MS;
  document.body.dataset.stale = live || !board.rows.length ? "no" : "yes";
  const link = byId("link");
  link.dataset.live = live ? "yes" : "no";
  link.textContent = live ? "live" : board.at ? `not heard from the service for ${span(age)}` : "connecting";
  if (!board.at) return;
  byId("now").textContent = clockTime(now, board.rows[0]?.timezone);
  for (const left of document.querySelectorAll("[data-until]")) {
    const remaining = Date.parse(/** @type {HTMLElement} */ (left).dataset.until ?? "") - now;
    left.textContent = remaining > 0 ? span(remaining) : `over by ${span(remaining)}`;
  }
  for (const due of document.querySelectorAll("[data-due]")) {
    const remaining = Date.parse(/** @type {HTMLElement} */ (due).dataset.due ?? "") - now;
    due.classList.toggle("overdue", remaining <= 0);
    due.textContent = remaining > 0 ? `in ${span(remaining)}` : `overdue ${span(remaining)}`;
  }
}

/** @param {string} token */
async function enrol(token) {
  const { status } = await ask("/v1/devices/current/cookie", { method: "POST", headers: { Authorization: `Bearer ${token}` } });
  byId("enrol-said").textContent = status === 204 ? "" : "The service does not know this token.";
  if (status === 204) await refresh();
}

/** @param {string} id */
const field = (id) => /** @type {HTMLInputElement} */ (byId(id));

byId("enrol-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = field("device-token").value.trim();
  field("device-token").value = "";
  await enrol(token);
});

byId("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ badge: field("badge").value, pin: field("pin").value, cookie: true });
  field("pin").value = "";
  const answer = await ask("/v1/sessions", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  byId("sign-in-said").textContent = answer.status === 201 ? "" : answer.body.detail;
  await showPerson();
  await refresh();
});

byId("sign-out").addEventListener("click", async () => {
  await ask("/v1/sessions/current", { method: "DELETE" });
  await showPerson();
  await refresh();
});

// A link of the terminal carries the device's token behind the #, which no server and no log ever sees.
const fromLink = new URLSearchParams(location.hash.slice(1)).get("device");
if (fromLink) history.replaceState(null, "", location.pathname);
await (fromLink ? enrol(fromLink) : refresh());
setInterval(refresh, BOARD_EVERY_MS);
setInterval(tick, TICK_MS);
