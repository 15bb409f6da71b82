// @ts-check
// Two sounds of an information screen, no alarm: three tones for critical and high, two for medium. A browser lets a page
// sound only after somebody touched it, so the start of a shift has a button for it.
import { signal } from "@preact/signals";

const TONE_S = 0.18;
const GAP_S = 0.1;
const HERTZ = { critical: [880, 880, 880], high: [880, 880, 880], medium: [660, 660] };

/** Whether this page may sound. */
export const soundOn = signal(false);

/** @type {AudioContext | null} */
let context = null;
/** Alerts that have sounded here, with the severity they had. @type {Map<string, string>} */
const sounded = new Map();

/** Let the page sound, and let it be heard. */
export async function testSound() {
  context ??= new AudioContext();
  await context.resume();
  soundOn.value = context.state === "running";
  play("high");
}

/** @param {keyof HERTZ} severity */
function play(severity) {
  if (!context || !soundOn.value) return;
  HERTZ[severity].forEach((hertz, place) => {
    const tone = /** @type {AudioContext} */ (context).createOscillator();
    const begins = /** @type {AudioContext} */ (context).currentTime + place * (TONE_S + GAP_S);
    tone.frequency.value = hertz;
    tone.connect(/** @type {AudioContext} */ (context).destination);
    tone.start(begins);
    tone.stop(begins + TONE_S);
  });
}

/** Sound once for each alert that is new or graver than it was; what was open when the page began is only noted. @param {any[]} alerts @param {boolean} first */
export function soundFor(alerts, first) {
  const fresh = alerts.filter((alert) => sounded.get(alert.alert_id) !== alert.severity && alert.severity in HERTZ);
  for (const alert of fresh) sounded.set(alert.alert_id, alert.severity);
  const open = new Set(alerts.map((alert) => alert.alert_id));
  for (const id of sounded.keys()) if (!open.has(id)) sounded.delete(id);
  if (first || fresh.length === 0) return;
  play(fresh.some((alert) => alert.severity !== "medium") ? "high" : "medium");
}
