/**
 * Files, in Node.
 */

import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { PackError } from '../errors.js';
import { checkExtent, tailBySize } from '../sources/source.js';

/** @import { FileHandle } from 'node:fs/promises' */
/** @import { BigIntStats } from 'node:fs' */
/** @import { ByteSource } from '../sources/source.js' */

/** Node reads at most 2 GiB − 1 in one go. */
const MOST = 2 ** 30;

/**
 * The file is opened when it is first read. It is not locked: one that shrinks is noticed when a read comes short
 * (ERR_CHANGED), one that grows or is rewritten at the next `tail`.
 *
 * @param {string | URL | FileHandle} file a path, a `file:` URL, or a handle, which stays open
 * @returns {ByteSource}
 */
export function fileSource(file) {
  const path = pathOf(file);
  const name = path ?? 'file';
  /** @type {Promise<{ handle: FileHandle, stat: BigIntStats }> | undefined} */
  let opening;
  let closed = false;

  async function opened() {
    if (closed) throw new PackError('ERR_IO', 'the file has been closed.', { url: name });
    opening ??= openFile();
    try {
      return await opening;
    } catch (error) {
      opening = undefined;
      throw error;
    }
  }

  async function openFile() {
    const handle = path === undefined ? /** @type {FileHandle} */ (file) : await orFail(() => open(path));
    const stat = await orFail(() => handle.stat({ bigint: true }));
    if (!stat.isFile()) {
      if (path !== undefined) await handle.close();
      throw new PackError('ERR_ARGUMENT', 'this is not a regular file.', { url: name });
    }
    source.size = Number(stat.size);
    return { handle, stat };
  }

  /**
   * @template T
   * @param {() => Promise<T>} action
   * @param {{ offset?: number, length?: number }} [extent]
   */
  async function orFail(action, extent) {
    try {
      return await action();
    } catch (cause) {
      const details = { url: name, cause, ...extent };
      const errno = /** @type {{ code?: string, message?: string }} */ (cause);
      if (errno.code === 'ENOENT') throw new PackError('ERR_NOT_FOUND', 'there is no such file.', details);
      if (errno.code === 'EACCES' || errno.code === 'EPERM') {
        throw new PackError('ERR_FORBIDDEN', 'the file may not be read. Check its permissions.', details);
      }
      throw new PackError('ERR_IO', `the file could not be read: ${errno.message}.`, details);
    }
  }

  /** @type {ByteSource} */
  const source = {
    name,
    size: undefined,
    metrics: { requests: 0, bytes: 0 },
    async tail(length, options = {}) {
      options.signal?.throwIfAborted();
      const { handle, stat } = await opened();
      const now = await orFail(() => handle.stat({ bigint: true }));
      if (differs(stat, now)) throw changed(name, stat, now);
      return tailBySize(source, Number(stat.size), length, options);
    },
    async read(offset, length, { signal } = {}) {
      signal?.throwIfAborted();
      const { handle, stat } = await opened();
      const extent = { offset, length };
      checkExtent(name, Number(stat.size), offset, length);
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; ) {
        signal?.throwIfAborted();
        source.metrics.requests++;
        const most = Math.min(length - at, MOST);
        const { bytesRead } = await orFail(() => handle.read(bytes, at, most, offset + at), extent);
        if (bytesRead === 0) throw changed(name, stat, await orFail(() => handle.stat({ bigint: true })));
        source.metrics.bytes += bytesRead;
        at += bytesRead;
      }
      signal?.throwIfAborted();
      return bytes;
    },
    async close() {
      closed = true;
      const was = await opening?.catch(() => undefined);
      if (path !== undefined) await was?.handle.close();
    },
  };
  return source;
}

/** @param {string | URL | FileHandle} file */
function pathOf(file) {
  try {
    if (file instanceof URL || (typeof file === 'string' && /^file:\/\//i.test(file))) return fileURLToPath(file);
  } catch (cause) {
    throw new PackError('ERR_ARGUMENT', `this address names no file: ${String(file)}.`, { cause });
  }
  return typeof file === 'string' ? file : undefined;
}

/**
 * @param {BigIntStats} a
 * @param {BigIntStats} b
 */
function differs(a, b) {
  return a.size !== b.size || a.mtimeNs !== b.mtimeNs;
}

/**
 * @param {string} name
 * @param {BigIntStats} was
 * @param {BigIntStats} is
 */
function changed(name, was, is) {
  const how = was.size === is.size ? 'written to' : `${was.size} bytes long when it was opened, and now ${is.size}`;
  return new PackError('ERR_CHANGED', `the file was changed while it was being read (${how}). Open it again.`, {
    url: name,
  });
}
