// @ts-check
// The one live stream of this tablet, and the watchdog beside it: a stream that lost its network stays open without a
// word, so only what is heard counts.
import { hear, silence, STALE_AFTER_MS } from "./times.js";

const WATCH_EVERY_MS = 5000;

/** @type {EventSource | null} */
let stream = null;

/** Listen, unless it is listened to already. @param {() => void} onEntry something was appended @param {() => void} onLink the service is heard again */
export function listen(onEntry, onLink) {
  if (stream !== null) return;
  const opened = new EventSource("/v1/log/stream");
  stream = opened;
  opened.addEventListener("open", onLink);
  opened.addEventListener("entry", onEntry);
  opened.addEventListener("beat", (event) => {
    const beat = JSON.parse(/** @type {MessageEvent} */ (event).data);
    hear(beat.as_of, beat.clock);
  });
  opened.addEventListener("error", () => {
    if (opened.readyState === EventSource.CLOSED) drop(opened);
  });
}

/** @param {EventSource} old */
function drop(old) {
  old.close();
  if (stream === old) stream = null;
}

/** Close a stream nothing was heard on; the next question opens a new one. */
export function startWatchdog() {
  setInterval(() => {
    if (stream !== null && silence() > STALE_AFTER_MS) drop(stream);
  }, WATCH_EVERY_MS);
}

/** Begin anew, as somebody else. */
export function listenAnew() {
  if (stream !== null) drop(stream);
}
