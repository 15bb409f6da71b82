// @ts-check
// What an auditor's browser checks by itself, from bytes the service hands over and a key it does not. No DOM, no
// network: bytes in, one result for each step out. A step that was not made says so; nothing else counts as made.
//
// Formats: body and leaf are RFC 8785 JSON; the commitment is HMAC-SHA-256 of the body under its salt; the leaf's hash
// is SHA-256(0x00 || leaf); proofs are RFC 6962; the checkpoint is a C2SP signed note under Ed25519. Parsers are as
// strict as the service's own: bytes that would not be written again exactly as they were read are refused.
import { HASH_BYTES, Rejected, bytesOf, fromBase64, readCanonical, canonical, reject, same, toBase64, whole } from "./exact_bytes.js";
import { keyId, readCheckpoint, readNote } from "./signed_note.js";
import { leafHash, readProof, rootFromInclusion, rootsFromConsistency } from "./merkle.js";

/** @typedef {"signature" | "consistency" | "inclusion" | "leaf" | "body" | "shown" | "chain"} Step */
/** @typedef {{what: string, here: string, there: string}} Compared what was made out here, and what was handed over */
/** @typedef {{step: Step, ok: boolean | null, why: string, compared: Compared[]}} Check `ok` null: not made; `why` says which fault, or why not */
/** @typedef {import("./signed_note.js").Key} Key */
/** @typedef {import("./signed_note.js").Checkpoint} Checkpoint */
/** @typedef {{seq: number, size: number, state: string, leaf: string, body: string | null, salt: string | null, proof: string[]}} Opening */
/** @typedef {{from: number, to: number, proof: string[]}} Growth */

const LEAF_MEMBERS = ["n", "pc", "ph", "rcv", "site", "stream", "v"];
const MEMBERS_BESIDE_THE_BODY = [...LEAF_MEMBERS, "leaf_hash", "seq", "withheld"];
const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$/;

/** What this browser lacks to check a signature: nothing, `insecure` (no secure connection), `noEd25519`. @returns {Promise<string>} */
export async function lacking() {
  if (!globalThis.crypto?.subtle) return "insecure";
  try {
    // The public key of RFC 8032, test 1: only to see whether such a key is taken.
    await crypto.subtle.importKey("raw", fromBase64("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="), { name: "Ed25519" }, false, ["verify"]);
    return "";
  } catch {
    return "noEd25519";
  }
}

/** @param {Step} step @param {boolean | null} ok @param {string} why @param {Compared[]} compared @returns {Check} */
const result = (step, ok, why = "", compared = []) => ({ step, ok, why, compared });

/**
 * Whether a key one holds has signed the checkpoint. Lines of keys that are not known (a witness's, say) are passed over;
 * a known key that did not sign what it is said to have signed refuses the whole. @param {Uint8Array} raw the note @param {Key[]} keys
 * @returns {Promise<{check: Check, checkpoint: Checkpoint | null}>} the checkpoint is given only where it was verified
 */
export async function checkSignature(raw, keys) {
  const no = (/** @type {boolean | null} */ ok, /** @type {string} */ why, /** @type {Compared[]} */ compared = []) => ({ check: result("signature", ok, why, compared), checkpoint: null });
  const missing = await lacking();
  if (missing) return no(null, missing);
  if (keys.length === 0) return no(null, "noKey");
  try {
    const note = readNote(raw);
    const compared = [];
    const signed = [];
    for (const { name, id, signature } of note.signatures) {
      const key = keys.find((each) => each.name === name && each.id === id);
      if (!key) continue;
      compared.push({ what: "key", here: `${key.name} ${await keyId(key.name, key.bytes)}`, there: `${name} ${id}` });
      const known = await crypto.subtle.importKey("raw", /** @type {BufferSource} */ (key.bytes), { name: "Ed25519" }, false, ["verify"]);
      const fits = await crypto.subtle.verify({ name: "Ed25519" }, known, /** @type {BufferSource} */ (signature), bytesOf(note.text));
      if (!fits) return no(false, "notSigned", compared);
      signed.push(key);
    }
    const held = { what: "keys", here: keys.map((key) => `${key.name} ${key.id}`).join(", "), there: note.signatures.map(({ name, id }) => `${name} ${id}`).join(", ") };
    if (signed.length === 0) return no(false, "unknownKey", [held]);
    const checkpoint = readCheckpoint(note.text);
    if (!signed.some((key) => key.name === checkpoint.origin)) return no(false, "otherLog", [{ what: "origin", here: signed[0].name, there: checkpoint.origin }]);
    return { check: result("signature", true, "", compared), checkpoint };
  } catch (fault) {
    return no(false, wordOf(fault));
  }
}

/** Whatever went wrong, the step has failed: what cannot be checked to its end is never let pass. @param {unknown} fault @returns {string} */
const wordOf = (fault) => (fault instanceof Rejected ? fault.message : "unreadable");

/**
 * Whether the log begins with the one of a checkpoint that was verified before.
 * @param {Checkpoint | null} pinned the one kept from the last visit @param {Checkpoint | null} checkpoint the one verified now @param {Growth | null} growth
 * @returns {Promise<Check>}
 */
export async function checkConsistency(pinned, checkpoint, growth) {
  if (checkpoint === null) return result("consistency", null, "noCheckpoint");
  if (pinned === null) return result("consistency", null, "nothingPinned");
  const sizes = { what: "sizes", here: `${pinned.size}`, there: `${checkpoint.size}` };
  if (pinned.origin !== checkpoint.origin) return result("consistency", false, "otherLog", [{ what: "origin", here: pinned.origin, there: checkpoint.origin }]);
  if (checkpoint.size < pinned.size) return result("consistency", false, "rolledBack", [sizes]);
  try {
    if (checkpoint.size === pinned.size) {
      const roots = { what: "root", here: toBase64(pinned.root), there: toBase64(checkpoint.root) };
      return result("consistency", same(pinned.root, checkpoint.root), same(pinned.root, checkpoint.root) ? "" : "forked", [sizes, roots]);
    }
    if (pinned.size === 0n) return result("consistency", true, "", [sizes]);
    if (growth === null) return result("consistency", null, "noProof", [sizes]);
    if (BigInt(whole(growth.from)) !== pinned.size || BigInt(whole(growth.to)) !== checkpoint.size) reject("otherProof");
    const [old, young] = await rootsFromConsistency(pinned.size, pinned.root, checkpoint.size, readProof(growth.proof));
    const compared = [sizes, { what: "oldRoot", here: toBase64(pinned.root), there: toBase64(old) }, { what: "root", here: toBase64(checkpoint.root), there: toBase64(young) }];
    const fits = same(old, pinned.root) && same(young, checkpoint.root);
    return result("consistency", fits, fits ? "" : "forked", compared);
  } catch (fault) {
    return result("consistency", false, wordOf(fault), [sizes]);
  }
}

/** The leaf's members, read from its one form. @param {Uint8Array} raw Throws `Rejected` */
export function readLeaf(raw) {
  const leaf = readCanonical(raw);
  if (Object.keys(leaf).join() !== LEAF_MEMBERS.join() || leaf.v !== 1 || whole(leaf.n) < 1) reject("notALeaf");
  if (typeof leaf.site !== "string" || typeof leaf.stream !== "string" || !TIME.test(leaf.rcv)) reject("notALeaf");
  if (fromBase64(leaf.pc).length !== HASH_BYTES || fromBase64(leaf.ph).length !== HASH_BYTES) reject("notALeaf");
  return leaf;
}

/** Whether the leaf is one, is of this log and entry, and has the hash that is shown. @param {Opening} opening @param {any} shown @param {Checkpoint | null} checkpoint @returns {Promise<Check>} */
async function checkLeaf(opening, shown, checkpoint) {
  const raw = fromBase64(opening.leaf);
  const leaf = readLeaf(raw);
  const compared = [
    { what: "leafHash", here: toBase64(await leafHash(raw)), there: String(shown.leaf_hash) },
    { what: "seq", here: String(opening.seq), there: String(shown.seq) },
  ];
  if (checkpoint) compared.push({ what: "site", here: `${leaf.site}/log`, there: checkpoint.origin.replace(/[1-9][0-9]*$/, "") });
  const fits = compared.every(({ here, there }) => here === there);
  return result("leaf", fits, fits ? "" : "differs", compared);
}

/** Whether the leaf is in the tree that was signed. @param {Opening} opening @param {Checkpoint | null} checkpoint @returns {Promise<Check>} */
async function checkInclusion(opening, checkpoint) {
  const seq = BigInt(whole(opening.seq));
  const proof = readProof(opening.proof);
  if (checkpoint === null) return result("inclusion", null, "noCheckpoint");
  if (seq > checkpoint.size) return result("inclusion", null, "notYetSigned", [{ what: "sizes", here: `${seq}`, there: `${checkpoint.size}` }]);
  const root = await rootFromInclusion(await leafHash(fromBase64(opening.leaf)), seq - 1n, BigInt(whole(opening.size)), proof);
  const compared = [
    { what: "sizes", here: `${opening.size}`, there: `${checkpoint.size}` },
    { what: "root", here: toBase64(root), there: toBase64(checkpoint.root) },
  ];
  const fits = compared.every(({ here, there }) => here === there);
  return result("inclusion", fits, fits ? "" : "differs", compared);
}

/** Why body and salt are not there; nothing where they are. @param {Opening} opening @returns {string} */
function keptBack(opening) {
  if (opening.state === "open") return opening.body === null || opening.salt === null ? reject("noBody") : "";
  if (opening.state !== "withheld" && opening.state !== "erased") reject("notAnOpening");
  return opening.body === null && opening.salt === null ? opening.state : reject("notAnOpening");
}

/** Whether the body is the one that the leaf commits to. @param {Opening} opening @returns {Promise<Check>} */
async function checkBody(opening) {
  const leaf = readLeaf(fromBase64(opening.leaf));
  const why = keptBack(opening);
  if (why) return result("body", null, why);
  const [body, salt] = [fromBase64(opening.body), fromBase64(opening.salt)];
  if (salt.length !== HASH_BYTES) reject("notASalt");
  readCanonical(body);
  const key = await crypto.subtle.importKey("raw", /** @type {BufferSource} */ (salt), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const commitment = toBase64(new Uint8Array(await crypto.subtle.sign("HMAC", key, /** @type {BufferSource} */ (body))));
  return result("body", commitment === leaf.pc, commitment === leaf.pc ? "" : "differs", [{ what: "commitment", here: commitment, there: leaf.pc }]);
}

/** Whether what is shown is what leaf and body say, member by member, no more and no less. @param {Opening} opening @param {any} shown @returns {Promise<Check>} */
async function checkShown(opening, shown) {
  const raw = fromBase64(opening.leaf);
  const leaf = readLeaf(raw);
  const why = keptBack(opening);
  const body = why ? {} : readCanonical(fromBase64(opening.body));
  if (MEMBERS_BESIDE_THE_BODY.some((name) => name in body)) reject("notABody");
  const said = { ...leaf, ...body, seq: opening.seq, leaf_hash: toBase64(await leafHash(raw)) };
  // Kept back when the page was loaded, and no more: the rest of it can be compared, and reading it again shows all.
  const waiting = !why && shown.withheld === true && canonical(shown.data) === "{}";
  // Where the body is kept back now only what the leaf says can be compared.
  const names = why ? Object.keys(said) : [...new Set([...Object.keys(said), ...Object.keys(shown)])].filter((name) => !waiting || (name !== "data" && name !== "withheld"));
  const compared = names.sort().map((name) => ({ what: name, here: written(said[name]), there: written(shown[name]) }));
  const fits = compared.every(({ here, there }) => here === there);
  if (!fits) return result("shown", false, "differs", compared.filter(({ here, there }) => here !== there));
  return result("shown", why || waiting ? null : true, waiting ? "wasWithheld" : why, compared);
}

/** @param {unknown} value */
const written = (value) => (value === undefined ? "" : canonical(value));

/** A step that fails by throwing fails as a step. @param {Step} step @param {() => Promise<Check>} check */
async function made(step, check) {
  try {
    return await check();
  } catch (fault) {
    return result(step, false, wordOf(fault));
  }
}

/**
 * The steps that are about the log: signature, and consistency with what was seen before.
 * @param {{note: Uint8Array, keys: Key[], pinned: Checkpoint | null, growth: Growth | null}} given
 * @returns {Promise<{checks: Check[], checkpoint: Checkpoint | null, keep: Checkpoint | null}>} the checkpoint where it was verified; `keep` where nothing speaks against it either
 */
export async function checkLog({ note, keys, pinned, growth }) {
  const { check: signature, checkpoint } = await checkSignature(note, keys);
  const consistency = await checkConsistency(pinned, checkpoint, growth);
  return { checks: [signature, consistency], checkpoint, keep: consistency.ok === false || consistency.why === "noProof" ? null : checkpoint };
}

/**
 * The steps that are about one entry. What hangs on a signature that was not verified is not made, however well it adds up.
 * @param {{shown: any, opening: Opening, checkpoint: Checkpoint | null}} given `shown`: the entry as the page shows it @returns {Promise<Check[]>}
 */
export async function checkEntry({ shown, opening, checkpoint }) {
  return [
    await made("inclusion", () => checkInclusion(opening, checkpoint)),
    await made("leaf", () => checkLeaf(opening, shown, checkpoint)),
    await made("body", () => checkBody(opening)),
    await made("shown", () => checkShown(opening, shown)),
  ];
}

/**
 * Whether these are all entries of one stream from its first on: numbered 1, 2, 3 and so on, each naming the hash of the one before.
 * @param {Opening[]} openings in order @param {number[]} shown the numbers in the log of the entries that are shown, which must be these @returns {Promise<Check>}
 */
export function checkChain(openings, shown) {
  return made("chain", async () => {
    let [previous, stream, at] = [toBase64(new Uint8Array(HASH_BYTES)), "", ""];
    for (const [place, opening] of openings.entries()) {
      const raw = fromBase64(opening.leaf);
      const leaf = readLeaf(raw);
      const compared = [{ what: "n", here: String(place + 1), there: String(leaf.n) }, { what: "previous", here: previous, there: leaf.ph }];
      if (place > 0) compared.push({ what: "stream", here: stream, there: leaf.stream });
      if (compared.some(({ here, there }) => here !== there) || leaf.rcv < at) return result("chain", false, "broken", [{ what: "seq", here: String(opening.seq), there: String(opening.seq) }, ...compared]);
      [previous, stream, at] = [toBase64(await leafHash(raw)), leaf.stream, leaf.rcv];
    }
    const numbers = [...shown].sort((one, other) => one - other).join(" ");
    const compared = [{ what: "seq", here: openings.map(({ seq }) => seq).join(" "), there: numbers }];
    return result("chain", compared[0].here === numbers, compared[0].here === numbers ? "" : "notAllShown", compared);
  });
}

/**
 * Every step of one entry.
 * @param {{shown: any, opening: Opening, note: Uint8Array, keys: Key[], pinned: Checkpoint | null, growth: Growth | null}} given
 * @returns {Promise<{checks: Check[], checkpoint: Checkpoint | null}>} the checkpoint where it was verified, and nothing speaks against it
 */
export async function verifyEntry({ shown, opening, ...ofTheLog }) {
  if (!globalThis.crypto?.subtle) return { checks: unmade(), checkpoint: null };
  const { checks, checkpoint, keep } = await checkLog(ofTheLog);
  return { checks: [...checks, ...(await checkEntry({ shown, opening, checkpoint }))], checkpoint: keep };
}

/** Every step, not made: what a page gets that did not come over a secure connection. @returns {Check[]} */
export function unmade() {
  /** @type {Step[]} */
  const steps = ["signature", "consistency", "inclusion", "leaf", "body", "shown"];
  return steps.map((step) => result(step, null, "insecure"));
}

/** @param {Check[]} checks what they say together: all good, something wrong, or good as far as made @returns {"good" | "bad" | "partly"} */
export function verdict(checks) {
  if (checks.some(({ ok }) => ok === false)) return "bad";
  // A first visit has nothing to compare with, which takes nothing from the rest.
  const open = checks.filter(({ ok, why }) => ok === null && why !== "nothingPinned");
  return open.length === 0 ? "good" : "partly";
}
