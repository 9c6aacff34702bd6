/** Entries of a directory without the files that are captions, each picture with its own: of all of them, or block by block. */

import type { Entry } from 'rangepack';
import { captionNames } from '../format/captions.ts';
import { isImage } from '../format/kinds.ts';
import { BLOCK, type Directory } from './directory.svelte.ts';

/** How far from its picture a caption is looked for in another block. Names of one stem stand beside each other. */
const NEAR = 6;

export interface Item {
  entry: Entry;
  caption: Entry | undefined;
}

/** Entries without the captions among them, each picture with its own. */
export function itemsOf(entries: Entry[]): Item[] {
  const files = new Map(entries.filter(({ kind }) => kind === 'file').map((entry) => [entry.name, entry]));
  const captions = new Set<Entry>();
  const items = entries.map((entry) => {
    const names = isImage(entry) ? captionNames(entry.name) : [];
    const beside = names.flatMap((name) => files.get(name) ?? []);
    for (const file of beside) captions.add(file);
    return { entry, caption: beside[0] };
  });
  return items.filter(({ entry }) => !captions.has(entry));
}

/** A block's items, and the blocks that they were made of: before it, itself, behind it. */
interface Made {
  of: (Entry[] | undefined)[];
  items: Item[];
}

/**
 * The items of a directory that is too large to be read as a whole. Those of a block are known when it is at hand; until
 * then it counts as if it was like the first one that came.
 */
export class ItemsInBlocks {
  readonly #directory: Directory;
  readonly #made = new Map<number, Made>();
  /** Items of each block that ever was at hand. */
  readonly #counts = new Map<number, number>();
  /** Items for each entry, where it is not known better. What it is once it stays: what is in sight is not to move. */
  #share: number | undefined;
  #captioned = false;
  readonly #known = $derived.by(() => this.#look());

  constructor(directory: Directory) {
    this.#directory = directory;
  }

  get count(): number {
    return this.#known.starts.at(-1) ?? 0;
  }

  /** Whether any picture that was at hand has a caption. */
  get captioned(): boolean {
    return this.#known.captioned;
  }

  at(index: number): Item | undefined {
    const { starts } = this.#known;
    const block = blockOf(starts, index);
    // Who looks at it keeps it.
    void this.#directory.at(block * BLOCK);
    return this.#itemsIn(block)?.[index - (starts[block] ?? 0)];
  }

  /** Fetches what is lacking from `first` to `last`, and what may belong to it. */
  want(first: number, last: number): void {
    const { starts } = this.#known;
    /** About where its entry is, but in the right block. */
    const place = (index: number) => {
      const block = blockOf(starts, index);
      const [start = 0, end = 0] = [starts[block], starts[block + 1]];
      return block * BLOCK + Math.floor(((index - start) / Math.max(end - start, 1)) * (BLOCK - 1));
    };
    this.#directory.want(Math.max(place(first) - NEAR, 0), place(Math.max(last - 1, first)) + 1 + NEAR);
  }

  /** Where the items of each block start, and the end of the last ones. */
  #look() {
    const { blocks, count } = this.#directory;
    for (const block of this.#made.keys()) if (!blocks.has(block)) this.#made.delete(block);
    for (const [block, entries] of blocks) {
      const items = this.#itemsIn(block) ?? [];
      this.#counts.set(block, items.length);
      this.#share ??= shareOf(entries, items);
      this.#captioned ||= items.some(({ caption }) => caption !== undefined);
    }
    const expected = (block: number) => Math.ceil(Math.min(block * BLOCK, count) * (this.#share ?? 1) - 1e-6);
    const starts = new Float64Array(Math.ceil(count / BLOCK) + 1);
    for (let block = 0; block + 1 < starts.length; block++) {
      starts[block + 1] = (starts[block] ?? 0) + (this.#counts.get(block) ?? expected(block + 1) - expected(block));
    }
    return { starts, captioned: this.#captioned };
  }

  #itemsIn(block: number): Item[] | undefined {
    const { blocks } = this.#directory;
    const of = [block - 1, block, block + 1].map((number) => blocks.get(number));
    const [before = [], entries, behind = []] = of;
    if (entries === undefined) return undefined;
    const made = this.#made.get(block);
    if (made?.of.every((entries, i) => entries === of[i])) return made.items;
    const mine = new Set(entries);
    const items = itemsOf([...before.slice(-NEAR), ...entries, ...behind.slice(0, NEAR)]).filter(({ entry }) => mine.has(entry));
    this.#made.set(block, { of, items });
    return items;
  }
}

/** The block with an item; the last one for what is beyond. */
function blockOf(starts: Float64Array, index: number): number {
  let [low, high] = [0, Math.max(starts.length - 2, 0)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= index) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Items for each entry, from the first picture to the last one: what belongs to that may be in the next block. */
function shareOf(entries: Entry[], items: Item[]): number {
  const [first, last] = [entries.findIndex(isImage), entries.findLastIndex(isImage)];
  if (first >= last) return 1;
  const between = new Set(entries.slice(first, last));
  return items.filter(({ entry }) => between.has(entry)).length / (last - first);
}
