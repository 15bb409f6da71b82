// @ts-check
// Fetches what a verification needs, has it checked, and keeps the checkpoint where nothing speaks against it.
import { pinSeen, pins } from "./pins.js";
import { fromBase64, toBase64 } from "./exact_bytes.js";
import { checkChain, checkEntry, checkLog, unmade, verdict } from "./proof.js";
import { readCheckpoint, readKey, readNote } from "./signed_note.js";
import { askDesk, askFile } from "./service.js";

/** @typedef {import("./proof.js").Check} Check */
/** @typedef {import("./proof.js").Checkpoint} Checkpoint */
/** @typedef {import("./proof.js").Opening} Opening */
/** @typedef {import("./service.js").Answer} Answer */
/** @typedef {{checks: Check[], refusal: Answer | null}} Verified `refusal`: the service did not hand over what is needed */
/** @typedef {{checks: Check[], wrong: {seq: number, checks: Check[]}[], open: number, good: number, refusal: Answer | null}} VerifiedDay `wrong`: entries with a failed step; `open`: with one that was not made */
/** @typedef {{checks: Check[], checkpoint: Checkpoint | null, size: number | null, refusal: Answer | null}} Log `size`: what the checkpoint says of itself */

/** The keys that are pinned; one that cannot be read counts as none. */
async function keysHeld() {
  const read = await Promise.all(pins.value.keys.map(({ line }) => readKey(line).catch(() => null)));
  return /** @type {import("./signed_note.js").Key[]} */ (read.filter((key) => key !== null));
}

/** The checkpoint kept of a log. @param {string} origin @returns {Checkpoint | null} */
function seenOf(origin) {
  const seen = pins.value.seen[origin];
  return seen ? { origin, size: BigInt(seen.size), root: fromBase64(seen.root) } : null;
}

/** What the note says of itself, before anything is verified: only to know what to ask for. @param {Uint8Array} note */
function claimOf(note) {
  try {
    return readCheckpoint(readNote(note).text);
  } catch {
    return null;
  }
}

/** The newest checkpoint, checked against key and last visit, and kept where nothing speaks against it. @returns {Promise<Log>} */
async function newest() {
  const fetched = await askFile("/v1/log/checkpoint");
  if (!fetched.file) return { checks: [], checkpoint: null, size: null, refusal: { status: fetched.status, body: fetched.body } };
  const note = new Uint8Array(await fetched.file.arrayBuffer());
  const claim = claimOf(note);
  const pinned = claim && seenOf(claim.origin);
  let growth = null;
  if (claim && pinned && pinned.size > 0n && pinned.size < claim.size) {
    const answer = await askDesk(`/v1/log/proof/consistency?from=${pinned.size}&to=${claim.size}`);
    growth = answer.status === 200 ? answer.body : null;
  }
  const { checks, checkpoint, keep } = await checkLog({ note, keys: await keysHeld(), pinned, growth });
  if (keep) pinSeen(keep.origin, { note: new TextDecoder().decode(note), size: keep.size, root: toBase64(keep.root) });
  return { checks, checkpoint, size: claim && Number(claim.size), refusal: null };
}

/** Verify an entry as it is shown. @param {any} shown @returns {Promise<Verified>} */
export async function verifyShown(shown) {
  if (!globalThis.crypto?.subtle) return { checks: unmade(), refusal: null };
  const log = await newest();
  if (log.refusal) return { checks: [], refusal: log.refusal };
  const covered = log.size !== null && shown.seq <= log.size;
  const opening = await askDesk(`/v1/log/opening?seq=${shown.seq}${covered ? `&size=${log.size}` : ""}`);
  if (opening.status !== 200) return { checks: [], refusal: opening };
  return { checks: [...log.checks, ...(await checkEntry({ shown, opening: opening.body, checkpoint: log.checkpoint }))], refusal: null };
}

/** All openings of a day under the log's first entries, page by page. @param {string} day @param {number} size @returns {Promise<{openings: Opening[], refusal: Answer | null}>} */
async function openingsOf(day, size) {
  /** @type {Opening[]} */
  const openings = [];
  let [after, more] = [0, true];
  while (more) {
    const answer = await askDesk(`/v1/days/${day}/openings?after=${after}&size=${size}`);
    if (answer.status !== 200) return { openings, refusal: answer };
    openings.push(...answer.body.openings.map((/** @type {any} */ opening) => ({ ...opening, size: answer.body.size })));
    ({ next_after: after, more } = answer.body);
  }
  return { openings, refusal: null };
}

/** Verify every entry of a day as it is shown, and that none is missing between them. @param {string} day @param {any[]} entries @returns {Promise<VerifiedDay>} */
export async function verifyDay(day, entries) {
  const nothing = { wrong: [], open: 0, good: 0 };
  if (!globalThis.crypto?.subtle) return { ...nothing, checks: unmade().slice(0, 2), refusal: null };
  const log = await newest();
  if (log.refusal || log.size === null) return { ...nothing, checks: log.checks, refusal: log.refusal };
  const { openings, refusal } = await openingsOf(day, log.size);
  if (refusal) return { ...nothing, checks: log.checks, refusal };
  const openingOf = new Map(openings.map((opening) => [opening.seq, opening]));
  const found = await Promise.all(entries.map(async (shown) => {
    const opening = openingOf.get(shown.seq);
    return { seq: shown.seq, checks: opening ? await checkEntry({ shown, opening, checkpoint: log.checkpoint }) : [] };
  }));
  const of = (/** @type {string} */ wanted) => found.filter(({ checks }) => (checks.length === 0 ? "partly" : verdict(checks)) === wanted);
  // What came after the page was loaded is not shown on it.
  const last = Math.max(0, ...entries.map(({ seq }) => seq));
  const chain = await checkChain(openings.filter(({ seq }) => seq <= last), entries.map(({ seq }) => seq));
  return { checks: [...log.checks, chain], wrong: of("bad"), open: of("partly").length, good: of("good").length, refusal: null };
}
