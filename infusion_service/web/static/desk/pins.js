// @ts-check
// What this browser keeps between an auditor's visits: the public keys they trust, and the last checkpoint that was
// verified of each log. Nothing of it is secret and nothing is clinical. A checkpoint is only ever replaced by a longer
// one that was verified to begin with it.
import { signal } from "@preact/signals";

/** @typedef {{line: string, on: string, pasted: boolean}} PinnedKey `on`: when, by this browser's clock */
/** @typedef {{note: string, size: string, root: string, on: string}} Seen the note as text, and what it says */
/** @typedef {{keys: PinnedKey[], seen: Record<string, Seen>}} Pins `seen` by the log's origin */

const PLACE = "infusion-audit-pins";

/** @returns {Pins} */
function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(PLACE) ?? "null");
    if (Array.isArray(kept?.keys) && typeof kept.seen === "object") return kept;
  } catch {
    // A browser that keeps nothing is told of where it matters (`keeps`).
  }
  return { keys: [], seen: {} };
}

export const pins = signal(read());
/** Whether what is pinned outlives this page. */
export const keeps = signal(true);

/** @param {(now: Pins) => Pins} change */
function write(change) {
  // Another tab may have pinned meanwhile.
  pins.value = change(keeps.value ? read() : pins.value);
  try {
    localStorage.setItem(PLACE, JSON.stringify(pins.value));
  } catch {
    keeps.value = false;
  }
}

/** @param {string} line @param {boolean} pasted by the auditor, and not taken from the service */
export function pinKey(line, pasted) {
  write((now) => ({ ...now, keys: [...now.keys.filter((key) => key.line !== line), { line, on: new Date().toISOString(), pasted }] }));
}

/** @param {string} line */
export function forgetKey(line) {
  write((now) => ({ ...now, keys: now.keys.filter((key) => key.line !== line) }));
}

/** @param {string} origin @param {{note: string, size: bigint, root: string}} verified */
export function pinSeen(origin, { note, size, root }) {
  write((now) => {
    const before = now.seen[origin];
    if (before && BigInt(before.size) >= size) return now;
    return { ...now, seen: { ...now.seen, [origin]: { note, size: String(size), root, on: new Date().toISOString() } } };
  });
}
