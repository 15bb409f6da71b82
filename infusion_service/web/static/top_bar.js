// @ts-check
// The line that never scrolls away: how fresh what is shown is, the service's time, who is signed in.
import { useState } from "preact/hooks";
import { Severity, worstElsewhere } from "./board.js";
import { html } from "./markup.js";
import { ROLES, SEVERITIES, T, word } from "./strings.js";
import { person, signIn, signOut } from "./people.js";
import { unsent } from "./queue.js";
import { SignInForm, badgeRead } from "./sign_in.js";
import { newVersion, takeNewVersion } from "./shell.js";
import { STALE_AFTER_MS, clockOffset, clockTime, offsetToday, serviceClock, serviceNow, silence, span, ticks, zone } from "./times.js";
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
  return html`<span class="clock">${clockTime(serviceNow())} <small>${zone.value ?? ""}${offsetToday() && ` · ${T.utc(offsetToday())}`}</small>
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

/** A grave alert of another bed that nobody has acknowledged; a tap goes there. */
function Elsewhere() {
  const { day } = place.value;
  const found = day === null ? null : worstElsewhere(day);
  if (!found) return null;
  return html`<button class="elsewhere" id="elsewhere" data-severity=${found.severity} onClick=${() => go(found.day)}
    aria-label=${T.elsewhere(word(SEVERITIES, found.severity), found.chair ? T.chair(found.chair) : T.noChair)}><${Severity} severity=${found.severity} /> ${found.chair ? T.chair(found.chair) : T.noChair}</button>`;
}

/** Somebody's badge was scanned while another is signed in: one session ends and the next begins, all else stays. @param {string} badge @param {string} pin */
async function takeOver(badge, pin) {
  await signOut();
  return signIn(badge, pin);
}

export function TopBar() {
  const [asks, setAsks] = useState(false);
  const badge = badgeRead.value;
  const done = () => { setAsks(false); badgeRead.value = null; asSomebodyElse(); };
  const who = person.value;
  const clock = serviceClock.value;
  return html`
    <header>
    ${clock.simulated && html`<p class="simulation">${T.simulation(clock.speed)}</p>`}
    <div class="top">
      ${place.value.day === null
        ? html`<h1>${T.title}</h1>`
        : html`<button class="plain" id="to-ward" onClick=${() => go(null)}>‹ ${T.backToWard}</button>`}
      <${Clock} /><${Freshness} /><${Unsent} /><${Elsewhere} />
      ${newVersion.value && !place.value.panel && html`<button class="plain" id="new-version" onClick=${takeNewVersion}>${T.newVersion}</button>`}
      ${enrolled.value && (who
        ? html`<span class="person"><span id="signed-in-as">${T.signedInAs(who.staff, word(ROLES, who.role).toLowerCase())}${who.badge ? ` · ${T.byBadge}` : ""}</span>
            <button class="plain" id="sign-out" onClick=${() => signOut().then(asSomebodyElse)}>${T.signOut}</button></span>`
        : html`<span class="person"><span id="signed-in-as">${T.nobody}</span>
            <button class="primary" id="open-sign-in" aria-expanded=${asks || badge !== null} onClick=${() => { setAsks(!asks && badge === null); badgeRead.value = null; }}>${T.signIn}</button></span>`)}
    </div></header>
    ${enrolled.value && badge && html`<section class="in-flow" aria-labelledby="switch-title"><h2 id="switch-title">${who ? T.switchUser : T.signIn}</h2>
      ${place.value.panel && html`<p>${T.switchHow}</p>`}${!reachable.value && html`<p>${T.signInOffline}</p>`}
      <${SignInForm} badge=${badge} take=${takeOver} onDone=${done} /><button class="plain" id="switch-cancel" onClick=${() => { badgeRead.value = null; }}>‹ ${T.back}</button></section>`}
    ${asks && !badge && !who && enrolled.value && html`<section class="in-flow shift" aria-labelledby="shift-title"><h2 id="shift-title">${T.shiftStart}</h2>
      <ul><li>${T.thisTabletIs(device.value)}</li><li data-good=${keepsHere.value ? "yes" : "no"}>${keepsHere.value ? T.keepsFacts : T.keepsNothing}</li>
        <li data-good=${soundOn.value ? "yes" : "no"}>${soundOn.value ? T.soundOn : T.soundOff} <button id="test-sound" onClick=${testSound}>${T.testSound}</button></li></ul>
      ${!reachable.value && html`<p>${T.signInOffline}</p>`}
      <${SignInForm} onDone=${done} /></section>`}`;
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
