/**
 * One file of a pack, with the methods of a browser's `File`.
 */

import { READ, checkOptions } from './options.js';
import { typeOf } from './types.js';

/** @import { Contents } from './contents.js' */
/** @import { FileEntry, ReadOptions } from '../types/index.d.ts' */

/** A file of a pack, or a part of one. Nothing is read until its content is asked for. */
export class PackFile {
  #contents;
  #start;
  #end;

  /**
   * @param {Contents} contents
   * @param {FileEntry} entry
   * @param {{ start?: number, end?: number, type?: string }} [part]
   */
  constructor(contents, entry, { start = 0, end = entry.size, type = typeOf(entry.name) } = {}) {
    this.#contents = contents;
    this.#start = start;
    this.#end = end;
    /** Everything that the pack knows of the file. */
    this.entry = entry;
    /** Its media type, told from its name; empty when that says nothing. */
    this.type = type;
  }

  get name() {
    return this.entry.name;
  }

  /** In bytes. */
  get size() {
    return this.#end - this.#start;
  }

  /** In whole milliseconds since 1970; 0 when the pack does not say. */
  get lastModified() {
    return Math.floor(this.entry.mtimeMs ?? 0);
  }

  /**
   * A part of the file; negative positions count from its end. Nothing is read yet.
   *
   * @param {number} [start]
   * @param {number} [end]
   * @param {string} [type]
   * @returns {PackFile}
   */
  slice(start = 0, end = this.size, type = '') {
    /** @param {number} position */
    const clamp = (position) => {
      const whole = Math.trunc(Number(position) || 0);
      return whole < 0 ? Math.max(this.size + whole, 0) : Math.min(whole, this.size);
    };
    const from = this.#start + clamp(start);
    const to = Math.max(this.#start + clamp(end), from);
    return new PackFile(this.#contents, this.entry, { start: from, end: to, type });
  }

  /**
   * @param {ReadOptions} [options]
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  async bytes(options = {}) {
    checkOptions(options, READ);
    return this.#contents.range(this.entry, this.#start, this.#end, options);
  }

  /**
   * @param {ReadOptions} [options]
   * @returns {Promise<ArrayBuffer>}
   */
  async arrayBuffer(options) {
    const bytes = await this.bytes(options);
    const { buffer, byteOffset, byteLength } = bytes;
    const own = buffer instanceof ArrayBuffer && byteLength === buffer.byteLength;
    return own ? buffer : /** @type {ArrayBuffer} */ (buffer.slice(byteOffset, byteOffset + byteLength));
  }

  /**
   * The content as a `Blob` of the file's type, in memory.
   *
   * @param {ReadOptions} [options]
   * @returns {Promise<Blob>}
   */
  async blob(options) {
    return new Blob([await this.bytes(options)], { type: this.type });
  }

  /**
   * The content as text in UTF-8.
   *
   * @param {ReadOptions} [options]
   * @returns {Promise<string>}
   */
  async text(options) {
    return new TextDecoder().decode(await this.bytes(options));
  }

  /**
   * @param {ReadOptions} [options]
   * @returns {Promise<unknown>}
   */
  async json(options) {
    return JSON.parse(await this.text(options));
  }

  /**
   * The content in pieces, in bounded memory.
   *
   * @param {ReadOptions} [options]
   * @returns {ReadableStream<Uint8Array<ArrayBuffer>>}
   */
  stream(options = {}) {
    checkOptions(options, READ);
    const { signal } = options;
    const abort = new AbortController();
    const both = signal === undefined ? abort.signal : AbortSignal.any([signal, abort.signal]);
    const pieces = this.#contents.pieces(this.entry, this.#start, this.#end, { signal: both });
    return new ReadableStream({
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else if (value.length > 0) controller.enqueue(value);
      },
      async cancel(reason) {
        abort.abort(reason);
        await pieces.return();
      },
    });
  }
}
