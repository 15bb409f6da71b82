// @ts-check
// A scanner types, faster than any hand, and what it types begins as only codes do. Such a thing is taken out of whatever
// field it fell into and goes to whoever waits for a code of its kind; whoever types by hand notices nothing. A code that
// begins like nothing we know is left in the field it fell into; where it fell into none, the page says what it was.
import { BADGE_PREFIX, readCode } from "./codes.js";
import { serviceNow } from "./times.js";

/** @typedef {import("./codes.js").Code} Code */

/** Between two keys of a scanner. Fast hands are at 80 ms, two keys that roll over each other at 20: so it takes three. */
const FAST_MS = 35;
const SURE_AFTER = 3;
/** Nothing worth scanning is shorter. */
const SHORTEST = 4;
/** A scanner that sends no Enter has ended when it is silent for so long. */
const SILENT_MS = 600;
const GS = "\u001d";
/** How codes begin: a symbology identifier, a separator, a bracket, our own, and what bands and labels carry first. */
const BEGINNINGS = ["]", GS, "|", "~", "(", BADGE_PREFIX, "infd_", "http", "8018", "01"];

/** Who waits for codes, the last one first. @type {((code: Code) => boolean)[]} */
const takers = [];

/** @typedef {{text: string, at: number, held: boolean, field: HTMLInputElement | HTMLTextAreaElement | null, value: string, caret: number}} Burst */
/** @type {Burst | null} */
let burst = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let ending;

/** Wait for codes until the returned function is called. @param {(code: Code) => boolean} taker whether it took the code */
export function takeCodes(taker) {
  takers.push(taker);
  return () => { takers.splice(takers.indexOf(taker), 1); };
}

/** What a key stands for in a code. @param {KeyboardEvent} event */
function characterOf(event) {
  if (event.key === GS || (event.ctrlKey && event.key === "]")) return GS;
  return event.key.length === 1 && !event.ctrlKey && !event.altKey && !event.metaKey ? event.key : null;
}

/** Where a key falls that is not held back. */
function fieldInUse() {
  const field = document.activeElement;
  return (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) ? field : null;
}

/** @param {string} text */
const beginsLikeACode = (text) => BEGINNINGS.some((each) => text.toUpperCase().startsWith(each.toUpperCase()));

/** @param {Burst} ended @param {string} value */
function putInto({ field }, value) {
  if (!field || field.value === value) return;
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** @param {KeyboardEvent} event */
function hear(event) {
  // A browser that fills in a form by itself sends keys without a name.
  if (!event.key || event.isComposing || event.key === "Shift") return;
  const fast = burst !== null && event.timeStamp - burst.at < FAST_MS;
  if (burst !== null && (event.key === "Enter" || event.key === "Tab")) {
    if (fast && burst.text.length >= SHORTEST && isHeld(burst)) hold(event);
    finish(fast);
    return;
  }
  const character = characterOf(event);
  if (character === null) return;
  if (!fast) begin(event, character);
  else if (burst) {
    burst = { ...burst, text: burst.text + character, at: event.timeStamp };
    if (burst.text.length >= SURE_AFTER && isHeld(burst)) {
      hold(event);
      burst.held = true;
    } else if (character === GS) hold(event); // Control and a bracket would otherwise go back in the browser's history.
    clearTimeout(ending);
    ending = setTimeout(() => finish(true), SILENT_MS);
  }
}

/** Whether what comes is kept from the field it would fall into. @param {Burst} coming */
const isHeld = ({ field, text }) => field === null || beginsLikeACode(text);

/** @param {Event} event */
function hold(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

/** @param {KeyboardEvent} event @param {string} character */
function begin(event, character) {
  finish(false);
  const field = fieldInUse();
  burst = { text: character, at: event.timeStamp, held: false, field, value: field?.value ?? "", caret: field?.selectionStart ?? field?.value.length ?? 0 };
}

/** @param {boolean} fast whether it came at a scanner's speed to its end */
function finish(fast) {
  clearTimeout(ending);
  const ended = burst;
  burst = null;
  if (ended === null || !ended.held) return;
  const code = readCode(ended.text, new Date(serviceNow()).getUTCFullYear());
  if (!fast || ended.text.length < SHORTEST || (ended.field && code.kind === "plain")) {
    // Fingers after all: what was held back belongs into the field.
    putInto(ended, ended.value.slice(0, ended.caret) + ended.text + ended.value.slice(ended.caret));
    return;
  }
  putInto(ended, ended.value);
  [...takers].reverse().find((take) => take(code));
}

/** Begin to listen for a scanner. */
export function startScanner() {
  addEventListener("keydown", hear, { capture: true });
}
