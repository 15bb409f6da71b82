// @ts-check
// What this tablet keeps on its own disk: facts that are not on the record yet, and the last picture of the ward.
// A write is over only once it is on the disk (`strict`): what the page calls kept survives a flat battery.

import { signal } from "@preact/signals";

const NAME = "infusion-ward";
const VERSION = 1;

/** @typedef {"queue" | "kept"} StoreName */

/** Whether this tablet can keep anything: not in a private window, nor on a full disk. */
export const keepsHere = signal(true);

/** @type {Promise<IDBDatabase> | null} */
let opening = null;

/** @returns {Promise<IDBDatabase>} */
function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      // The number a fact gets here is the tablet's own order; it never goes back, also when all are sent.
      request.result.createObjectStore("queue", { keyPath: "seq", autoIncrement: true });
      request.result.createObjectStore("kept");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => {
      opening = null;
      keepsHere.value = false;
      reject(request.error);
    };
  });
  return opening;
}

/** @template Result @param {StoreName} name @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest<Result> | void} work @returns {Promise<Result>} */
async function run(name, mode, work) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(name, mode, { durability: "strict" });
    const request = work(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(/** @type {Result} */ (request?.result));
    transaction.onabort = () => reject(transaction.error);
  });
}

/** @template Result @param {StoreName} name @param {(store: IDBObjectStore) => IDBRequest<Result> | void} work */
export const change = (name, work) => run(name, "readwrite", work);

/** @template Result @param {StoreName} name @param {(store: IDBObjectStore) => IDBRequest<Result>} work */
export const look = (name, work) => run(name, "readonly", work);
