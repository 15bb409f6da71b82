// @ts-check
// Which screen is shown. It stands behind the # of the address, so that Back works and a place can be sent to somebody:
// names of screens, ids and times, never who a patient is. No server sees it.
import { signal } from "@preact/signals";

/** @typedef {{screen: string, rest: string[], asked: URLSearchParams}} Place */

/** @returns {Place} */
function read() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [screen = "", ...rest] = path.split("/").map(decodeURIComponent);
  return { screen, rest, asked: new URLSearchParams(query) };
}

export const where = signal(read());

addEventListener("hashchange", () => { where.value = read(); });

/** The address of a screen, for a link. @param {string} screen @param {string[]} rest @param {Record<string, string>} asked */
export function addressOf(screen, rest = [], asked = {}) {
  const query = new URLSearchParams(asked).toString();
  return `#/${[screen, ...rest].map(encodeURIComponent).join("/")}${query ? `?${query}` : ""}`;
}

/** Go to a screen. @param {string} screen @param {string[]} rest @param {Record<string, string>} asked */
export function goTo(screen, rest = [], asked = {}) {
  location.hash = addressOf(screen, rest, asked);
}

/** Change what the address says without a step for Back: a slider on its way. @param {string} screen @param {string[]} rest @param {Record<string, string>} asked */
export function standAt(screen, rest = [], asked = {}) {
  history.replaceState(null, "", addressOf(screen, rest, asked));
  where.value = read();
}
