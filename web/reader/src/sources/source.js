/**
 * Where bytes come from: the interface between the reader and HTTP, files, Blobs and memory.
 */

import { PackError } from '../errors.js';

/**
 * One file that can be read at any place.
 *
 * Every method rejects with a `PackError`, or with the reason of the signal when that is aborted. What a method
 * returns has a buffer of its own: the caller may change or transfer it.
 *
 * @typedef {object} ByteSource
 * @property {string} name for messages; holds no secrets
 * @property {number | undefined} size in bytes; undefined until it is known
 * @property {(length: number, options?: ReadOptions) => Promise<Tail>} tail reads the end of the file, and finds
 *   out its size: the way to open a pack
 * @property {(offset: number, length: number, options?: ReadOptions) => Promise<Uint8Array>} read gives exactly
 *   `length` bytes, or rejects
 * @property {(offset: number, length: number, options?: ReadOptions) => AsyncIterable<Uint8Array>} [stream] gives
 *   the same in pieces, as they come
 * @property {Metrics} metrics
 * @property {() => void | Promise<void>} [close]
 */

/**
 * @typedef {object} ReadOptions
 * @property {AbortSignal} [signal]
 */

/**
 * @typedef {object} Tail
 * @property {number} size of the whole file in bytes
 * @property {Uint8Array} bytes the last bytes: as many as asked for, or all that there are
 */

/**
 * What was asked of the server, the disk or the like so far.
 * @typedef {object} Metrics
 * @property {number} requests
 * @property {number} bytes that came, wanted or not
 */

/** Pieces in which a source without `stream` is read. */
const PIECE = 1024 * 1024;

/**
 * @param {unknown} value
 * @returns {value is number} whether it can be an offset, a length or a size
 */
export function isCount(value) {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/**
 * Makes sure that a range can be read at all.
 *
 * @param {string} name
 * @param {number | undefined} size
 * @param {number} offset
 * @param {number} length
 */
export function checkExtent(name, size, offset, length) {
  const details = { url: name, offset, length };
  if (!isCount(offset) || !isCount(length) || !isCount(offset + length)) {
    throw new PackError('ERR_ARGUMENT', `no such range: ${length} bytes at ${offset}.`, details);
  }
  if (size !== undefined && offset + length > size) {
    const message = `the file ends at ${size}, but ${length} bytes at ${offset} were asked for.`;
    throw new PackError('ERR_RANGE_NOT_SATISFIABLE', message, details);
  }
}

/**
 * @param {string} name
 * @param {number} given as the option `size`
 * @param {number} size
 */
export function wrongSize(name, given, size) {
  const message = `the option \`size\` says that the file has ${given} bytes, but it has ${size}. Leave it out where it is not known.`;
  return new PackError('ERR_ARGUMENT', message, { url: name });
}

/**
 * The pieces of a range, as they come; from any source.
 *
 * @param {ByteSource} source
 * @param {number} offset
 * @param {number} length
 * @param {ReadOptions} [options]
 * @returns {AsyncGenerator<Uint8Array, void, void>}
 */
export async function* streamOf(source, offset, length, options) {
  if (source.stream !== undefined) {
    yield* source.stream(offset, length, options);
    return;
  }
  checkExtent(source.name, source.size, offset, length);
  for (let at = 0; at < length; at += PIECE) {
    yield await source.read(offset + at, Math.min(PIECE, length - at), options);
  }
}

/**
 * `tail` for a source that knows its size.
 *
 * @param {ByteSource} source
 * @param {number} size
 * @param {number} length
 * @param {ReadOptions} [options]
 * @returns {Promise<Tail>}
 */
export async function tailBySize(source, size, length, options) {
  checkExtent(source.name, undefined, 0, length);
  const some = Math.min(length, size);
  return { size, bytes: await source.read(size - some, some, options) };
}
