// Opens the round without a network: keeps the last page of one link and the files it needs, nothing of any other link.
// The page is always asked for first; what stands in the cache is shown when no answer comes in time.
const SCOPE = new URL(self.registration.scope).pathname;
const FILES = `${SCOPE.slice(0, SCOPE.lastIndexOf("/"))}/static/`;
const PREFIX = "dairy-round-";
const KEPT = new URL(`${FILES}kept-page`, self.location.origin).href;
const PATIENCE = 5000;
const KEEP_FOR = 48 * 3600 * 1000;
let named;

/** The cache of this link; its name tells nothing of the token. */
function cache() {
  named ??= crypto.subtle.digest("SHA-256", new TextEncoder().encode(SCOPE)).then((hash) => {
    return PREFIX + [...new Uint8Array(hash).slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  });
  return named.then((name) => caches.open(name));
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  if (event.data?.keep) event.waitUntil(keep(event.data.keep));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname === SCOPE) event.respondWith(page(event, request.mode === "navigate"));
  else if (url.pathname.startsWith(FILES)) event.respondWith(file(request));
});

/** Keep the files of a version, and the page when there is none yet. */
async function keep(files) {
  await forgetOld();
  const place = await cache();
  const wanted = new Set(files.map((each) => new URL(each, self.location.origin).href));
  for (const request of await place.keys()) {
    if (request.url !== KEPT && !wanted.has(request.url)) await place.delete(request);
  }
  for (const url of wanted) if (!(await place.match(url))) await place.add(url);
  if (!(await place.match(KEPT))) await remember(await fetch(SCOPE, { headers: { Accept: "text/html" } }));
}

/** Pages of links that nobody opened for two days: customers' addresses do not stay on a phone. */
async function forgetOld() {
  for (const name of await caches.keys()) {
    if (!name.startsWith(PREFIX)) continue;
    const kept = await (await caches.open(name)).match(KEPT);
    if (kept && Date.now() - Date.parse(kept.headers.get("Date")) > KEEP_FOR) await caches.delete(name);
  }
}

/** The newest page; a refusal takes the kept one away. Only the dairy's own answers count, no captive portal's. */
async function remember(answer) {
  if (!answer.headers.has("X-Request-Id")) return answer;
  const place = await cache();
  if (answer.ok && answer.headers.get("Content-Type")?.startsWith("text/html")) await place.put(KEPT, answer.clone());
  else if ([401, 404, 410].includes(answer.status)) await place.delete(KEPT);
  return answer;
}

async function page(event, mayBeOld) {
  const answer = fetch(event.request).then(remember);
  event.waitUntil(answer.catch(() => undefined));
  if (!mayBeOld) return answer;
  const kept = await (await cache()).match(KEPT);
  if (!kept) return answer;
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE, kept));
  return Promise.race([answer.catch(() => kept), patience]);
}

async function file(request) {
  return (await (await cache()).match(request.url)) ?? fetch(request);
}
