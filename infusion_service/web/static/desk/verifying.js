// @ts-check
// Fetches what an entry's verification needs, has it checked, and keeps the checkpoint where nothing speaks against it.
import { pinSeen, pins } from "./pins.js";
import { fromBase64, readCheckpoint, readKey, readNote, toBase64, verifyEntry } from "./proof.js";
import { askDesk, askFile } from "./service.js";

/** @typedef {import("./proof.js").Check} Check */
/** @typedef {import("./proof.js").Checkpoint} Checkpoint */
/** @typedef {{checks: Check[], refusal: import("./service.js").Answer | null}} Verified `refusal`: the service did not hand over what is needed */

/** The keys that are pinned; one that cannot be read counts as none. */
async function keysHeld() {
  const read = await Promise.all(pins.value.keys.map(({ line }) => readKey(line).catch(() => null)));
  return /** @type {import("./proof.js").Key[]} */ (read.filter((key) => key !== null));
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

/** Verify an entry as it is shown. @param {any} shown @returns {Promise<Verified>} */
export async function verifyShown(shown) {
  const fetched = await askFile("/v1/log/checkpoint");
  if (!fetched.file) return { checks: [], refusal: { status: fetched.status, body: fetched.body } };
  const note = new Uint8Array(await fetched.file.arrayBuffer());
  const claim = claimOf(note);
  const pinned = claim && seenOf(claim.origin);
  let growth = null;
  if (claim && pinned && pinned.size > 0n && pinned.size < claim.size) {
    const answer = await askDesk(`/v1/log/proof/consistency?from=${pinned.size}&to=${claim.size}`);
    growth = answer.status === 200 ? answer.body : null;
  }
  const covered = claim && BigInt(shown.seq) <= claim.size;
  const opening = await askDesk(`/v1/log/opening?seq=${shown.seq}${covered ? `&size=${claim.size}` : ""}`);
  if (opening.status !== 200) return { checks: [], refusal: opening };
  const keys = await keysHeld();
  const { checks, checkpoint } = await verifyEntry({ shown, opening: opening.body, note, keys, pinned, growth });
  if (checkpoint) pinSeen(checkpoint.origin, { note: new TextDecoder().decode(note), size: checkpoint.size, root: toBase64(checkpoint.root) });
  return { checks, refusal: null };
}
