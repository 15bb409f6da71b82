// @ts-check
// The screen stays on while a pump runs in sight of this page. Where a browser cannot do that, nothing is said: the
// tablet sleeps as it always did.
import { effect } from "@preact/signals";
import { place, rows, view } from "./ward_state.js";

/** @type {any} */
let lock = null;
let asking = false;

function isWanted() {
  const { day } = place.value;
  const inSight = day === null ? rows.value : [view.value ?? rows.value.find((row) => row.day_id === day)];
  return !document.hidden && inSight.some((shown) => shown?.pump === "running");
}

async function settle() {
  const wanted = isWanted();
  if (!wanted && lock) await lock.release().catch(() => null);
  if (!wanted || lock || asking) return;
  asking = true;
  try {
    const got = await /** @type {any} */ (navigator).wakeLock.request("screen");
    lock = got;
    // The browser takes it back with the page's visibility, or when the battery is low.
    got.addEventListener("release", () => { lock = null; });
  } catch {
    // Refused this once; the next answer of the service asks again.
  } finally {
    asking = false;
  }
  if (lock && !isWanted()) await settle();
}

/** Begin to hold the screen awake when there is reason to. */
export function startWakeLock() {
  if (!("wakeLock" in navigator)) return;
  effect(() => {
    void [place.value, rows.value, view.value];
    settle();
  });
  document.addEventListener("visibilitychange", settle);
}
