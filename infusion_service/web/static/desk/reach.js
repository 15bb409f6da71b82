// @ts-check
// What the credential at this desk may call. Only what is shown depends on it: the service decides for itself.
import { who } from "./who.js";

/** Roles of each group of routes that this page uses; the service's table is docs/access.md. @type {Record<string, string[]>} */
const ALLOWED = { metrics: ["admin", "integration"], endpoints: ["admin", "integration"], workflows: ["admin", "integration"], administration: ["admin"] };
/** An endpoint is the whole site's: nobody who is narrowed to wards gets at any. */
const WHOLE_SITE = ["endpoints"];

/** Whether the routes of a group answer to who sits here. @param {string} group */
export function reaches(group) {
  const somebody = who.value;
  if (!somebody || !ALLOWED[group].includes(somebody.role)) return false;
  if (somebody.wards !== null && WHOLE_SITE.includes(group)) return false;
  return somebody.scopes.length === 0 || somebody.scopes.includes(group);
}

/** Whether the feed, and with it what is sent to engines, answers to who sits here. */
export function readsBodies() {
  return who.value?.role === "integration" && reaches("endpoints");
}

/** Whether the site's own entries answer to who sits here: when a workflow was adopted is one of them. */
export function readsSite() {
  const somebody = who.value;
  return somebody?.role === "admin" && somebody.wards === null && (somebody.scopes.length === 0 || somebody.scopes.includes("log"));
}
