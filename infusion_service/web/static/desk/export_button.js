// @ts-check
// A day carried away as one file, to be checked anywhere.
import { useState } from "preact/hooks";
import { html } from "../markup.js";
import { E } from "./evidence_strings.js";
import { Refusal } from "./frame.js";
import { pins } from "./pins.js";
import { askFile, saveFile } from "./service.js";

/** The size of the longest checkpoint verified in this browser: the bundle then proves that the log only grew since. */
const seenSize = () => Object.values(pins.value.seen).reduce((size, seen) => Math.max(size, Number(seen.size)), 0);

/** @param {{day: string}} properties */
export function ExportButton({ day }) {
  const [answer, setAnswer] = useState(/** @type {{status: number, body: any, name: string} | "running" | null} */ (null));
  const fetchBundle = async () => {
    setAnswer("running");
    const from = seenSize();
    const { status, file, name, body } = await askFile(`/v1/days/${day}/bundle${from > 0 ? `?from=${from}` : ""}`);
    if (file) saveFile(file, name);
    setAnswer({ status, body, name });
  };
  const running = answer === "running";
  const done = answer !== null && !running ? answer : null;
  return html`<section class="export"><p><button id="export-day" disabled=${running} onClick=${fetchBundle}>${running ? E.exporting : E.export}</button> <span class="quiet">${E.exportHow}</span></p>
    ${done && html`<${Refusal} answer=${done} />`}
    ${done?.status === 200 && html`<p class="good" role="status">${E.exported(done.name)}</p>`}</section>`;
}
