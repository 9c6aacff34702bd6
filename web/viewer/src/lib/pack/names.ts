/**
 * The names of a pack, kept from one walk over its index: searches that follow take them from here, and fetch nothing. They take
 * some 20 bytes each, a twentieth of what entries do.
 */

import type { Entry, Pack } from 'rangepack';
import { parentOf } from '../words/paths.ts';

/** What is found by its name; the rest of it may have to be looked up. */
export interface Named {
  name: string;
  path: string;
  entry?: Entry;
}

/** Characters that are kept of one pack. */
const MOST = 96 * 1024 * 1024;

/** Those of a directory that were walked over one after the other, with a NUL between them, which is in no name. */
interface Run {
  directory: string;
  names: string;
}

/** Everything below a directory. */
class Names {
  readonly directory: string;
  readonly #runs: Run[] = [];
  #names: string[] = [];
  #parent = '';
  characters = 0;

  constructor(directory: string) {
    this.directory = directory;
  }

  add({ name, path }: Entry): void {
    const parent = parentOf(path);
    if (parent !== this.#parent) this.end();
    this.#parent = parent;
    this.#names.push(name);
    this.characters += name.length + 1;
  }

  /** Nothing more comes of what was added last. */
  end(): void {
    if (this.#names.length === 0) return;
    this.#runs.push({ directory: this.#parent, names: this.#names.join('\0') });
    this.characters += this.#parent.length;
    this.#names = [];
  }

  *below(directory: string): Generator<Named> {
    const prefix = directory === '' ? '' : `${directory}/`;
    for (const { directory: parent, names } of this.#runs) {
      if (parent !== directory && !parent.startsWith(prefix)) continue;
      for (const name of names.split('\0')) yield { name, path: parent === '' ? name : `${parent}/${name}` };
    }
  }
}

const known = new WeakMap<Pack, Names[]>();

function knownBelow(pack: Pack, directory: string): Names | undefined {
  const isWithin = (above: string) => above === '' || directory === above || directory.startsWith(`${above}/`);
  return known.get(pack)?.find((names) => isWithin(names.directory));
}

/** Whether all names below a directory are at hand. */
export function areKnown(pack: Pack, directory: string): boolean {
  return knownBelow(pack, directory) !== undefined;
}

/** A walk over everything below a directory, whose names are kept if it comes to its end. */
export async function* walked(pack: Pack, directory: string, signal: AbortSignal): AsyncGenerator<Entry, void, undefined> {
  const names = new Names(directory);
  for await (const entry of pack.walk(directory, { targets: false, signal })) {
    if (names.characters <= MOST) names.add(entry);
    yield entry;
  }
  names.end();
  // What is below this one is in it.
  const others = (known.get(pack) ?? []).filter((other) => directory !== '' && other.directory !== directory && !other.directory.startsWith(`${directory}/`));
  const sum = others.reduce((sum, { characters }) => sum + characters, names.characters);
  if (sum <= MOST) known.set(pack, [...others, names]);
}

/** All names below a directory: those at hand, or those of a walk. */
export async function* namesBelow(pack: Pack, directory: string, signal: AbortSignal): AsyncGenerator<Named, void, undefined> {
  const names = knownBelow(pack, directory);
  if (names !== undefined) return yield* names.below(directory);
  for await (const entry of walked(pack, directory, signal)) {
    // Where links lead was not asked for, and is when they are shown.
    yield { name: entry.name, path: entry.path, ...(entry.kind !== 'symlink' && { entry }) };
  }
}
