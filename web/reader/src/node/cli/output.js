/**
 * Standard output and standard error.
 */

import { nameBytes } from '../../names.js';
import { escaped, printable } from './format.js';

/** Written at once. */
const BUFFER = 64 * 1024;

/** Standard output, buffered; must be flushed at the end. */
export class Output {
  #stream = process.stdout;
  /** @type {Uint8Array[]} */
  #pieces = [];
  #length = 0;
  /** @param {boolean} escape whether names are written so that a terminal can show them */
  constructor(escape = process.stdout.isTTY) {
    this.escape = escape;
    // Every write is told of its error; without a listener the event would end the process.
    this.#stream.on('error', () => {});
  }

  /** @param {string} name @returns {Uint8Array} */
  name(name) {
    return this.escape ? Buffer.from(escaped(name)) : nameBytes(name);
  }

  /** @param {(string | Uint8Array)[]} pieces */
  async write(...pieces) {
    for (const piece of pieces) {
      const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
      this.#pieces.push(bytes);
      this.#length += bytes.length;
    }
    if (this.#length >= BUFFER) await this.flush();
  }

  /** Waits until everything was taken. */
  async flush() {
    if (this.#pieces.length === 0) return;
    const bytes = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
    [this.#pieces, this.#length] = [[], 0];
    await new Promise((done, failed) => {
      this.#stream.write(bytes ?? '', (error) => (error ? failed(new OutputError(error)) : done(undefined)));
    });
  }
}

/** Standard output cannot be written to. */
export class OutputError extends Error {
  /** @param {Error} cause */
  constructor(cause) {
    super(`cannot write to standard output: ${cause.message}`, { cause });
    /** Whoever closed the pipe has read enough. */
    this.isClosedPipe = 'code' in cause && cause.code === 'EPIPE';
  }
}

/** @param {string} line */
export function note(line) {
  process.stderr.write(`${line}\n`);
}

/** @param {string} problem @param {string} [hint] */
export function complain(problem, hint) {
  note(`rangepack: error: ${printable(problem)}`);
  if (hint !== undefined) note(`hint: ${hint}`);
}
