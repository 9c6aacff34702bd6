/**
 * A directory that is loaded as it is looked at: page after page, in the order of the names' bytes.
 *
 * The package tells how much lies below a directory but not how many children it has, and goes on from a name, not from
 * a number. So lists grow while one scrolls, and say that there is more: the scroll bar stands for what is loaded. (With
 * the number of children and pages by position it could stand for all, and a deep link could lead to its place.)
 */

import type { Entry, Pack } from 'rangepack';

/** One or two index pages at first; whoever scrolls on gets more at once. */
const PAGE = { least: 500, most: 4000 };

/** A list that grows while one looks at it. */
export interface Listing {
  readonly entries: Entry[];
  readonly count: number;
  readonly complete: boolean;
  readonly loading: boolean;
  readonly error: unknown;
  more(): Promise<void>;
  upTo?(count: number): Promise<void>;
}

export class Directory implements Listing {
  readonly path: string;
  readonly #pack: Pack;
  /** What is loaded. It only grows; `count` tells when. */
  readonly entries: Entry[] = [];
  count = $state(0);
  complete = $state(false);
  loading = $state(false);
  error: unknown = $state.raw(undefined);
  #coming: Promise<void> | undefined;

  constructor(pack: Pack, path: string) {
    this.#pack = pack;
    this.path = path;
  }

  /** The next page. Calls at the same time share it; failures are kept in `error`. */
  more(): Promise<void> {
    if (this.complete) return Promise.resolve();
    this.#coming ??= this.#load().finally(() => (this.#coming = undefined));
    return this.#coming;
  }

  async #load() {
    this.loading = true;
    this.error = undefined;
    try {
      const limit = Math.min(Math.max(this.entries.length, PAGE.least), PAGE.most);
      const page = await this.#pack.readdir(this.path, { after: this.entries.at(-1)?.name, limit });
      for (const entry of page) this.entries.push(entry);
      this.complete = page.length < limit;
      this.count = this.entries.length;
    } catch (error) {
      this.error = error;
    } finally {
      this.loading = false;
    }
  }

  /** Pages until at least `count` entries are there, or all. */
  async upTo(count: number): Promise<void> {
    while (!this.complete && this.entries.length < count && this.error === undefined) await this.more();
  }

  /** Where a name is among what is loaded; -1 if it is not. Looks through `pages` further ones. */
  async find(name: string, pages: number): Promise<number> {
    for (let checked = 0; ; ) {
      for (; checked < this.entries.length; checked++) if (this.entries[checked]?.name === name) return checked;
      if (this.complete || pages-- === 0) return -1;
      await this.more();
      if (this.error !== undefined) return -1;
    }
  }
}

/** The directories of a pack, each loaded once. */
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
