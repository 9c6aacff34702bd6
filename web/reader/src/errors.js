/**
 * The error of this package, and what it shows of addresses.
 */

import { ERROR_CODES } from './error-codes.js';

/** @import { ErrorCode } from './error-codes.js' */

/**
 * @typedef {object} Details
 * @property {string} [url] name of the source; secrets must have been taken out (`displayUrl`)
 * @property {unknown} [cause] the error underneath
 * @property {number} [status] status of the HTTP response
 * @property {number} [offset] first byte of the range that was being read
 * @property {number} [length] length of that range in bytes
 * @property {number} [retryAfter] milliseconds that the server asked to wait
 * @property {string} [advice] what else a program can do: the last sentence of the message
 */

/** The error that everything in this package rejects with. */
export class PackError extends Error {
  #advice;

  /**
   * @param {ErrorCode} code what went wrong
   * @param {string} message what, where, and what to do
   * @param {Details} [details]
   */
  constructor(code, message, { url, cause, status, offset, length, retryAfter, advice } = {}) {
    const where = url === undefined ? '' : `${url}: `;
    super(where + message + (advice === undefined ? '' : ` ${advice}`), cause === undefined ? undefined : { cause });
    this.name = 'PackError';
    /** @type {ErrorCode} */
    this.code = code;
    /** @type {string | undefined} */
    this.url = url;
    // Left out when unknown, so that a printed error shows only what there is.
    if (status !== undefined) /** @type {number | undefined} */ this.status = status;
    if (offset !== undefined) /** @type {number | undefined} */ this.offset = offset;
    if (length !== undefined) /** @type {number | undefined} */ this.length = length;
    if (retryAfter !== undefined) /** @type {number | undefined} */ this.retryAfter = retryAfter;
    this.#advice = advice;
  }

  /** @returns {string | undefined} what else a program can do, as the message ends: not for people who cannot give options */
  get advice() {
    return this.#advice;
  }
}

/**
 * @param {unknown} code
 * @returns {code is ErrorCode}
 */
export function isErrorCode(code) {
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);
}

/**
 * What is wrong with a single entry, or with the path that was asked for: whoever reads many goes on with the others.
 *
 * @type {ReadonlySet<ErrorCode>}
 */
const OF_ENTRIES = new Set([
  'ERR_CORRUPT',
  'ERR_UNSUPPORTED',
  'ERR_LIMIT',
  'ERR_BAD_PATH',
  'ERR_NO_ENTRY',
  'ERR_NOT_A_FILE',
  'ERR_NO_VOLUME',
]);

/**
 * @param {unknown} error
 * @returns {error is PackError}
 */
export function isOfEntry(error) {
  return error instanceof PackError && OF_ENTRIES.has(error.code);
}

/**
 * The address as it may be shown and logged: without user, password, query and fragment. Any part of a query may be
 * the secret of a presigned address, so all of it goes.
 *
 * @param {URL} url
 * @returns {string}
 */
export function displayUrl(url) {
  const place = url.protocol === 'file:' ? 'file://' : url.origin;
  return place + url.pathname + (url.search === '' ? '' : '?…');
}
