/**
 * Counts a pack by types and finds its largest files. Every name has to be looked at for that: one walk over the whole
 * index serves both. What is kept does not grow with the pack.
 */

import type { Entry, Info, Pack } from 'rangepack';
import { contentOf, groupOf, typeOf, type Group } from '../format/groups.ts';
import { inSteps } from '../page/pause.ts';
import { walked } from './names.ts';

export interface Type {
  name: string;
  group: Group;
  files: number;
  bytes: number;
}

/** Further types are counted together. */
const TYPES = 1000;
const LARGEST = 50;
/** A small index is read without asking: it costs about as much as a picture. */
const CHEAP = { bytes: 2_000_000, entries: 100_000 };
/** Milliseconds between two looks at what was found so far. */
const TELL = 150;

/** Whether reading all names needs no question. */
export const isCheap = ({ indexBytes, entries }: Info) => indexBytes <= CHEAP.bytes && entries <= CHEAP.entries;

/** Requests that a walk over an index takes: pieces begin with a page and double up to 1 MiB. */
export function walkRequests(indexBytes: number): number {
  let requests = 0;
  for (let [read, piece] = [0, 32_768]; read < indexBytes; piece = Math.min(2 * piece, 1 << 20)) {
    read += piece;
    requests++;
  }
  return requests;
}

/** The `most` entries with the most bytes, in a heap whose top is the least of them. */
export class Largest {
  readonly #most: number;
  readonly #heap: Entry[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  add(entry: Entry): void {
    const heap = this.#heap;
    if (heap.length < this.#most) this.#rise(heap.push(entry) - 1);
    else if (entry.size > this.#size(0)) {
      heap[0] = entry;
      this.#sink();
    }
  }

  /** The largest first; those of one size in the order in which they came. */
  sorted(): Entry[] {
    return [...this.#heap].sort((a, b) => b.size - a.size || (a.path < b.path ? -1 : 1));
  }

  #size(at: number): number {
    return this.#heap[at]?.size ?? Infinity;
  }

  #swap(a: number, b: number) {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    if (first === undefined || second === undefined) return;
    this.#heap[a] = second;
    this.#heap[b] = first;
  }

  #rise(at: number) {
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (this.#size(above) <= this.#size(at)) return;
      this.#swap(at, above);
      at = above;
    }
  }

  #sink() {
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const least = this.#size(right) < this.#size(left) ? right : left;
      if (this.#size(least) >= this.#size(at)) return;
      this.#swap(at, least);
      at = least;
    }
  }
}

export class Census {
  state: 'idle' | 'running' | 'done' | 'cancelled' | 'failed' = $state('idle');
  /** Names that were looked at. */
  seen = $state(0);
  /** Most bytes first. */
  types: Type[] = $state.raw([]);
  largest: Entry[] = $state.raw([]);
  error: unknown = $state.raw(undefined);
  readonly #pack: Pack;
  #abort = new AbortController();

  constructor(pack: Pack) {
    this.#pack = pack;
  }

  start(): void {
    if (this.state === 'running') return;
    this.state = 'running';
    this.error = undefined;
    void this.#run((this.#abort = new AbortController()).signal);
  }

  cancel(): void {
    this.#abort.abort();
  }

  async #run(signal: AbortSignal) {
    const types = new Map<string, Type>();
    const largest = new Largest(LARGEST);
    let seen = 0;
    let told = performance.now();
    const tell = () => {
      this.seen = seen;
      this.types = [...types.values()].map((type) => ({ ...type })).sort((a, b) => b.bytes - a.bytes || b.files - a.files);
      this.largest = largest.sorted();
      told = performance.now();
    };
    const look = (entry: Entry) => {
      seen++;
      if (entry.kind !== 'directory') count(types, entry);
      if (entry.kind === 'file') largest.add(entry);
    };
    try {
      await inSteps(walked(this.#pack, '', signal), signal, look, () => performance.now() - told > TELL && tell());
      this.state = 'done';
    } catch (error) {
      this.state = signal.aborted ? 'cancelled' : 'failed';
      this.error = error;
    }
    tell();
  }
}

function count(types: Map<string, Type>, entry: Entry) {
  let name = typeOf(entry);
  if (!types.has(name) && types.size >= TYPES) name = 'rare endings';
  let type = types.get(name);
  if (type === undefined) types.set(name, (type = { name, group: name === 'rare endings' ? 'other' : groupOf(entry.name), files: 0, bytes: 0 }));
  type.files++;
  type.bytes += contentOf(entry);
}

const known = new WeakMap<Pack, Census>();

/** The census of a pack, which is taken once. */
export function censusOf(pack: Pack): Census {
  let census = known.get(pack);
  if (census === undefined) known.set(pack, (census = new Census(pack)));
  return census;
}
