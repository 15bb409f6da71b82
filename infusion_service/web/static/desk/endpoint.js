// @ts-check
// One endpoint: how it fares, and what can be done about it: ping, hold, enable, another secret, a range once more.
import { useState } from "preact/hooks";
import { html } from "../markup.js";
import { Field, Refused, Sure, useForm } from "./form.js";
import { Refusal } from "./frame.js";
import { Known, Mark, Moment } from "./marks.js";
import { when } from "./moments.js";
import { Once } from "./once.js";
import { O } from "./operations_strings.js";
import { Freshness, usePolled } from "./polling.js";
import { Sample } from "./sample.js";
import { askDesk, sendDesk } from "./service.js";
import { Figures, Reason } from "./standing.js";
import { F } from "./strings.js";
import { addressOf, goTo } from "./where.js";
import { answered, why } from "./why.js";

/** @param {string} id @returns {Promise<import("./service.js").Answer>} */
async function load(id) {
  const [endpoint, status] = await Promise.all([askDesk(`/v1/endpoints/${id}`), askDesk(`/v1/endpoints/${id}/status`)]);
  if (endpoint.status !== 200) return endpoint;
  return status.status === 200 ? { status: 200, body: { endpoint: endpoint.body, status: status.body } } : status;
}

/** @param {{id: string}} properties */
export function Endpoint({ id }) {
  const seen = usePolled(() => load(id), id);
  if (seen.shown?.status !== 200) {
    return html`<main><${Way} />${seen.failed ? html`<${Freshness} seen=${seen} />` : seen.shown ? html`<${Refusal} answer=${seen.shown} />` : html`<p>${F.loading}</p>`}</main>`;
  }
  const { endpoint, status } = seen.shown.body;
  const found = why(status);
  return html`<main><${Way} /><div class="heading"><h2>${endpoint.name}</h2><${Mark} tone=${found.tone} word=${found.word} />
      <a class="button" id="to-deliveries" href=${addressOf("endpoints", [id, "deliveries"])}>${O.deliveries}</a>
      <a class="button" id="to-change" href=${addressOf("endpoints", [id, "change"])}>${O.change}</a></div>
    <${Freshness} seen=${seen} asOf=${status.as_of} />
    <${Reason} id=${id} found=${found} parked=${status.parked} /><${Figures} status=${status} />
    <${HeldUp} id=${id} status=${status} />
    <h3>${O.setUp}</h3><${SetUp} endpoint=${endpoint} status=${status} />
    <div class="acts"><${Ping} id=${id} again=${seen.again} /><${State} id=${id} state=${endpoint.state} again=${seen.again} />
      <${Rotation} id=${id} keys=${endpoint.keys} again=${seen.again} /><${Replay} id=${id} status=${status} again=${seen.again} /></div>
    <${Sample} url=${endpoint.url} />
    <p><${Sure} id="remove" label=${O.remove} sure=${O.removeSure} act=${async () => { await sendDesk(`/v1/endpoints/${id}`, {}, "DELETE"); goTo("endpoints"); }} /></p></main>`;
}

export const Way = () => html`<p class="way"><a href=${addressOf("endpoints")}>${O.allEndpoints}</a></p>`;

/** @param {{id: string, status: any}} properties */
function HeldUp({ id, status }) {
  if (!status.blocked) return null;
  return html`<h3>${O.heldUp(status.blocked)}</h3><div class="wide" tabindex="0" role="region" aria-label=${O.heldUp(status.blocked)}><table><thead><tr><th>${O.number}</th><th>${O.type}</th><th>${O.day}</th><th>${O.since}</th><th>${O.lastAnswer}</th><th>${O.nextAttempt}</th></tr></thead>
    <tbody>${status.blocked_deliveries.map((/** @type {any} */ each) => html`<tr><td><a href=${addressOf("endpoints", [id, "deliveries", each.n])}>${each.n}</a></td><td>${each.type}</td><td><code>${each.subject}</code></td>
      <td><${Moment} at=${each.first_failed_at} /></td><td>${answered(each.last_attempt)}</td><td>${each.next_attempt_at ? when(each.next_attempt_at) : O.nextProbe}</td></tr>`)}</tbody></table></div>`;
}

/** @param {{endpoint: any, status: any}} properties */
function SetUp({ endpoint, status }) {
  return html`<${Known} rows=${[
    [O.url, html`<code>${endpoint.url}</code>`, "long"], [O.types, endpoint.types.join(", ")], [O.wards, endpoint.wards?.join(", ") ?? O.all],
    [O.severities, endpoint.severities?.join(", ") ?? O.all], [O.payload, endpoint.payload], [O.ordering, endpoint.ordering],
    [O.signature, endpoint.signature.join(", ")], [O.auth, [endpoint.auth.kind, endpoint.auth.name].filter(Boolean).join(" ")],
    [O.timeout, `${endpoint.timeout_s} s`], [O.permanent, endpoint.permanent.join(", ") || O.none],
    [O.cameTo, O.cameToIs(status.after_seq ?? "–", status.log_size)], [O.numbers, O.numbersAre(status.last_assigned ?? 0, status.last_acknowledged ?? 0)],
    [O.id, html`<code>${endpoint.id}</code>`, "long"],
  ]} />`;
}

/** @param {{id: string, again: () => void}} properties */
function Ping({ id, again }) {
  const [answer, setAnswer] = useState(/** @type {import("./service.js").Answer | null} */ (null));
  const [busy, setBusy] = useState(false);
  const ping = async () => {
    setBusy(true);
    setAnswer(await sendDesk(`/v1/endpoints/${id}/ping`));
    setBusy(false);
    again();
  };
  const said = answer?.status === 200 ? answer.body : null;
  return html`<section><h3>${O.ping}</h3><p>${O.pingHow}</p><button id="ping" disabled=${busy} onClick=${ping}>${O.pingNow}</button>
    ${said ? html`<p role="status" id="pong"><${Mark} tone=${said.ok ? "good" : "warning"} word=${said.ok ? O.taken : O.notTaken} /> ${O.pong(answered(said), said.duration_ms)}</p>` : html`<${Refusal} answer=${answer} />`}</section>`;
}

/** @param {{id: string, state: string, again: () => void}} properties */
function State({ id, state, again }) {
  const form = useForm({ reason: "" });
  const holding = state === "active";
  const send = (/** @type {any} */ values) => sendDesk(`/v1/endpoints/${id}/${holding ? "hold" : "enable"}`, values);
  return html`<section><h3>${holding ? O.hold : O.enable}</h3><p>${holding ? O.holdHow : O.enableHow}</p>
    <form onSubmit=${form.sends(send, () => { form.clear(); again(); })}><${Field} form=${form} name="reason" label=${O.reason} required=${true} maxlength="500" />
      <button class="primary" id="set-state">${holding ? O.hold : O.enable}</button><${Refused} form=${form} pointers=${["/reason"]} /></form></section>`;
}

/** @param {{id: string, keys: any[], again: () => void}} properties */
function Rotation({ id, keys, again }) {
  const form = useForm({ hours: "24" });
  const [secret, setSecret] = useState("");
  const send = (/** @type {any} */ values) => sendDesk(`/v1/endpoints/${id}/rotate-secret`, { overlap_s: Math.round(Number(values.hours) * 3600) });
  const old = keys.find((key) => key.ends_at);
  return html`<section><h3>${O.rotate}</h3><p>${O.rotateHow}</p>
    ${old && html`<p class="quiet" id="old-secret">${O.oldSecret(when(old.ends_at))}</p>`}
    ${secret ? html`<${Once} label=${O.newSecret} value=${secret} how=${O.secretHow} close=${() => setSecret("")} />`
      : html`<form onSubmit=${form.sends(send, (made) => { setSecret(made.secret); again(); })}>
        <${Field} form=${form} name="hours" label=${O.overlap} type="number" min="0" max="168" step="1" pointer="/overlap_s" /><button class="primary" id="rotate">${O.rotate}</button><${Refused} form=${form} pointers=${["/overlap_s"]} /></form>`}</section>`;
}

/** @param {{id: string, status: any, again: () => void}} properties */
function Replay({ id, status, again }) {
  const form = useForm({ from_seq: "1", to_seq: String(status.after_seq ?? status.log_size) });
  const [said, setSaid] = useState("");
  const send = (/** @type {any} */ { from_seq, to_seq }) => sendDesk(`/v1/endpoints/${id}/replay`, { from_seq: Number(from_seq), to_seq: Number(to_seq) });
  return html`<section><h3>${O.replay}</h3><p>${O.replayHow}</p>
    <form onSubmit=${form.sends(send, (range) => { setSaid(O.replayed(range.from_seq, range.to_seq)); again(); })}>
      <${Field} form=${form} name="from_seq" label=${O.fromSeq} type="number" min="1" required=${true} /><${Field} form=${form} name="to_seq" label=${O.toSeq} type="number" min="1" required=${true} />
      <button class="primary" id="replay">${O.replay}</button><${Refused} form=${form} pointers=${["/from_seq", "/to_seq"]} /><p role="status">${said}</p></form></section>`;
}
