/**
 * How the bytes of a pack are shared out among its directories. The index has the totals of each directory, so that a
 * level is known as soon as its children are listed; nothing below them is read.
 */

import type { Entry } from 'rangepack';
import { SvelteMap } from 'svelte/reactivity';
import type { Directories, Directory } from '../pack/directory.svelte.ts';
import { pause } from '../page/pause.ts';

export type Measure = 'bytes' | 'files';

/** Children that are listed at first, and more of them on demand. */
const PAGE = { first: 2000, more: 4000 };

/** What an entry weighs. */
export function weigh(entry: Entry, by: Measure): number {
  return by === 'bytes' ? entry.size : entry.kind === 'directory' ? (entry.files ?? 0) : 1;
}

/** The children of one directory, from the first one on: the map shows what was listed so far. */
export class Level {
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

/** A child, or many of them together: those too small to be seen, or those that were not read yet. */
export type Share =
  | { kind: 'entry'; entry: Entry; weight: number }
  | { kind: 'others'; count: number; weight: number }
  | { kind: 'unread'; weight: number };

export interface Wanted {
  by: Measure;
  /** The weight of the directory: what the children that are known do not weigh was not read yet. */
  total: number;
  /** So many children at most. */
  most: number;
  /** The heaviest so many are left out. */
  skip?: number;
  /** The part of the total under which a child is not shown on its own. */
  least?: number;
}

/** Children by weight, and the rest of them as one. */
export function sharesOf({ entries, complete }: Pick<Level, 'entries' | 'complete'>, { by, total, most, skip = 0, least = 0 }: Wanted): Share[] {
  const { sorted, weight: known } = heaviest(entries, by);
  const shares: Share[] = [];
  let [at, left] = [0, known];
  for (; at < sorted.length && shares.length < most; at++) {
    const entry = sorted[at];
    if (entry === undefined) break;
    const weight = weigh(entry, by);
    if (weight === 0 || (shares.length > 0 && weight < least * total)) break;
    left -= weight;
    if (at >= skip) shares.push({ kind: 'entry', entry, weight });
  }
  const [last] = sorted.slice(at);
  // One that is left alone may as well be shown itself.
  if (last !== undefined && at === sorted.length - 1 && left > 0) shares.push({ kind: 'entry', entry: last, weight: left });
  else if (left > 0) shares.push({ kind: 'others', count: sorted.length - at, weight: left });
  // Totals are the pack's own words: they may be wrong.
  if (!complete && total > known && skip === 0) shares.push({ kind: 'unread', weight: total - known });
  return shares;
}

interface Order {
  sorted: Entry[];
  weight: number;
}

/** Lists of children are replaced, never changed: their order is found out once. */
const orders = new WeakMap<Entry[], Partial<Record<Measure, Order>>>();

function heaviest(entries: Entry[], by: Measure): Order {
  let known = orders.get(entries);
  if (known === undefined) orders.set(entries, (known = {}));
  return (known[by] ??= {
    sorted: [...entries].sort((a, b) => weigh(b, by) - weigh(a, by)),
    weight: entries.reduce((sum, entry) => sum + weigh(entry, by), 0),
  });
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
