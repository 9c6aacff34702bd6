/**
 * How to learn the size of a file on a server. Pure, but for a memory of what worked.
 */

/** @import { ErrorCode } from '../error-codes.js' */
/** @import { PackError } from '../errors.js' */

/**
 * - `suffix`: GET with `bytes=-102400`. `Content-Range` tells the size and the body is the tail: all in one request.
 * - `head`: HEAD. `Content-Length` tells the size.
 * - `first-byte`: GET with `bytes=0-0`. `Content-Range` tells the size.
 *
 * @typedef {'suffix' | 'head' | 'first-byte'} Step
 */

/**
 * What to try, one after the other.
 *
 * From the same origin, and outside of browsers, a suffix range is best: **one request** opens a pack.
 *
 * A page that asks another origin has other rules. `bytes=a-b` may be sent as it is, but a suffix range makes the
 * browser ask first (a preflight), which many servers refuse. `Content-Length` may always be read, `Content-Range`
 * only where the server exposes it. Presigned addresses refuse HEAD. So HEAD comes first, then the first byte:
 * **two requests** open a pack (HEAD, tail) when HEAD works, three otherwise; two again, whatever works, once an
 * origin is known. With the size given by the caller it is always one.
 *
 * Headers such as `Authorization` make the browser ask first in any case. Then the suffix range costs nothing extra
 * and is the best again: one request and its preflight.
 *
 * @param {object} situation
 * @param {boolean} situation.crossOrigin a page asks another origin
 * @param {boolean} situation.preflighted the headers make the browser ask first anyway
 * @param {Step} [situation.worked] what worked with this origin before
 * @returns {Step[]}
 */
export function openingSteps({ crossOrigin, preflighted, worked }) {
  /** @type {Step[]} */
  const steps = crossOrigin && !preflighted ? ['head', 'first-byte', 'suffix'] : ['suffix', 'first-byte', 'head'];
  return worked === undefined ? steps : [worked, ...steps.filter((step) => step !== worked)];
}

/**
 * @param {string | undefined} pageOrigin origin of the page; undefined outside of browsers
 * @param {URL} url
 * @returns {boolean} whether a page asks another origin
 */
export function isCrossOrigin(pageOrigin, url) {
  return pageOrigin !== undefined && pageOrigin !== url.origin;
}

/**
 * Whether a step that failed may have failed because of how it asked, so that another way may work.
 *
 * @param {Step} step
 * @param {PackError} error
 * @param {boolean} inPage in browsers a refused preflight looks as if there were no network
 * @returns {boolean}
 */
export function mayTryNext(step, error, inPage) {
  /** @type {ErrorCode[]} */
  const codes = ['ERR_RANGE_NOT_SATISFIABLE', 'ERR_RANGE_IGNORED', 'ERR_CONTENT_RANGE', 'ERR_STATUS'];
  if (inPage) codes.push('ERR_CORS', 'ERR_NETWORK');
  if (step === 'head') codes.push('ERR_FORBIDDEN', 'ERR_NOT_FOUND');
  return codes.includes(error.code) || error.status === 501;
}

/** @type {Map<string, Step>} what worked, by origin and manner of asking */
const worked = new Map();

/** More than this are not remembered. */
const MOST_REMEMBERED = 1000;

/**
 * @typedef {object} Asking
 * @property {URL} url
 * @property {boolean} crossOrigin
 * @property {boolean} preflighted
 */

/**
 * @param {Asking} asking
 * @returns {Step | undefined} what worked with this origin before
 */
export function recall(asking) {
  return worked.get(keyOf(asking));
}

/**
 * @param {Asking} asking
 * @param {Step} step what has worked
 */
export function remember(asking, step) {
  if (worked.size >= MOST_REMEMBERED) worked.clear();
  worked.set(keyOf(asking), step);
}

/** Forgets what worked, as if the page were loaded anew. */
export function forget() {
  worked.clear();
}

/** @param {Asking} asking */
function keyOf({ url, crossOrigin, preflighted }) {
  return `${url.origin} ${crossOrigin} ${preflighted}`;
}
