// @ts-check
// A signed sample by curl and openssl: an engine's team tries its own receiver with it, without waiting for an event.
import { html } from "../markup.js";
import { CopyButton } from "./once.js";
import { O } from "./operations_strings.js";

/** The lines of a shell that sign and send, as a delivery is signed: HMAC-SHA-256 over id, time and body. @param {string} url */
export const sampleOf = (url) => [
  `KEY=$(sed 's/^whsec_//' engine.secret | base64 -d | od -An -v -tx1 | tr -d ' \\n')`,
  `ID=sample-1; TIME=$(date +%s); BODY='{"specversion":"1.0","id":"sample-1","type":"infusion.webhook.sample.v1","source":"sample"}'`,
  `SIGNATURE=$(printf '%s.%s.%s' "$ID" "$TIME" "$BODY" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | base64)`,
  `curl -sS -i '${url.replaceAll("'", "%27")}' -H 'Content-Type: application/cloudevents+json; charset=utf-8' \\`,
  `  -H "webhook-id: $ID" -H "webhook-timestamp: $TIME" -H "webhook-signature: v1,$SIGNATURE" --data-raw "$BODY"`,
].join("\n");

/** @param {{url: string}} properties */
export function Sample({ url }) {
  return html`<details><summary>${O.sample}</summary><p>${O.sampleHow} <${CopyButton} text=${sampleOf(url)} /></p><pre id="sample" tabindex="0" aria-label=${O.sample}>${sampleOf(url)}</pre></details>`;
}
