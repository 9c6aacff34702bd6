/** Captions of pictures, from the files beside them. Those in sight are fetched, and neighbours share requests. */

import type { Entry, Pack } from 'rangepack';
import { SvelteMap } from 'svelte/reactivity';
import { CAPTION_JSON, CAPTION_TEXT, captionNames, captionOf } from '../format/captions.ts';
import { parentOf } from '../words/paths.ts';

/** Captions that are kept. */
const MOST = 2000;

export class Captions {
  readonly #pack: Pack;
  readonly #texts = new SvelteMap<string, string>();
  readonly #asked = new Set<string>();
  readonly #abort = new AbortController();

  constructor(pack: Pack) {
    this.#pack = pack;
  }

  /** What such a file says; undefined while it is not there. */
  of(file: Entry | undefined): string | undefined {
    return file && this.#texts.get(file.path);
  }

  /** These files are in sight. What cannot be read says nothing. */
  want(files: Entry[]): void {
    const lacking = files.filter(({ path }) => !this.#asked.has(path));
    for (const { path } of lacking) this.#asked.add(path);
    const whole = lacking.filter(({ size }) => size <= CAPTION_TEXT);
    if (whole.length > 0) void this.#readAll(whole).catch(() => undefined);
    for (const entry of lacking) if (entry.size > CAPTION_TEXT) void this.#readOne(entry).catch(() => undefined);
  }

  close(): void {
    this.#abort.abort();
  }

  async #readAll(files: Entry[]) {
    for await (const { path, bytes } of this.#pack.readMany(files, { signal: this.#abort.signal })) this.#put(path, bytes);
  }

  async #readOne(entry: Entry) {
    this.#put(entry.path, await head(this.#pack, entry, this.#abort.signal));
  }

  #put(path: string, bytes: Uint8Array | undefined) {
    if (bytes === undefined) return;
    this.#texts.set(path, captionOf(path, new TextDecoder().decode(bytes)));
    for (const [oldest] of this.#texts) {
      if (this.#texts.size <= MOST) break;
      this.#texts.delete(oldest);
      this.#asked.delete(oldest);
    }
  }
}

/** As much of a file as a caption takes. */
async function head(pack: Pack, entry: Entry, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const isJson = entry.name.endsWith('.json');
  if (isJson && entry.size > CAPTION_JSON) return undefined;
  const file = await pack.open(entry, { signal });
  return file.slice(0, isJson ? CAPTION_JSON : CAPTION_TEXT).bytes({ signal });
}

/** The caption of one picture; undefined where nothing is said. */
export async function captionBeside(pack: Pack, picture: Entry, signal: AbortSignal): Promise<string | undefined> {
  const directory = parentOf(picture.path);
  for (const name of captionNames(picture.name)) {
    const entry = await pack.stat(directory === '' ? name : `${directory}/${name}`, { signal });
    const bytes = entry?.kind === 'file' ? await head(pack, entry, signal) : undefined;
    const text = bytes && captionOf(name, new TextDecoder().decode(bytes));
    if (text) return text;
  }
  return undefined;
}
