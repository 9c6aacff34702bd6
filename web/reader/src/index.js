/**
 * The package `rangepack` for browsers and everything like them.
 */

import { open } from './open.js';
import { PackError } from './errors.js';
import { blobSource } from './sources/blob.js';
import { asBytes, bytesSource } from './sources/bytes.js';
import { customSource } from './sources/custom.js';
import { httpSource } from './sources/http.js';

export { PackError } from './errors.js';
export { cacheStorageCache } from './cache.js';
export { setWasm } from './wasm.js';

/** @import { OpenOptions } from '../types/index.d.ts' */

/**
 * @param {unknown} input
 * @param {OpenOptions} options
 */
export function webSource(input, options) {
  if (typeof input === 'string' || input instanceof URL) return httpSource(input, options);
  if (input instanceof Blob) return blobSource(input);
  if (asBytes(input) !== undefined) return bytesSource(/** @type {ArrayBuffer} */ (input));
  if (typeof input === 'object' && input !== null && 'read' in input && 'size' in input) {
    return customSource(/** @type {Parameters<typeof customSource>[0]} */ (input));
  }
  const message = 'a pack is opened from an address, a Blob, bytes, or an object with `size` and `read`';
  throw new PackError('ERR_ARGUMENT', message);
}

/**
 * @param {unknown} input
 * @param {string} name
 * @param {OpenOptions} options
 */
export function webBeside(input, name, options) {
  if (typeof input !== 'string' && !(input instanceof URL)) return undefined;
  // A name with characters of its own meaning in addresses stays one name in the same folder.
  return httpSource(new URL(encodeURIComponent(name), new URL(input, globalThis.location?.href)), {
    ...options,
    size: undefined,
  });
}

/**
 * @param {unknown} input
 * @param {OpenOptions} [options]
 */
export function openPack(input, options = {}) {
  return open(input, options, { source: webSource, beside: webBeside });
}
