/**
 * What the requests of one HTTP source have in common: where they go, and what must stay the same from one response
 * to the next.
 */

import { abortable } from '../abort.js';
import { PackError, displayUrl } from '../errors.js';
import { exchange } from './http-exchange.js';
import { contentLength, differ, isCompressed, validators } from './http-headers.js';
import { isCrossOrigin } from './http-open.js';
import { wrongSize } from './source.js';

/** @import { ErrorCode } from '../error-codes.js' */
/** @import { OpenOptions } from '../../types/index.d.ts' */
/** @import { Metrics } from './source.js' */
/** @import { Exchange, Wiring } from './http-exchange.js' */
/** @import { Validators } from './http-headers.js' */

/**
 * @typedef {object} HttpOptions
 * @property {OpenOptions['headers']} [headers] sent with every request, such as `Authorization`
 * @property {OpenOptions['fetch']} [fetch] used instead of the global one
 * @property {RequestCredentials} [credentials] as for `fetch`: 'include' sends cookies to other origins
 * @property {number} [retries] how often a request is tried again after a failure that may pass; 4
 * @property {number} [retryDelay] milliseconds before the first of these; each further wait is twice as long; 250
 * @property {number} [leastSpeed] bytes a second that must come at least, looked at whenever `timeout` has passed; 1024. 0: any
 * @property {number} [timeout] milliseconds without a single byte after which a request is given up; 30,000. 0: never
 * @property {number} [size] of the file in bytes, where it is known: saves a request to another origin
 * @property {number} [wholeLimit] from a server that ignores ranges a file is taken as a whole, and kept in memory,
 *   if it has no more bytes than this; 16 MiB
 * @property {string} [origin] of the page; that of `location`, in Node none. (For tests.)
 */

/** @type {Set<string>} addresses whose content changed: the HTTP cache may hold the old one, so it must ask */
const changedUrls = new Set();

const COMPRESSION = 'If the server compresses on the fly, turn that off for this file.';
export const MORE_BYTES = `the server sent more bytes than were asked for. ${COMPRESSION}`;
export const FEWER_BYTES = `the server sent fewer bytes than were asked for. ${COMPRESSION}`;

/** Sends requests, checks what concerns every response, and holds the whole file where ranges are ignored. */
export class HttpConnection {
  /** Times a request is tried again, and the first wait in milliseconds. */
  retry;
  /** Whether a web page is asking. */
  inPage;
  /** @type {string} the address without secrets */
  name;
  /** @type {number | undefined} in bytes */
  size;
  /** @type {Uint8Array | undefined} the file, if the server ignores ranges */
  whole;
  /** @type {Metrics} */
  metrics = { requests: 0, bytes: 0 };
  /** @type {Wiring} */
  wiring;
  /** Largest file in bytes that is taken as a whole. */
  wholeLimit;
  /** @type {number | undefined} the size that the caller says, until a response says the same */
  #given;
  /** @type {Validators | undefined} those of the first response */
  #version;
  /** @type {Promise<void> | undefined} while the whole file is coming */
  #taking;

  /**
   * @param {string | URL} address
   * @param {HttpOptions} options
   */
  constructor(address, options) {
    const url = parse(address);
    this.name = displayUrl(url);
    const { retries = 4, retryDelay = 250, timeout = 30_000, leastSpeed = 1024, size, wholeLimit = 16 * 1024 * 1024 } = options;
    const origin = options.origin ?? globalThis.location?.origin;
    const { fetch = /** @type {NonNullable<OpenOptions['fetch']>} */ (globalThis.fetch) } = options;
    this.size = this.#given = size;
    this.inPage = origin !== undefined;
    this.retry = { retries, base: retryDelay };
    this.wholeLimit = wholeLimit;
    this.wiring = {
      url,
      name: this.name,
      fetch: (input, init) => fetch(input, init), // the global one refuses to be a method of another object
      headers: new Headers(/** @type {HeadersInit | undefined} */ (options.headers)),
      credentials: options.credentials,
      timeout,
      leastSpeed,
      crossOrigin: isCrossOrigin(origin, url),
      metrics: this.metrics,
    };
  }

  /**
   * Takes the whole file from a server that ignores ranges; once, even if several reads run into it.
   *
   * @param {Exchange} answer with status 200
   * @param {AbortSignal | undefined} signal
   */
  async takeWhole(answer, signal) {
    if (this.whole !== undefined) {
      answer.cancel();
      return;
    }
    if (this.#taking !== undefined) {
      answer.cancel();
      // If that fails, its error is for the one who began; this one asks again.
      await abortable(this.#taking.catch(() => {}), signal);
      return;
    }
    this.#taking = this.#collectWhole(answer);
    try {
      await this.#taking;
    } finally {
      this.#taking = undefined;
    }
  }

  /** @param {Exchange} answer */
  async #collectWhole(answer) {
    const declared = contentLength(answer.headers);
    const tooLarge = () => {
      const message =
        `the server ignores the header Range and sends the whole file, which has more than ${this.wholeLimit} bytes. ` +
        'Put the file on a server that supports ranges (nginx, Apache, any object storage; check for ' +
        '"Accept-Ranges: bytes", and turn compression off for this file).';
      return this.error('ERR_RANGE_IGNORED', message, { status: 200, advice: 'Or raise the option `wholeLimit`.' });
    };
    this.checked(answer, () => {
      if (declared === undefined) return;
      if (declared > this.wholeLimit) throw tooLarge();
      this.settleSize(declared);
    });
    /** @type {Uint8Array[]} */
    const pieces = [];
    let size = 0;
    for await (const piece of answer.body()) {
      size += piece.length;
      if (size > this.wholeLimit) throw tooLarge();
      pieces.push(piece);
    }
    if (declared !== undefined && size < declared) throw this.error('ERR_SHORT_BODY', FEWER_BYTES);
    this.settleSize(size);
    const whole = new Uint8Array(size);
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    this.whole = whole;
  }

  /**
   * One request. The response has status 200, 206 or 416, and is of the same version as the first one.
   *
   * @param {'GET' | 'HEAD'} method
   * @param {string} range
   * @param {boolean} pastCache
   * @param {AbortSignal | undefined} signal
   */
  async send(method, range, pastCache, signal) {
    const { href } = this.wiring.url;
    const cache = pastCache ? 'no-store' : changedUrls.has(href) ? 'no-cache' : undefined;
    const answered = this.#version !== undefined;
    const answer = await exchange(this.wiring, { method, range, cache, answered }, signal);
    return this.checked(answer, () => {
      const version = validators(answer.headers);
      // The page that comes with 416 may have validators of its own.
      if (answer.status !== 416) {
        this.#version ??= version;
        if (differ(this.#version, version)) throw this.#changed('its ETag or Last-Modified is another');
      }
      return answer;
    });
  }

  /**
   * @template T
   * @param {Exchange} answer is cancelled when the check throws
   * @param {() => T} check
   * @returns {T}
   */
  checked(answer, check) {
    try {
      return check();
    } catch (error) {
      answer.cancel();
      throw error;
    }
  }

  /** @param {number} size what a response says; must be what is known already, if anything is */
  settleSize(size) {
    this.size ??= size;
    if (this.#given !== undefined && this.#given !== size) throw wrongSize(this.name, this.#given, size);
    this.#given = undefined;
    if (this.size !== size) throw this.#changed(`it has ${size} bytes instead of ${this.size}`);
  }

  /** @param {Exchange} answer */
  refuseCompression({ headers }) {
    if (!isCompressed(headers)) return;
    const message =
      `the server compresses ranges on the fly (Content-Encoding: ${headers.get('Content-Encoding')}), ` +
      'so that offsets mean nothing. Turn compression off for this file.';
    throw this.error('ERR_CONTENT_ENCODING', message);
  }

  /** @param {string} how */
  #changed(how) {
    changedUrls.add(this.wiring.url.href);
    const message = `the file was replaced while it was being read (${how}). Open it again.`;
    return this.error('ERR_CHANGED', message);
  }

  /**
   * @param {ErrorCode} code
   * @param {string} message
   * @param {{ status?: number, advice?: string }} [details]
   */
  error(code, message, details) {
    // Where the server hides Content-Range, this is all that a wrong size shows.
    const isDoubtful = this.#given !== undefined && (code === 'ERR_SHORT_BODY' || code === 'ERR_RANGE_NOT_SATISFIABLE');
    const advice = isDoubtful ? `Perhaps the option \`size\`, ${this.#given}, is wrong.` : undefined;
    return new PackError(code, message, { url: this.name, advice, ...details });
  }
}

/**
 * @param {string | URL} address
 * @returns {URL}
 */
function parse(address) {
  let url;
  try {
    url = new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch (cause) {
    // The address may hold secrets, so it is not shown.
    throw new PackError('ERR_ARGUMENT', 'this is not an address. In Node it must begin with https:// or http://.');
  }
  url.hash = '';
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    const message = `addresses of packs begin with https:// or http://; ${url.protocol} is not read here. Object stores have such addresses too.`;
    throw new PackError('ERR_ARGUMENT', message);
  }
  if (url.username !== '' || url.password !== '') {
    const advice = 'Pass them as `headers: { Authorization: "Basic …" }`.';
    throw new PackError('ERR_ARGUMENT', 'user and password cannot be part of the address.', { url: displayUrl(url), advice });
  }
  return url;
}
