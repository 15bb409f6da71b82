// @ts-check
// Badge and PIN: whoever signs in, takes over, or signs as the second person. A scanned badge fills itself in.
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "./markup.js";
import { signIn } from "./people.js";
import { takeCodes } from "./scanner.js";
import { T } from "./strings.js";

/** A badge that was scanned where no form waited for one: its owner wants to sign in. */
export const badgeRead = signal(/** @type {{code: string} | null} */ (null));

/** Badge and PIN, in the flow of the page. @param {{onDone?: () => void, take?: (badge: string, pin: string) => Promise<string>, label?: string, prefix?: string, badge?: {code: string} | null}} properties */
export function SignInForm({ onDone, take = signIn, label = T.signIn, prefix = "", badge = null }) {
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState(false);
  const place = useRef(/** @type {HTMLFormElement | null} */ (null));
  /** @param {string} code */
  const fill = (code) => {
    const fields = /** @type {HTMLFormElement} */ (place.current).elements;
    /** @type {HTMLInputElement} */ (fields.namedItem("badge")).value = code;
    const asked = /** @type {HTMLInputElement} */ (fields.namedItem("pin"));
    asked.value = "";
    asked.focus();
  };
  useLayoutEffect(() => {
    if (badge) fill(badge.code);
    // A badge of the house says nothing of what it is; here, and only here, it can be nothing else.
    return takeCodes((code) => {
      if (code.kind !== "badge" && code.kind !== "plain") return false;
      fill(code.kind === "badge" ? code.code : code.text);
      return true;
    });
  }, [badge]);
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
  return html`<form class="sign-in" ref=${place} onSubmit=${submit}>
    <label>${T.badge} <input id=${`${prefix}badge`} name="badge" autocomplete="off" required /></label>
    <label>${T.pin} <input id=${`${prefix}pin`} name="pin" type="password" inputmode="numeric" autocomplete="off" required /></label>
    <button class="primary" id=${`${prefix}sign-in`} disabled=${busy}>${label}</button>
    <p class="error" role="alert">${why}</p>
  </form>`;
}
