/**
 * Reads any file of a pack by byte ranges, every byte verified.
 *
 * ```js
 * import { openPack } from 'rangepack';
 * const pack = await openPack('https://example.org/photos.pack');
 * for (const entry of await pack.readdir('cats')) console.log(entry.name, entry.size);
 * const cat = await pack.open('cats/felix.jpg');
 * image.src = URL.createObjectURL(new Blob([await cat.bytes()], { type: cat.type }));
 * ```
 */

import type { ErrorCode } from './error-codes.d.ts';

export type { ErrorCode };

/** Where a pack can lie. In Node, a string that is no `http(s):` address is a path (see `rangepack/node`). */
export type PackInput = string | URL | Blob | ArrayBuffer | ArrayBufferView | CustomSource;

/** Any place from which ranges can be read. */
export interface CustomSource {
  /** Length of the file in bytes, or how to find it out. */
  size: number | PromiseLike<number> | ((options: ReadOptions) => number | PromiseLike<number>);
  /** Exactly `length` bytes from `offset` on. It is never asked for bytes behind the end. */
  read(
    offset: number,
    length: number,
    options: ReadOptions,
  ): ArrayBuffer | ArrayBufferView | PromiseLike<ArrayBuffer | ArrayBufferView>;
  /** For messages. */
  name?: string;
}

/** Options of every call that reads. */
export interface ReadOptions {
  /** Ends the call; what nobody else waits for is not fetched any more. */
  signal?: AbortSignal;
}

/** How a pack is opened. */
export interface OpenOptions extends ReadOptions {
  /** Only the pack whose root page has this SHA-256 (64 hexadecimal digits) is accepted, whoever serves it. */
  root?: string;
  /** Sent with every request. */
  headers?: HeadersInit;
  /** Used instead of the global `fetch`. */
  fetch?: typeof fetch;
  /** Whether cookies go along (`fetch`'s own option). */
  credentials?: RequestCredentials;
  /** Index pages that are kept in memory, in bytes (32 MiB; at least 4 MiB). */
  cacheBytes?: number;
  /** Requests in flight at most (6). */
  concurrency?: number;
  /** How often a request that failed is tried again (4). */
  retries?: number;
  /** How many milliseconds may pass without a byte (30 000). */
  timeout?: number;
  /** How many bytes a second must come at least, looked at whenever `timeout` has passed (1024). */
  leastSpeed?: number;
  /** Length of the pack in bytes, if it is known: saves a request where a server hides it. */
  size?: number;
  /** The NDJSON index (`.idx`) of an old container that has none inside. */
  index?: PackInput;
  /** Where other volumes lie, by name, if not beside the pack. '' is the file that an index lies beside. */
  volumes?: Record<string, PackInput>;
  /** Keeps pages and contents from one visit to the next: `cacheStorageCache()`, or `folderCache()` in Node. */
  cache?: Cache;
  /** Told how far the index of an old container has come, in bytes. A pack needs no such loading. */
  onProgress?: (progress: { loaded: number; total: number }) => void;
}

/** Opens a pack: one request of 100 KiB where the server tells the size with it. */
export function openPack(input: PackInput, options?: OpenOptions): Promise<Pack>;

/** An open pack. Paths are relative to its root, with or without slashes at their ends; '' is the root. */
export interface Pack {
  readonly info: Readonly<Info>;
  /** What reading cost so far. */
  readonly metrics: Metrics;
  /** What its maker said of it, by keys; empty when nothing. Costs no request, or one. */
  metadata(options?: ReadOptions): Promise<Record<string, string>>;
  /** Whether there is anything at `path`, links followed. */
  exists(path: string, options?: ReadOptions): Promise<boolean>;
  /** What is at `path`, links followed. Costs no request, or one or two of 32 KiB. */
  stat(path: string, options?: ReadOptions): Promise<Entry | undefined>;
  /** The same without following a link at the end of the path. */
  lstat(path: string, options?: ReadOptions): Promise<Entry | undefined>;
  /** One page of a directory, in the order of the names' bytes. */
  readdir(path: string, options?: ListOptions): Promise<Entry[]>;
  /**
   * How many children a directory has, and those from any position on: for lists with a true scroll bar, and to find the
   * position of a name. Costs no request, or some of 32 KiB, however many children there are.
   */
  children(path: string, options?: ChildrenOptions): Promise<Children>;
  /** All of a directory; pages are fetched as they are needed. */
  list(path: string, options?: ReadOptions): AsyncGenerator<Entry, void, undefined>;
  /** Everything below a directory: its children, then what is below each of them. */
  walk(path?: string, options?: ReadOptions): AsyncGenerator<Entry, void, undefined>;
  /** A file, links followed. Nothing is read of it yet. */
  open(path: string, options?: ReadOptions): Promise<PackFile>;
  /** A file's whole content. An entry saves the look-up. */
  readFile(path: string | Entry, options?: ReadOptions): Promise<Uint8Array>;
  /** Many files, in the order given: neighbours share requests, and memory stays bounded. */
  readMany(
    paths: Iterable<string | Entry> | AsyncIterable<string | Entry>,
    options?: ReadOptions,
  ): AsyncGenerator<[Entry, Uint8Array], void, undefined>;
  /** Gives up everything that is under way; later calls reject with `ERR_CLOSED`. Also `Symbol.dispose`. */
  close(): void;
}

/** Options of `readdir`. */
export interface ListOptions extends ReadOptions {
  /** Only names behind this one: the last name of the page before. */
  after?: string;
  /** How many at most (1000). */
  limit?: number;
}

/** Options of `children`. */
export interface ChildrenOptions extends ReadOptions {
  /** Position of the first one (0); or a name: from there on, or from where it would stand. */
  start?: number | string;
  /** How many at most (1000). With 0, positions alone are told. */
  limit?: number;
}

/** A part of a directory, in the order of the names' bytes. */
export interface Children {
  /** How many children the directory has. */
  total: number;
  /** Position of the first of `entries`; at most `total`. */
  start: number;
  entries: Entry[];
}

/** A pack as a whole. */
export interface Info {
  /** `ctnrv1` and `fpack` are the old formats. The native command has the same names. */
  format: 'rangepack' | 'ctnrv1' | 'fpack';
  /** SHA-256 of the root page: the name of this very pack. Old containers have none. */
  root?: string;
  /**
   * What is in it: packs of the same names, contents, modes and links have the same, whatever their layout, compression
   * and times. Not there when the pack does not know it.
   */
  treeDigest?: string;
  /** Length of the file in bytes. */
  fileSize: number;
  entries: number;
  /** Regular files and symbolic links. */
  files: number;
  symlinks: number;
  directories: number;
  /** Bytes of content. */
  bytes: number;
  /** The same as stored. */
  storedBytes: number;
  /**
   * Length of the index pages in bytes: what walking over everything fetches at most. 0 where all of the index is in
   * memory already: it fitted into the root page, or the container is an old one.
   */
  indexBytes: number;
  /** Other files that hold payloads, each opened when it is first needed. */
  volumes: Volume[];
  /** Entries of an old container that are not shown, because no pack may hold their names. */
  refused: number;
  /** Lines of an old container's index that are no entries. */
  badLines: number;
  /** Files of an `.fpack` whose names were cut off when it was made. */
  lostNames: number;
  /** A container that was not finalized: its index lies beside it only, and more may come. */
  unfinished: boolean;
}

/** Another file that holds payloads. */
export interface Volume {
  /** The file lies beside the pack. '' is the file beside which the pack lies: its own name without `.rpx`. */
  name: string;
  /** Length of the file in bytes. */
  size: number;
}

/**
 * What a pack knows of a path. Names that are not UTF-8 hold the lone surrogates U+DC80 to U+DCFF for their bytes, and
 * are found again by the same string.
 */
export interface Entry {
  path: string;
  name: string;
  kind: 'file' | 'directory' | 'symlink';
  /** Bytes of content: of a directory, of everything below it; of a link, the length of its target. */
  size: number;
  /** Bytes as stored. */
  storedSize: number;
  /** Permission bits. */
  mode?: number;
  /** Last modification in milliseconds since 1970, with a fraction. */
  mtimeMs?: number;
  /** The same in nanoseconds, exactly. */
  mtimeNs?: bigint;
  uid?: number;
  gid?: number;
  /** Of a file: how and where its payload is stored. */
  codec?: 'stored' | 'gzip' | 'unknown';
  volume?: number;
  offset?: number;
  /** SHA-256 of the payload as stored. `.fpack` files have none. */
  sha256?: string;
  /** SHA-256 of the content of a compressed file. */
  originalSha256?: string;
  /** The table of a large file's blocks. */
  blocks?: { offset: number; sha256: string; blockLog2: number };
  /** Of a file: number of its group, where several names are one file (hard links). */
  hardLink?: number;
  /** Of a file that had holes: runs of zeros need not be written. */
  sparse?: true;
  /** Of a link: where it leads. */
  target?: string;
  /** Of a directory: files and links below it, at any depth. */
  files?: number;
  /** Of a directory: directories below it, at any depth. */
  directories?: number;
  /** Of a directory: what is in it, as `treeDigest` of the whole pack. */
  treeDigest?: string;
  /**
   * Why its content or target cannot be read: a later version made it. Reading rejects with `ERR_UNSUPPORTED`. Beside
   * names, kind, mode, times and the size of a file nothing else may be known; other sizes are 0 then.
   */
  unsupported?: string;
}

/**
 * A file of a pack, shaped like the `File` of a browser. A part of a large file is read and verified without the rest.
 * (Files over 8 MiB of old containers have no digests of their parts: any part costs the whole, and a stream costs
 * it twice, once to be verified.)
 */
export interface PackFile {
  readonly entry: Entry;
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Media type told from the name, or ''. */
  readonly type: string;
  /** In whole milliseconds since 1970, or 0. */
  readonly lastModified: number;
  /** A part; negative positions count from the end. Nothing is read yet. */
  slice(start?: number, end?: number, type?: string): PackFile;
  stream(options?: ReadOptions): ReadableStream<Uint8Array>;
  arrayBuffer(options?: ReadOptions): Promise<ArrayBuffer>;
  bytes(options?: ReadOptions): Promise<Uint8Array>;
  text(options?: ReadOptions): Promise<string>;
  json(options?: ReadOptions): Promise<unknown>;
}

/** What reading cost so far. */
export interface Metrics {
  requests: number;
  /** Bytes that came. */
  bytes: number;
  /** Questions and blocks that needed no request. */
  cacheHits: number;
  /** Bytes of payload whose digest was checked. (Index pages always are.) */
  verifiedBytes: number;
}

/** A persistent cache. What it gives is verified, so it can be neither stale nor harmful. */
export interface Cache {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, bytes: Uint8Array): Promise<void>;
}

/** A cache in the browser's Cache Storage. */
export function cacheStorageCache(options?: { name?: string; maxBytes?: number }): Cache;

/**
 * Says where the WebAssembly modules come from, before the first pack is opened: for pages that keep them elsewhere.
 * `packs` reads packs; `legacy` is fetched only for containers in the old formats. Where nothing may be compiled while
 * a program runs (Cloudflare's workers), a compiled module does.
 */
export function setWasm(source: (which: 'packs' | 'legacy') => URL | Promise<BufferSource | WebAssembly.Module>): void;

/** What every call rejects with, unless its signal was aborted: then with the signal's reason. */
export class PackError extends Error {
  /** Stays the same from version to version; all of them are listed in the README. */
  readonly code: ErrorCode;
  /** The pack, without secrets. */
  readonly url?: string;
  /** Status of the HTTP response. */
  readonly status?: number;
  readonly offset?: number;
  readonly length?: number;
}
