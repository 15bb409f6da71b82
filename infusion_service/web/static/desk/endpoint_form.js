// @ts-check
// An endpoint added or changed: whereto, what of the log, and how it is signed.
import { useEffect, useState } from "preact/hooks";
import { html } from "../markup.js";
import { Way } from "./endpoint.js";
import { Field, listed, Refused, useForm } from "./form.js";
import { Refusal } from "./frame.js";
import { Once } from "./once.js";
import { O, ORDERINGS, PAYLOADS } from "./operations_strings.js";
import { askDesk, sendDesk } from "./service.js";
import { F } from "./strings.js";
import { goTo } from "./where.js";

const NEW = { name: "", url: "", types: "*", wards: "", severities: "", payload: "full", ordering: "lane", permanent: "", timeout_s: "15", v1a: false };
const POINTERS = ["/name", "/url", "/types", "/wards", "/severities", "/payload", "/ordering", "/permanent", "/timeout_s"];

/** What the form says, as the interface takes it. @param {Record<string, any>} said */
const wanted = (said) => ({
  name: said.name, url: said.url, types: listed(said.types), payload: said.payload, ordering: said.ordering,
  wards: said.wards.trim() ? listed(said.wards) : null, severities: said.severities.trim() ? listed(said.severities) : null,
  permanent: listed(said.permanent).map(Number), timeout_s: Number(said.timeout_s), signature: said.v1a ? ["v1", "v1a"] : ["v1"],
});

/** @param {any} endpoint @returns {Record<string, any>} */
const saidOf = (endpoint) => ({
  name: endpoint.name, url: endpoint.url, types: endpoint.types.join(", "), wards: endpoint.wards?.join(", ") ?? "", severities: endpoint.severities?.join(", ") ?? "",
  payload: endpoint.payload, ordering: endpoint.ordering, permanent: endpoint.permanent.join(", "), timeout_s: String(endpoint.timeout_s), v1a: endpoint.signature.includes("v1a"),
});

/** @param {{form: import("./form.js").Form}} properties */
const Fields = ({ form }) => html`
  <${Field} form=${form} name="name" label=${O.name} required=${true} maxlength="120" />
  <${Field} form=${form} name="url" label=${O.url} hint=${O.urlHint} required=${true} />
  <${Field} form=${form} name="types" label=${O.types} hint=${O.typesHint} required=${true} />
  <${Field} form=${form} name="wards" label=${O.wards} hint=${O.emptyIsAll} />
  <${Field} form=${form} name="severities" label=${O.severities} hint=${O.severitiesHint} />
  <${Field} form=${form} name="payload" label=${O.payload} options=${PAYLOADS} />
  <${Field} form=${form} name="ordering" label=${O.ordering} options=${ORDERINGS} />
  <${Field} form=${form} name="permanent" label=${O.permanent} hint=${O.permanentHint} />
  <${Field} form=${form} name="timeout_s" label=${O.timeoutS} type="number" min="5" max="30" />
  <${Field} form=${form} name="v1a" label=${O.v1a} type="checkbox" />`;

export function NewEndpoint() {
  const form = useForm(NEW);
  const [made, setMade] = useState(/** @type {any} */ (null));
  if (made) return html`<main><${Way} /><h2>${made.name}</h2><${Once} label=${O.newSecret} value=${made.secret} how=${O.secretHow} close=${() => goTo("endpoints", [made.id])} /></main>`;
  return html`<main><${Way} /><h2>${O.addEndpoint}</h2><form class="fields" onSubmit=${form.sends((values) => sendDesk("/v1/endpoints", wanted(values)), setMade)}>
    <${Fields} form=${form} /><${Refused} form=${form} pointers=${POINTERS} /><p><button class="primary" id="save-endpoint">${O.add}</button></p></form></main>`;
}

/** @param {{id: string}} properties */
export function Change({ id }) {
  const [answer, setAnswer] = useState(/** @type {import("./service.js").Answer | null} */ (null));
  useEffect(() => void askDesk(`/v1/endpoints/${id}`).then(setAnswer), [id]);
  if (answer?.status !== 200) return html`<main><${Way} />${answer ? html`<${Refusal} answer=${answer} />` : html`<p>${F.loading}</p>`}</main>`;
  return html`<${Changing} endpoint=${answer.body} />`;
}

/** @param {{endpoint: any}} properties */
function Changing({ endpoint }) {
  const before = saidOf(endpoint);
  const form = useForm(before);
  const send = (/** @type {Record<string, any>} */ values) => {
    const [was, is] = [/** @type {any} */ (wanted(before)), /** @type {any} */ (wanted(values))];
    const changed = Object.keys(is).filter((name) => JSON.stringify(is[name]) !== JSON.stringify(was[name]));
    return sendDesk(`/v1/endpoints/${endpoint.id}`, Object.fromEntries(changed.map((name) => [name, is[name]])), "PATCH");
  };
  return html`<main><${Way} /><h2>${O.changeOf(endpoint.name)}</h2><p class="quiet">${O.changeHow}</p><form class="fields" onSubmit=${form.sends(send, () => goTo("endpoints", [endpoint.id]))}>
    <${Fields} form=${form} /><${Refused} form=${form} pointers=${POINTERS} /><p><button class="primary" id="save-endpoint">${O.save}</button></p></form></main>`;
}
