/**
 * The package `rangepack` for browsers and everything like them.
 */

import { open } from './open.js';
import { PackError } from './errors.js';
import { shown } from './options.js';
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
  const message =
    'a pack is opened from an address, a Blob, bytes, or an object with `size` and `read`; in Node also from a path or a ' +
    `FileHandle; not from ${shown(input)}`;
  throw new PackError('ERR_ARGUMENT', message);
}

/**
 * @param {unknown} input
 * @param {string} name of a file in the same folder; empty: the file beside which this one lies
 * @param {OpenOptions} options
 */
export function webBeside(input, name, options) {
  if (typeof input !== 'string' && !(input instanceof URL)) return undefined;
  const url = new URL(input, globalThis.location?.href);
  const folder = url.pathname.slice(0, url.pathname.lastIndexOf('/') + 1);
  const sibling = name === '' ? withoutRpx(url.pathname.slice(folder.length)) : name.split('/').map(escaped).join('/');
  if (sibling === undefined) return undefined;
  url.pathname = folder + sibling;
  return httpSource(url, options);
}

/**
 * @param {unknown} input
 * @param {string} ending
 * @param {OpenOptions} options
 */
export function webLonger(input, ending, options) {
  if (typeof input !== 'string' && !(input instanceof URL)) return undefined;
  const url = new URL(input, globalThis.location?.href);
  url.pathname += ending;
  return httpSource(url, { ...options, size: undefined });
}

/**
 * @param {string} name of an index that lies beside another file
 * @returns {string | undefined} the name of that file
 */
export function withoutRpx(name) {
  return /.\.rpx$/s.test(name) ? name.slice(0, -'.rpx'.length) : undefined;
}

/**
 * A name whose characters have no meaning of their own in addresses.
 *
 * @param {string} name
 */
function escaped(name) {
  // Bytes that are not UTF-8 stand as lone surrogates.
  return [...name].map((character) => {
    const byte = /^[\udc80-\udcff]$/u.test(character) ? character.charCodeAt(0) - 0xdc00 : undefined;
    return byte === undefined ? encodeURIComponent(character) : `%${byte.toString(16)}`;
  }).join('');
}

/**
 * @param {unknown} input
 * @param {OpenOptions} [options]
 */
export function openPack(input, options = {}) {
  return open(input, options, {
    source: webSource,
    beside: webBeside,
    note: (input, options) => webLonger(input, '.grow', options),
    sidecar: (input, options) => webLonger(input, '.rpx', options),
  });
}
