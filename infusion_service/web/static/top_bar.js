// @ts-check
// The line that never scrolls away: how fresh what is shown is, the service's time, who is signed in.
import { useState } from "preact/hooks";
import { html } from "./markup.js";
import { ROLES, T, word } from "./strings.js";
import { person, signIn, signOut } from "./people.js";
import { unsent } from "./queue.js";
import { newVersion, takeNewVersion } from "./shell.js";
import { STALE_AFTER_MS, clockOffset, clockTime, serviceClock, serviceNow, silence, span, ticks, zone } from "./times.js";
import { keepsHere } from "./store.js";
import { soundOn, testSound } from "./sound.js";
import { asSomebodyElse, device, enrol, enrolled, go, place, reachable, refresh } from "./ward_state.js";

const OFFSET_SHOWN_MS = 2000;

function Freshness() {
  void ticks.value;
  const quiet = silence();
  const stale = quiet >= STALE_AFTER_MS && quiet !== Infinity;
  const live = quiet < STALE_AFTER_MS && reachable.value;
  document.body.dataset.stale = stale ? "yes" : "no";
  document.body.dataset.away = reachable.value ? "no" : "yes";
  const text = live ? T.live : quiet < STALE_AFTER_MS ? T.noAnswer : stale ? T.notHeard(span(quiet)) : T.connecting;
  return html`<span class="link" data-live=${live ? "yes" : "no"}>${text}</span>`;
}

function Clock() {
  void ticks.value;
  const offset = clockOffset();
  return html`<span class="clock">${clockTime(serviceNow())} <small>${zone.value ?? ""}</small>
    ${Math.abs(offset) > OFFSET_SHOWN_MS && html` <small id="clock-offset">${T.clockOffset(span(offset), offset > 0)}</small>`}</span>`;
}

/** What is on this tablet and not on the record; a tap shows it. */
function Unsent() {
  void ticks.value;
  const waits = unsent.value.filter((row) => row.state === "waiting");
  const asks = unsent.value.length - waits.length;
  if (unsent.value.length === 0) return null;
  const oldest = span(serviceNow() - Math.min(...unsent.value.map((row) => Date.parse(row.fact.recorded_at))));
  return html`<button class="unsent" id="open-tray" data-asks=${asks ? "yes" : "no"} onClick=${() => go(place.value.day, { kind: "tray" })}>
    ${[waits.length && T.waits(waits.length), asks && T.needsYou(asks)].filter(Boolean).join(" · ")} <small>${T.oldest(oldest)}</small></button>`;
}

export function TopBar() {
  const [asks, setAsks] = useState(false);
  const who = person.value;
  const clock = serviceClock.value;
  return html`
    <header>
    ${clock.simulated && html`<p class="simulation">${T.simulation(clock.speed)}</p>`}
    <div class="top">
      ${place.value.day === null
        ? html`<h1>${T.title}</h1>`
        : html`<button class="plain" id="to-ward" onClick=${() => go(null)}>‹ ${T.backToWard}</button>`}
      <${Clock} /><${Freshness} /><${Unsent} />
      ${newVersion.value && !place.value.panel && html`<button class="plain" id="new-version" onClick=${takeNewVersion}>${T.newVersion}</button>`}
      ${enrolled.value && (who
        ? html`<span class="person"><span id="signed-in-as">${T.signedInAs(who.staff, word(ROLES, who.role).toLowerCase())}${who.badge ? ` · ${T.byBadge}` : ""}</span>
            <button class="plain" id="sign-out" onClick=${() => signOut().then(asSomebodyElse)}>${T.signOut}</button></span>`
        : html`<span class="person"><span id="signed-in-as">${T.nobody}</span>
            <button class="primary" id="open-sign-in" aria-expanded=${asks} onClick=${() => setAsks(!asks)}>${T.signIn}</button></span>`)}
    </div></header>
    ${asks && !who && enrolled.value && html`<section class="in-flow shift" aria-labelledby="shift-title"><h2 id="shift-title">${T.shiftStart}</h2>
      <ul><li>${T.thisTabletIs(device.value)}</li><li data-good=${keepsHere.value ? "yes" : "no"}>${keepsHere.value ? T.keepsFacts : T.keepsNothing}</li>
        <li data-good=${soundOn.value ? "yes" : "no"}>${soundOn.value ? T.soundOn : T.soundOff} <button id="test-sound" onClick=${testSound}>${T.testSound}</button></li></ul>
      ${!reachable.value && html`<p>${T.signInOffline}</p>`}
      <${SignInForm} onDone=${() => { setAsks(false); asSomebodyElse(); }} /></section>`}`;
}

/** Badge and PIN, in the flow of the page. @param {{onDone?: () => void, take?: (badge: string, pin: string) => Promise<string>, label?: string, prefix?: string}} properties */
export function SignInForm({ onDone, take = signIn, label = T.signIn, prefix = "" }) {
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState(false);
  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const given = new FormData(form);
    setBusy(true);
    try {
      const problem = await take(String(given.get("badge")).trim(), String(given.get("pin")));
      setWhy(problem);
      if (problem) /** @type {HTMLInputElement} */ (form.elements.namedItem("pin")).value = "";
      else onDone?.();
    } catch {
      setWhy(T.unreachable);
    } finally {
      setBusy(false);
    }
  };
  return html`<form class="sign-in" onSubmit=${submit}>
    <label>${T.badge} <input id=${`${prefix}badge`} name="badge" autocomplete="off" required /></label>
    <label>${T.pin} <input id=${`${prefix}pin`} name="pin" type="password" inputmode="numeric" autocomplete="off" required /></label>
    <button class="primary" id=${`${prefix}sign-in`} disabled=${busy}>${label}</button>
    <p class="error" role="alert">${why}</p>
  </form>`;
}

export function EnrolForm() {
  const [why, setWhy] = useState("");
  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    const given = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    if (await enrol(String(given.get("token")).trim())) await refresh();
    else setWhy(T.unknownToken);
  };
  return html`<main class="in-flow"><h2>${T.notEnrolled}</h2><p>${T.enrolHow}</p>
    <form onSubmit=${submit}>
      <label>${T.token} <input id="device-token" name="token" type="password" autocomplete="off" required /></label>
      <button class="primary">${T.enrol}</button></form>
    <p class="error" role="alert">${why}</p></main>`;
}
