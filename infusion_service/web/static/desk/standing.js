// @ts-check
// How an endpoint stands: the sentence why, what to do next, and the figures.
import { html } from "../markup.js";
import { Known } from "./marks.js";
import { between, span, when } from "./moments.js";
import { O, RUNBOOK } from "./operations_strings.js";
import { addressOf } from "./where.js";
import { answered, lastFailure } from "./why.js";

/** Why, and what to do about it. @param {{id: string, found: import("./why.js").Why, parked: number}} properties */
export function Reason({ id, found, parked }) {
  const anchor = found.key === "fine" ? "" : found.key === "parked" ? RUNBOOK.InfusionDeliveryParked : RUNBOOK.InfusionDeliveryLate;
  return html`<p class="why" id="why">${found.says}</p>
    ${(found.todo || parked > 0) && html`<p class="todo">${found.todo} ${parked > 0 && html`<a href=${addressOf("endpoints", [id, "deliveries"], { state: "parked" })}>${O.lookAtParked(parked)}</a>`}
      ${anchor && html` <span class="quiet runbook">${O.runbook} <code>${anchor}</code></span>`}</p>`}`;
}

/** @param {{status: any}} properties */
export function Figures({ status }) {
  const last = lastFailure(status);
  const ago = (/** @type {string | null | undefined} */ moment) => (moment ? O.ago(when(moment), span(between(moment, status.as_of))) : O.never);
  return html`<${Known} rows=${[
    [O.lag, O.lagIs(status.lag_entries, span(status.lag_s * 1000))],
    [O.waiting, status.waiting], [O.parked, status.parked], [O.inFlight, status.in_flight ?? 0],
    [O.lastSuccess, ago(status.last_success_at)],
    [O.nextAttempt, status.next_attempt_at ? O.nextIn(when(status.next_attempt_at), span(between(status.as_of, status.next_attempt_at))) : O.none],
    last && [O.lastError, `${when(last.at)} ${answered(last)}`, "long"],
  ]} />`;
}
