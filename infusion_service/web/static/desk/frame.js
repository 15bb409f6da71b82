// @ts-check
// What the auditor's and the operator's pages have in common: sign-in, the line on top, the screens to choose from.
import { useEffect, useState } from "preact/hooks";
import { html } from "../markup.js";
import { ROLES, T, word } from "../strings.js";
import { serviceClock } from "../times.js";
import { F } from "./strings.js";
import { addressOf, where } from "./where.js";
import { begin, signIn, signOut, who } from "./who.js";

/** @typedef {{title: string, show: any, under?: string}} Screen a component, called by its name in the address; the first is where one arrives. `under`: the screen one comes from, which stands for it in the list */

/** @param {{page: "audit" | "operations", roles: string[], screens: Record<string, Screen>}} properties `roles`: whom the page is for */
export function Frame({ page, roles, screens }) {
  useEffect(() => void begin(), []);
  const somebody = who.value;
  const chosen = where.value.screen in screens ? where.value.screen : Object.keys(screens)[0];
  return html`<${Top} page=${page} screens=${screens} chosen=${chosen} />
    ${somebody === undefined ? html`<main><p>${F.loading}</p></main>`
      : somebody === null ? html`<${SignIn} page=${page} />`
      : roles.includes(somebody.role) ? html`<${screens[chosen].show} />`
      : html`<main><p class="error" role="alert">${F.notFor(word(ROLES, somebody.role))}</p></main>`}`;
}

/** @param {{page: "audit" | "operations", screens: Record<string, Screen>, chosen: string}} properties */
function Top({ page, screens, chosen }) {
  const somebody = who.value;
  const clock = serviceClock.value;
  return html`<header>
    ${clock.simulated && html`<p class="simulation">${T.simulation(clock.speed)}</p>`}
    <div class="top"><h1>${F[page]}</h1>
      ${somebody && html`<nav aria-label=${F.screens}><ul class="screens">${Object.entries(screens).filter(([, screen]) => !screen.under).map(([name, screen]) => html`
        <li><a href=${addressOf(name)} aria-current=${name === (screens[chosen].under ?? chosen) ? "page" : undefined}>${screen.title}</a></li>`)}</ul></nav>`}
      ${somebody && html`<span class="person"><span id="signed-in-as">${F.as(somebody.id, word(ROLES, somebody.role).toLowerCase(), somebody.site)}</span>
        <button class="plain" id="sign-out" onClick=${signOut}>${F.signOut}</button></span>`}</div>
  </header>`;
}

/** @param {{page: "audit" | "operations"}} properties */
function SignIn({ page }) {
  const [token, setToken] = useState("");
  const [wrong, setWrong] = useState(false);
  const enter = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setWrong(!(await signIn(token)));
  };
  return html`<main><form class="sign-in" onSubmit=${enter}>
    <p>${F.tokenHow[page]}</p>
    <label>${F.token} <input id="token" type="password" autocomplete="off" required value=${token} onInput=${(/** @type {any} */ event) => setToken(event.target.value)} /></label>
    <button class="primary" id="sign-in">${F.signIn}</button>
    ${wrong && html`<p class="error" role="alert">${F.unknownToken}</p>`}</form></main>`;
}

/** What was answered where it was not what one wanted; nothing where it was. @param {{answer: import("./service.js").Answer | null}} properties */
export function Refusal({ answer }) {
  if (!answer || (answer.status >= 200 && answer.status < 300)) return null;
  const says = answer.status === 0 ? F.away : answer.status === 401 ? F.ended : F.refused(answer.body?.detail ?? answer.body?.title ?? answer.status);
  return html`<p class="error" role="alert">${says}</p>`;
}
