// @ts-check
// Every endpoint, how it fares, and what stands in its way.
import { useEffect, useState } from "preact/hooks";
import { html } from "../markup.js";
import { Refusal } from "./frame.js";
import { O } from "./operations_strings.js";
import { askDesk } from "./service.js";
import { F } from "./strings.js";

export function Endpoints() {
  const [answer, setAnswer] = useState(/** @type {import("./service.js").Answer | null} */ (null));
  useEffect(() => void askDesk("/v1/endpoints").then(setAnswer), []);
  if (answer === null) return html`<main><p>${F.loading}</p></main>`;
  const endpoints = answer.status === 200 ? answer.body.endpoints : [];
  return html`<main><${Refusal} answer=${answer} />
    ${endpoints.length === 0 ? html`<p class="quiet">${O.noEndpoints}</p>` : html`<table><thead><tr><th>${O.endpoint}</th><th>${O.state}</th></tr></thead>
      <tbody>${endpoints.map((/** @type {any} */ each) => html`<tr data-endpoint=${each.id}><td>${each.url}</td><td>${each.state}</td></tr>`)}</tbody></table>`}</main>`;
}
