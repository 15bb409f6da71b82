// @ts-check
// People of the wards: added, unlocked, given another PIN or badge, disabled.
import { useState } from "preact/hooks";
import { html } from "../markup.js";
import { ROLES, word } from "../strings.js";
import { withWards } from "./devices.js";
import { Field, listed, Refused, Sure, useForm } from "./form.js";
import { Refusal } from "./frame.js";
import { Mark } from "./marks.js";
import { when } from "./moments.js";
import { O } from "./operations_strings.js";
import { Freshness, usePolled } from "./polling.js";
import { sendDesk } from "./service.js";
import { F } from "./strings.js";

const STAFF_ROLES = ["nurse", "charge_nurse", "prescriber", "pharmacist"];

/** Locked ones first: somebody stands at a tablet and waits. Disabled ones last. @param {any} each */
const place = (each) => (each.disabled_at ? 2 : each.locked_at ? 0 : 1);

export function Staff() {
  const seen = usePolled(() => withWards("/v1/staff", "staff"), "staff");
  const [refused, setRefused] = useState(/** @type {import("./service.js").Answer | null} */ (null));
  const [wanted, setWanted] = useState("");
  const [changed, setChanged] = useState("");
  const body = seen.shown?.status === 200 ? seen.shown.body : null;
  const act = (/** @type {string} */ path, /** @type {any} */ value, method = "POST") => async () => {
    setRefused(await sendDesk(`/v1/staff/${path}`, value, method));
    seen.again();
  };
  const rows = (body?.rows ?? []).filter((/** @type {any} */ each) => `${each.staff} ${each.name} ${each.role}`.toLowerCase().includes(wanted.toLowerCase()));
  rows.sort((/** @type {any} */ one, /** @type {any} */ other) => place(one) - place(other) || one.name.localeCompare(other.name));
  return html`<main><div class="heading"><h2>${O.staff}</h2><label>${O.find} <input id="find-staff" value=${wanted} onInput=${(/** @type {any} */ event) => setWanted(event.target.value)} /></label></div>
    <${Freshness} seen=${seen} asOf=${body?.asOf} /><${Refusal} answer=${refused} />${seen.shown ? html`<${Refusal} answer=${seen.shown} />` : !seen.failed && html`<p>${F.loading}</p>`}
    ${body && html`<div class="wide" tabindex="0" role="region" aria-label=${O.staff}><table id="staff"><thead><tr><th>${O.name}</th><th>${O.id}</th><th>${O.role}</th><th>${O.wards}</th><th>${O.state}</th><th>${O.actions}</th></tr></thead>
      <tbody>${rows.map((/** @type {any} */ each) => html`<tr key=${each.staff} data-staff=${each.staff}><td>${each.name}</td><td><code>${each.staff}</code></td><td>${word(ROLES, each.role)}</td><td>${each.wards?.join(", ") ?? O.all}</td><td><${Access} person=${each} /></td>
        <td class="row-acts">${!each.disabled_at && html`${each.locked_at && html`<button class="primary" onClick=${act(`${each.staff}/unlock`, {})}>${O.unlock}</button>`}
          <button aria-expanded=${changed === each.staff} onClick=${() => setChanged(changed === each.staff ? "" : each.staff)}>${O.pinOrBadge}</button>
          <${Sure} label=${O.disable} sure=${O.disableSure} act=${act(each.staff, { disabled: true }, "PATCH")} />`}
          ${changed === each.staff && html`<${Credentials} person=${each} done=${() => { setChanged(""); seen.again(); }} />`}</td></tr>`)}</tbody></table></div>
      <${Add} wards=${body.wards} again=${seen.again} /><p class="quiet">${O.brokenGlass}</p>`}</main>`;
}

/** @param {{person: any}} properties */
function Access({ person }) {
  if (person.disabled_at) return html`<${Mark} tone="over" word=${O.disabledAt(when(person.disabled_at))} />`;
  return person.locked_at ? html`<${Mark} tone="warning" word=${O.lockedAt(when(person.locked_at))} />` : html`<${Mark} tone="good" word=${O.active} />`;
}

/** @param {{person: any, done: () => void}} properties */
function Credentials({ person, done }) {
  const form = useForm({ pin: "", badge: "" });
  const send = (/** @type {any} */ { pin, badge }) => sendDesk(`/v1/staff/${person.staff}`, { ...(pin && { pin }), ...(badge && { badge }) }, "PATCH");
  return html`<form onSubmit=${form.sends(send, done)}><${Field} form=${form} name="pin" label=${O.newPin} type="password" inputmode="numeric" /><${Field} form=${form} name="badge" label=${O.newBadge} />
    <button class="primary">${O.save}</button><${Refused} form=${form} pointers=${["/pin", "/badge"]} /></form>`;
}

const NEW = { staff: "", name: "", role: "nurse", badge: "", pin: "", wards: "" };

/** @param {{wards: any[], again: () => void}} properties */
function Add({ wards, again }) {
  const form = useForm(NEW);
  const [said, setSaid] = useState("");
  const send = (/** @type {any} */ { staff, wards: named, ...rest }) => sendDesk("/v1/staff", { ...rest, ...(staff && { staff }), ...(named.trim() && { wards: listed(named) }) });
  return html`<section><h3>${O.addPerson}</h3><p>${O.addPersonHow}</p>
    <form class="fields" onSubmit=${form.sends(send, (person) => { setSaid(O.added(person.name, person.staff)); form.clear(); again(); })}>
      <${Field} form=${form} name="name" label=${O.name} required=${true} /><${Field} form=${form} name="staff" label=${O.id} hint=${O.idHint} />
      <${Field} form=${form} name="role" label=${O.role} options=${STAFF_ROLES.map((role) => [role, word(ROLES, role)])} /><${Field} form=${form} name="wards" label=${O.wards} hint=${O.wardsHint(wards.map((each) => each.ward).join(", "))} />
      <${Field} form=${form} name="badge" label=${O.badge} required=${true} /><${Field} form=${form} name="pin" label=${O.pin} type="password" inputmode="numeric" required=${true} />
      <${Refused} form=${form} pointers=${["/name", "/staff", "/role", "/wards", "/badge", "/pin"]} /><p><button class="primary" id="add-person">${O.addPerson}</button> <span role="status">${said}</span></p></form></section>`;
}
