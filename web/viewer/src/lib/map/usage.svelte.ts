/**
 * How the bytes of a pack are shared out among its directories. The index has the totals of each directory, so that a
 * level is known as soon as its children are listed; nothing below them is read.
 */

import type { Entry } from 'rangepack';
import { SvelteMap } from 'svelte/reactivity';
import type { Directories, Directory } from '../pack/directory.svelte.ts';
import { pause } from '../page/pause.ts';
import type { Listed, Measure } from './shares.ts';

/** Children that are listed at first, and more of them on demand. */
const PAGE = { first: 2000, more: 4000 };

/** The children of one directory, from the first one on: the map shows what was listed so far. */
export class Level implements Listed {
  /** In the order of their names, as far as they were listed. */
  entries: Entry[] = $state.raw([]);
  complete = $state(false);
  loading = $state(false);
  error: unknown = $state.raw(undefined);
  readonly #directory: Directory;

  constructor(directory: Directory) {
    this.#directory = directory;
  }

  /** Further children. Failures are kept in `error`. */
  async more(): Promise<void> {
    if (this.complete || this.loading) return;
    this.loading = true;
    this.error = undefined;
    try {
      const limit = this.entries.length === 0 ? PAGE.first : PAGE.more;
      // What is in memory comes at once: the page must have time for others.
      if (this.entries.length > 0) await pause();
      const page = await this.#directory.read(this.entries.length, limit);
      this.entries = [...this.entries, ...page];
      // A count is the pack's own word: where nothing more comes, that is all.
      this.complete = page.length < limit || this.entries.length >= this.#directory.count;
    } catch (error) {
      this.error = error;
    } finally {
      this.loading = false;
    }
  }
}

/** Where one is in the map: a directory, and how many of its heaviest children are left out. */
export interface Step {
  entry: Entry;
  skip: number;
}

/** The map of one pack: what it shows, and the levels that it has read. */
export class Usage {
  by: Measure = $state('bytes');
  trail: Step[] = $state.raw([]);
  readonly #levels = new SvelteMap<string, Level>();
  readonly #directories: Directories;

  constructor(directories: Directories, root: Entry) {
    this.#directories = directories;
    this.trail = [{ entry: root, skip: 0 }];
  }

  /** The children of a directory, if they were asked for. */
  level(path: string): Level | undefined {
    return this.#levels.get(path);
  }

  /** Lists the children of a directory, unless they are there. */
  read(path: string): void {
    if (this.#levels.has(path)) return;
    const level = new Level(this.#directories.at(path));
    this.#levels.set(path, level);
    void level.more();
  }

  /** Lists whatever is still missing of the levels that were asked for. */
  complete(): void {
    for (const level of this.#levels.values()) if (!level.loading && level.error === undefined) void level.more();
  }

  /** How many levels were asked for. */
  get known(): number {
    return this.#levels.size;
  }

  into(step: Step): void {
    this.trail = [...this.trail, step];
  }

  /** Back to the step of this number. */
  back(to: number): void {
    this.trail = this.trail.slice(0, Math.max(to, 0) + 1);
  }
}

const known = new WeakMap<Directories, Usage>();

/** The map of a pack; it stays as it is while the pack is open. */
export function usageOf(directories: Directories, root: Entry): Usage {
  let usage = known.get(directories);
  if (usage === undefined) known.set(directories, (usage = new Usage(directories, root)));
  return usage;
}
