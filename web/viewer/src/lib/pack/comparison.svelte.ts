/**
 * Two packs as one tree of what differs. A directory is compared when it is opened: both lists of its children are read
 * once. Directories with equal tree digests are the same, and never entered.
 */

import type { Entry, Pack } from 'rangepack';
import { SvelteMap } from 'svelte/reactivity';
import { inSteps } from '../page/pause.ts';
import { compareNames } from '../words/paths.ts';
import { differenceOf, type Difference, type Sides } from './difference.ts';

/** Differences of one directory that are kept. More would help nobody. */
const MOST = 10_000;

/** Something that differs. */
export interface Found extends Difference {
  path: string;
  name: string;
  isDirectory: boolean;
}

/** What differs among the children of a directory. */
export class Compared {
  readonly path: string;
  readonly #packs: readonly [Pack, Pack];
  found: Found[] = $state.raw([]);
  /** Children that are the same. */
  same = $state(0);
  state: 'running' | 'done' | 'full' | 'failed' = $state('running');
  error: unknown = $state.raw(undefined);
  readonly #signal: AbortSignal;

  constructor(packs: readonly [Pack, Pack], path: string, signal: AbortSignal) {
    this.#packs = packs;
    this.path = path;
    this.#signal = signal;
    void this.#run();
  }

  retry(): void {
    if (this.state !== 'failed') return;
    this.state = 'running';
    void this.#run();
  }

  async #run() {
    const signal = this.#signal;
    const found: Found[] = [];
    let same = 0;
    const look = (sides: Sides) => {
      const difference = differenceOf(sides);
      const entry = sides[0] ?? sides[1];
      if (difference === undefined || entry === undefined) return void same++;
      const isDirectory = sides.some((side) => side?.kind === 'directory');
      found.push({ ...difference, path: entry.path, name: entry.name, isDirectory });
      return found.length < MOST ? undefined : 'enough';
    };
    const tell = () => {
      this.found = found.slice();
      this.same = same;
    };
    try {
      const [ours, theirs] = this.#packs;
      const lists = await Promise.all([children(ours, this.path, signal), children(theirs, this.path, signal)]);
      await inSteps(merged(...lists), signal, look, tell);
      this.state = found.length < MOST ? 'done' : 'full';
    } catch (error) {
      if (signal.aborted) return;
      this.error = error;
      this.state = 'failed';
    }
    tell();
  }
}

/** What is in a directory; nothing where a pack has none at this path. */
async function children(pack: Pack, path: string, signal: AbortSignal): Promise<AsyncIterator<Entry>> {
  const entry = await pack.lstat(path, { signal });
  return entry?.kind === 'directory' ? pack.list(path, { signal }) : (async function* () {})();
}

/** Two lists in the order of their names as one. */
export async function* merged(ours: AsyncIterator<Entry>, theirs: AsyncIterator<Entry>): AsyncGenerator<Sides, void, undefined> {
  const next = async (list: AsyncIterator<Entry>) => (await list.next()).value as Entry | undefined;
  try {
    let [here, there] = await Promise.all([next(ours), next(theirs)]);
    while (here !== undefined || there !== undefined) {
      const order = here === undefined ? 1 : there === undefined ? -1 : compareNames(here.name, there.name);
      yield [order > 0 ? undefined : here, order < 0 ? undefined : there];
      if (order <= 0) here = await next(ours);
      if (order >= 0) there = await next(theirs);
    }
  } finally {
    await Promise.all([ours.return?.(), theirs.return?.()]);
  }
}

export type Row =
  | { level: number; found: Found; expanded: boolean }
  /** What is to be said of a directory whose children stand above it. */
  | { level: number; of: Compared; found?: undefined };

export class Comparison {
  readonly packs: readonly [Pack, Pack];
  readonly #abort = new AbortController();
  readonly #known = new Map<string, Compared>();
  /** Those whose differences are in the list. */
  readonly #open = new SvelteMap<string, Compared>();

  constructor(ours: Pack, theirs: Pack) {
    this.packs = [ours, theirs];
    this.expand('');
  }

  readonly rows: Row[] = $derived.by(() => {
    const rows: Row[] = [];
    this.#flatten('', 1, rows);
    return rows;
  });

  #flatten(path: string, level: number, rows: Row[]) {
    const compared = this.#open.get(path);
    if (compared === undefined) return;
    for (const found of compared.found) {
      const expanded = found.isDirectory && this.#open.has(found.path);
      rows.push({ level, found, expanded });
      if (expanded) this.#flatten(found.path, level + 1, rows);
    }
    if (compared.state !== 'done' || compared.found.length === 0) rows.push({ level, of: compared });
  }

  expand(path: string): void {
    // What is made within a derived value would not be followed there: so it is made here.
    let compared = this.#known.get(path);
    if (compared === undefined) this.#known.set(path, (compared = new Compared(this.packs, path, this.#abort.signal)));
    this.#open.set(path, compared);
  }

  collapse(path: string): void {
    this.#open.delete(path);
  }

  /** Opens the directories above a path. */
  reveal(path: string): void {
    const names = path.split('/');
    for (let depth = 1; depth < names.length; depth++) this.expand(names.slice(0, depth).join('/'));
  }

  /** Gives up what is under way. */
  close(): void {
    this.#abort.abort();
  }
}
