/**
 * What can go wrong, with codes that stay the same from version to version.
 */

/**
 * Every code and what it means. A program decides by the code; the message is for people and says what to do.
 *
 * @type {Readonly<Record<Code, string>>}
 */
export const CODES = Object.freeze({
  ERR_ARGUMENT: 'the call itself is wrong',
  ERR_NOT_FOUND: 'there is no such file (HTTP 404, 410; ENOENT)',
  ERR_FORBIDDEN: 'the file may not be read (HTTP 401, 403; EACCES)',
  ERR_CORS: 'a web page asked another origin and the browser let nothing through: headers for CORS are missing, or the server cannot be reached; browsers do not tell which',
  ERR_OFFLINE: 'the browser says that there is no network',
  ERR_NETWORK: 'the connection could not be made, or broke, and trying again did not help',
  ERR_TIMEOUT: 'not a single byte came for the time that `timeout` allows, several times',
  ERR_ABORTED: 'the `fetch` that was passed in gave up on its own. (A read whose signal is aborted rejects with the reason of the signal, as everywhere on the web)',
  ERR_RANGE_IGNORED: 'the server sends the whole file instead of ranges, and it is too large for that',
  ERR_RANGE_NOT_SATISFIABLE: 'the range lies beyond the end of the file (HTTP 416)',
  ERR_CONTENT_RANGE: 'the server sent other bytes than those asked for',
  ERR_CONTENT_ENCODING: 'the server compresses ranges on the fly, which makes them useless',
  ERR_SHORT_BODY: 'fewer bytes came than were asked for, several times',
  ERR_CHANGED: 'the file was replaced or modified while it was being read; open it again',
  ERR_NO_SIZE: 'there is no way to learn the size of the file',
  ERR_TOO_MANY_REQUESTS: 'the server asks for fewer requests (HTTP 429), several times',
  ERR_SERVER: 'the server failed (HTTP 408, 5xx), several times',
  ERR_STATUS: 'the server answered with a status that makes no sense here',
  ERR_IO: 'the operating system could not read the file',
  ERR_NOT_A_PACK: 'the bytes are none of the formats that are read here',
  ERR_CORRUPT: 'the bytes contradict themselves or their digest',
  ERR_WRONG_PACK: 'a sound pack, but not the one that `root` names',
  ERR_UNSUPPORTED: 'the pack needs a feature that this reader does not know',
  ERR_LIMIT: 'the pack is larger than can be handled here',
  ERR_BAD_PATH: 'a path that no pack can hold',
  ERR_NO_ENTRY: 'there is no such path in the pack',
  ERR_NOT_A_FILE: 'the path leads to something else than a file',
  ERR_NOT_A_DIRECTORY: 'the path leads to something else than a directory',
  ERR_NO_VOLUME: 'payloads lie in another file, and nobody said where',
  ERR_CLOSED: 'the pack was closed',
});

/**
 * @typedef {'ERR_ARGUMENT' | 'ERR_NOT_FOUND' | 'ERR_FORBIDDEN' | 'ERR_CORS' | 'ERR_OFFLINE' | 'ERR_NETWORK'
 *   | 'ERR_TIMEOUT' | 'ERR_ABORTED' | 'ERR_RANGE_IGNORED' | 'ERR_RANGE_NOT_SATISFIABLE' | 'ERR_CONTENT_RANGE'
 *   | 'ERR_CONTENT_ENCODING' | 'ERR_SHORT_BODY' | 'ERR_CHANGED' | 'ERR_NO_SIZE' | 'ERR_TOO_MANY_REQUESTS'
 *   | 'ERR_SERVER' | 'ERR_STATUS' | 'ERR_IO' | 'ERR_NOT_A_PACK' | 'ERR_CORRUPT'
 *   | 'ERR_WRONG_PACK' | 'ERR_UNSUPPORTED' | 'ERR_LIMIT' | 'ERR_BAD_PATH' | 'ERR_NO_ENTRY' | 'ERR_NOT_A_FILE'
 *   | 'ERR_NOT_A_DIRECTORY' | 'ERR_NO_VOLUME' | 'ERR_CLOSED'} Code
 */

/**
 * @typedef {object} Details
 * @property {string} [url] name of the source; secrets must have been taken out (`displayUrl`)
 * @property {unknown} [cause] the error underneath
 * @property {number} [status] status of the HTTP response
 * @property {number} [offset] first byte of the range that was being read
 * @property {number} [length] length of that range in bytes
 * @property {number} [retryAfter] milliseconds that the server asked to wait
 */

/** The error that everything in this package rejects with. */
export class PackError extends Error {
  /**
   * @param {Code} code what went wrong
   * @param {string} message what, where, and what to do
   * @param {Details} [details]
   */
  constructor(code, message, { url, cause, status, offset, length, retryAfter } = {}) {
    const where = url === undefined ? '' : `${url}: `;
    super(where + message, cause === undefined ? undefined : { cause });
    this.name = 'PackError';
    /** @type {Code} */
    this.code = code;
    /** @type {string | undefined} */
    this.url = url;
    // Left out when unknown, so that a printed error shows only what there is.
    if (status !== undefined) /** @type {number | undefined} */ this.status = status;
    if (offset !== undefined) /** @type {number | undefined} */ this.offset = offset;
    if (length !== undefined) /** @type {number | undefined} */ this.length = length;
    if (retryAfter !== undefined) /** @type {number | undefined} */ this.retryAfter = retryAfter;
  }
}

/**
 * The address as it may be shown and logged: without user, password, query and fragment. Any part of a query may be
 * the secret of a presigned address, so all of it goes.
 *
 * @param {URL} url
 * @returns {string}
 */
export function displayUrl(url) {
  return url.origin + url.pathname + (url.search === '' ? '' : '?…');
}
