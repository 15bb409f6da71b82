// @ts-check
// One message from end to end: the entry it is of, the bytes that are sent, each attempt, what became of it, and what
// a person can decide.
import { useState } from "preact/hooks";
import { html } from "../markup.js";
import { StateOf } from "./deliveries.js";
import { Field, Refused, useForm } from "./form.js";
import { Refusal } from "./frame.js";
import { Known, Moment } from "./marks.js";
import { between, span, when } from "./moments.js";
import { O, RUNBOOK } from "./operations_strings.js";
import { Freshness, usePolled } from "./polling.js";
import { readsBodies } from "./reach.js";
import { askDesk, askText, sendDesk } from "./service.js";
import { F } from "./strings.js";
import { addressOf } from "./where.js";
import { answered } from "./why.js";

/** @param {string} id @param {string} n @returns {Promise<import("./service.js").Answer>} */
async function load(id, n) {
  const [endpoint, delivery, status] = await Promise.all([askDesk(`/v1/endpoints/${id}`), askDesk(`/v1/endpoints/${id}/deliveries/${n}`), askDesk(`/v1/endpoints/${id}/status`)]);
  const refused = [endpoint, delivery, status].find((each) => each.status !== 200);
  return refused ?? { status: 200, body: { endpoint: endpoint.body, delivery: delivery.body, asOf: status.body.as_of } };
}

/** @param {{id: string, n: string}} properties */
export function Delivery({ id, n }) {
  const seen = usePolled(() => load(id, n), `${id}/${n}`);
  const body = seen.shown?.status === 200 ? seen.shown.body : null;
  const delivery = body?.delivery;
  return html`<main><p class="way"><a href=${addressOf("endpoints")}>${O.allEndpoints}</a> › <a href=${addressOf("endpoints", [id])}>${body?.endpoint.name ?? O.endpoint}</a> › <a href=${addressOf("endpoints", [id, "deliveries"])}>${O.deliveries}</a></p>
    <div class="heading"><h2>${O.message(n)}</h2>${delivery && html`<span id="delivery-state" data-state=${delivery.state}><${StateOf} state=${delivery.state} /></span>`}</div>
    <${Freshness} seen=${seen} asOf=${body?.asOf} />
    ${seen.shown ? html`<${Refusal} answer=${seen.shown} />` : !seen.failed && html`<p>${F.loading}</p>`}
    ${body && html`<ol class="steps"><${Entry} delivery=${delivery} /><${Body} id=${id} n=${n} payload=${body.endpoint.payload} /><${Attempts} delivery=${delivery} /><${Outcome} delivery=${delivery} asOf=${body.asOf} /></ol>
      ${delivery.state === "parked" && html`<${Decision} id=${id} n=${n} again=${seen.again} />`}`}</main>`;
}

/** @param {{delivery: any}} properties */
const Entry = ({ delivery }) => html`<li><h3>${O.stepEntry}</h3><${Known} rows=${[
  [O.type, delivery.type], [O.seq, delivery.seq ?? O.ownMessage], [O.day, html`<code>${delivery.subject}</code>`, "long"], [O.webhookId, html`<code>${delivery.webhook_id}</code>`, "long"]]} /></li>`;

/** @param {{id: string, n: string, payload: string}} properties */
function Body({ id, n, payload }) {
  const [shown, setShown] = useState(/** @type {{status: number, text: string} | null} */ (null));
  const look = async () => setShown(await askText(`/v1/endpoints/${id}/deliveries/${n}/body`));
  return html`<li><h3>${O.stepBody}</h3>
    ${!readsBodies() ? html`<p class="quiet" id="no-body">${O.bodyNotYours}</p>`
      : shown?.status === 200 ? html`<pre id="body" tabindex="0" aria-label=${O.stepBody}>${indented(shown.text)}</pre>`
      : html`<p>${payload === "full" ? O.bodyHasPatient : O.bodyThin}</p><button id="show-body" onClick=${look}>${O.showBody}</button>
        ${shown && html`<p class="error" role="alert">${shown.status === 404 ? O.bodyForgotten : F.refused(shown.status)}</p>`}`}</li>`;
}

/** JSON on many lines; what is no JSON stays as it is. @param {string} text */
function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** @param {{delivery: any}} properties */
function Attempts({ delivery }) {
  return html`<li><h3>${O.stepAttempts(delivery.attempts.length)}</h3>${delivery.attempts.length === 0 ? html`<p class="quiet">${O.notTried}</p>` : html`
    <div class="wide" tabindex="0" role="region" aria-label=${O.stepAttempts(delivery.attempts.length)}><table id="attempts"><thead><tr><th>${O.at}</th><th>${O.why}</th><th>${O.answer}</th><th>${O.took}</th></tr></thead>
      <tbody>${delivery.attempts.map((/** @type {any} */ each) => html`<tr><td><${Moment} at=${each.at} /></td><td>${each.reason}</td><td>${answered(each)}</td><td>${each.ms} ms</td></tr>`)}</tbody></table></div>`}</li>`;
}

/** @param {{delivery: any, asOf: string}} properties */
function Outcome({ delivery, asOf }) {
  const next = delivery.next_attempt_at;
  const says = {
    done: O.isDone(when(delivery.settled_at)), dropped: O.isDropped(when(delivery.settled_at)),
    waiting: next ? O.isWaiting(span(between(asOf, next))) : O.isInTurn, parked: next ? O.isParkedTried(span(between(asOf, next))) : O.isParked,
  }[/** @type {"done" | "dropped" | "waiting" | "parked"} */ (delivery.state)];
  return html`<li><h3>${O.stepOutcome}</h3><p id="outcome">${says}</p></li>`;
}

/** @param {{id: string, n: string, again: () => void}} properties */
function Decision({ id, n, again }) {
  const form = useForm({ reason: "" });
  const [dropping, setDropping] = useState(false);
  const send = (/** @type {any} */ values) => sendDesk(`/v1/endpoints/${id}/deliveries/${n}/${dropping ? "drop" : "retry"}`, values);
  return html`<section><h3>${O.decide}</h3><p>${O.decideHow} <span class="quiet runbook">${O.runbook} <code>${RUNBOOK.InfusionDeliveryParked}</code></span></p>
    <form onSubmit=${form.sends(send, again)}><${Field} form=${form} name="reason" label=${O.reason} required=${true} maxlength="500" size="40" />
      <button class="primary" id="retry" onClick=${() => setDropping(false)}>${O.redrive}</button><button id="drop" onClick=${() => setDropping(true)}>${O.drop}</button><${Refused} form=${form} pointers=${["/reason"]} /></form></section>`;
}
