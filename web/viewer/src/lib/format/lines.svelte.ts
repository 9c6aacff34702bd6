/**
 * The lines of a file of any size, fetched as they are looked at: forward from the start, or from anywhere.
 */

import type { PackFile } from 'rangepack';

/** As much as the package verifies at once in a large file. */
const BLOCK = 256 * 1024;

/** Longer lines are broken: no browser lays out a row of a million letters in time. */
export const LONGEST = 2000;

export interface Line {
  text: string;
  /** Whether it goes on from the row above, being too long for one. */
  goesOn: boolean;
}

export class Lines {
  readonly #file: PackFile;
  /** It only grows; `count` tells when. */
  readonly lines: Line[] = [];
  count = $state(0);
  complete = $state(false);
  error: unknown = $state.raw(undefined);
  /** Letters of the longest line so far. */
  longest = $state(0);
  /** Bytes that have been read. */
  read = $state(0);
  #next: number;
  #rest = '';
  #isFirst: boolean;
  readonly #decoder = new TextDecoder();
  #coming: Promise<void> | undefined;

  /** From the first line that begins at or behind `start`, in bytes. */
  constructor(file: PackFile, start = 0) {
    this.#file = file;
    this.#next = start;
    // What stands before the first line break belongs to a line further up.
    this.#isFirst = start > 0;
  }

  more(): Promise<void> {
    if (this.complete) return Promise.resolve();
    this.#coming ??= this.#load().finally(() => (this.#coming = undefined));
    return this.#coming;
  }

  async #load() {
    this.error = undefined;
    try {
      const end = Math.min(this.#next + BLOCK, this.#file.size);
      const bytes = await this.#file.slice(this.#next, end).bytes();
      this.#next = end;
      const last = end >= this.#file.size;
      const text = this.#rest + this.#decoder.decode(bytes, { stream: !last });
      const lines = text.split(/\r?\n/);
      this.#rest = last ? '' : (lines.pop() ?? '');
      if (last && lines.at(-1) === '') lines.pop();
      if (this.#isFirst && lines.length > 0) {
        lines.shift();
        this.#isFirst = false;
      }
      for (const line of lines) this.#add(line);
      if (this.#rest.length > BLOCK) {
        // A line without end: shown in parts as it comes.
        this.#add(this.#rest);
        this.#rest = '';
      }
      this.complete = last;
      this.read += bytes.length;
      this.count = this.lines.length;
    } catch (error) {
      this.error = error;
    }
  }

  #add(line: string) {
    for (let at = 0; at === 0 || at < line.length; at += LONGEST) {
      const text = line.slice(at, at + LONGEST);
      this.lines.push({ text, goesOn: at > 0 });
      if (text.length > this.longest) this.longest = text.length;
    }
  }
}
