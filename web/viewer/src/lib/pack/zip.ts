/** A directory as a zip, made while it is fetched. Small files are fetched together, large ones in pieces. */

import type { Entry, Pack } from 'rangepack';
import { part } from '../page/parts.ts';
import { pathBytes } from '../words/paths.ts';

/** Larger files are not held in memory. */
const SMALL = 1024 * 1024;
/** Small files that are fetched together. */
const GROUP = 256;

interface Member {
  name: string | Uint8Array;
  lastModified: Date;
  input?: Uint8Array | ReadableStream<Uint8Array>;
}

/** Links are left out: what a link from a stranger leads to is for nobody to guess. */
export async function zipStream(pack: Pack, directory: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const { makeZip } = await part(() => import('client-zip'));
  return makeZip(members(pack, directory, signal) as Parameters<typeof makeZip>[0], { buffersAreUTF8: undefined });
}

async function* members(pack: Pack, directory: string, signal: AbortSignal): AsyncGenerator<Member> {
  const skip = directory === '' ? 0 : directory.length + 1;
  const member = (entry: Entry, input?: Member['input']): Member => {
    const path = entry.path.slice(skip) + (entry.kind === 'directory' ? '/' : '');
    // Zip has no times before 1980.
    const lastModified = new Date(Math.max(entry.mtimeMs ?? 0, Date.UTC(1980, 0, 2)));
    return { name: pathBytes(path) ?? path, lastModified, ...(input && { input }) };
  };
  let group: Entry[] = [];
  async function* flush(): AsyncGenerator<Member> {
    for await (const { entry, bytes, error } of pack.readMany(group, { signal })) {
      if (error !== undefined) throw error;
      yield member(entry, bytes);
    }
    group = [];
  }
  for await (const entry of pack.walk(directory, { targets: false, signal })) {
    if (entry.kind === 'directory') yield member(entry);
    else if (entry.kind === 'file' && entry.size <= SMALL) group.push(entry);
    else if (entry.kind === 'file') {
      const file = await pack.open(entry.path, { signal });
      yield member(entry, file.stream({ signal }));
    }
    if (group.length >= GROUP) yield* flush();
  }
  yield* flush();
}
