// @ts-check
// What an auditor's browser checks by itself, from bytes the service hands over and a key it does not. No DOM, no
// network: bytes in, one result for each step out. A step that was not made says so; nothing else counts as made.
//
// Formats: body and leaf are RFC 8785 JSON; the commitment is HMAC-SHA-256 of the body under its salt; the leaf's hash
// is SHA-256(0x00 || leaf); proofs are RFC 6962; the checkpoint is a C2SP signed note under Ed25519. Parsers are as
// strict as the service's own: bytes that would not be written again exactly as they were read are refused.

/** @typedef {"signature" | "consistency" | "inclusion" | "leaf" | "body" | "shown"} Step */
/** @typedef {{what: string, here: string, there: string}} Compared what was made out here, and what was handed over */
/** @typedef {{step: Step, ok: boolean | null, why: string, compared: Compared[]}} Check `ok` null: not made; `why` says which fault, or why not */
/** @typedef {{name: string, id: string, bytes: Uint8Array, line: string}} Key a public key with the name it signs under */
/** @typedef {{origin: string, size: bigint, root: Uint8Array}} Checkpoint */
/** @typedef {{seq: number, size: number, state: string, leaf: string, body: string | null, salt: string | null, proof: string[]}} Opening */
/** @typedef {{from: number, to: number, proof: string[]}} Growth */

/** Something is not in the one form it can have, or does not follow. Its message is a word of the strings' table. */
export class Rejected extends Error {}

const HASH_BYTES = 32;
const KEY_ID_BYTES = 4;
const ED25519 = 1;
const SIGNATURES_MAX = 100;
const NOTE_BYTES_MAX = 1_000_000;
const MARK = "\u2014 ";
const LEAF_MEMBERS = ["n", "pc", "ph", "rcv", "site", "stream", "v"];
const MEMBERS_BESIDE_THE_BODY = [...LEAF_MEMBERS, "leaf_hash", "seq", "withheld"];
const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$/;

/** @param {string} why @returns {never} */
function reject(why) {
  throw new Rejected(why);
}

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** @param {unknown} text @returns {Uint8Array} Throws `Rejected` for anything but the one form: its last character can have bits that mean nothing */
export function fromBase64(text) {
  if (typeof text !== "string") reject("notBase64");
  let bytes = new Uint8Array();
  try {
    bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    reject("notBase64");
  }
  return toBase64(bytes) === text ? bytes : reject("notBase64");
}

/** @param {Uint8Array} bytes */
export const toHex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {Uint8Array} bytes @returns {string} */
function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return reject("notText");
  }
}

/** @param {string} text */
const bytesOf = (text) => new TextEncoder().encode(text);

/** @param {...Uint8Array} parts */
function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @param {Uint8Array} one @param {Uint8Array} other */
const same = (one, other) => one.length === other.length && one.every((byte, place) => byte === other[place]);

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

/** @param {Uint8Array} bytes */
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", /** @type {BufferSource} */ (bytes)));

/** RFC 8785 JSON of what the log holds: objects with ASCII keys, lists, texts, truth values, safe integers. Throws `Rejected` for all else. @param {unknown} value @returns {string} */
export function canonical(value) {
  if (typeof value === "string") return /\p{Cs}/u.test(value) ? reject("notCanonical") : JSON.stringify(value);
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") return Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : reject("notCanonical");
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return reject("notCanonical");
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  if (members.some(([name]) => !/^[\x00-\x7f]*$/.test(name))) reject("notCanonical");
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}

/** An object, read from bytes that are its one form. @param {Uint8Array} bytes @returns {Record<string, any>} */
function readCanonical(bytes) {
  const text = textOf(bytes);
  let value = null;
  try {
    value = JSON.parse(text);
  } catch {
    reject("notCanonical");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value) || canonical(value) !== text) reject("notCanonical");
  return value;
}

// --- keys and checkpoints

/** @param {string} name */
function checkName(name) {
  if (name === "" || /[+\s\x00-\x1f]/u.test(name)) reject("notAName");
}

/** The first bytes of SHA-256(name || newline || kind || key). @param {string} name @param {Uint8Array} key */
const keyId = async (name, key) => toHex((await sha256(joined(bytesOf(`${name}\n`), new Uint8Array([ED25519]), key))).slice(0, KEY_ID_BYTES));

/** A public key from its one line: name+id+key. @param {string} line @returns {Promise<Key>} Throws `Rejected` */
export async function readKey(line) {
  const [name, id, ...rest] = line.trim().split("+");
  if (id === undefined || rest.length === 0) reject("notAKey");
  const raw = fromBase64(rest.join("+"));
  if (raw.length !== 1 + HASH_BYTES || raw[0] !== ED25519) reject("notAKey");
  checkName(name);
  const bytes = raw.slice(1);
  if ((await keyId(name, bytes)) !== id) reject("notItsId");
  return { name, id, bytes, line: line.trim() };
}

/** @param {string} text */
function checkText(text) {
  if (!text.endsWith("\n") || text === "\n" || /[\x00-\x09\x0b-\x1f]/.test(text)) reject("notANote");
}

/** A note taken apart, nothing verified. @param {Uint8Array} raw @returns {{text: string, signatures: {name: string, id: string, signature: Uint8Array}[]}} Throws `Rejected` */
export function readNote(raw) {
  if (raw.length > NOTE_BYTES_MAX) reject("notANote");
  const whole = textOf(raw);
  checkText(whole);
  const end = whole.lastIndexOf("\n\n");
  if (end < 0) reject("notANote");
  const lines = whole.slice(end + 2).split("\n").slice(0, -1);
  if (lines.length < 1 || lines.length > SIGNATURES_MAX) reject("notANote");
  const text = whole.slice(0, end + 1);
  checkText(text);
  const signatures = lines.map((line) => {
    const [name, encoded, ...more] = line.startsWith(MARK) ? line.slice(MARK.length).split(" ") : [];
    if (encoded === undefined || more.length > 0) reject("notANote");
    checkName(name);
    const blob = fromBase64(encoded);
    if (blob.length <= KEY_ID_BYTES) reject("notANote");
    return { name, id: toHex(blob.slice(0, KEY_ID_BYTES)), signature: blob.slice(KEY_ID_BYTES) };
  });
  return { text, signatures };
}

/** What a checkpoint's text says: origin, size, root, a line each. @param {string} text @returns {Checkpoint} Throws `Rejected` */
export function readCheckpoint(text) {
  const lines = text.split("\n");
  if (lines.length !== 4 || lines[3] !== "" || !/^(0|[1-9][0-9]{0,15})$/.test(lines[1])) reject("notACheckpoint");
  checkName(lines[0]);
  const root = fromBase64(lines[2]);
  return root.length === HASH_BYTES ? { origin: lines[0], size: BigInt(lines[1]), root } : reject("notACheckpoint");
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

// --- RFC 6962

/** @param {Uint8Array} left @param {Uint8Array} right */
const nodeHash = (left, right) => sha256(joined(new Uint8Array([1]), left, right));

/** @param {Uint8Array} leaf */
export const leafHash = (leaf) => sha256(joined(new Uint8Array([0]), leaf));

/** @param {bigint} value how many bits it takes */
const bits = (value) => (value === 0n ? 0 : value.toString(2).length);

/** @param {bigint} index @param {bigint} size @returns {[number, number]} steps below the point where index and last leaf part, left siblings above it */
function shapeOf(index, size) {
  const inner = bits(index ^ (size - 1n));
  return [inner, (index >> BigInt(inner)).toString(2).replaceAll("0", "").length];
}

/** @param {unknown} proof @returns {Uint8Array[]} */
function readProof(proof) {
  if (!Array.isArray(proof)) reject("notAProof");
  const steps = proof.map(fromBase64);
  return steps.every((step) => step.length === HASH_BYTES) ? steps : reject("notAProof");
}

/** The root a tree must have if the proof shows the leaf at that index. @param {Uint8Array} leaf its hash @param {bigint} index @param {bigint} size @param {Uint8Array[]} proof Throws `Rejected` */
export async function rootFromInclusion(leaf, index, size, proof) {
  if (index < 0n || index >= size) reject("notInTree");
  const [inner, border] = shapeOf(index, size);
  if (proof.length !== inner + border) reject("notAProof");
  let root = leaf;
  for (const [level, step] of proof.entries()) {
    const fromLeft = level >= inner || ((index >> BigInt(level)) & 1n) === 1n;
    root = fromLeft ? await nodeHash(step, root) : await nodeHash(root, step);
  }
  return root;
}

/** Both roots, as the proof makes them of the older one. @param {bigint} oldSize @param {Uint8Array} oldRoot @param {bigint} size @param {Uint8Array[]} proof @returns {Promise<[Uint8Array, Uint8Array]>} Throws `Rejected` */
export async function rootsFromConsistency(oldSize, oldRoot, size, proof) {
  if (oldSize <= 0n || oldSize >= size) reject("notAProof");
  let level = 0n;
  while (((oldSize >> level) & 1n) === 0n) level += 1n;
  const steps = oldSize === 1n << level ? [oldRoot, ...proof] : proof;
  const index = (oldSize - 1n) >> level;
  const [inner, border] = shapeOf(index, ((size - 1n) >> level) + 1n);
  if (steps.length !== 1 + inner + border) reject("notAProof");
  let [old, young] = [steps[0], steps[0]];
  for (const [height, step] of steps.slice(1).entries()) {
    if (height >= inner || ((index >> BigInt(height)) & 1n) === 1n) {
      [old, young] = [await nodeHash(step, old), await nodeHash(step, young)];
    } else {
      young = await nodeHash(young, step);
    }
  }
  return [old, young];
}

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

/** @param {unknown} number @returns {number} */
const whole = (number) => (Number.isSafeInteger(number) && /** @type {number} */ (number) >= 0 ? /** @type {number} */ (number) : reject("notANumber"));

// --- one entry

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
  // Where the body is kept back only what the leaf says can be compared.
  const names = why ? Object.keys(said) : [...new Set([...Object.keys(said), ...Object.keys(shown)])];
  const compared = names.sort().map((name) => ({ what: name, here: written(said[name]), there: written(shown[name]) }));
  const fits = compared.every(({ here, there }) => here === there);
  if (!fits) return result("shown", false, "differs", compared.filter(({ here, there }) => here !== there));
  return result("shown", why ? null : true, why, compared);
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
 * Every step of one entry. What hangs on a signature that was not verified is not made, however well it adds up.
 * @param {{shown: any, opening: Opening, note: Uint8Array, keys: Key[], pinned: Checkpoint | null, growth: Growth | null}} given `shown`: the entry as the page shows it
 * @returns {Promise<{checks: Check[], checkpoint: Checkpoint | null}>} the checkpoint where it was verified, and nothing speaks against it
 */
export async function verifyEntry({ shown, opening, note, keys, pinned, growth }) {
  if (!globalThis.crypto?.subtle) {
    /** @type {Step[]} */
    const steps = ["signature", "consistency", "inclusion", "leaf", "body", "shown"];
    return { checks: steps.map((step) => result(step, null, "insecure")), checkpoint: null };
  }
  const { check: signature, checkpoint } = await checkSignature(note, keys);
  const consistency = await checkConsistency(pinned, checkpoint, growth);
  const checks = [
    signature,
    consistency,
    await made("inclusion", () => checkInclusion(opening, checkpoint)),
    await made("leaf", () => checkLeaf(opening, shown, checkpoint)),
    await made("body", () => checkBody(opening)),
    await made("shown", () => checkShown(opening, shown)),
  ];
  return { checks, checkpoint: consistency.ok === false || consistency.why === "noProof" ? null : checkpoint };
}

/** @param {Check[]} checks what they say together: all good, something wrong, or good as far as made @returns {"good" | "bad" | "partly"} */
export function verdict(checks) {
  if (checks.some(({ ok }) => ok === false)) return "bad";
  // A first visit has nothing to compare with, which takes nothing from the rest.
  const open = checks.filter(({ ok, why }) => ok === null && why !== "nothingPinned");
  return open.length === 0 ? "good" : "partly";
}
