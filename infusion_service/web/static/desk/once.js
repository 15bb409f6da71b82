// @ts-check
// What is shown once: a secret lives in this component alone, and is gone with it.
import { useState } from "preact/hooks";
import { html } from "../markup.js";
import { O } from "./operations_strings.js";

/** @param {{label: string, value: string, how: string, more?: any, close: () => void}} properties */
export function Once({ label, value, how, more, close }) {
  return html`<section class="once" aria-label=${label}><h3>${label}</h3><p>${how}</p>
    <${Copied} id="once" label=${label} text=${value} />${more}
    <p><button class="primary" id="once-kept" onClick=${close}>${O.kept}</button></p></section>`;
}

/** A line to copy. @param {{id: string, label: string, text: string}} properties */
export function Copied({ id, label, text }) {
  return html`<p class="copied"><input id=${id} aria-label=${label} readonly value=${text} onFocus=${(/** @type {any} */ event) => event.target.select()} /><${CopyButton} text=${text} /></p>`;
}

/** @param {{text: string}} properties */
export function CopyButton({ text }) {
  const [said, setSaid] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid(O.copied);
    } catch {
      setSaid(O.notCopied);
    }
  };
  return html`<button type="button" onClick=${copy}>${O.copy}</button> <span role="status">${said}</span>`;
}
