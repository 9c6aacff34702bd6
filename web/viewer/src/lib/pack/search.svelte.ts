/**
 * Finds names below a directory. Every name has to be looked at: the first time that reads the index of the subtree, not its
 * files; from then on the names are at hand, and of what is found only what is in sight is looked up.
 */

import type { Entry, Pack } from 'rangepack';
import { Blocks } from '../page/blocks.svelte.ts';
import { inSteps } from '../page/pause.ts';
import type { Listing } from './directory.svelte.ts';
import { matcher } from './match.ts';
import { namesBelow, type Named } from './names.ts';

/** More would help nobody. */
const MOST = 10_000;
/** Entries that are looked up together, and how many times that are kept. */
const BLOCK = 50;
const BLOCKS = MOST / BLOCK;

export class Search implements Listing {
  /** It only grows; `count` tells when. */
  #found: Named[] = [];
  count = $state(0);
  /** Whether it has ended, one way or the other. */
  complete = $state(false);
  #error: unknown = $state.raw(undefined);
  /** Names that were looked at. */
  seen = $state(0);
  stopped: '' | 'cancelled' | 'full' = $state('');
  readonly #abort = new AbortController();

  readonly #pack: Pack;
  readonly #directory: string;
  readonly #matches: (name: string) => boolean;

  constructor(pack: Pack, directory: string, query: string) {
    this.#pack = pack;
    this.#directory = directory;
    this.#matches = matcher(query);
    void this.#run();
  }

  readonly #blocks = new Blocks<Entry[]>(BLOCKS, (block) => this.#lookUp(block));

  get error(): unknown {
    return this.#error ?? this.#blocks.error;
  }

  get loaded(): number {
    return this.entries().length;
  }

  at(index: number): Entry | undefined {
    if (index >= this.count) return undefined;
    return this.#found[index]?.entry ?? this.#blocks.get(Math.floor(index / BLOCK))?.[index % BLOCK];
  }

  entries(): Entry[] {
    return Array.from({ length: this.count }, (_, index) => this.at(index)).filter((entry) => entry !== undefined);
  }

  want(first: number, last: number): void {
    // While more may come, the last block is none yet.
    const count = this.complete ? this.count : this.count - (this.count % BLOCK);
    const blocks = new Set<number>();
    for (let index = first; index < Math.min(last, count); index++) {
      if (this.#found[index]?.entry === undefined) blocks.add(Math.floor(index / BLOCK));
    }
    this.#blocks.want(blocks);
  }

  async more(): Promise<boolean> {
    for (let block = 0; block * BLOCK < this.count; block++) {
      if (this.at(block * BLOCK) === undefined) this.#blocks.put(block, await this.#lookUp(block));
    }
    return true;
  }

  async #lookUp(block: number): Promise<Entry[]> {
    const named = this.#found.slice(block * BLOCK, (block + 1) * BLOCK);
    const entries = await Promise.all(named.map(async ({ path, entry }) => entry ?? this.#pack.lstat(path)));
    // All of them were there when they were walked over.
    return entries.filter((entry) => entry !== undefined);
  }

  /** Begins anew; the pages of the index that came before the failure are still there. */
  retry(): void {
    if (this.#error === undefined) return this.#blocks.retry();
    this.#error = undefined;
    this.complete = false;
    this.#found = [];
    this.count = 0;
    void this.#run();
  }

  cancel(): void {
    this.#abort.abort();
  }

  async #run() {
    const { signal } = this.#abort;
    let seen = 0;
    const look = (named: Named) => {
      seen++;
      if (this.#matches(named.name)) this.#found.push(named);
      if (this.#found.length < MOST) return;
      this.stopped = 'full';
      return 'enough';
    };
    const tell = () => {
      this.seen = seen;
      this.count = this.#found.length;
    };
    try {
      await inSteps(namesBelow(this.#pack, this.#directory, signal), signal, look, tell);
    } catch (error) {
      if (signal.aborted) this.stopped = 'cancelled';
      else this.#error = error;
    }
    tell();
    this.complete = true;
  }
}
