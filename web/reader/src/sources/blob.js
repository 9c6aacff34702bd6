/**
 * Blobs, and files that a user has chosen in a web page.
 */

import { abortable } from '../abort.js';
import { PackError } from '../errors.js';
import { checkExtent, tailBySize } from './source.js';

/** @import { ByteSource } from './source.js' */

/**
 * @param {Blob} blob a `File` too
 * @returns {ByteSource}
 */
export function blobSource(blob) {
  const name = 'name' in blob && typeof blob.name === 'string' && blob.name !== '' ? blob.name : 'blob';
  /** @type {ByteSource} */
  const source = {
    name,
    size: blob.size,
    metrics: { requests: 0, bytes: 0 },
    tail: (length, options) => tailBySize(source, blob.size, length, options),
    async read(offset, length, { signal } = {}) {
      signal?.throwIfAborted();
      checkExtent(name, blob.size, offset, length);
      source.metrics.requests++;
      const details = { url: name, offset, length };
      let buffer;
      try {
        buffer = await abortable(blob.slice(offset, offset + length).arrayBuffer(), signal);
      } catch (cause) {
        signal?.throwIfAborted();
        // What a browser says when the file behind a `File` has been modified, moved or deleted.
        const message = 'the file can no longer be read; it was changed, moved or deleted. Choose it again.';
        throw new PackError('ERR_CHANGED', message, { ...details, cause });
      }
      source.metrics.bytes += buffer.byteLength;
      if (buffer.byteLength !== length) {
        const message = `${buffer.byteLength} bytes came instead of ${length}; the file was changed. Choose it again.`;
        throw new PackError('ERR_CHANGED', message, details);
      }
      return new Uint8Array(buffer);
    },
  };
  return source;
}
