// @ts-check
// An endpoint's deliveries, found by state, day, type, answer and time; what is parked, tried again as a range.
import { useState } from "preact/hooks";
import { html } from "../markup.js";
import { Field, Refused, useForm } from "./form.js";
import { Refusal } from "./frame.js";
import { Mark, Moment } from "./marks.js";
import { DELIVERY, O } from "./operations_strings.js";
import { Freshness, usePolled } from "./polling.js";
import { askDesk, sendDesk } from "./service.js";
import { F } from "./strings.js";
import { addressOf, goTo, where } from "./where.js";
import { answered } from "./why.js";

const PAGE = 50;
const ASKED = ["state", "day", "type", "answer", "since", "until"];
const TONES = /** @type {Record<string, string>} */ ({ waiting: "info", parked: "warning", done: "good", dropped: "over" });

/** @param {{state: string}} properties */
export const StateOf = ({ state }) => html`<${Mark} tone=${TONES[state]} word=${DELIVERY[state] ?? state} />`;

/** A page of deliveries, with the endpoint's name and status. @param {string} id @param {URLSearchParams} asked @returns {Promise<import("./service.js").Answer>} */
async function load(id, asked) {
  const [endpoint, status] = await Promise.all([askDesk(`/v1/endpoints/${id}`), askDesk(`/v1/endpoints/${id}/status`)]);
  if (endpoint.status !== 200 || status.status !== 200) return endpoint.status === 200 ? status : endpoint;
  const query = new URLSearchParams({ limit: String(PAGE) });
  for (const name of ASKED) {
    const value = asked.get(name);
    if (value) query.set(name, name === "since" || name === "until" ? `${value.trim().replace(" ", "T")}Z` : value);
  }
  const filtered = [...query.keys()].length > 1;
  query.set("after", asked.get("after") ?? String(filtered ? 0 : Math.max((status.body.last_assigned ?? 0) - PAGE, 0)));
  const page = await askDesk(`/v1/endpoints/${id}/deliveries?${query}`);
  return page.status === 200 ? { status: 200, body: { endpoint: endpoint.body, status: status.body, filtered, ...page.body } } : page;
}

/** @param {{id: string}} properties */
export function Deliveries({ id }) {
  const asked = where.value.asked;
  const seen = usePolled(() => load(id, asked), `${id}?${asked}`);
  const body = seen.shown?.status === 200 ? seen.shown.body : null;
  return html`<main><p class="way"><a href=${addressOf("endpoints")}>${O.allEndpoints}</a> › <a href=${addressOf("endpoints", [id])}>${body?.endpoint.name ?? O.endpoint}</a></p>
    <h2>${O.deliveries}</h2><${Search} key=${String(asked)} id=${id} asked=${asked} /><${Freshness} seen=${seen} asOf=${body?.status.as_of} />
    ${seen.shown ? html`<${Refusal} answer=${seen.shown} />` : !seen.failed && html`<p>${F.loading}</p>`}
    ${body && html`<${Found} id=${id} body=${body} asked=${asked} /><${Redrive} key=${`${body.status.parked}`} id=${id} status=${body.status} again=${seen.again} />`}</main>`;
}

/** @param {{id: string, asked: URLSearchParams}} properties */
function Search({ id, asked }) {
  const form = useForm(Object.fromEntries(ASKED.map((name) => [name, asked.get(name) ?? ""])));
  const search = (/** @type {Event} */ event) => {
    event.preventDefault();
    goTo("endpoints", [id, "deliveries"], Object.fromEntries(Object.entries(form.values).filter(([, value]) => value)));
  };
  const states = /** @type {[string, string][]} */ ([["", O.any], ...Object.entries(DELIVERY)]);
  return html`<form class="search" onSubmit=${search}><${Field} form=${form} name="state" label=${O.state} options=${states} /><${Field} form=${form} name="type" label=${O.type} size="14" />
    <${Field} form=${form} name="day" label=${O.day} size="16" /><${Field} form=${form} name="answer" label=${O.answerHint} size="6" />
    <${Field} form=${form} name="since" label=${O.triedSince} size="19" /><${Field} form=${form} name="until" label=${O.triedUntil} size="19" />
    <button class="primary" id="search">${O.search}</button> <a class="button" href=${addressOf("endpoints", [id, "deliveries"])}>${O.toNewest}</a></form>`;
}

/** @param {{id: string, body: any, asked: URLSearchParams}} properties */
function Found({ id, body, asked }) {
  const rows = body.deliveries;
  const turn = (/** @type {number} */ after) => addressOf("endpoints", [id, "deliveries"], { ...Object.fromEntries(asked), after: String(after) });
  if (rows.length === 0) return html`<p class="quiet">${body.filtered ? O.noneFound : O.noDeliveries}</p>`;
  return html`<div class="wide" tabindex="0" role="region" aria-label=${O.deliveries}><table id="deliveries"><thead><tr><th>${O.number}</th><th>${O.state}</th><th>${O.type}</th><th>${O.day}</th><th>${O.lastAnswer}</th><th>${O.at}</th></tr></thead>
    <tbody>${rows.map((/** @type {any} */ each) => html`<tr data-n=${each.n} data-state=${each.state}><td><a href=${addressOf("endpoints", [id, "deliveries", each.n])}>${each.n}</a></td><td><${StateOf} state=${each.state} /></td><td>${each.type}</td>
      <td><code title=${each.subject}>…${each.subject.slice(-12)}</code></td><td>${answered(each.attempts.at(-1))} ${each.attempts.length > 1 && html`<span class="quiet">${O.afterTries(each.attempts.length)}</span>`}</td><td><${Moment} at=${each.attempts.at(-1)?.at} /></td></tr>`)}</tbody></table></div>
    <p class="pages">${rows[0].n > 1 && html`<a href=${turn(body.filtered ? 0 : Math.max(rows[0].n - 1 - PAGE, 0))}>${body.filtered ? O.first : O.earlier}</a>`} ${rows.length === PAGE && html`<a href=${turn(body.next_after)}>${O.later}</a>`}</p>`;
}

/** @param {{id: string, status: any, again: () => void}} properties */
function Redrive({ id, status, again }) {
  const numbers = status.parked_deliveries.map((/** @type {any} */ each) => each.n);
  const form = useForm({ from_n: String(numbers.at(0) ?? ""), to_n: String(numbers.at(-1) ?? ""), reason: "" });
  const [said, setSaid] = useState("");
  if (numbers.length === 0) return said ? html`<p role="status">${said}</p>` : null;
  const send = (/** @type {any} */ { from_n, to_n, reason }) => sendDesk(`/v1/endpoints/${id}/redrive`, { from_n: Number(from_n), to_n: Number(to_n), reason });
  return html`<section><h3>${O.redriveRange}</h3><p>${O.redriveHow(status.parked)}</p>
    <form onSubmit=${form.sends(send, (done) => { setSaid(O.redriven(done.retried)); again(); })}><${Field} form=${form} name="from_n" label=${O.fromN} type="number" min="1" /><${Field} form=${form} name="to_n" label=${O.toN} type="number" min="1" />
      <${Field} form=${form} name="reason" label=${O.reason} required=${true} maxlength="500" /><button class="primary" id="redrive">${O.redrive}</button><${Refused} form=${form} pointers=${["/from_n", "/to_n", "/reason"]} /></form><p role="status">${said}</p></section>`;
}
