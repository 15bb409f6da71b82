// @ts-check
// "Is this what was recorded?": an entry verified in this browser, step by step, under a key the auditor pins.
import { useEffect, useState } from "preact/hooks";
import { html } from "../markup.js";
import { E } from "./evidence_strings.js";
import { Refusal } from "./frame.js";
import { Keys } from "./key_box.js";
import { pins } from "./pins.js";
import { verdict } from "./proof.js";
import { Steps, Verdict } from "./steps.js";
import { verifyShown } from "./verifying.js";

/** @typedef {import("./verifying.js").Verified} Verified */

/** @param {{entry: any}} properties `entry` as the page shows it, in the interface's own JSON */
export function ProofPanel({ entry }) {
  const [found, setFound] = useState(/** @type {Verified | "running" | null} */ (null));
  const held = pins.value.keys.map((key) => key.line).join();
  // What was said of another entry, or under other keys, says nothing of this one.
  useEffect(() => setFound(null), [JSON.stringify(entry), held]);
  const verify = async () => {
    setFound("running");
    setFound(await verifyShown(entry));
  };
  const running = found === "running";
  const done = found !== null && !running ? found : null;
  return html`<section class="proof" aria-label=${E.verifyTitle}>
    <h3>${E.verifyTitle}</h3>
    <p class="quiet">${E.verifyHow}</p>
    <p><button class="primary" id="verify-entry" disabled=${running} onClick=${verify}>${running ? E.verifying : done ? E.again : E.verify}</button></p>
    ${done && html`<${Refusal} answer=${done.refusal} />`}
    ${done && done.checks.length > 0 && html`<${Verdict} is=${verdict(done.checks)} words=${E.verdicts} id="verdict" /><${Steps} checks=${done.checks} />`}
    <${Keys} place="" />
  </section>`;
}
