// @ts-check
// The ward tablet: starts everything and decides which screen is shown.
import { render } from "preact";
import { Board } from "./board.js";
import { DayScreen } from "./day.js";
import { Handover } from "./handover.js";
import { html } from "./markup.js";
import { keepShell } from "./shell.js";
import { EnrolForm, TopBar } from "./top_bar.js";
import { startTicking } from "./times.js";
import { Tray } from "./tray.js";
import { begin, enrol, enrolled, place } from "./ward_state.js";

function Ward() {
  const { day } = place.value;
  if (enrolled.value === false) return html`<${TopBar} /><${EnrolForm} />`;
  if (place.value.panel?.kind === "tray") return html`<${TopBar} /><${Tray} />`;
  if (place.value.panel?.kind === "handover") return html`<${TopBar} /><${Handover} />`;
  return html`<${TopBar} />${day === null ? html`<${Board} />` : html`<${DayScreen} />`}`;
}

// A link of the terminal carries the device's token behind the #, which no server and no log ever sees.
const fromLink = new URLSearchParams(location.hash.slice(1)).get("device");
if (fromLink) {
  history.replaceState(null, "", location.pathname);
  await enrol(fromLink);
}
render(html`<${Ward} />`, /** @type {HTMLElement} */ (document.getElementById("ward")));
startTicking();
await begin();
// After the first picture: the ward comes before the copy of its page.
await keepShell();
