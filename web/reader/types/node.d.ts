import type { Cache, OpenOptions, Pack, PackInput } from './index.d.ts';

export * from './index.js';

/** An open file: a `FileHandle` as `open` of `node:fs/promises` gives it, of which this much tells. It stays open when the pack is closed. */
export interface OpenFile {
  readonly fd: number;
  stat(options: { bigint: true }): Promise<{ size: bigint; mtimeNs: bigint; isFile(): boolean }>;
  close(): Promise<void>;
}

/** Opens a pack. A string that is no address (`https://…`) is a path. */
export function openPack(input: PackInput | OpenFile, options?: OpenOptions): Promise<Pack>;

/**
 * A persistent cache in a folder (256 MiB at most, unless `maxBytes` says otherwise), shared by any number of processes. The folder is
 * made if it is not there; what is none, or cannot be written to, is `ERR_ARGUMENT` at once.
 */
export function folderCache(folder: string, options?: { maxBytes?: number | undefined }): Cache;
