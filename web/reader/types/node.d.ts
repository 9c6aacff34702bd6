import type { FileHandle } from 'node:fs/promises';
import type { Cache, OpenOptions, Pack, PackInput } from './index.d.ts';

export * from './index.js';

/** Opens a pack. A string that is no `http(s):` address is a path. */
export function openPack(input: PackInput | FileHandle, options?: OpenOptions): Promise<Pack>;

/** A persistent cache in a folder, shared by any number of processes. */
export function folderCache(folder: string, options?: { maxBytes?: number }): Cache;
