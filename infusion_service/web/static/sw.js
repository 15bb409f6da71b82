// @ts-check
// The shell of the page for the time without network: its own files, under a version that is the hash of all of them.
// It never sees to anything else: no answer of the interface, no credential and no patient passes through its cache.
/* global self, caches, fetch */
const SHELL = /* shell */ { version: "none", files: [] } /* end of shell */;
const CACHE = `shell-${SHELL.version}`;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL.files)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(caches.keys()
    .then((names) => Promise.all(names.filter((name) => name.startsWith("shell-") && name !== CACHE).map((name) => caches.delete(name))))
    .then(() => self.clients.claim()));
});

// The page asks for the new version when nobody is in the middle of an entry.
self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== self.location.origin || !SHELL.files.includes(address.pathname)) return;
  event.respondWith(caches.open(CACHE).then((cache) => cache.match(address.pathname)).then((found) => found ?? fetch(request)));
});
