/** Finds names below a directory. Every name has to be looked at: that reads the index of the subtree, not its files. */

import type { Entry, Pack } from 'rangepack';
import { inSteps } from '../page/pause.ts';
import type { Listing } from './directory.svelte.ts';
import { matcher } from './match.ts';

/** More would help nobody. */
const MOST = 10_000;

export class Search implements Listing {
  /** It only grows; `count` tells when. */
  #found: Entry[] = [];
  count = $state(0);
  /** Whether it has ended, one way or the other. */
  complete = $state(false);
  error: unknown = $state.raw(undefined);
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

  get loaded() {
    return this.count;
  }

  at(index: number): Entry | undefined {
    return index < this.count ? this.#found[index] : undefined;
  }

  entries(): Entry[] {
    return this.#found.slice(0, this.count);
  }

  /** Results come by themselves. */
  want(): void {}

  /** Begins anew; the pages of the index that came before the failure are still there. */
  retry(): void {
    this.error = undefined;
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
    const look = (entry: Entry) => {
      seen++;
      if (this.#matches(entry.name)) this.#found.push(entry);
      if (this.#found.length < MOST) return;
      this.stopped = 'full';
      return 'enough';
    };
    const tell = () => {
      this.seen = seen;
      this.count = this.#found.length;
    };
    try {
      await inSteps(this.#pack.walk(this.#directory, { signal }), signal, look, tell);
    } catch (error) {
      if (signal.aborted) this.stopped = 'cancelled';
      else this.error = error;
    }
    tell();
    this.complete = true;
  }
}
