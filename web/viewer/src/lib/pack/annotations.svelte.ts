/** What other files say of a picture: boxes from JSON that lies near it, and its caption. */

import type { Entry, FileEntry, Pack } from 'rangepack';
import type { Answer, Question } from '../format/boxes.worker.ts';
import type { Boxes } from '../format/boxes.ts';
import { stemOf } from '../format/captions.ts';
import { Calls } from '../page/calls.ts';
import { nameOf, parentOf } from '../words/paths.ts';
import { captionBeside } from './captions.svelte.ts';

/** JSON that is read without being asked for, in bytes. */
const AT_ONCE = 4 * 1024 * 1024;
/** JSON that is read at all. */
export const LARGEST_BOXES = 64 * 1024 * 1024;
/** Files that are looked into for one picture. */
const MOST_FILES = 3;
/** What files of boxes of many pictures are called. */
const NAMES = /^(_?annotations|instances).*\.json$/;

const join = (directory: string, name: string) => (directory === '' ? name : `${directory}/${name}`);

/** Files that may tell of boxes in a picture, the nearest first. */
export async function boxFiles(pack: Pack, picture: string, signal: AbortSignal): Promise<FileEntry[]> {
  const directory = parentOf(picture);
  const places = directory === '' ? [''] : [directory, parentOf(directory)];
  const own = `${stemOf(nameOf(picture))}.json`;
  const single = [join(directory, own), ...places.map((place) => join(place, `annotations/${own}`)), ...places.flatMap((place) => ['annotations.json', '_annotations.coco.json', 'annotations/annotations.json'].map((name) => join(place, name)))];
  const listed = places.flatMap((place) => [{ place, limit: 8 }, { place: join(place, 'annotations'), limit: 8 }]);
  const looks = [
    ...single.map(async (path) => [await pack.stat(path, { signal })]),
    ...listed.map(async ({ place, limit }) => {
      const { entries } = await pack.children(place, { start: 'instances', limit, signal });
      return entries.filter(({ name }) => NAMES.test(name));
    }),
  ];
  // What is not there says nothing.
  const found = (await Promise.all(looks.map((look) => look.catch((): Entry[] => [])))).map((entries) => entries.filter((entry) => entry?.kind === 'file') as FileEntry[]);
  signal.throwIfAborted();
  // `instances_train.json` is meant for pictures in `train`.
  const rank = ({ name }: Entry) => (name.includes(nameOf(directory)) ? 0 : 2) + (name.startsWith('instances') ? 0 : 1);
  return found.flatMap((entries) => entries.sort((a, b) => rank(a) - rank(b)));
}

/** A file that is no JSON, though it is called so. */
class NoJson extends Error {}

/** The file of many pictures that was parsed last stays, for the next one. */
let last: { pack: Pack; path: string; calls: Calls<Question, Answer> } | undefined;

async function parsed(pack: Pack, entry: FileEntry, own: boolean, signal: AbortSignal): Promise<Calls<Question, Answer>> {
  if (last?.pack === pack && last.path === entry.path) return last.calls;
  // A copy: what is given away may be part of something larger.
  const { buffer } = (await pack.readFile(entry, { signal })).slice();
  const calls = new Calls<Question, Answer>(new Worker(new URL('../format/boxes.worker.ts', import.meta.url), { type: 'module' }));
  const end = () => calls.end();
  signal.addEventListener('abort', end);
  const answer = await calls.ask({ json: buffer }, [buffer]);
  signal.removeEventListener('abort', end);
  if ('error' in answer) {
    calls.end();
    throw new NoJson(`${entry.name} is not JSON: ${answer.error}`);
  }
  if (own) return calls;
  last?.calls.end();
  last = { pack, path: entry.path, calls };
  return calls;
}

export class Annotations {
  caption: string | undefined = $state();
  boxes: Boxes | undefined = $state.raw();
  /** The file they come from. */
  from: FileEntry | undefined = $state.raw();
  /** A file that may have boxes, but is read only when asked for. */
  larger: FileEntry | undefined = $state.raw();
  busy = $state(false);
  error: unknown = $state.raw();
  readonly #pack: Pack;
  readonly #picture: Entry;
  readonly #size: { width: number; height: number };
  readonly #abort = new AbortController();

  /** `size`: of the picture. */
  constructor(pack: Pack, picture: Entry, size: { width: number; height: number }) {
    this.#pack = pack;
    this.#picture = picture;
    this.#size = size;
    const { signal } = this.#abort;
    captionBeside(pack, picture, signal).then((text) => (this.caption = text), () => undefined);
    void this.#find();
  }

  close(): void {
    this.#abort.abort();
  }

  /** Reads the file that was too large to be read unasked. */
  async readLarger(): Promise<void> {
    const { larger } = this;
    if (larger === undefined || this.busy) return;
    this.busy = true;
    this.error = undefined;
    try {
      if (await this.#look(larger)) this.larger = undefined;
      else this.error = new Error(`${larger.name} has no boxes of this picture.`);
    } catch (error) {
      if (!this.#abort.signal.aborted) this.error = error;
    }
    this.busy = false;
  }

  async #find() {
    try {
      const files = await boxFiles(this.#pack, this.#picture.path, this.#abort.signal);
      this.larger = files.find(({ size }) => size > AT_ONCE);
      for (const entry of files.filter(({ size }) => size <= AT_ONCE).slice(0, MOST_FILES)) {
        if (await this.#look(entry).catch((error: unknown) => this.#without(error))) return void (this.larger = this.error = undefined);
      }
    } catch {
      // Nothing is said of it.
    }
  }

  /** What is of another kind has no boxes; what is no JSON may have some for others, and that is said. */
  #without(error: unknown): boolean {
    if (error instanceof NoJson && !this.#abort.signal.aborted) this.error ??= error;
    return false;
  }

  async #look(entry: FileEntry): Promise<boolean> {
    const { signal } = this.#abort;
    const { path, name } = this.#picture;
    const own = entry.name === `${stemOf(name)}.json`;
    const calls = await parsed(this.#pack, entry, own, signal);
    const answer = await calls.ask({ path, size: this.#size, own }).finally(() => own && calls.end());
    signal.throwIfAborted();
    if (!('boxes' in answer) || answer.boxes.length === 0) return false;
    this.boxes = answer;
    this.from = entry;
    return true;
  }
}
