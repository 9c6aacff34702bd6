/**
 * A service worker that shows a pack as a site: everything beneath its scope comes from the pack. A script of one line
 * imports it, at the place whose scope it is to have. What it needs to know stands in the address of that script
 * (`sw.js?pack=site.pack&root=…`), for a browser stops workers when it likes, and forgets all else.
 */

import { cacheStorageCache, openPack } from './index.js';
import { decodePath, respond } from './respond.js';

/** @typedef {ReturnType<typeof openPack>} Opening */
/** @typedef {{ skipWaiting(): Promise<void>, clients: { claim(): Promise<void> }, registration: { scope: string }, location: Location }} WorkerScope */
/** @typedef {Event & { request: Request, respondWith(answer: Promise<Response>): void }} FetchEvent */
/** @typedef {Event & { addRoutes?(routes: object[]): Promise<void> }} InstallEvent */
/** @typedef {Event & { waitUntil(done: Promise<unknown>): void }} ActivateEvent */

const worker = /** @type {WorkerScope} */ (/** @type {unknown} */ (globalThis));

/** After so many milliseconds a page asks whether the pack is still the same. What belongs to a page does not. */
const FRESH = 60_000;

/** @type {{ pack: Opening, at: number } | undefined} */
let opening;

/** @param {boolean} isPage @returns {Opening} */
function opened(isPage) {
  if (opening !== undefined && !(isPage && Date.now() > opening.at + FRESH)) return opening.pack;
  const asked = new URL(worker.location.href).searchParams;
  const url = new URL(asked.get('pack') ?? '', worker.location.href);
  // The end of the pack tells its version, so it must not come out of the browser's cache unasked.
  let cache = /** @type {RequestCache} */ ('no-cache');
  const pack = openPack(url, {
    root: asked.get('root') ?? undefined,
    cache: cacheStorageCache(),
    fetch: (input, init) => fetch(input, { cache, ...init }),
  });
  opening = { pack, at: Date.now() };
  pack.then(
    () => (cache = 'default'),
    // The next request tries again.
    () => (opening = undefined),
  );
  return pack;
}

/**
 * @param {Request} request
 * @param {string} path
 * @returns {Promise<Response>}
 */
async function answer(request, path) {
  let replaced = false;
  const attempt = () =>
    respond(opened(request.mode === 'navigate'), path, request, {
      // It is the owner's own site, so it has the owner's origin.
      trusted: true,
      // New bytes under old headers, out of the browser's cache, look damaged.
      onError: ({ code }) => {
        if (code !== 'ERR_CHANGED' && code !== 'ERR_CORRUPT') return;
        replaced = true;
        opening = undefined;
      },
    });
  let response = await attempt();
  if (replaced) response = await attempt();
  const location = response.headers.get('Location');
  // Browsers cannot resolve it: what comes out of a worker has no address.
  if (location !== null) return Response.redirect(new URL(location, request.url).href, response.status);
  return response;
}

addEventListener('install', (event) => {
  const { pathname } = new URL(worker.registration.scope);
  const condition = { urlPattern: { pathname: `${pathname}*` } };
  // While a worker starts, Chromium would ask the host for the same.
  /** @type {InstallEvent} */ (event).addRoutes?.([{ condition, source: 'fetch-event' }])?.catch(() => {});
  void worker.skipWaiting();
});
addEventListener('activate', (event) => /** @type {ActivateEvent} */ (event).waitUntil(worker.clients.claim()));
addEventListener('fetch', (event) => {
  const fetching = /** @type {FetchEvent} */ (event);
  const { request } = fetching;
  const { scope } = worker.registration;
  // What a page of the site asks of others is theirs to answer.
  if (!request.url.startsWith(scope)) return;
  const path = new URL(request.url).pathname.slice(new URL(scope).pathname.length);
  fetching.respondWith(answer(request, decodePath(path)));
});
