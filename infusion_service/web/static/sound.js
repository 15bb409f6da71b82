// @ts-check
// Two sounds of an information screen, no alarm: three tones for critical and high, two for medium; and two for a scan,
// unlike them: up and short for the right patient, down and long for the wrong one. A browser lets a page sound only
// after somebody touched it, so the start of a shift has a button for it.
import { signal } from "@preact/signals";

const TONE_S = 0.18;
const GAP_S = 0.1;
const RIGHT = [1175, 1568];
const RIGHT_S = 0.07;
const WRONG = [330, 220];
const WRONG_S = 0.35;
const HERTZ = { critical: [880, 880, 880], high: [880, 880, 880], medium: [660, 660] };

/** Whether this page may sound. */
export const soundOn = signal(false);

/** @type {AudioContext | null} */
let context = null;
/** Alerts that have sounded here, with the severity they had. @type {Map<string, string>} */
const sounded = new Map();

/** Whether the service was heard of the alerts once: a reload is no new alert. */
let begun = false;

/** Let the page sound, and let it be heard. */
export async function testSound() {
  context ??= new AudioContext();
  await context.resume();
  soundOn.value = context.state === "running";
  play(HERTZ.high);
}

/** @param {number[]} tones in hertz @param {number} lasts seconds each */
function play(tones, lasts = TONE_S) {
  if (!context || !soundOn.value) return;
  tones.forEach((hertz, place) => {
    const tone = /** @type {AudioContext} */ (context).createOscillator();
    const begins = /** @type {AudioContext} */ (context).currentTime + place * (lasts + GAP_S);
    tone.frequency.value = hertz;
    tone.connect(/** @type {AudioContext} */ (context).destination);
    tone.start(begins);
    tone.stop(begins + lasts);
  });
}

/** Say by sound what a scan came to. @param {"right" | "wrong"} kind */
export function playScan(kind) {
  if (kind === "right") play(RIGHT, RIGHT_S);
  else play(WRONG, WRONG_S);
}

/** Sound once for each alert that is new or graver than it was, and return those; what was open when the page began is only noted. @param {any[]} alerts of all beds @returns {any[]} */
export function soundFor(alerts) {
  const first = !begun;
  begun = true;
  const fresh = alerts.filter((alert) => sounded.get(alert.alert_id) !== alert.severity);
  const heard = fresh.filter((alert) => alert.severity in HERTZ);
  for (const alert of fresh) sounded.set(alert.alert_id, alert.severity);
  const open = new Set(alerts.map((alert) => alert.alert_id));
  for (const id of sounded.keys()) if (!open.has(id)) sounded.delete(id);
  if (first) return [];
  if (heard.length) play(heard.some((alert) => alert.severity !== "medium") ? HERTZ.high : HERTZ.medium);
  return fresh;
}
