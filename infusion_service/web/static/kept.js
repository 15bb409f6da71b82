// @ts-check
// The last picture of the ward, for the time without network: board, opened days, workflow files, who is signed in, how
// the service's clock ran. No token and no PIN is ever here; names only while somebody is signed in.
import { change, look } from "./store.js";

const DAY = "day:";

/** @param {string} key @param {unknown} value */
export async function keep(key, value) {
  try {
    await change("kept", (store) => store.put(value, key));
  } catch {
    // A tablet that cannot keep anything works as long as the network does; the queue says so where it matters.
  }
}

/** @param {string} key @returns {Promise<any>} */
export async function kept(key) {
  try {
    return await look("kept", (store) => store.get(key));
  } catch {
    return undefined;
  }
}

/** @param {string} day */
export const keptDay = (day) => kept(DAY + day);

/** @param {any} view @param {any[]} entries */
export const keepDay = (view, entries) => keep(DAY + view.day_id, { view, entries: entries.map(withoutPatient) });

/** The day's first entry carries who the patient is; the view says it once already. @param {any} entry */
function withoutPatient(entry) {
  return entry.data?.patient ? { ...entry, data: { ...entry.data, patient: undefined } } : entry;
}

/** @param {any} patient */
export function initialsOnly(patient) {
  const initials = patient.initials ?? [patient.given, patient.family].map((part) => String(part ?? "").slice(0, 1)).join("");
  return { id: patient.id, initials };
}

/** What a patient is called here: by name where one is known, else by initials. @param {any} row a tile or a day */
export function nameOf(row) {
  const { family, given, id } = row.patient;
  return family ? `${family.toUpperCase()}, ${given ?? ""}` : initialsOnly(row.patient).initials || id;
}

/** Let go of names: nobody is signed in any more. */
export async function forgetNames() {
  await eachDay((value) => ({ ...value, view: { ...value.view, patient: initialsOnly(value.view.patient) } }));
  const board = await kept("board");
  if (board) await keep("board", { ...board, rows: board.rows.map((/** @type {any} */ row) => ({ ...row, patient: initialsOnly(row.patient) })) });
}

/** Let go of days that are no longer on the board. @param {Set<string>} shown */
export const forgetOtherDays = (shown) => eachDay((value, day) => (shown.has(day) ? undefined : null));

/** Let go of everything: this tablet is not, or no longer, the ward's. */
export async function forgetAll() {
  try {
    await change("kept", (store) => store.clear());
  } catch {
    // Nothing could be kept, so there is nothing to forget.
  }
}

/** Replace each kept day by what `work` returns; null takes it out, undefined leaves it. @param {(value: any, day: string) => any} work */
async function eachDay(work) {
  try {
    await change("kept", (store) => {
      const walk = store.openCursor(IDBKeyRange.bound(DAY, `${DAY}~`));
      walk.onsuccess = () => {
        const cursor = walk.result;
        if (!cursor) return;
        const value = work(cursor.value, String(cursor.key).slice(DAY.length));
        if (value === null) cursor.delete();
        else if (value !== undefined) cursor.update(value);
        cursor.continue();
      };
    });
  } catch {
    // As above.
  }
}
