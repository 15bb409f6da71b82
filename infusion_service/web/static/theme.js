// @ts-check
// Light or dark: as the tablet's system says, until the ward says otherwise on it.
import { signal } from "@preact/signals";
import { keep, kept } from "./kept.js";
import { html } from "./markup.js";
import { T } from "./strings.js";

/** What the ward chose on this tablet; nothing where the system decides. */
const chosen = signal(/** @type {"light" | "dark" | null} */ (null));
const system = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(system.matches);
system.addEventListener("change", () => { systemIsDark.value = system.matches; });

/** @param {"light" | "dark" | null} theme */
function show(theme) {
  chosen.value = theme;
  if (theme) document.documentElement.dataset.theme = theme;
}

/** Begin with what was chosen here before. */
export const recallTheme = async () => show((await kept("theme")) ?? null);

export function ThemeButton() {
  const dark = chosen.value ? chosen.value === "dark" : systemIsDark.value;
  const other = dark ? "light" : "dark";
  return html`<button id="theme" aria-label=${`${T.themeHow}: ${dark ? T.toDay : T.toNight}`} onClick=${() => { show(other); keep("theme", other); }}>${dark ? T.toDay : T.toNight}</button>`;
}
