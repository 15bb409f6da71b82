// @ts-check
// Devices of the wards: enrolled, heard of, revoked.
import { useState } from "preact/hooks";
import { html } from "../markup.js";
import { Field, Refused, Sure, useForm } from "./form.js";
import { Refusal } from "./frame.js";
import { Mark, Moment } from "./marks.js";
import { between, span, when } from "./moments.js";
import { Copied, Once } from "./once.js";
import { O } from "./operations_strings.js";
import { Freshness, usePolled } from "./polling.js";
import { askDesk, sendDesk } from "./service.js";
import { F } from "./strings.js";

/** A list, with the wards there are and the time. @param {string} path @param {string} name @returns {Promise<import("./service.js").Answer>} */
export async function withWards(path, name) {
  const [list, status] = await Promise.all([askDesk(path), askDesk("/v1/status")]);
  if (list.status !== 200) return list;
  const wards = status.status === 200 ? status.body.wards.filter((/** @type {any} */ each) => each.name !== null) : [];
  return { status: 200, body: { rows: list.body[name], wards, asOf: status.body?.as_of ?? "" } };
}

export function Devices() {
  const seen = usePolled(() => withWards("/v1/devices", "devices"), "devices");
  const [refused, setRefused] = useState(/** @type {import("./service.js").Answer | null} */ (null));
  const body = seen.shown?.status === 200 ? seen.shown.body : null;
  const revoke = async (/** @type {string} */ device) => {
    setRefused(await sendDesk(`/v1/devices/${device}`, { revoked: true }, "PATCH"));
    seen.again();
  };
  return html`<main><h2>${O.devices}</h2><${Freshness} seen=${seen} asOf=${body?.asOf} /><${Refusal} answer=${refused} />
    ${seen.shown ? html`<${Refusal} answer=${seen.shown} />` : !seen.failed && html`<p>${F.loading}</p>`}
    ${body && html`<div class="wide" tabindex="0" role="region" aria-label=${O.devices}><table id="devices"><thead><tr><th>${O.device}</th><th>${O.ward}</th><th>${O.state}</th><th>${O.lastSeen}</th><th>${O.enrolledAt}</th><th>${O.actions}</th></tr></thead>
      <tbody>${[...body.rows].sort(current).map((/** @type {any} */ each) => html`<tr key=${each.device} data-device=${each.device}><td>${each.device}</td><td>${each.ward}</td>
        <td>${each.revoked_at ? html`<${Mark} tone="over" word=${O.revokedAt(when(each.revoked_at))} />` : html`<${Mark} tone="good" word=${O.enrolled} />`}</td>
        <td>${each.last_seen_at ? O.ago(when(each.last_seen_at), span(between(each.last_seen_at, body.asOf))) : O.notSeen}</td><td><${Moment} at=${each.enrolled_at} /></td>
        <td>${!each.revoked_at && html`<${Sure} label=${O.revoke} sure=${O.revokeSure} act=${() => revoke(each.device)} />`}</td></tr>`)}</tbody></table></div>
      <${Enrol} wards=${body.wards} again=${seen.again} />`}</main>`;
}

/** Those in use first, then by name. @param {any} one @param {any} other */
const current = (one, other) => Number(Boolean(one.revoked_at)) - Number(Boolean(other.revoked_at)) || one.device.localeCompare(other.device);

/** @param {{wards: any[], again: () => void}} properties */
function Enrol({ wards, again }) {
  const form = useForm({ device: "", ward: wards[0]?.ward ?? "" });
  const [made, setMade] = useState(/** @type {any} */ (null));
  const link = made && `${location.origin}/#device=${made.token}`;
  return html`<section><h3>${O.enrol}</h3>
    ${made ? html`<${Once} label=${O.tokenOf(made.device)} value=${made.token} how=${O.deviceTokenHow} close=${() => { setMade(null); form.clear(); }} more=${html`<p>${O.enrolLink}</p><${Copied} id="enrol-link" label=${O.enrolLink} text=${link} />`} />`
      : html`<p>${O.enrolHow}</p><form class="fields" onSubmit=${form.sends((values) => sendDesk("/v1/devices", values), (body) => { setMade(body); again(); })}>
        <${Field} form=${form} name="device" label=${O.device} hint=${O.deviceHint} required=${true} /><${Field} form=${form} name="ward" label=${O.ward} options=${wards.length ? wards.map((each) => [each.ward, `${each.ward}: ${each.name}`]) : undefined} />
        <${Refused} form=${form} pointers=${["/device", "/ward"]} /><p><button class="primary" id="enrol">${O.enrol}</button></p></form>`}</section>`;
}
