// @ts-check
// Service tokens: minted for an engine, an auditor or an administrator, narrowed, revoked.
import { useState } from "preact/hooks";
import { html } from "../markup.js";
import { ROLES, word } from "../strings.js";
import { withWards } from "./devices.js";
import { Field, listed, Refused, Sure, useForm } from "./form.js";
import { Refusal } from "./frame.js";
import { Mark, Moment } from "./marks.js";
import { between, span, when } from "./moments.js";
import { Once } from "./once.js";
import { O } from "./operations_strings.js";
import { Freshness, usePolled } from "./polling.js";
import { sendDesk } from "./service.js";
import { F } from "./strings.js";
import { who } from "./who.js";

const TOKEN_ROLES = ["integration", "auditor", "admin"];
const SOON_MS = 14 * 86400000;

/** How a token stands. @param {any} each @param {string} now @returns {{place: number, tone: string, word: string}} */
function standing(each, now) {
  if (each.revoked_at) return { place: 3, tone: "over", word: O.revokedAt(when(each.revoked_at)) };
  if (each.expires_at <= now) return { place: 2, tone: "over", word: O.expiredAt(when(each.expires_at)) };
  const left = between(now, each.expires_at);
  return left < SOON_MS ? { place: 0, tone: "warning", word: O.expiresIn(span(left)) } : { place: 1, tone: "good", word: O.active };
}

export function Tokens() {
  const seen = usePolled(() => withWards("/v1/tokens", "tokens"), "tokens");
  const [refused, setRefused] = useState(/** @type {import("./service.js").Answer | null} */ (null));
  const body = seen.shown?.status === 200 ? seen.shown.body : null;
  const rows = (body?.rows ?? []).map((/** @type {any} */ each) => ({ ...each, standing: standing(each, body.asOf) }));
  rows.sort((/** @type {any} */ one, /** @type {any} */ other) => one.standing.place - other.standing.place || one.expires_at.localeCompare(other.expires_at));
  const revoke = async (/** @type {string} */ id) => {
    setRefused(await sendDesk(`/v1/tokens/${id}`, { revoked: true }, "PATCH"));
    seen.again();
  };
  return html`<main><h2>${O.tokens}</h2><${Freshness} seen=${seen} asOf=${body?.asOf} /><${Refusal} answer=${refused} />${seen.shown ? html`<${Refusal} answer=${seen.shown} />` : !seen.failed && html`<p>${F.loading}</p>`}
    ${body && html`<div class="wide" tabindex="0" role="region" aria-label=${O.tokens}><table id="tokens"><thead><tr><th>${O.label}</th><th>${O.role}</th><th>${O.narrowedTo}</th><th>${O.state}</th><th>${O.expires}</th><th>${O.actions}</th></tr></thead>
      <tbody>${rows.map((/** @type {any} */ each) => html`<tr key=${each.id} data-token=${each.id}><td>${each.label} ${each.id === who.value?.id && O.yours}</td><td>${word(ROLES, each.role)}</td><td>${[...each.scopes, ...(each.wards ?? [])].join(", ") || O.notNarrowed}</td>
        <td><${Mark} tone=${each.standing.tone} word=${each.standing.word} /></td><td><${Moment} at=${each.expires_at} /></td>
        <td>${each.standing.place < 2 && html`<${Sure} label=${O.revoke} sure=${O.revokeSure} act=${() => revoke(each.id)} />`}</td></tr>`)}</tbody></table></div>
      <${Mint} wards=${body.wards} asOf=${body.asOf} again=${seen.again} />`}</main>`;
}

/** @param {{wards: any[], asOf: string, again: () => void}} properties */
function Mint({ wards, asOf, again }) {
  const inAYear = new Date(Date.parse(asOf) + 365 * 86400000).toISOString().slice(0, 10);
  const form = useForm({ label: "", role: "integration", expires_on: inAYear, scopes: "", wards: "" });
  const [made, setMade] = useState(/** @type {any} */ (null));
  const send = (/** @type {any} */ said) => sendDesk("/v1/tokens", { label: said.label, role: said.role, expires_at: `${said.expires_on}T00:00:00Z`, scopes: listed(said.scopes), ...(said.wards.trim() && { wards: listed(said.wards) }) });
  return html`<section><h3>${O.mint}</h3>${made ? html`<${Once} label=${O.tokenOf(made.label)} value=${made.token} how=${O.tokenHow} close=${() => { setMade(null); form.clear(); }} />`
    : html`<form class="fields" onSubmit=${form.sends(send, (body) => { setMade(body); again(); })}><${Field} form=${form} name="label" label=${O.label} required=${true} hint=${O.labelHint} />
      <${Field} form=${form} name="role" label=${O.role} options=${TOKEN_ROLES.map((role) => [role, word(ROLES, role)])} /><${Field} form=${form} name="expires_on" label=${O.expires} type="date" required=${true} pointer="/expires_at" />
      <${Field} form=${form} name="scopes" label=${O.scopes} hint=${O.scopesHint} /><${Field} form=${form} name="wards" label=${O.wards} hint=${O.wardsHint(wards.map((each) => each.ward).join(", "))} />
      <${Refused} form=${form} pointers=${["/label", "/role", "/expires_at", "/scopes", "/wards"]} /><p><button class="primary" id="mint">${O.mint}</button></p></form>`}</section>`;
}
