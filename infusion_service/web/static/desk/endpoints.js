// @ts-check
// Every endpoint, the worst first: how it fares, why it is behind, what to do.
import { html } from "../markup.js";
import { Change, NewEndpoint } from "./endpoint_form.js";
import { Endpoint } from "./endpoint.js";
import { Deliveries } from "./deliveries.js";
import { Delivery } from "./delivery.js";
import { Refusal } from "./frame.js";
import { Mark } from "./marks.js";
import { O } from "./operations_strings.js";
import { Freshness, usePolled } from "./polling.js";
import { askDesk } from "./service.js";
import { Figures, Reason } from "./standing.js";
import { F } from "./strings.js";
import { addressOf, where } from "./where.js";
import { why, worse } from "./why.js";

/** The screen of the address: the list, one endpoint, its deliveries, one of them, or a form. */
export function Endpoints() {
  const [id, part, n] = where.value.rest;
  if (!id) return html`<${List} />`;
  if (id === "new") return html`<${NewEndpoint} />`;
  if (part === "change") return html`<${Change} key=${id} id=${id} />`;
  if (part === "deliveries" && n) return html`<${Delivery} key=${`${id}/${n}`} id=${id} n=${n} />`;
  if (part === "deliveries") return html`<${Deliveries} key=${id} id=${id} />`;
  return html`<${Endpoint} key=${id} id=${id} />`;
}

/** Every endpoint with its status. @returns {Promise<import("./service.js").Answer>} */
async function load() {
  const list = await askDesk("/v1/endpoints");
  if (list.status !== 200) return list;
  const statuses = await Promise.all(list.body.endpoints.map((/** @type {any} */ each) => askDesk(`/v1/endpoints/${each.id}/status`)));
  const away = statuses.find((each) => each.status === 0 || each.status >= 500);
  return away ?? { status: 200, body: list.body.endpoints.map((/** @type {any} */ endpoint, /** @type {number} */ place) => ({ endpoint, status: statuses[place].body })).filter((/** @type {any} */ each) => each.status.id) };
}

function List() {
  const seen = usePolled(load, "endpoints");
  if (!seen.shown) return html`<main><h2>${O.endpoints}</h2>${seen.failed ? html`<${Freshness} seen=${seen} />` : html`<p>${F.loading}</p>`}</main>`;
  const all = seen.shown.status === 200 ? seen.shown.body.map((/** @type {any} */ each) => ({ ...each, why: why(each.status) })) : [];
  all.sort((/** @type {any} */ one, /** @type {any} */ other) => worse(one.why, other.why) || one.endpoint.name.localeCompare(other.endpoint.name));
  return html`<main><div class="heading"><h2>${O.endpoints}</h2><a class="button" id="add-endpoint" href=${addressOf("endpoints", ["new"])}>${O.addEndpoint}</a></div>
    <${Freshness} seen=${seen} asOf=${all[0]?.status.as_of} /><${Refusal} answer=${seen.shown} />
    ${seen.shown.status === 200 && all.length === 0 && html`<p class="quiet">${O.noEndpoints}</p>`}
    ${all.map((/** @type {any} */ each) => html`<${Card} key=${each.endpoint.id} ...${each} />`)}</main>`;
}

/** @param {{endpoint: any, status: any, why: import("./why.js").Why}} properties */
function Card({ endpoint, status, why: found }) {
  return html`<article class="card" data-endpoint=${endpoint.id} data-state=${found.key}>
    <h3><${Mark} tone=${found.tone} word=${found.word} /> <a href=${addressOf("endpoints", [endpoint.id])}>${endpoint.name}</a></h3>
    <${Reason} id=${endpoint.id} found=${found} parked=${status.parked} />
    <${Figures} status=${status} /></article>`;
}
