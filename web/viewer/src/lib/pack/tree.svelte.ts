/**
 * The tree as a flat list of rows, of which only those in sight are ever made. Between two open directories the rows
 * are a plain run of children, so a directory of a million entries is one run and not a million objects.
 */

import type { Entry } from 'rangepack';
import { SvelteMap } from 'svelte/reactivity';
import { parentOf } from '../words/paths.ts';
import type { Directories, Directory } from './directory.svelte.ts';

/** Children of a directory from `from` on; or the row that stands for all of them while nobody knows how many there are. */
interface Run {
  directory: Directory;
  level: number;
  start: number;
  length: number;
  from: number;
  tail: boolean;
}

export interface Row {
  level: number;
  directory: Directory;
  /** Undefined: it is not at hand. */
  entry: Entry | undefined;
  /** Position among the children. */
  index: number;
  expanded: boolean;
}

export class Tree {
  readonly #directories: Directories;
  readonly root: Directory;
  /** By the path of a directory: those among its children that are open, by position. */
  readonly #open = new SvelteMap<string, SvelteMap<number, Directory>>();

  constructor(directories: Directories) {
    this.#directories = directories;
    this.root = directories.at('');
    this.root.want(0, 1);
  }

  readonly #runs: Run[] = $derived.by(() => {
    const runs: Run[] = [];
    this.#flatten(this.root, 1, runs, 0);
    return runs;
  });

  readonly length = $derived.by(() => {
    const last = this.#runs.at(-1);
    return last === undefined ? 0 : last.start + last.length;
  });

  /** The directories whose children are in the list. */
  readonly shown: Directory[] = $derived([...new Set(this.#runs.map(({ directory }) => directory))]);

  #flatten(directory: Directory, level: number, runs: Run[], start: number): number {
    const add = (from: number, length: number, tail = false) => {
      if (length > 0) runs.push({ directory, level, start, length, from, tail });
      start += Math.max(length, 0);
    };
    const open = [...(this.#open.get(directory.path) ?? [])].sort(([a], [b]) => a - b);
    let from = 0;
    for (const [index, child] of open) {
      add(from, index + 1 - from);
      start = this.#flatten(child, level + 1, runs, start);
      from = index + 1;
    }
    add(from, directory.count - from);
    if (!directory.complete) add(0, 1, true);
    return start;
  }

  row(index: number): Row | undefined {
    const runs = this.#runs;
    let low = 0;
    let high = runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const run = runs[middle];
      if (run !== undefined && run.start + run.length <= index) low = middle + 1;
      else high = middle;
    }
    const run = runs[low];
    if (run === undefined || index < 0) return undefined;
    const { directory, level } = run;
    const child = run.from + index - run.start;
    const expanded = this.#open.get(directory.path)?.has(child) ?? false;
    return { level, directory, entry: run.tail ? undefined : directory.at(child), index: child, expanded };
  }

  /** Row number of a child of a directory that is in the list; -1 if it is not. */
  indexOf(directory: Directory, child: number): number {
    const run = this.#runs.find(
      (run) => run.directory === directory && !run.tail && child >= run.from && child < run.from + run.length,
    );
    return run === undefined ? -1 : run.start + child - run.from;
  }

  /** Row number of the directory that a row lies in; -1 at the top. */
  parent({ directory }: Row): number {
    if (directory === this.root) return -1;
    const above = this.#directories.at(parentOf(directory.path));
    const position = [...(this.#open.get(above.path) ?? [])].find(([, child]) => child === directory)?.[0] ?? -1;
    return this.indexOf(above, position);
  }

  expand({ directory, index, entry }: Pick<Row, 'directory' | 'index' | 'entry'>): void {
    if (entry?.kind !== 'directory') return;
    const child = this.#directories.at(entry.path);
    let open = this.#open.get(directory.path);
    if (open === undefined) this.#open.set(directory.path, (open = new SvelteMap()));
    open.set(index, child);
  }

  collapse({ directory, index }: Row): void {
    this.#open.get(directory.path)?.delete(index);
  }

  /** Opens the directories above a path. Gives the number of its row, or -1 if it is none. */
  async reveal(path: string): Promise<number> {
    if (path === '') return -1;
    const above = path.split('/').map((_, depth, names) => this.#directories.at(names.slice(0, depth).join('/')));
    // All at once: each is a question of its own.
    const places = await Promise.all(above.map((directory, depth) => directory.find(path.split('/')[depth] ?? '')));
    for (const [depth, directory] of above.entries()) {
      const place = places[depth];
      if (place === undefined) return -1;
      if (depth === above.length - 1) return this.indexOf(directory, place.index);
      // What lies behind a link is shown where it really is.
      if (place.entry.kind !== 'directory') return -1;
      this.expand({ directory, ...place });
    }
    return -1;
  }
}
