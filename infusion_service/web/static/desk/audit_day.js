// @ts-check
// The day an auditor has opened: its entries and its workflow, read once; its views at a moment, each asked for once and
// only where the replay stands still, because every look is on record.
import { signal } from "@preact/signals";
import { learnFile, workflow } from "../protocol.js";
import { zone } from "../times.js";
import { struckBy } from "./audit_marks.js";
import { askDesk } from "./service.js";
import { standAt, where } from "./where.js";

/** @typedef {import("./service.js").Answer} Answer */
/** @typedef {{id: string, view: any, entries: any[], file: any, struck: Map<string, {at: number, by: string}>, first: number, last: number}} OpenedDay `first`, `last`: the moments between which entries were recorded */
/** @typedef {{at: number, known: number}} Moment */

const VIEWS_MAX = 400;

/** Null while it is read. @type {import("@preact/signals").Signal<{day: OpenedDay | null, refusal: Answer | null} | null>} */
export const opened = signal(null);
/** What is looked at: the clinical moment, and by when it had to be recorded. */
export const moment = signal(/** @type {Moment} */ ({ at: 0, known: 0 }));
/** Whether both rulers move together. */
export const together = signal(true);
/** The entry whose details are open, by its number in the log. */
export const chosen = signal(/** @type {number | null} */ (null));

/** @type {Map<string, Promise<Answer>>} */
const views = new Map();
let asked = 0;

/** Read a day, unless it is the one that is open. @param {string} id @param {boolean} anew */
export async function openDay(id, anew = false) {
  if (!anew && opened.value?.day?.id === id) {
    follow();
    return;
  }
  const asking = (asked += 1);
  if (!anew) opened.value = null;
  views.clear();
  const [view, listed] = await Promise.all([askDesk(`/v1/days/${id}`), askDesk(`/v1/days/${id}/entries`)]);
  const refusal = [view, listed].find((answer) => answer.status !== 200);
  const named = view.body?.workflow;
  const file = refusal ? null : await askDesk(`/v1/workflows/${named.name}/${named.version}`);
  if (asking !== asked) return;
  if (refusal || file?.status !== 200) {
    opened.value = { day: null, refusal: refusal ?? file };
    return;
  }
  learnFile(file.body);
  workflow.value = file.body;
  zone.value = view.body.timezone ?? undefined;
  const entries = listed.body.entries;
  const recorded = entries.filter((/** @type {any} */ entry) => entry.kind !== "access").map((/** @type {any} */ entry) => Date.parse(entry.rcv));
  const day = { id, view: view.body, entries, file: file.body, struck: struckBy(entries, file.body), first: recorded[0] ?? 0, last: recorded.at(-1) ?? 0 };
  opened.value = { day, refusal: null };
  arrive(day);
}

/** Stand where the address says, else at the end of the day. @param {OpenedDay} day */
function arrive(day) {
  const { asked: said } = where.value;
  const known = Date.parse(said.get("known_at") ?? "") || Date.parse(said.get("at") ?? "") || day.last;
  const at = Date.parse(said.get("at") ?? "") || known;
  together.value = at === known;
  moment.value = { at, known };
  chosen.value = Number(said.get("entry")) || null;
}

/** The address said something else, by Back or a link. */
export function follow() {
  const day = opened.value?.day;
  if (day && where.value.rest[0] === day.id) arrive(day);
}

const stamp = (/** @type {number} */ at) => new Date(at).toISOString();

/** What stands in the address of the moment and the entry looked at. @returns {Record<string, string>} */
export const askedNow = () => ({ at: stamp(moment.value.at), known_at: stamp(moment.value.known), ...(chosen.value === null ? {} : { entry: String(chosen.value) }) });

/** Write where we stand into the address, so that it can be sent and kept; unless somebody has gone on to another place. @param {string} id */
export function standHere(id) {
  if (where.value.screen === "day" && where.value.rest[0] === id) standAt("day", [id], askedNow());
}

/** Move what was recorded by; what happened by goes along, or stays before it. @param {number} known */
export function moveKnown(known) {
  moment.value = { known, at: together.value ? known : Math.min(moment.value.at, known) };
}

/** Move the moment looked at; one cannot know of what has not happened, so that the other stays after it. @param {number} at */
export function moveAt(at) {
  moment.value = { at, known: together.value ? at : Math.max(moment.value.known, at) };
}

/** The day as it stood at a moment, as known at another, or as known now. @param {string} id @param {number} at @param {number | null} known @returns {Promise<Answer>} */
export function viewAt(id, at, known) {
  const query = new URLSearchParams({ at: stamp(at), ...(known === null ? {} : { known_at: stamp(known) }) }).toString();
  const found = views.get(query);
  if (found) return found;
  if (views.size >= VIEWS_MAX) views.delete(/** @type {string} */ (views.keys().next().value));
  const asking = askDesk(`/v1/days/${id}?${query}`);
  views.set(query, asking);
  // What could not be read is asked again the next time.
  asking.then((answer) => { if (answer.status !== 200 && answer.status !== 404) views.delete(query); });
  return asking;
}

/** What had happened by the moment looked at, and was not on record by the other. @param {OpenedDay} day @param {Moment} when */
export const notYetKnown = (day, { at, known }) => day.entries.filter((entry) => entry.kind !== "access" && entry.data && Date.parse(entry.occurred_at) <= at && Date.parse(entry.rcv) > known);
