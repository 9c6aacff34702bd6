/**
 * A file on an HTTP server, read by byte ranges.
 */

import { sleep } from '../abort.js';
import { PackError } from '../errors.js';
import { FEWER_BYTES, HttpConnection, MORE_BYTES } from './http-connection.js';
import { areSafelisted, contentLength, contentRange } from './http-headers.js';
import { mayTryNext, openingSteps, recall, remember } from './http-open.js';
import { blamesCache, waitBeforeRetry } from './http-retry.js';
import { checkExtent, tailBySize } from './source.js';

/** @import { ByteSource, ReadOptions, Tail } from './source.js' */
/** @import { HttpOptions } from './http-connection.js' */
/** @import { Exchange } from './http-exchange.js' */
/** @import { Step } from './http-open.js' */

/** After so many bytes the count of failures begins anew: a long stream may be resumed many times. */
const PROGRESS = 64 * 1024;

const NO_SIZE =
  'the server does not say how large the file is. Expose the header Content-Range ' +
  '("Access-Control-Expose-Headers: Content-Range, ETag") or allow HEAD.';

/**
 * A file on an HTTP server.
 *
 * Opening takes one request from the same origin and in Node, two for most packs on another origin; see
 * `openingSteps`. After that every read is one request (but see below), without a preflight unless `headers` ask
 * for one.
 *
 * Each response is checked: the status, `Content-Range` where it can be read, the exact length, and that `ETag`,
 * `Last-Modified` and the total size are still those of the first response (else ERR_CHANGED). What arrived before
 * a connection broke is kept; the next try asks for the rest. Redirects are followed anew each time, as the place
 * they lead to may expire.
 *
 * @param {string | URL} url may be relative in a page
 * @param {HttpOptions} [options]
 * @returns {ByteSource & { stream: NonNullable<ByteSource['stream']> }}
 */
export function httpSource(url, options = {}) {
  return new HttpSource(url, options);
}

/** @implements {ByteSource} */
class HttpSource {
  #http;

  /**
   * @param {string | URL} address
   * @param {HttpOptions} options
   */
  constructor(address, options) {
    this.#http = new HttpConnection(address, options);
    this.name = this.#http.name;
    this.metrics = this.#http.metrics;
  }

  /** @returns {number | undefined} */
  get size() {
    return this.#http.size;
  }

  /**
   * @param {number} length
   * @param {ReadOptions} [options]
   * @returns {Promise<Tail>}
   */
  async tail(length, { signal } = {}) {
    signal?.throwIfAborted();
    checkExtent(this.name, undefined, 0, length);
    const bytes = this.size === undefined ? await this.#open(length, signal) : undefined;
    const size = /** @type {number} */ (this.size);
    return bytes === undefined ? tailBySize(this, size, length, { signal }) : { size, bytes };
  }

  /**
   * @param {number} offset
   * @param {number} length
   * @param {ReadOptions} [options]
   * @returns {Promise<Uint8Array>}
   */
  async read(offset, length, options = {}) {
    checkExtent(this.name, this.size, offset, length);
    const bytes = new Uint8Array(length);
    let at = 0;
    for await (const piece of this.stream(offset, length, options)) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  /**
   * @param {number} offset
   * @param {number} length
   * @param {ReadOptions} [options]
   * @returns {AsyncGenerator<Uint8Array, void, void>}
   */
  async *stream(offset, length, { signal } = {}) {
    signal?.throwIfAborted();
    let at = 0;
    let tries = 0;
    let progress = 0;
    let pastCache = false;
    for (;;) {
      checkExtent(this.name, this.size, offset, length);
      if (at === length) return;
      if (this.#http.whole !== undefined) {
        yield this.#http.whole.slice(offset + at, offset + length);
        return;
      }
      const before = at;
      try {
        const answer = await this.#getRange(offset + at, length - at, pastCache, signal);
        if (answer === undefined) continue;
        for await (const piece of answer.body()) {
          if (piece.length > length - at) throw this.#http.error('ERR_CONTENT_RANGE', MORE_BYTES);
          at += piece.length;
          yield piece;
        }
        if (at < length) throw this.#http.error('ERR_SHORT_BODY', FEWER_BYTES);
      } catch (error) {
        if (!(error instanceof PackError)) throw error;
        progress += at - before;
        if (progress >= PROGRESS) progress = tries = 0;
        const wait = waitBeforeRetry(error, tries++, this.#http.retry);
        if (wait === undefined) {
          error.offset ??= offset;
          error.length ??= length;
          throw error;
        }
        pastCache ||= blamesCache(error);
        const resume = error.code === 'ERR_SHORT_BODY' && at > before;
        if (!resume) await sleep(wait, signal);
      }
    }
  }

  /**
   * @param {number} offset
   * @param {number} length at least 1
   * @param {boolean} pastCache
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Exchange | undefined>} the bytes from `offset` on; undefined: the whole file is there now
   */
  async #getRange(offset, length, pastCache, signal) {
    const last = offset + length - 1;
    const answer = await this.#http.send('GET', `bytes=${offset}-${last}`, pastCache, signal);
    if (answer.status === 200) {
      await this.#http.takeWhole(answer, signal);
      return undefined;
    }
    return this.#http.checked(answer, () => {
      const range = contentRange(answer.headers);
      if (range?.total !== undefined) this.#http.settleSize(range.total);
      if (answer.status === 416) {
        throw this.#http.error('ERR_RANGE_NOT_SATISFIABLE', 'the server says that the range lies beyond the end.', { status: 416 });
      }
      this.#http.refuseCompression(answer);
      const tooLong = (contentLength(answer.headers) ?? 0) > length;
      if (tooLong) throw this.#http.error('ERR_CONTENT_RANGE', MORE_BYTES);
      if (range?.start !== undefined && (range.start !== offset || /** @type {number} */ (range.end) > last)) {
        const message = `the server sent bytes ${range.start} to ${range.end} when ${offset} to ${last} were asked for.`;
        throw this.#http.error('ERR_CONTENT_RANGE', `${message} It, or a proxy before it, does not handle ranges well.`);
      }
      return answer;
    });
  }

  /**
   * Finds out the size.
   *
   * @param {number} length of the tail
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Uint8Array | undefined>} the tail, if it came along
   */
  async #open(length, signal) {
    const { url, crossOrigin, headers } = this.#http.wiring;
    const asking = { url, crossOrigin, preflighted: !areSafelisted(headers) };
    const steps = openingSteps({ ...asking, worked: recall(asking) });
    /** @type {PackError | undefined} */
    let failure;
    for (const step of steps) {
      const isLast = step === steps.at(-1);
      try {
        const bytes = await this.#tryStep(step, isLast, length, signal);
        if (this.size !== undefined) {
          if (this.#http.whole === undefined) remember(asking, step);
          return bytes;
        }
        if (failure?.code !== 'ERR_RANGE_IGNORED') failure = this.#http.error('ERR_NO_SIZE', NO_SIZE, { advice: 'Or pass the option `size`.' });
      } catch (error) {
        if (!(error instanceof PackError) || !mayTryNext(step, error, this.#http.inPage)) throw error;
        // What the server really answered tells more than a later step that could not even be sent.
        if (failure?.code !== 'ERR_NO_SIZE' && failure?.code !== 'ERR_RANGE_IGNORED') failure = error;
      }
    }
    throw failure;
  }

  /**
   * @param {Step} step
   * @param {boolean} isLast
   * @param {number} length
   * @param {AbortSignal | undefined} signal
   */
  async #tryStep(step, isLast, length, signal) {
    let pastCache = false;
    for (let tries = 0; ; tries++) {
      try {
        if (step === 'head') return await this.#askHead(pastCache, signal);
        return await this.#askRange(step, length, pastCache, signal);
      } catch (error) {
        if (!(error instanceof PackError)) throw error;
        // In a page this may be a refused preflight: the next way of asking is the better second try.
        const hidden = this.#http.inPage && !isLast && (error.code === 'ERR_CORS' || error.code === 'ERR_NETWORK');
        const wait = hidden ? undefined : waitBeforeRetry(error, tries, this.#http.retry);
        if (wait === undefined) throw error;
        pastCache ||= blamesCache(error);
        await sleep(wait, signal);
      }
    }
  }

  /**
   * @param {boolean} pastCache
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<undefined>}
   */
  async #askHead(pastCache, signal) {
    // This range is the whole file and needs no preflight. It keeps browsers from asking for a compressed file,
    // whose length would be another.
    const { status, headers, cancel } = await this.#http.send('HEAD', 'bytes=0-', pastCache, signal);
    cancel();
    const size = contentRange(headers)?.total ?? (status === 416 ? undefined : contentLength(headers));
    // Some servers answer HEAD with a length of 0, whatever the length is.
    if (size !== undefined && size > 0) this.#http.settleSize(size);
  }

  /**
   * @param {'suffix' | 'first-byte'} step
   * @param {number} length
   * @param {boolean} pastCache
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Uint8Array | undefined>}
   */
  async #askRange(step, length, pastCache, signal) {
    const asked = step === 'suffix' ? Math.max(length, 1) : 1;
    const answer = await this.#http.send('GET', step === 'suffix' ? `bytes=-${asked}` : 'bytes=0-0', pastCache, signal);
    const declared = contentLength(answer.headers);
    if (answer.status === 200) {
      if (declared === undefined || declared <= this.#http.wholeLimit) {
        await this.#http.takeWhole(answer, signal);
      } else {
        // Perhaps it only does not know this kind of range.
        answer.cancel();
        this.#http.settleSize(declared);
      }
      return undefined;
    }
    const expected = this.#http.checked(answer, () => {
      const range = contentRange(answer.headers);
      if (range?.total !== undefined) this.#http.settleSize(range.total);
      if (answer.status === 416) {
        if (range?.total !== undefined) return undefined;
        throw this.#http.error('ERR_RANGE_NOT_SATISFIABLE', `the server refuses the range (${step}).`, { status: 416 });
      }
      this.#http.refuseCompression(answer);
      // Fewer bytes than asked for: the file is no longer than that.
      if (range === undefined) return declared !== undefined && declared < asked ? declared : undefined;
      const { start, end, total } = range;
      const isTail = total !== undefined && end === total - 1 && start === Math.max(0, total - asked);
      return isTail ? Math.min(asked, total) : undefined;
    });
    if (expected === undefined) {
      answer.cancel();
      return undefined;
    }
    const bytes = await this.#collectTail(answer, expected, signal);
    if (bytes === undefined) return undefined;
    if (this.size === undefined) this.#http.settleSize(bytes.length);
    return length === 0 ? new Uint8Array(0) : bytes;
  }

  /**
   * @param {Exchange} answer
   * @param {number} length
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Uint8Array | undefined>} undefined when the connection breaks; a plain read will do better then
   */
  async #collectTail(answer, length, signal) {
    const bytes = new Uint8Array(length);
    let at = 0;
    try {
      for await (const piece of answer.body()) {
        if (piece.length > length - at) return undefined;
        bytes.set(piece, at);
        at += piece.length;
      }
    } catch (error) {
      if (signal?.aborted || this.size === undefined) throw error;
      return undefined;
    }
    return at === length ? bytes : undefined;
  }

}
