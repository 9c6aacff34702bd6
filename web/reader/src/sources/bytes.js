/**
 * Bytes that are in memory already.
 */

import { PackError } from '../errors.js';
import { checkExtent, tailBySize } from './source.js';

/** @import { ByteSource } from './source.js' */

/**
 * @param {ArrayBuffer | ArrayBufferView} data it is not copied and must not change
 * @param {{ name?: string }} [options]
 * @returns {ByteSource}
 */
export function bytesSource(data, { name = 'memory' } = {}) {
  const bytes = asBytes(data);
  if (bytes === undefined) {
    throw new PackError('ERR_ARGUMENT', 'an ArrayBuffer or a Uint8Array is needed.', { url: name });
  }
  /** @type {ByteSource} */
  const source = {
    name,
    size: bytes.length,
    metrics: { requests: 0, bytes: 0 },
    tail: (length, options) => tailBySize(source, bytes.length, length, options),
    async read(offset, length, { signal } = {}) {
      signal?.throwIfAborted();
      checkExtent(name, bytes.length, offset, length);
      source.metrics.requests++;
      source.metrics.bytes += length;
      return bytes.slice(offset, offset + length);
    },
  };
  return source;
}

/**
 * @param {unknown} data
 * @returns {Uint8Array | undefined} the same memory as bytes, if it is memory
 */
export function asBytes(data) {
  if (data instanceof Uint8Array) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return undefined;
}
