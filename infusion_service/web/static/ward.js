// @ts-check
// The ward tablet: starts everything and decides which screen is shown.
import { render } from "preact";
import { Announcer, startAnnouncing } from "./announce.js";
import { ScanBand, startReadingCodes } from "./bands.js";
import { Board } from "./board.js";
import { DayScreen } from "./day.js";
import { Handover } from "./handover.js";
import { html } from "./markup.js";
import { startScanner } from "./scanner.js";
import { keepShell } from "./shell.js";
import { EnrolForm, TopBar } from "./top_bar.js";
import { recallTheme } from "./theme.js";
import { startTicking } from "./times.js";
import { Tray } from "./tray.js";
import { startWakeLock } from "./wake.js";
import { begin, enrol, enrolled, place, rows, view } from "./ward_state.js";

function Ward() {
  const { day } = place.value;
  const { panel } = place.value;
  const screen = enrolled.value === false ? EnrolForm : panel?.kind === "tray" ? Tray : panel?.kind === "handover" ? Handover : day === null ? Board : DayScreen;
  return html`<${TopBar} /><${ScanBand} /><${Announcer} /><${screen} />`;
}

// A link of the terminal carries the device's token behind the #, which no server and no log ever sees.
const fromLink = new URLSearchParams(location.hash.slice(1)).get("device");
if (fromLink) {
  history.replaceState(null, "", location.pathname);
  await enrol(fromLink);
}
render(html`<${Ward} />`, /** @type {HTMLElement} */ (document.getElementById("ward")));
startTicking();
startScanner();
startReadingCodes();
startWakeLock();
startAnnouncing(() => (place.value.day !== null && view.value ? [view.value] : rows.value));
await Promise.all([recallTheme(), begin()]);
// After the first picture: the ward comes before the copy of its page.
await keepShell();
