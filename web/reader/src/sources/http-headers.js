/**
 * What the headers of a response say. Pure functions.
 */

/**
 * `Content-Range`. For 416 it has no range, only the total.
 *
 * @typedef {object} ContentRange
 * @property {number | undefined} start first byte
 * @property {number | undefined} end last byte
 * @property {number | undefined} total size of the file
 */

/**
 * @param {Headers} headers
 * @returns {ContentRange | undefined} undefined when the header is missing, hidden by CORS, or nonsense
 */
export function contentRange(headers) {
  const match = /^\s*bytes\s+(?:(\d+)-(\d+)|\*)\/(?:(\d+)|\*)\s*$/i.exec(headers.get('Content-Range') ?? '');
  if (match === null) return undefined;
  const [start, end, total] = match.slice(1).map((text) => (text === undefined ? undefined : Number(text)));
  if (start !== undefined && end !== undefined && (start > end || (total !== undefined && end >= total))) {
    return undefined;
  }
  return [start, end, total].every((n) => n === undefined || Number.isSafeInteger(n)) ? { start, end, total } : undefined;
}

/**
 * @param {Headers} headers
 * @returns {number | undefined} bytes of the body; undefined when not known, or when it counts compressed bytes
 */
export function contentLength(headers) {
  const text = headers.get('Content-Length')?.trim() ?? '';
  const length = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(length) && !isCompressed(headers) ? length : undefined;
}

/**
 * @param {Headers} headers
 * @returns {boolean} whether `fetch` decompresses the body. (Other encodings, such as the `aws-chunked` that some
 *   objects in S3 carry, are left alone by it.)
 */
export function isCompressed(headers) {
  return /\b(gzip|deflate|br|zstd|compress)\b/i.test(headers.get('Content-Encoding') ?? '');
}

/**
 * What tells one version of a file from another.
 *
 * @typedef {object} Validators
 * @property {string | undefined} etag a strong one
 * @property {string | undefined} modified
 */

/**
 * @param {Headers} headers
 * @returns {Validators}
 */
export function validators(headers) {
  const etag = headers.get('ETag') ?? undefined;
  return {
    etag: etag?.startsWith('"') ? etag : undefined,
    modified: headers.get('Last-Modified') ?? undefined,
  };
}

/**
 * Entity tags decide where both responses have one, else the times do. What only one of them has decides nothing.
 *
 * @param {Validators} a
 * @param {Validators} b
 * @returns {boolean} whether they are surely different versions
 */
export function differ(a, b) {
  if (a.etag !== undefined && b.etag !== undefined) return a.etag !== b.etag;
  return a.modified !== undefined && b.modified !== undefined && a.modified !== b.modified;
}

/**
 * @param {Headers} headers
 * @param {number} now milliseconds since 1970
 * @returns {number | undefined} milliseconds that the server asks to wait: `Retry-After`, in seconds or as a date
 */
export function retryAfter(headers, now) {
  const text = headers.get('Retry-After')?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * Whether a page may send these headers to another origin without asking first (a preflight). Of those that one
 * would set by hand, such as `Authorization`, none is of this kind.
 *
 * @param {Headers} headers
 * @returns {boolean}
 */
export function areSafelisted(headers) {
  return [...headers.keys()].every((name) => name === 'accept' || name === 'accept-language');
}
