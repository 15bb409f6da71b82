// @ts-check
// All days an auditor may read, to find one.
import { useEffect, useState } from "preact/hooks";
import { html } from "../markup.js";
import { T, word } from "../strings.js";
import { shownDate } from "../times.js";
import { A } from "./audit_strings.js";
import { Refusal } from "./frame.js";
import { askDesk } from "./service.js";
import { F } from "./strings.js";

export function Days() {
  const [answer, setAnswer] = useState(/** @type {import("./service.js").Answer | null} */ (null));
  useEffect(() => void askDesk("/v1/days?limit=200").then(setAnswer), []);
  if (answer === null) return html`<main><p>${F.loading}</p></main>`;
  const days = answer.status === 200 ? answer.body.days : [];
  return html`<main><${Refusal} answer=${answer} />
    ${days.length === 0 ? html`<p class="quiet">${A.noDays}</p>` : html`<table><thead><tr><th>${A.date}</th><th>${A.ward}</th><th>${A.patient}</th><th>${A.state}</th></tr></thead>
      <tbody>${days.map((/** @type {any} */ day) => html`<tr data-day=${day.day_id}><td>${shownDate(day.date)}</td><td>${day.ward}</td><td>${day.patient.id}</td><td>${word({}, day.state) || T.unknown}</td></tr>`)}</tbody></table>`}</main>`;
}
