// @ts-check
// C2SP signed notes, checkpoints and key lines, taken apart and not believed. A parser that is not this strict lets a
// changed byte pass: lines end with a newline and nothing else, no control bytes, base64 and decimal in their one form.
import { HASH_BYTES, bytesOf, fromBase64, joined, reject, sha256, textOf, toHex } from "./exact_bytes.js";

/** @typedef {{name: string, id: string, bytes: Uint8Array, line: string}} Key a public key with the name it signs under */
/** @typedef {{origin: string, size: bigint, root: Uint8Array}} Checkpoint */

const KEY_ID_BYTES = 4;
const ED25519 = 1;
const SIGNATURES_MAX = 100;
const NOTE_BYTES_MAX = 1_000_000;
const MARK = "\u2014 ";

/** @param {string} name */
function checkName(name) {
  if (name === "" || /[+\s\x00-\x1f]/u.test(name)) reject("notAName");
}

/** The first bytes of SHA-256(name || newline || kind || key). @param {string} name @param {Uint8Array} key */
export const keyId = async (name, key) => toHex((await sha256(joined(bytesOf(`${name}\n`), new Uint8Array([ED25519]), key))).slice(0, KEY_ID_BYTES));

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
