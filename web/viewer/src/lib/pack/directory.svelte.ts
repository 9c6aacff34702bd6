/**
 * The children of a directory by their positions, in the order of the names' bytes: how many there are is known at
 * once, and those in sight are fetched, wherever they stand. The tree, the lists and the map share what is kept here.
 */

import type { Entry, Pack } from 'rangepack';
import { untrack } from 'svelte';
import { Blocks } from '../page/blocks.svelte.ts';

/** Entries that are fetched together: one or two pages of the index. */
export const BLOCK = 500;
/** Blocks that are kept: some 50 MB of entries. */
const MOST = 256;

/** A list of entries that comes as it is looked at. */
export interface Listing {
  /** How many there are, as far as is known. */
  readonly count: number;
  /** Whether that is final. */
  readonly complete: boolean;
  /** How many of them are at hand. */
  readonly loaded: number;
  readonly error: unknown;
  /** Undefined: not at hand. */
  at(index: number): Entry | undefined;
  /** Those at hand, in order. */
  entries(): Entry[];
  /** Fetches what is lacking from `first` to `last`. */
  want(first: number, last: number): void;
  /** After a failure: what is wanted is fetched again. */
  retry(): void;
  /** Where a name is. */
  find?(name: string): Promise<Place | undefined>;
  /** Brings about `count` more, from the beginning on; false when no more can be kept. */
  more?(count: number): Promise<boolean>;
}

export interface Place {
  index: number;
  entry: Entry;
}

export class Directory implements Listing {
  readonly path: string;
  readonly #pack: Pack;
  readonly #blocks = new Blocks<Entry[]>(MOST, (block) => this.#fetch(block * BLOCK, BLOCK));
  count = $state(0);
  complete = $state(false);

  constructor(pack: Pack, path: string) {
    this.#pack = pack;
    this.path = path;
  }

  get error(): unknown {
    return this.#blocks.error;
  }

  get loaded(): number {
    let count = 0;
    for (const entries of this.#blocks.all.values()) count += entries.length;
    return count;
  }

  at(index: number): Entry | undefined {
    return this.#blocks.get(Math.floor(index / BLOCK))?.[index % BLOCK];
  }

  entries(): Entry[] {
    return [...this.#blocks.all].sort(([a], [b]) => a - b).flatMap(([, entries]) => entries);
  }

  /** Blocks at hand, by number; nobody counts as having looked at them by this. */
  get blocks(): ReadonlyMap<number, Entry[]> {
    return this.#blocks.all;
  }

  /** Some of those at hand, to tell what kind of directory it is. */
  some(): Entry[] {
    const [first = []] = this.#blocks.all.values();
    return first;
  }

  want(first: number, last: number): void {
    const end = this.complete ? Math.min(last, this.count) : last;
    const blocks: number[] = [];
    for (let block = Math.floor(first / BLOCK); block * BLOCK < end; block++) blocks.push(block);
    this.#blocks.want(blocks);
  }

  retry(): void {
    this.#blocks.retry();
  }

  async #fetch(start: number, limit: number): Promise<Entry[]> {
    const { total, entries } = await this.#pack.children(this.path, { start, limit });
    this.#counted(total);
    return entries;
  }

  #counted(total: number) {
    this.count = total;
    this.complete = true;
  }

  async find(name: string): Promise<Place | undefined> {
    const { total, start, entries } = await this.#pack.children(this.path, { start: name, limit: 1 });
    this.#counted(total);
    const [entry] = entries;
    return entry?.name === name ? { index: start, entry } : undefined;
  }

  async more(count: number): Promise<boolean> {
    const at = this.#blocks.all;
    let first = 0;
    while (at.has(first)) first++;
    const room = MOST - at.size;
    await this.read(first * BLOCK, Math.min(Math.ceil(count / BLOCK), room) * BLOCK);
    return this.#blocks.all.size < MOST;
  }

  /** Children from a position on. What is lacking is fetched in one go, and kept like what is in sight. */
  async read(start: number, count: number): Promise<Entry[]> {
    const from = Math.floor(start / BLOCK);
    const length = Math.ceil((start + count) / BLOCK) - from;
    // An effect that calls this waits for the answer, not for whatever else comes.
    const blocks = untrack(() => Array.from({ length }, (_, i) => this.#blocks.get(from + i)));
    const [first, last] = [blocks.indexOf(undefined), blocks.lastIndexOf(undefined)];
    if (first >= 0) {
      const entries = await this.#fetch((from + first) * BLOCK, (last - first + 1) * BLOCK);
      for (let i = first; i <= last; i++) {
        const block = entries.slice((i - first) * BLOCK, (i - first + 1) * BLOCK);
        if (block.length > 0) this.#blocks.put(from + i, (blocks[i] = block));
      }
    }
    const skip = start - from * BLOCK;
    return blocks.flatMap((block) => block ?? []).slice(skip, skip + count);
  }
}

/** The directories of a pack, each known once. */
export class Directories {
  readonly #pack: Pack;
  readonly #known = new Map<string, Directory>();

  constructor(pack: Pack) {
    this.#pack = pack;
  }

  at(path: string): Directory {
    let directory = this.#known.get(path);
    if (directory === undefined) {
      directory = new Directory(this.#pack, path);
      this.#known.set(path, directory);
    }
    return directory;
  }
}
