// @ts-check
// A whole day verified in this browser: every entry as it is shown, and none missing between them.
import { useEffect, useState } from "preact/hooks";
import { html } from "../markup.js";
import { E } from "./evidence_strings.js";
import { Refusal } from "./frame.js";
import { Keys } from "./key_box.js";
import { pins } from "./pins.js";
import { verdict } from "./proof.js";
import { Steps, Verdict } from "./steps.js";
import { verifyDay } from "./verifying.js";

/** @typedef {import("./verifying.js").VerifiedDay} VerifiedDay */

/** @param {VerifiedDay} found @returns {"good" | "bad" | "partly"} */
function verdictOf({ checks, wrong, open }) {
  const ofTheLog = verdict(checks);
  if (ofTheLog === "bad" || wrong.length > 0) return "bad";
  return ofTheLog === "partly" || open > 0 ? "partly" : "good";
}

/** @param {{day: string, entries: any[], openEntry: (seq: number) => void}} properties `entries` as the page shows them, in the interface's own JSON */
export function DayProof({ day, entries, openEntry }) {
  const [found, setFound] = useState(/** @type {VerifiedDay | "running" | null} */ (null));
  const held = pins.value.keys.map((key) => key.line).join();
  useEffect(() => setFound(null), [day, entries, held]);
  const verify = async () => {
    setFound("running");
    setFound(await verifyDay(day, entries));
  };
  const running = found === "running";
  const done = found !== null && !running ? found : null;
  return html`<section class="proof" aria-label=${E.dayTitle}><h3>${E.dayTitle}</h3>
    <p class="quiet">${E.verifyHow}</p>
    <p><button id="verify-day" disabled=${running} onClick=${verify}>${running ? E.verifying : E.verifyDay(entries.length)}</button></p>
    ${done && html`<${Refusal} answer=${done.refusal} />`}
    ${done && !done.refusal && html`<${Verdict} is=${verdictOf(done)} words=${E.dayVerdicts} id="day-verdict" />
      <p>${E.dayCounts(done.good, done.open, done.wrong.length)}</p>
      ${done.wrong.map(({ seq, checks }) => html`<div key=${seq} data-wrong=${seq}><p><button onClick=${() => openEntry(seq)}>${E.openEntry(seq)}</button></p><${Steps} checks=${checks.filter(({ ok }) => ok === false)} /></div>`)}
      <${Steps} checks=${done.checks} />`}
    <${Keys} place="day-" /></section>`;
}
