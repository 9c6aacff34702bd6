/** What a gallery shows of a directory: its entries without the files that are captions, each picture with its own. */

import type { Entry, Pack } from 'rangepack';
import { captionNames } from '../format/captions.ts';
import { isImage } from '../format/kinds.ts';
import type { Directory } from './directory.svelte.ts';

/** Directories with more entries are not read as a whole; there captions stay among the pictures. */
const MOST = 4000;
/** How far from its picture a caption is looked for there. Names of one stem stand beside each other. */
const NEAR = 6;

export interface Item {
  entry: Entry;
  caption: Entry | undefined;
}

export class Pictures {
  readonly #directory: Directory;
  /** All of them, in a directory that is not too large. */
  #items: Item[] | undefined = $state.raw();
  error: unknown = $state.raw();
  /** Whether it is known what is shown. */
  ready = $state(false);

  constructor(directory: Directory) {
    this.#directory = directory;
    void this.retry();
  }

  async retry(): Promise<void> {
    this.error = undefined;
    try {
      if (!this.#directory.complete) await this.#directory.read(0, 1);
      const { count } = this.#directory;
      if (count <= MOST) this.#items = itemsOf(await this.#directory.read(0, count));
      this.ready = true;
    } catch (error) {
      this.error = error;
    }
  }

  get count(): number {
    return this.#items?.length ?? this.#directory.count;
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
    if (this.#items) return this.#items.some(({ caption }) => caption !== undefined);
    const some = this.#directory.some();
    const names = new Set(some.map(({ name }) => name));
    return some.some((entry) => isImage(entry) && captionNames(entry.name).some((name) => names.has(name)));
  }

  at(index: number): Item | undefined {
    if (this.#items) return this.#items[index];
    const entry = this.#directory.at(index);
    if (entry === undefined) return undefined;
    if (!isImage(entry)) return { entry, caption: undefined };
    const near = Array.from({ length: 2 * NEAR + 1 }, (_, i) => this.#directory.at(index - NEAR + i));
    const names = captionNames(entry.name);
    return { entry, caption: names.flatMap((name) => near.filter((other) => other?.name === name && other.kind === 'file'))[0] };
  }

  want(first: number, last: number): void {
    if (this.#items === undefined) this.#directory.want(Math.max(0, first - NEAR), last + NEAR);
  }
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

/** The first pictures below a directory; of directories in it some of each. Looks into few directories. */
export async function firstPictures(pack: Pack, path: string, count: number, signal: AbortSignal, looks = { left: 8 }): Promise<Entry[]> {
  looks.left--;
  const { entries } = await pack.children(path, { limit: Math.max(count * 3, 48), signal });
  const found = entries.filter(isImage).slice(0, count);
  const below = entries.filter((entry) => entry.kind === 'directory' && entry.files !== 0);
  for (const [i, entry] of below.entries()) {
    if (found.length >= count || looks.left <= 0) break;
    const share = Math.ceil((count - found.length) / Math.min(below.length - i, looks.left));
    found.push(...(await firstPictures(pack, entry.path, share, signal, looks)));
  }
  return found;
}
