/**
 * One request and its response, with every failure turned into a `PackError`.
 */

import { Watch } from '../abort.js';
import { PackError } from '../errors.js';
import { hasMethods, shown } from '../options.js';
import { retryAfter } from './http-headers.js';

/** @import { FetchInit, OpenOptions } from '../../types/index.d.ts' */
/** @import { Metrics } from './source.js' */

/**
 * @typedef {object} Wiring what all requests of a source share
 * @property {URL} url
 * @property {string} name the address without secrets
 * @property {NonNullable<OpenOptions['fetch']>} fetch
 * @property {Headers} headers
 * @property {OpenOptions['credentials']} credentials
 * @property {number} timeout milliseconds without a byte
 * @property {number} leastSpeed bytes a second, looked at each time that `timeout` has passed
 * @property {boolean} crossOrigin
 * @property {Metrics} metrics
 */

/**
 * A response with status 200, 206 or 416. Its body must be read to the end or cancelled.
 *
 * @typedef {object} Exchange
 * @property {number} status
 * @property {Headers} headers
 * @property {() => AsyncGenerator<Uint8Array, void, void>} body
 * @property {() => void} cancel
 */

/**
 * @param {Wiring} wiring
 * @param {object} request
 * @param {'GET' | 'HEAD'} request.method
 * @param {string} request.range
 * @param {FetchInit['cache']} request.cache
 * @param {boolean} request.answered whether the server has ever answered before
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<Exchange>}
 */
export async function exchange(wiring, { method, range, cache, answered }, signal) {
  const { name, metrics, timeout, leastSpeed } = wiring;
  signal?.throwIfAborted();
  const headers = new Headers(wiring.headers);
  headers.set('Range', range);

  const watch = new Watch(signal, timeout, () => {
    const advice = 'Or allow a longer `timeout`.';
    return new PackError('ERR_TIMEOUT', `not a byte came for ${timeout / 1000} s. Try again later.`, { url: name, advice });
  });
  const failure = (/** @type {unknown} */ error) => asPackError(error, wiring, answered, signal);

  metrics.requests++;
  /** @type {FetchInit} */
  const init = { method, headers, signal: watch.signal };
  if (cache !== undefined) init.cache = cache;
  if (wiring.credentials !== undefined) init.credentials = wiring.credentials;
  /** @type {Response} */
  let response;
  /** @type {Promise<Response> | undefined} */
  let coming;
  try {
    coming = Promise.resolve(called(wiring, init));
    response = await watch.wait(coming);
    checkResponse(response, name);
  } catch (error) {
    watch.end();
    // A `fetch` that does not heed the signal may answer yet.
    coming?.then((late) => late.body?.cancel()).catch(() => {});
    throw failure(error);
  }

  const refusal = statusError(response, name);
  if (refusal !== undefined) {
    cancel();
    throw refusal;
  }

  // Ends the connection too: nobody wants the rest of the body.
  function cancel() {
    watch.end();
    response.body?.cancel().catch(() => {});
  }

  async function* body() {
    if (!response.body) {
      watch.end();
      return;
    }
    const reader = response.body.getReader();
    try {
      for (;;) {
        let chunk;
        try {
          chunk = await watch.wait(reader.read());
        } catch (error) {
          throw failure(error);
        }
        if (chunk.done) return;
        metrics.bytes += chunk.value.length;
        if (!watch.took(chunk.value.length, leastSpeed)) {
          const message = `less than ${leastSpeed} bytes a second came. Try again later.`;
          throw new PackError('ERR_TIMEOUT', message, { url: name, advice: 'Or allow a lower `leastSpeed`.' });
        }
        yield chunk.value;
      }
    } finally {
      watch.end();
      reader.cancel().catch(() => {});
    }
  }

  return { status: response.status, headers: response.headers, body, cancel };
}

/**
 * @param {unknown} error what `fetch` or a body was rejected with
 * @param {Wiring} wiring
 * @param {boolean} answered
 * @param {AbortSignal | undefined} signal
 * @returns {unknown}
 */
function asPackError(error, { name, url, crossOrigin }, answered, signal) {
  if (signal?.aborted) return signal.reason;
  if (error instanceof PackError) return error;
  const details = { url: name, cause: error };
  if (isMistake(error)) return mistaken(error, name);
  if (error instanceof Error && error.name === 'AbortError') {
    return new PackError('ERR_ABORTED', 'fetch gave up, though nobody had asked it to.', details);
  }
  if (globalThis.navigator?.onLine === false) {
    return new PackError('ERR_OFFLINE', 'there is no network. Connect and try again.', details);
  }
  if (crossOrigin && !answered) {
    const message =
      `the browser let nothing through from ${url.origin}. Either that server cannot be reached, or it does not allow ` +
      'this page to read from it. It must send "Access-Control-Allow-Origin: *" (or the origin of this page); ' +
      '"Access-Control-Expose-Headers: Content-Range, ETag" and, in answers to OPTIONS, ' +
      '"Access-Control-Allow-Headers: Range" help.';
    return new PackError('ERR_CORS', message, details);
  }
  // Node hides what happened (ECONNREFUSED) in the cause.
  const inner = /** @type {{ message?: unknown, code?: unknown }} */ (error instanceof Error && error.cause instanceof Error ? error.cause : error);
  if (inner.code === 'ENOTFOUND') {
    return new PackError('ERR_NETWORK', `there is no server of the name ${url.hostname} (ENOTFOUND). Check the address.`, details);
  }
  const why = inner.message || inner.code;
  return new PackError('ERR_NETWORK', `the connection failed${why ? ` (${why})` : ''}. Try again later.`, details);
}

/**
 * @param {Wiring} wiring
 * @param {FetchInit} init
 */
function called({ fetch, url: { href }, name }, init) {
  try {
    return fetch(href, init);
  } catch (error) {
    // The real one only ever rejects.
    throw error instanceof Error && error.name === 'AbortError' ? error : mistaken(error, name);
  }
}

/** What engines say of a value that is not what a program takes it for. A connection that fails is a `TypeError` too. */
const NO_SUCH_VALUE = /is not (a|an|iterable)\b|properties of (undefined|null)|is (undefined|null)\b/;

/**
 * @param {unknown} error of `fetch`
 * @returns {boolean} whether it is the program that is wrong, so that trying again is of no use
 */
function isMistake(error) {
  if (error instanceof TypeError) return error.cause === undefined && NO_SUCH_VALUE.test(error.message);
  return !(error instanceof Error) || [ReferenceError, SyntaxError, RangeError].some((kind) => error instanceof kind);
}

/**
 * @param {unknown} cause
 * @param {string} url
 */
function mistaken(cause, url) {
  const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : shown(cause);
  return new PackError('ERR_ARGUMENT', `the \`fetch\` that was passed in does not work: ${why}.`, { url, cause });
}

/**
 * @param {Response} response of a `fetch` that may be anybody's
 * @param {string} url
 */
function checkResponse(response, url) {
  if (typeof response?.status !== 'number' || !hasMethods(response.headers, ['get'])) {
    throw new PackError('ERR_ARGUMENT', `the \`fetch\` that was passed in must give a Response, not ${shown(response)}.`, { url });
  }
  if (response.body && !hasMethods(response.body, ['getReader'])) {
    throw new PackError('ERR_ARGUMENT', `the Response of the \`fetch\` that was passed in has a body that is no ReadableStream.`, { url });
  }
}

/**
 * @param {Response} response
 * @param {string} name
 * @returns {PackError | undefined}
 */
function statusError({ status, headers }, name) {
  if (status === 200 || status === 206 || status === 416) return undefined;
  const details = { url: name, status, retryAfter: retryAfter(headers, Date.now()) };
  switch (status) {
    case 401:
    case 403: {
      const message = `the server does not give this file away (${status}). Check the credentials; a presigned address may have expired.`;
      return new PackError('ERR_FORBIDDEN', message, details);
    }
    case 404:
    case 410:
      return new PackError('ERR_NOT_FOUND', `the server has no such file (${status}). Check the address.`, details);
    case 429:
      return new PackError('ERR_TOO_MANY_REQUESTS', 'the server asks for fewer requests (429). Try again later.', details);
  }
  if (status === 408 || status >= 500) {
    return new PackError('ERR_SERVER', `the server failed (${status}). Try again later.`, details);
  }
  return new PackError('ERR_STATUS', `the server answered with status ${status} to a range request.`, details);
}
