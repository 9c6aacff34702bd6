/**
 * Which failures are worth another try, and after how long. Pure.
 */

/** @import { ErrorCode } from '../error-codes.js' */
/** @import { PackError } from '../errors.js' */

/** Longest wait in milliseconds, whatever the server asks for. */
export const LONGEST_WAIT = 30_000;

/** Longest wait that we come up with ourselves. */
const LONGEST_BACK_OFF = 10_000;

/** @type {ReadonlySet<ErrorCode>} come and go */
const PASSING = new Set(['ERR_NETWORK', 'ERR_TIMEOUT', 'ERR_SERVER', 'ERR_TOO_MANY_REQUESTS', 'ERR_SHORT_BODY']);

/** @type {ReadonlySet<ErrorCode>} nearly always final, but may be the fault of a cache or of one lost packet */
const DOUBTFUL = new Set(['ERR_CONTENT_RANGE', 'ERR_CORS']);

/**
 * Exponential back-off with jitter: the n-th wait is between half of `base` · 2ⁿ and all of it. A wait that the
 * server asks for is respected up to `LONGEST_WAIT`.
 *
 * @param {PackError} error
 * @param {number} tries how many failures there were before this one
 * @param {object} options
 * @param {number} options.retries how often to try again
 * @param {number} options.base milliseconds
 * @param {() => number} [options.random] between 0 and 1
 * @returns {number | undefined} milliseconds to wait; undefined: give up
 */
export function waitBeforeRetry(error, tries, { retries, base, random = Math.random }) {
  if (tries >= retries || isFinal(error)) return undefined;
  if (DOUBTFUL.has(error.code)) return tries === 0 ? 0 : undefined;
  if (!PASSING.has(error.code)) return undefined;
  if (error.retryAfter !== undefined) return Math.min(error.retryAfter, LONGEST_WAIT);
  return Math.min(base * 2 ** tries, LONGEST_BACK_OFF) * (0.5 + random() / 2);
}

/**
 * @param {PackError} error
 * @returns {boolean} whether the next try should go past the HTTP cache: it may hold the broken answer (Chromium's
 *   gives a range that it has only the beginning of as a success)
 */
export function blamesCache(error) {
  return error.code === 'ERR_SHORT_BODY' || error.code === 'ERR_CONTENT_RANGE';
}

/** @param {PackError} error */
function isFinal(error) {
  if (error.code === 'ERR_SERVER') return error.status === 501 || error.status === 505;
  // What Node says: no such host, a certificate that is not trusted.
  const cause = /** @type {{ cause?: { code?: unknown }, code?: unknown } | undefined} */ (error.cause);
  return /ENOTFOUND|CERT|SELF_SIGNED|ERR_TLS|ERR_SSL/.test(String(cause?.cause?.code ?? cause?.code ?? ''));
}
