/**
 * An open file: like Node's `FileHandle`, and its streams.
 */

import { Readable } from 'node:stream';
import { asNodeError, errno } from './errors.js';
import { Stats } from './stats.js';

/** @import { ReadOptions } from '../../../types/index.d.ts' */
/** @import { PackFile } from '../../../types/index.d.ts' */

/** Files up to this length are kept while they are open; parts of larger ones are kept by the pack. */
const KEPT = 8 * 1024 * 1024;

/** How much a stream gives out at a time, unless told otherwise; as in Node. */
const HIGH_WATER_MARK = 64 * 1024;

/** @typedef {{ start?: number, end?: number, encoding?: BufferEncoding, signal?: AbortSignal, highWaterMark?: number }} StreamOptions */

/** A file that was opened. */
export class Handle {
  #file;
  #path;
  #position = 0;
  #closed = false;
  /** @type {Promise<Uint8Array> | undefined} */
  #content;
  /** @type {{ at: number, reader: ReadableStreamDefaultReader<Uint8Array>, left: Uint8Array } | undefined} */
  #stream;

  /**
   * @param {PackFile} file
   * @param {string} path as it was asked for
   */
  constructor(file, path) {
    this.#file = file;
    this.#path = path;
  }

  /** There is no number that the operating system would know. */
  get fd() {
    return -1;
  }

  /** @param {string} syscall */
  #check(syscall) {
    if (this.#closed) throw errno('EBADF', syscall);
  }

  /**
   * @param {NodeJS.ArrayBufferView | { buffer?: NodeJS.ArrayBufferView, offset?: number, length?: number, position?: number | bigint | null }} [buffer]
   * @param {number | { offset?: number, length?: number, position?: number | bigint | null } | null} [offset]
   * @param {number | null} [length]
   * @param {number | bigint | null} [position] null: where the read before ended
   */
  async read(buffer, offset, length, position) {
    this.#check('read');
    if (!ArrayBuffer.isView(buffer)) ({ buffer, offset, length, position } = { offset: 0, ...buffer });
    else if (typeof offset === 'object' && offset !== null) ({ offset = 0, length, position } = offset);
    const target = buffer ?? Buffer.alloc(16 * 1024);
    const from = Number(offset ?? 0);
    const count = length ?? target.byteLength - from;
    if (!(from >= 0 && count >= 0 && from + count <= target.byteLength)) throw errno('EINVAL', 'read', this.#path);
    const given = position !== null && position !== undefined && Number(position) >= 0;
    const start = given ? Number(position) : this.#position;
    const end = Math.min(start + count, this.#file.size);
    const bytes = start < end ? await this.#bytes(start, end) : new Uint8Array();
    new Uint8Array(target.buffer, target.byteOffset + from, count).set(bytes);
    if (!given) this.#position = start + bytes.length;
    return { bytesRead: bytes.length, buffer: target };
  }

  /**
   * @param {number} start
   * @param {number} end
   */
  async #bytes(start, end) {
    const { entry, size } = this.#file;
    try {
      if (entry.blocks !== undefined) return await this.#file.slice(start, end).bytes();
      if (size > KEPT) return await this.#next(start, end);
      this.#content ??= this.#file.bytes();
      return (await this.#content).subarray(start, end);
    } catch (error) {
      this.#content = undefined;
      throw asNodeError(error, 'read', this.#path);
    }
  }

  /**
   * Large files of old containers can only be read from their beginning: a read that continues the last one continues
   * its stream.
   *
   * @param {number} start
   * @param {number} end
   */
  async #next(start, end) {
    if (this.#stream?.at !== start) {
      void this.#stream?.reader.cancel().catch(() => {});
      this.#stream = { at: start, reader: this.#file.slice(start).stream().getReader(), left: new Uint8Array() };
    }
    const stream = this.#stream;
    // Who reads from the same place meanwhile begins a stream of its own.
    this.#stream = undefined;
    const bytes = new Uint8Array(end - start);
    for (let at = 0; at < bytes.length; ) {
      if (stream.left.length === 0) {
        const { done, value } = await stream.reader.read();
        if (done) break;
        stream.left = value;
      }
      const piece = stream.left.subarray(0, bytes.length - at);
      bytes.set(piece, at);
      stream.left = stream.left.subarray(piece.length);
      at += piece.length;
    }
    stream.at = end;
    if (this.#closed) await stream.reader.cancel();
    else this.#stream = stream;
    return bytes;
  }

  /** @param {{ bigint?: boolean }} [options] */
  async stat(options) {
    this.#check('fstat');
    return new Stats(this.#file.entry, options?.bigint);
  }

  /** @param {BufferEncoding | { encoding?: BufferEncoding | null, signal?: AbortSignal } | null} [options] */
  async readFile(options) {
    this.#check('read');
    return contentOf(this.#file, this.#path, options);
  }

  /** @param {StreamOptions} [options] */
  createReadStream(options) {
    this.#check('read');
    return readStream(async () => this.#file, this.#path, options);
  }

  readableWebStream() {
    this.#check('read');
    return this.#file.stream();
  }

  async write() {
    throw errno('EBADF', 'write');
  }

  async writeFile() {
    throw errno('EBADF', 'write');
  }

  async close() {
    this.#closed = true;
    this.#content = undefined;
    await this.#stream?.reader.cancel();
    this.#stream = undefined;
  }

  [Symbol.for('nodejs.asyncDispose')]() {
    return this.close();
  }
}

// The well-known symbol: in Node 20 it is the one above.
Object.defineProperty(Handle.prototype, Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose'), {
  value: Handle.prototype.close,
  configurable: true,
});

/**
 * @param {PackFile} file
 * @param {string} path
 * @param {BufferEncoding | { encoding?: BufferEncoding | null, signal?: AbortSignal } | null} [options]
 * @returns {Promise<string | Buffer>}
 */
export async function contentOf(file, path, options) {
  const { encoding, signal } = typeof options === 'string' ? { encoding: options, signal: undefined } : (options ?? {});
  try {
    const bytes = await file.bytes({ signal });
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return encoding ? buffer.toString(encoding) : buffer;
  } catch (error) {
    throw asNodeError(error, 'read', path, signal);
  }
}

/**
 * @param {(signal: AbortSignal) => Promise<PackFile>} open
 * @param {string} path
 * @param {StreamOptions | BufferEncoding} [options] `end` is the last byte, as in Node
 * @returns {Readable & { path: string, bytesRead: number }}
 */
export function readStream(open, path, options) {
  const given = typeof options === 'string' ? { encoding: options } : (options ?? {});
  const { start = 0, end = Infinity, encoding, highWaterMark = HIGH_WATER_MARK } = given;
  for (const [what, value] of Object.entries({ start, end })) {
    if (!(value >= 0) || (value !== Infinity && !Number.isSafeInteger(value))) {
      const message = `The value of "${what}" is out of range. It must be a whole number of bytes. Received ${value}`;
      throw Object.assign(new RangeError(message), { code: 'ERR_OUT_OF_RANGE' });
    }
  }
  const abort = new AbortController();
  async function* pieces() {
    try {
      const file = await open(abort.signal);
      stream.emit('open', -1);
      stream.emit('ready');
      const part = file.slice(start, Math.min(end + 1, file.size));
      for await (const piece of part.stream({ signal: abort.signal })) {
        for (let at = 0; at < piece.length; at += highWaterMark) {
          const some = piece.subarray(at, at + highWaterMark);
          stream.bytesRead += some.length;
          yield Buffer.from(some.buffer, some.byteOffset, some.length);
        }
      }
    } catch (error) {
      throw asNodeError(error, 'read', path, abort.signal);
    }
  }
  const readable = Readable.from(pieces(), { objectMode: false, highWaterMark, encoding, signal: given.signal });
  // A stream that is given up must not wait for a request.
  readable.once('close', () => abort.abort());
  const stream = Object.assign(readable, { path, bytesRead: 0, close: () => readable.destroy() });
  return stream;
}
