// @ts-check
// Bytes in the one form they can have: base64, UTF-8, RFC 8785 JSON. What would not be written again exactly as it was
// read is refused.

/** Something is not in the one form it can have, or does not follow. Its message is a word of the strings' table. */
export class Rejected extends Error {}

export const HASH_BYTES = 32;

/** @param {string} why @returns {never} */
export function reject(why) {
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
export function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return reject("notText");
  }
}

/** @param {string} text */
export const bytesOf = (text) => new TextEncoder().encode(text);

/** @param {...Uint8Array} parts */
export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @param {Uint8Array} one @param {Uint8Array} other */
export const same = (one, other) => one.length === other.length && one.every((byte, place) => byte === other[place]);

/** @param {Uint8Array} bytes */
export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", /** @type {BufferSource} */ (bytes)));

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
export function readCanonical(bytes) {
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

/** @param {unknown} number @returns {number} */
export const whole = (number) => (Number.isSafeInteger(number) && /** @type {number} */ (number) >= 0 ? /** @type {number} */ (number) : reject("notANumber"));
