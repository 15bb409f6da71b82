// @ts-check
// The page's own files on this tablet: kept by a service worker, replaced only when somebody says so.
import { signal } from "@preact/signals";

const SCRIPT = "/sw.js";

/** A newer version of the page waits on this tablet. */
export const newVersion = signal(/** @type {ServiceWorker | null} */ (null));

/** @type {ServiceWorkerRegistration | null} */
let registered = null;

/** Ask for a newer version: a service that was away may have come back as another. */
export const lookForNewVersion = () => registered?.update().catch(() => null);

/** @returns {any} the address, as the policy wants it: this one, and no other, may be a script's */
function scriptAddress() {
  const types = /** @type {any} */ (globalThis).trustedTypes;
  if (!types) return SCRIPT;
  const policy = types.createPolicy("ward", { createScriptURL: (/** @type {string} */ address) => {
    if (address !== SCRIPT) throw new TypeError(address);
    return address;
  } });
  return policy.createScriptURL(SCRIPT);
}

/** Begin to keep the page here. Without TLS there are no service workers: then a reload needs the network. */
export async function keepShell() {
  if (!("serviceWorker" in navigator)) return;
  let registration;
  try {
    registration = await navigator.serviceWorker.register(scriptAddress());
  } catch {
    // The network went away meanwhile; the next load of the page tries again.
    return;
  }
  // Where service workers are switched off, some browsers answer with nothing instead of refusing.
  if (!registration) return;
  registered = registration;
  const notice = () => {
    if (registration.waiting && navigator.serviceWorker.controller) newVersion.value = registration.waiting;
  };
  notice();
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", notice);
  });
  navigator.storage?.persist?.();
}

/** Change to the newer version: the page is loaded anew. */
export function takeNewVersion() {
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
  newVersion.value?.postMessage("take over");
}
