// @ts-check
// Asking the service as somebody at a desk, and not as the tablet this browser may be as well.
import { ask } from "../service.js";

/** @typedef {{status: number, body: any}} Answer */

const AS_DESK = { "Infusion-As": "desk" };
const WAIT_MS = 30000;

/** What is answered where nothing answers, in the shape of a refusal. @type {Answer} */
const AWAY = { status: 0, body: { code: "away" } };

/** @param {string} path @param {RequestInit} init @returns {Promise<Answer>} a refusal is an answer like another; nothing throws */
export async function askDesk(path, init = {}) {
  const asked = { signal: AbortSignal.timeout(WAIT_MS), ...init, headers: { ...AS_DESK, ...init.headers } };
  try {
    return await ask(path, asked);
  } catch {
    return AWAY;
  }
}

/** @param {string} path @param {unknown} value @param {string} method @returns {Promise<Answer>} */
export function sendDesk(path, value = {}, method = "POST") {
  return askDesk(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });
}

/** An answer that is not JSON. @param {string} path @param {string} accept @returns {Promise<{status: number, text: string}>} */
export async function askText(path, accept = "*/*") {
  try {
    const response = await fetch(path, { credentials: "same-origin", signal: AbortSignal.timeout(WAIT_MS), headers: { ...AS_DESK, Accept: accept } });
    return { status: response.status, text: await response.text() };
  } catch {
    return { status: 0, text: "" };
  }
}

/** An answer to keep as a file, and the name the service gives it. @param {string} path @returns {Promise<{status: number, file: Blob | null, name: string, body: any}>} */
export async function askFile(path) {
  try {
    const response = await fetch(path, { credentials: "same-origin", headers: AS_DESK });
    if (!response.ok) return { status: response.status, file: null, name: "", body: await response.json() };
    const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? "";
    return { status: response.status, file: await response.blob(), name, body: null };
  } catch {
    return { status: 0, file: null, name: "", body: AWAY.body };
  }
}

/** Hand a file to whoever sits here. @param {Blob} file @param {string} name */
export function saveFile(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
