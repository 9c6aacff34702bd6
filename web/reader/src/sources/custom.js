/**
 * Bytes from anywhere: an object with `size` and `read`.
 */

import { abortable } from '../abort.js';
import { PackError } from '../errors.js';
import { shown } from '../options.js';
import { asBytes } from './bytes.js';
import { checkExtent, isCount, tailBySize } from './source.js';

/** @import { ByteSource, ReadOptions } from './source.js' */

/**
 * @typedef {object} CustomReader
 * @property {number | PromiseLike<number> | ((options: ReadOptions) => number | PromiseLike<number>)} size in bytes;
 *   a function is called once, when the size is first needed, and again only if it failed
 * @property {(offset: number, length: number, options: ReadOptions) =>
 *   ArrayBuffer | ArrayBufferView | PromiseLike<ArrayBuffer | ArrayBufferView>} read must give exactly `length`
 *   bytes, in memory that it does not touch again. It is never asked for 0 bytes or beyond the end.
 * @property {string} [name] for messages
 */

/**
 * What the reader throws becomes the cause of a `PackError`; one of its own, and the reason of the signal, stay as they are.
 *
 * @param {CustomReader} reader
 * @returns {ByteSource}
 */
export function customSource(reader) {
  const name = typeof reader.name === 'string' ? reader.name : 'custom source';
  if (typeof reader.read !== 'function') {
    throw new PackError('ERR_ARGUMENT', 'a source needs a function read(offset, length, { signal }).', { url: name });
  }

  /**
   * @template T
   * @param {() => T | PromiseLike<T>} ask
   * @param {AbortSignal} [signal]
   * @param {{ offset?: number, length?: number }} [extent]
   * @returns {Promise<T>}
   */
  async function asked(ask, signal, extent) {
    try {
      return await abortable(Promise.resolve(ask()), signal);
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof PackError) throw cause;
      const why = cause instanceof Error ? cause.message : shown(cause);
      throw new PackError('ERR_IO', `the source that was passed in failed: ${why}.`, { url: name, cause, ...extent });
    }
  }

  /** @type {Promise<number> | undefined} */
  let finding;

  /** @param {ReadOptions} options */
  async function size(options) {
    finding ??= findSize();
    try {
      source.size = await abortable(finding, options.signal);
    } catch (error) {
      if (!options.signal?.aborted) finding = undefined;
      throw error;
    }
    return source.size;
  }

  // Without the signal: all who wait share the answer.
  async function findSize() {
    const found = await asked(() => (typeof reader.size === 'function' ? reader.size({}) : reader.size));
    if (isCount(found)) return found;
    throw new PackError('ERR_NO_SIZE', `size must be a whole number of bytes, not ${shown(found)}.`, { url: name });
  }

  /** @type {ByteSource} */
  const source = {
    name,
    size: isCount(reader.size) ? reader.size : undefined,
    metrics: { requests: 0, bytes: 0 },
    tail: async (length, options = {}) => tailBySize(source, await size(options), length, options),
    async read(offset, length, options = {}) {
      options.signal?.throwIfAborted();
      checkExtent(name, await size(options), offset, length);
      if (length === 0) return new Uint8Array(0);
      source.metrics.requests++;
      const details = { url: name, offset, length };
      const answer = await asked(() => reader.read(offset, length, { signal: options.signal }), options.signal, details);
      const bytes = asBytes(answer);
      if (bytes === undefined) {
        throw new PackError('ERR_ARGUMENT', `read must give an ArrayBuffer or a Uint8Array, not ${shown(answer)}.`, details);
      }
      source.metrics.bytes += bytes.length;
      if (bytes.length !== length) {
        const message = `read gave ${bytes.length} bytes instead of the ${length} at ${offset}. It must give exactly as many.`;
        throw new PackError('ERR_SHORT_BODY', message, details);
      }
      // Memory that is shared is not the caller's own.
      return bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice();
    },
  };
  return source;
}
