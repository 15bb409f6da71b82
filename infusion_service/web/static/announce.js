// @ts-check
// What is said to who does not look: a screen reader hears that a check comes near (5 minutes, 1 minute, now) and that an
// alert has begun; only grave alerts interrupt. Nothing is said every second.
import { computed, effect, signal } from "@preact/signals";
import { html } from "./markup.js";
import { fileOf, titleOfCheck } from "./protocol.js";
import { SEVERITIES, T, word } from "./strings.js";
import { serviceNow, slowTicks } from "./times.js";

const MINUTE_MS = 60000;
const MILESTONES_MIN = [0, 1, 5];
const GRAVE = ["critical", "high"];

const quietly = signal("");
const atOnce = signal("");
/** The nearest milestone a moment has come to, or null where it is far. @param {string} due */
const milestone = (due) => MILESTONES_MIN.find((minutes) => Date.parse(due) - serviceNow() <= minutes * MINUTE_MS) ?? null;

/** Say what comes near, of these beds. @param {() => any[]} beds tiles or an open day */
export function startAnnouncing(beds) {
  /** The last milestone each check was seen at. @type {Map<string, number | null>} */
  const passed = new Map();
  const near = computed(() => {
    void slowTicks.value;
    return beds().flatMap((row) => row.checks.map((/** @type {any} */ check) => ({ row, check, key: `${row.day_id} ${check.check} ${check.due_at}`, at: milestone(check.due_at) })));
  });
  effect(() => {
    const came = near.value.filter(({ key, at }) => passed.has(key) && passed.get(key) !== at && at !== null);
    passed.clear();
    for (const { key, at } of near.value) passed.set(key, at);
    if (came.length) quietly.value = came.map(({ row, check, at }) => inBed(row.chair, T.dueIn(titleOfCheck(check.check, fileOf(row) ?? null), Number(at)))).join(". ");
  });
}

/** @param {string | null} chair @param {string} text */
const inBed = (chair, text) => (chair ? T.announceBed(T.chair(chair), text) : text);

/** Say which alerts have begun. @param {any[]} fresh */
export function announceAlerts(fresh) {
  const said = (/** @type {any[]} */ alerts) => alerts.map((alert) => inBed(alert.chair, `${word(SEVERITIES, alert.severity)}: ${alert.says || alert.rule}`)).join(". ");
  const grave = fresh.filter((alert) => GRAVE.includes(alert.severity));
  if (grave.length) atOnce.value = said(grave);
  if (grave.length < fresh.length) quietly.value = said(fresh.filter((alert) => !grave.includes(alert)));
}

/** Two places nobody sees and a screen reader reads out. */
export function Announcer() {
  return html`<div class="unseen" id="said-quietly" aria-live="polite">${quietly.value}</div><div class="unseen" id="said-at-once" aria-live="assertive">${atOnce.value}</div>`;
}
