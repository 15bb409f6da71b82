// @ts-check
// What a scanned code is. Patient bands and bag labels are GS1 element strings (General Specifications, section 3: the
// application identifiers used here are 8018, 01, 10, 17 and 21); badges and the codes that enrol a tablet are our own
// and say so by how they begin. Knows nothing of the page, and the same vectors hold it wherever it is run.

/**
 * @typedef {{kind: "badge", code: string} | {kind: "device", token: string} | {kind: "patient", id: string}
 *   | {kind: "bag", gtin?: string, batch?: string, expires?: string, serial?: string, patient?: string}
 *   | {kind: "product", text: string} | {kind: "damaged", text: string} | {kind: "plain", text: string}} Code
 */

/** A badge made for this service begins so; the whole of it is the badge's code. */
export const BADGE_PREFIX = "BADGE-";
/** A tablet's token, as its enrolment shows it, alone or at the end of the link that opens the page. */
const TOKEN = /(?:^|#device=)(infd_[\w-]+)$/;

const GS = "\u001d";
/** Symbology identifiers that announce GS1 data: DataMatrix, Code 128, QR, DataBar, DotCode. */
const GS1_SYMBOLS = ["]d2", "]C1", "]Q3", "]e0", "]J1"];
/** What scanners type for the separator where they cannot type it: none of these may stand in GS1 data. */
const TYPED_SEPARATORS = /[|~^]|\{GS\}/g;

/** Lengths of the data of identifiers that begin so and need no separator after them. @type {Record<string, number>} */
const FIXED = {
  "00": 18, "01": 14, "02": 14, "03": 14, "04": 16, 11: 6, 12: 6, 13: 6, 14: 6, 15: 6, 16: 6, 17: 6, 18: 6, 19: 6, 20: 2,
  31: 6, 32: 6, 33: 6, 34: 6, 35: 6, 36: 6, 41: 13,
};
/** How many digits an identifier has that begins so; two, where nothing is said. @type {Record<string, number>} */
const DIGITS = { 23: 3, 24: 3, 25: 3, 31: 4, 32: 4, 33: 4, 34: 4, 35: 4, 36: 4, 39: 4, 40: 3, 41: 3, 42: 3, 43: 4, 70: 4, 71: 3, 72: 4, 80: 4, 81: 4, 82: 4 };
const LONGEST = 90;

/** The digits of a key whose last is a check digit (modulo 10, weights 3 and 1 from the right). @param {string} digits */
export function isChecked(digits) {
  if (!/^\d+$/.test(digits)) return false;
  const sum = [...digits].reverse().reduce((total, digit, place) => total + Number(digit) * (place % 2 ? 3 : 1), 0);
  return sum % 10 === 0;
}

/** A date of six digits; day 00 is the last of its month, the century the one that is nearest. @param {string} six @param {number} thisYear @returns {string | null} */
export function dateOf(six, thisYear) {
  if (!/^\d{6}$/.test(six)) return null;
  const [two, month, day] = [six.slice(0, 2), six.slice(2, 4), six.slice(4)].map(Number);
  const ahead = two - (thisYear % 100);
  const century = Math.floor(thisYear / 100) + (ahead >= 51 ? -1 : ahead <= -50 ? 1 : 0);
  const year = century * 100 + two;
  if (month < 1 || month > 12) return null;
  const last = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (day > last) return null;
  return `${year}-${String(month).padStart(2, "0")}-${String(day || last).padStart(2, "0")}`;
}

/** The elements of a string, or null where it is not one. @param {string} text @returns {Map<string, string> | null} */
function elementsOf(text) {
  const found = new Map();
  let rest = text;
  while (rest) {
    const two = rest.slice(0, 2);
    const digits = DIGITS[two] ?? 2;
    const name = rest.slice(0, digits);
    if (!/^\d+$/.test(name) || name.length < digits) return null;
    rest = rest.slice(digits);
    const separator = rest.indexOf(GS);
    const length = FIXED[two] ?? (separator < 0 ? rest.length : separator);
    const value = rest.slice(0, length);
    if (!value || value.length < length || value.length > LONGEST || value.includes(GS)) return null;
    if (found.has(name) && found.get(name) !== value) return null;
    found.set(name, value);
    rest = rest.slice(length);
    while (rest.startsWith(GS)) rest = rest.slice(1);
  }
  return found.size ? found : null;
}

/** The same as it stands below a symbol for people: (01)04012345678901(10)A1. @param {string} text */
const withoutBrackets = (text) => text.replace(/^\(/, "").replace(/\(/g, GS).replace(/\)/g, "");

/** What the elements of a band or label say, or null where they contradict themselves. @param {Map<string, string>} elements @param {number} thisYear @returns {Code | null} */
function meaningOf(elements, thisYear) {
  const [patient, gtin, batch, expiry, serial] = ["8018", "01", "10", "17", "21"].map((name) => elements.get(name));
  const keys = [patient, gtin].filter((key) => key !== undefined);
  if (keys.some((key) => !isChecked(String(key))) || (patient && patient.length !== 18)) return null;
  const expires = expiry === undefined ? undefined : dateOf(expiry, thisYear);
  if (expires === null) return null;
  const label = { ...(gtin && { gtin }), ...(batch && { batch }), ...(expires && { expires }), ...(serial && { serial }) };
  if (batch || expires) return { kind: "bag", ...label, ...(patient && { patient }) };
  if (patient) return { kind: "patient", id: patient };
  return gtin ? { kind: "product", text: gtin } : null;
}

/** What a scanner has read. @param {string} scanned as it was typed @param {number} thisYear for the century of an expiry date @returns {Code} */
export function readCode(scanned, thisYear) {
  const symbol = /^\][A-Za-z]\w/.exec(scanned)?.[0] ?? "";
  const text = scanned.slice(symbol.length).trim();
  const token = TOKEN.exec(text);
  if (token) return { kind: "device", token: token[1] };
  if (text.toUpperCase().startsWith(BADGE_PREFIX)) return { kind: "badge", code: text };
  const announced = GS1_SYMBOLS.includes(symbol) || /^[\u001d|~^]|^\{GS\}/.test(text);
  const inBrackets = /^\(\d{2,4}\)/.test(text);
  if (announced || inBrackets || /^(?:8018\d{18}|01\d{14})/.test(text)) {
    const plain = (inBrackets ? withoutBrackets(text) : text).replace(TYPED_SEPARATORS, GS).replace(/^\u001d+/, "");
    const elements = elementsOf(plain);
    const code = elements && meaningOf(elements, thisYear);
    if (code) return code;
    if (announced || inBrackets) return { kind: "damaged", text: plain.replaceAll(GS, " ") };
  }
  if (/^\][EI]/.test(symbol) || (/^\d{13}$/.test(text) && isChecked(text))) return { kind: "product", text };
  return { kind: "plain", text };
}
