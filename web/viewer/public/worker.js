/**
 * Gives the files of an open pack addresses, so that players can seek in them: `@pack/ID/PATH` beneath this script. The page
 * that has the pack open answers; the worker only passes on what is asked and what is answered. It keeps nothing, for a
 * browser stops workers when it likes.
 */

const PLACE = new URL('./@pack/', self.location.href).href;

/** How many milliseconds a page has to say whether a pack is its own. */
const PATIENCE = 5_000;

self.addEventListener('install', (event) => {
  // While a worker starts, Chromium would ask the host as well, and so tell it names of files; and all else need not wait.
  const { pathname } = new URL(PLACE);
  event.addRoutes?.([
    { condition: { urlPattern: { pathname: `${pathname}*` } }, source: 'fetch-event' },
    { condition: { urlPattern: {} }, source: 'network' },
  ])?.catch(() => {});
  self.skipWaiting();
});
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
// A page that was reloaded past all caches is nobody's, until it asks.
self.addEventListener('message', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => {
  if (event.request.url.startsWith(PLACE)) event.respondWith(answer(event));
});

async function answer(event) {
  const { url, method, headers, destination, signal } = event.request;
  const [, id, path] = /^([^/?#]*)\/?([^?#]*)/.exec(url.slice(PLACE.length));
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const pages = windows.filter((page) => !page.url.startsWith(PLACE));
  const asked = pages.map((page) => ask(page, { id, path, url, method, headers: [...headers], destination }));
  const line = await Promise.any(asked).catch(() => undefined);
  if (line === undefined) return refuse(404, 'No page has this pack open any more. Open it again, and then this file.');
  signal.addEventListener('abort', () => line.say('enough'));
  const head = await line.next();
  if (head === undefined) return refuse(502, 'The page that has this pack open is gone.');
  const location = new Headers(head.headers).get('Location');
  // Browsers cannot resolve it: what comes out of a worker has no address.
  if (location !== null) return Response.redirect(new URL(location, url).href, head.status);
  return new Response(head.hasBody ? bodyFrom(line, event) : null, head);
}

/** What is said between the worker and one page, a message at a time. */
class Line {
  #port;
  #resolve;
  #gone = false;

  constructor(port) {
    this.#port = port;
    port.onmessage = ({ data }) => this.#resolve?.(data);
    // Not every browser tells; there, a request whose page is closed waits until it is given up.
    port.onclose = () => {
      this.#gone = true;
      this.#resolve?.();
    };
  }

  say(word) {
    this.#port.postMessage(word);
  }

  /** Undefined: the page is gone. */
  next() {
    return new Promise((resolve) => (this.#gone ? resolve() : (this.#resolve = resolve)));
  }
}

/** Asks one page; resolves when the pack is its own. */
async function ask(page, question) {
  const { port1, port2 } = new MessageChannel();
  const line = new Line(port1);
  page.postMessage(question, [port2]);
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, false));
  if (await Promise.race([line.next(), late])) return line;
  throw new Error('another one');
}

/** Every piece is asked for when it is wanted, so that a player that waits makes the page wait. */
function bodyFrom(line, event) {
  let end;
  event.waitUntil(new Promise((resolve) => (end = resolve)));
  return new ReadableStream(
    {
      async pull(controller) {
        line.say('next');
        const { piece, done, failed } = (await line.next()) ?? { failed: 'the page is gone' };
        if (piece !== undefined) return controller.enqueue(piece);
        if (done) controller.close();
        else controller.error(new Error(failed));
        end();
      },
      cancel() {
        line.say('enough');
        end();
      },
    },
    { highWaterMark: 0 },
  );
}

function refuse(status, words) {
  return new Response(`${words}\n`, { status, headers: { 'Content-Type': 'text/plain; charset=utf-8' } });
}
