// @ts-check
// Looking again and again at what changes by itself: only while somebody can see the page, less and less often while
// nothing answers, and quickly after a change that was made here. What was seen last stays, with its age.
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../markup.js";
import { span, when } from "./moments.js";
import { O } from "./operations_strings.js";

/** @typedef {import("./service.js").Answer} Answer */
/** @typedef {{shown: Answer | null, failed: Answer | null, heardAt: number, nextAt: number}} Seen `shown`: the last answer, refusals too; `failed`: why there is none since */
/** @typedef {Seen & {again: () => void}} Polled `again`: look at once, and a few times more soon */

const EVERY_MS = 5000;
const SOON_MS = [250, 500, 1000, 2000];
const AWAY_MS_MAX = 60000;
const NOTHING_YET = { shown: null, failed: null, heardAt: 0, nextAt: 0 };

/** @param {() => Promise<Answer>} load @param {string} key what is looked at: another one begins anew @returns {Polled} */
export function usePolled(load, key) {
  const [seen, setSeen] = useState(/** @type {Seen} */ (NOTHING_YET));
  const again = useRef(() => {});
  const loading = useRef(load);
  loading.current = load;
  useEffect(() => {
    const looker = keepLooking(() => loading.current(), setSeen);
    again.current = looker.again;
    return looker.end;
  }, [key]);
  return { ...seen, again: () => again.current() };
}

/** @param {() => Promise<Answer>} load @param {(change: (before: Seen) => Seen) => void} tell */
function keepLooking(load, tell) {
  let timer = 0;
  let turn = 0;
  let tries = 0;
  let soon = /** @type {number[]} */ ([]);
  tell(() => NOTHING_YET);
  const look = async () => {
    clearTimeout(timer);
    turn += 1;
    const mine = turn;
    const answer = await load();
    if (mine !== turn) return;
    const away = answer.status === 0 || answer.status >= 500;
    tries = away ? tries + 1 : 0;
    const wait = away ? Math.min(EVERY_MS * 2 ** (tries - 1), AWAY_MS_MAX) : soon.shift() ?? EVERY_MS;
    const at = performance.now();
    tell((before) => (away ? { ...before, failed: answer, nextAt: at + wait } : { shown: answer, failed: null, heardAt: at, nextAt: at + wait }));
    // Who is signed out stays so: asking on would only fill the log.
    if (document.visibilityState === "visible" && answer.status !== 401) timer = setTimeout(look, wait);
  };
  const seenAgain = () => (document.visibilityState === "visible" ? void look() : clearTimeout(timer));
  document.addEventListener("visibilitychange", seenAgain);
  void look();
  return {
    again: () => { soon = [...SOON_MS]; void look(); },
    end: () => { turn += 1; clearTimeout(timer); document.removeEventListener("visibilitychange", seenAgain); },
  };
}

/** Draw again each second: for what is an age. */
export function useSeconds() {
  const [, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((before) => before + 1), 1000);
    return () => clearInterval(timer);
  }, []);
}

/** How old what is shown is, and when it is looked at again where nothing answers. @param {{seen: Polled, asOf?: string}} properties `asOf`: now, as the answer says */
export function Freshness({ seen, asOf }) {
  useSeconds();
  if (!seen.failed) return html`<p class="quiet fresh">${O.asOf(asOf ? when(asOf) : "")}</p>`;
  const now = performance.now();
  const old = seen.heardAt ? span(now - seen.heardAt) : "";
  const next = span(Math.max(seen.nextAt - now, 0));
  return html`<p class="error fresh" role="status" data-stale><span aria-hidden="true">⚠ </span>${seen.failed.status ? O.failing(seen.failed.status) : O.away} ${old && O.old(old)} ${O.triedAgain(next)}
    <button class="try-again" onClick=${seen.again}>${O.tryNow}</button></p>`;
}
