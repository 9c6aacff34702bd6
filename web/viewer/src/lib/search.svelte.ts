/** Finds names below a directory. Every name has to be looked at: that reads the index of the subtree, not its files. */

import type { Entry, Pack } from 'rangepack';
import type { Listing } from './directory.svelte.ts';
import { matcher } from './match.ts';

/** More would help nobody. */
const MOST = 10_000;
/** So many names are looked at between two pauses, in which the page can breathe. */
const STEP = 2000;

export class Search implements Listing {
  /** It only grows; `count` tells when. */
  readonly #found: Entry[] = [];
  count = $state(0);
  /** Whether it has ended, one way or the other. */
  complete = $state(false);
  error: unknown = $state.raw(undefined);
  /** Names that were looked at. */
  seen = $state(0);
  stopped: '' | 'cancelled' | 'full' = $state('');
  readonly #abort = new AbortController();

  constructor(pack: Pack, directory: string, query: string) {
    void this.#run(pack, directory, matcher(query));
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

  /** A search that failed is begun anew, as another one. */
  retry(): void {}

  cancel(): void {
    this.#abort.abort();
  }

  async #run(pack: Pack, directory: string, matches: (name: string) => boolean) {
    const { signal } = this.#abort;
    let seen = 0;
    try {
      for await (const entry of pack.walk(directory, { signal })) {
        if (matches(entry.name)) this.#found.push(entry);
        if (this.#found.length >= MOST) {
          this.stopped = 'full';
          break;
        }
        if (++seen % STEP !== 0) continue;
        this.#tell(seen);
        await new Promise((done) => setTimeout(done));
        signal.throwIfAborted();
      }
    } catch (error) {
      if (signal.aborted) this.stopped = 'cancelled';
      else this.error = error;
    }
    this.#tell(seen);
    this.complete = true;
  }

  #tell(seen: number) {
    this.seen = seen;
    this.count = this.#found.length;
  }
}
