/** What a gallery shows of a directory: its entries without the files that are captions, each picture with its own. */

import type { Entry, Pack } from 'rangepack';
import { isImage } from '../format/kinds.ts';
import type { Directory } from './directory.svelte.ts';
import { ItemsInBlocks, itemsOf, type Item } from './items.svelte.ts';

/** Directories with more entries are not read as a whole. */
const MOST = 4000;

export class Pictures {
  readonly #directory: Directory;
  /** All of them, in a directory that is not too large. */
  #items: Item[] | undefined = $state.raw();
  readonly #inBlocks: ItemsInBlocks;
  error: unknown = $state.raw();
  /** Whether it is known what is shown. */
  ready = $state(false);

  constructor(directory: Directory) {
    this.#directory = directory;
    this.#inBlocks = new ItemsInBlocks(directory);
    void this.retry();
  }

  async retry(): Promise<void> {
    this.error = undefined;
    try {
      if (!this.#directory.complete) await this.#directory.read(0, 1);
      const { count } = this.#directory;
      if (count <= MOST) this.#items = itemsOf(await this.#directory.read(0, count));
      else await this.#directory.read(0, 1);
      this.ready = true;
    } catch (error) {
      this.error = error;
    }
  }

  /** How many there are; of a large directory about so many, until all of it was seen. */
  get count(): number {
    return this.#items?.length ?? this.#inBlocks.count;
  }

  /** Directories, where there is nothing but them and files that are no pictures. */
  get classes(): Entry[] | undefined {
    const items = this.#items ?? this.#directory.some().map((entry) => ({ entry }));
    if (items.some(({ entry }) => isImage(entry))) return undefined;
    const classes = items.flatMap(({ entry }) => (entry.kind === 'directory' ? [entry] : []));
    return classes.length > 0 ? classes : undefined;
  }

  /** Whether any picture has a caption, as far as is known. */
  get captioned(): boolean {
    return this.#items ? this.#items.some(({ caption }) => caption !== undefined) : this.#inBlocks.captioned;
  }

  at(index: number): Item | undefined {
    return this.#items ? this.#items[index] : this.#inBlocks.at(index);
  }

  want(first: number, last: number): void {
    if (this.#items === undefined) this.#inBlocks.want(first, last);
  }
}

/** The first pictures below a directory; of directories in it some of each. Looks into few directories. */
export async function firstPictures(pack: Pack, path: string, count: number, signal: AbortSignal, looks = { left: 8 }): Promise<Entry[]> {
  looks.left--;
  const { entries } = await pack.children(path, { limit: Math.max(count * 3, 48), targets: false, signal });
  const found = entries.filter(isImage).slice(0, count);
  const below = entries.filter((entry) => entry.kind === 'directory' && entry.files !== 0);
  for (const [i, entry] of below.entries()) {
    if (found.length >= count || looks.left <= 0) break;
    const share = Math.ceil((count - found.length) / Math.min(below.length - i, looks.left));
    found.push(...(await firstPictures(pack, entry.path, share, signal, looks)));
  }
  return found;
}
