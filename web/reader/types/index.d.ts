/// <reference lib="esnext.disposable" />
/// <reference path="./globals.d.ts" />

/**
 * Reads any file of a pack by byte ranges, every byte verified.
 *
 * ```js
 * import { openPack } from 'rangepack';
 * const pack = await openPack('https://example.org/photos.pack');
 * for (const entry of await pack.readdir('cats')) console.log(entry.name, entry.size);
 * const cat = await pack.open('cats/felix.jpg');
 * image.src = URL.createObjectURL(await cat.blob());
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
  name?: string | undefined;
}

/** Options of every call that reads. */
export interface ReadOptions {
  /** Ends the call; what nobody else waits for is not fetched any more. */
  signal?: AbortSignal | undefined;
}

/** How a pack is opened. What concerns requests has no effect where none are made, so that the same options do for a path and an address. */
export interface OpenOptions extends ReadOptions {
  /** Only the pack whose root page has this SHA-256 (64 hexadecimal digits) is accepted, whoever serves it. */
  root?: string | undefined;
  /** Sent with every request. */
  headers?: Headers | Record<string, string> | Iterable<readonly [string, string]> | undefined;
  /** Used instead of the global `fetch`, which fits. */
  fetch?: ((address: string, init: FetchInit) => PromiseLike<Response>) | undefined;
  /** Whether cookies go along (`fetch`'s own option). */
  credentials?: 'omit' | 'same-origin' | 'include' | undefined;
  /** Index pages that are kept in memory, in bytes (32 MiB; at least 4 MiB). */
  cacheBytes?: number | undefined;
  /** Requests in flight at most (6). */
  concurrency?: number | undefined;
  /** How often a request that failed is tried again (4). */
  retries?: number | undefined;
  /** Milliseconds before the first of these (250); each further wait is twice as long. */
  retryDelay?: number | undefined;
  /** How many milliseconds may pass without a byte (30 000). 0: any number. */
  timeout?: number | undefined;
  /** How many bytes a second must come at least, looked at whenever `timeout` has passed (1024). 0: any number. */
  leastSpeed?: number | undefined;
  /** Length of the pack in bytes, if it is known: saves a request where a server hides it. Another one is `ERR_ARGUMENT`, where it shows. */
  size?: number | undefined;
  /** From a server that ignores ranges a file of so many bytes at most is taken as a whole (16 MiB). */
  wholeLimit?: number | undefined;
  /** The index that lies in a file of its own: of a tar or zip archive (`.rpx`), or of an old container (`.rpx`, or `.idx`). */
  index?: PackInput | undefined;
  /**
   * Where other volumes lie, if not beside the pack: the folder of all of them, or each by name. '' is the file that an index
   * lies beside.
   */
  volumes?: string | URL | Record<string, PackInput> | undefined;
  /** Keeps pages and contents from one visit to the next: `cacheStorageCache()`, or `folderCache()` in Node. */
  cache?: Cache | undefined;
  /** Told how far the index of an old container has come, in bytes. A pack needs no such loading. */
  onProgress?: ((progress: { loaded: number; total: number }) => void) | undefined;
}

/** What `fetch` is called with. */
export interface FetchInit {
  method: 'GET' | 'HEAD';
  headers: Headers;
  signal: AbortSignal;
  cache?: 'no-store' | 'no-cache';
  credentials?: 'omit' | 'same-origin' | 'include';
}

/** Opens a pack: one request of 100 KiB where the server tells the size with it. An option that is not known, or wrong, is `ERR_ARGUMENT`. */
export function openPack(input: PackInput, options?: OpenOptions): Promise<Pack>;

/**
 * An open pack. Paths are relative to its root, with or without slashes at their ends; '' is the root. An entry stands for its
 * path, and saves the look-up where a file is read. `using` closes it, or
 * `await using`, which waits until files are closed, too. A file of one that nobody closed is closed when nobody can read it
 * any more.
 */
export interface Pack extends Disposable, AsyncDisposable {
  readonly info: Readonly<Info>;
  /** What reading cost so far. */
  readonly metrics: Metrics;
  /** What its maker said of it, by keys; empty when nothing. Costs no request, or one. */
  metadata(options?: ReadOptions): Promise<Record<string, string>>;
  /**
   * Extended attributes of a file or directory, by names, verified; none when none were kept. Costs a request where there are
   * some. A link at the end of the path is not followed.
   */
  attributes(path: string | Entry, options?: ReadOptions): Promise<Map<string, Uint8Array<ArrayBuffer>>>;
  /** The bytes of a section that has a digest, verified; `undefined` when there is none of that tag. */
  section(tag: string, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Whether there is anything at `path`, links followed. */
  exists(path: string | Entry, options?: ReadOptions): Promise<boolean>;
  /** What is at `path`, links followed. Costs no request, or one or two of 32 KiB. */
  stat(path: string | Entry, options?: ReadOptions): Promise<Entry | undefined>;
  /** The same without following a link at the end of the path. */
  lstat(path: string | Entry, options?: ReadOptions): Promise<Entry | undefined>;
  /** One page of a directory, in the order of the names' bytes. Without a path: of the root, here and below. */
  readdir(path?: string | Entry, options?: ListOptions): Promise<Entry[]>;
  /**
   * How many children a directory has, and those from any position on: for lists with a true scroll bar, and to find the
   * position of a name. Costs no request, or some of 32 KiB, however many children there are.
   */
  children(path?: string | Entry, options?: ChildrenOptions): Promise<Children>;
  /** All of a directory; pages are fetched as they are needed. */
  list(path?: string | Entry, options?: WalkOptions): AsyncGenerator<Entry, void, undefined>;
  /** Everything below a directory: its children, then what is below each of them. */
  walk(path?: string | Entry, options?: WalkOptions): AsyncGenerator<Entry, void, undefined>;
  /** A file, links followed. Nothing is read of it yet. */
  open(path: string | Entry, options?: ReadOptions): Promise<PackFile>;
  /** A file's whole content, links followed. */
  readFile(path: string | Entry, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** The same as text in UTF-8. */
  text(path: string | Entry, options?: ReadOptions): Promise<string>;
  /** The same, parsed as JSON; what is none is a `SyntaxError`. */
  json(path: string | Entry, options?: ReadOptions): Promise<unknown>;
  /**
   * Many files, in the order given: neighbours share requests, and memory stays bounded. Directories among entries are
   * skipped, so that a walk can be given. What is wrong with one file is told for that one, and the run goes on; it ends
   * when the pack cannot be read at all.
   */
  readMany(
    paths: Iterable<string | Entry> | AsyncIterable<string | Entry>,
    options?: ReadOptions,
  ): AsyncGenerator<ReadManyResult, void, undefined>;
  /** Gives up everything that is under way; later calls reject with `ERR_CLOSED`. */
  close(): void;
}

/** What `readMany` gives of a path: its file and content, or what is wrong. */
export type ReadManyResult =
  | { path: string; entry: FileEntry; bytes: Uint8Array<ArrayBuffer>; error?: undefined }
  | { path: string; entry?: undefined; bytes?: undefined; error: PackError };

/** Options of `list` and `walk`. */
export interface WalkOptions extends ReadOptions {
  /**
   * Whether it has to be told where links lead (`true`). In zip archives without an index that lies in the files themselves, and costs
   * requests; with `false` links come without `target` there.
   */
  targets?: boolean | undefined;
}

/** Options of `readdir`. */
export interface ListOptions extends WalkOptions {
  /** Only names behind this one: the last name of the page before. */
  after?: string | undefined;
  /** How many at most (1000). */
  limit?: number | undefined;
}

/** Options of `children`. */
export interface ChildrenOptions extends WalkOptions {
  /** Position of the first one (0); or a name: from there on, or from where it would stand. */
  start?: number | string | undefined;
  /** How many at most (1000). With 0, positions alone are told. */
  limit?: number | undefined;
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
  /** `ctnrv1` and `fpack` are the old formats, which the native command has, too; `zip` is a zip archive without an index beside it. */
  format: 'rangepack' | 'ctnrv1' | 'fpack' | 'zip';
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
  /** Length of each of these pages in bytes. */
  pageSize: number;
  /** The parts of the pack, besides root page and footer; none in old containers. */
  sections: Section[];
  /** Other files that hold payloads, each opened when it is first needed. Those of merged packs may be very many, and are not listed. */
  volumes: Volume[];
  /** How many there are, those of merged packs too. */
  volumeCount: number;
  /** Entries of an old container that are not shown, because no pack may hold their names. */
  refused: number;
  /** Lines of an old container's index that are no entries. */
  badLines: number;
  /** Files of an `.fpack` whose names were cut off when it was made. */
  lostNames: number;
  /** A container that was not finalized: its index lies beside it only, and more may come. */
  unfinished: boolean;
  /**
   * The last payload that an old container's index names does not end where that begins: it may be the index of another
   * container, which was packed as a file into this one, whose own is lost.
   */
  misfit: boolean;
}

/** A part of a pack. */
export interface Section {
  /** What it is: four characters. */
  tag: string;
  offset: number;
  length: number;
  /** SHA-256 of its bytes; not there when it is a hint, or its parts have digests elsewhere. */
  sha256?: string;
  /** Whether this reader knows what it is. */
  known: boolean;
}

/** Another file that holds payloads. */
export interface Volume {
  /** The file lies beside the pack, or below its folder: then names are joined by `/`. '' is the file beside which the pack lies: its own name without `.rpx`. */
  name: string;
  /** Length of the file in bytes. */
  size: number;
}

/**
 * What a pack knows of a path; `kind` tells what else there is. Names that are not UTF-8 hold the lone surrogates U+DC80 to
 * U+DCFF for their bytes, and are found again by the same string.
 */
export type Entry = FileEntry | DirectoryEntry | LinkEntry;

/** What entries of all kinds have. */
export interface CommonEntry {
  path: string;
  name: string;
  /** Bytes of content: of a directory, of everything below it; of a link, the length of its target. */
  size: number;
  /** Bytes as stored. */
  storedSize: number;
  /** Permission bits. */
  mode?: number;
  /** Last modification in milliseconds since 1970, with a fraction. */
  mtimeMs?: number;
  /** The same in whole nanoseconds, exactly, as digits (`BigInt(mtimeNs)`): more than a number holds. */
  mtimeNs?: string;
  uid?: number;
  gid?: number;
  /** Where its extended attributes lie; entries with the same digest have the same ones. See `Pack.attributes`. */
  attributes?: { offset: number; length: number; sha256: string };
  /**
   * Why it cannot be read: it is damaged (`ERR_CORRUPT`), a later version made it (`ERR_UNSUPPORTED`), or its numbers are
   * beyond what JavaScript counts (`ERR_LIMIT`). Reading it rejects with this code. Beside names, kind, mode, times and the
   * size of a file nothing else may be known; other sizes are 0 then.
   */
  unreadable?: { code: ErrorCode; message: string };
}

/** A regular file. */
export interface FileEntry extends CommonEntry {
  kind: 'file';
  /** How and where its payload is stored. */
  codec?: 'stored' | 'gzip' | 'deflate' | 'zstd' | 'unknown';
  volume?: number;
  offset?: number;
  /** SHA-256 of the payload as stored. `.fpack` files have none. */
  sha256?: string;
  /** SHA-256 of the content of a compressed file. */
  originalSha256?: string;
  /** Number of the dictionary that a zstd payload was compressed with, from 1; without one it needs none. */
  dictionary?: number;
  /** The table of a large file's blocks. */
  blocks?: { offset: number; sha256: string; blockLog2: number };
  /** Number of its group, where several names are one file (hard links). */
  hardLink?: number;
  /** It had holes: runs of zeros need not be written. */
  sparse?: true;
}

/** A directory, with the totals of all that is below it. */
export interface DirectoryEntry extends CommonEntry {
  kind: 'directory';
  /** Files and links below it, at any depth. */
  files?: number;
  /** Directories below it, at any depth. */
  directories?: number;
  /** What is in it, as `treeDigest` of the whole pack. */
  treeDigest?: string;
}

/** A symbolic link. */
export interface LinkEntry extends CommonEntry {
  kind: 'symlink';
  /** Where it leads; not known when it is `unreadable`, or was not asked for (`targets`). */
  target?: string;
}

/**
 * A file of a pack, with the properties and methods of a browser's `File`. It is none, and no `Blob`, as nothing of it is there yet:
 * `blob()` makes one. A part of a large file is read and verified without the rest.
 * (Files over 8 MiB of old containers have no digests of their parts: any part costs the whole, and a stream costs
 * it twice, once to be verified.)
 */
export interface PackFile {
  readonly entry: FileEntry;
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Media type told from the name, or ''. */
  readonly type: string;
  /** In whole milliseconds since 1970, or 0. */
  readonly lastModified: number;
  /** A part; negative positions count from the end. Nothing is read yet. */
  slice(start?: number, end?: number, type?: string): PackFile;
  stream(options?: ReadOptions): ReadableStream<Uint8Array<ArrayBuffer>>;
  arrayBuffer(options?: ReadOptions): Promise<ArrayBuffer>;
  bytes(options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** The content, held in memory, as what takes a `Blob` wants it: `URL.createObjectURL(await file.blob())`. */
  blob(options?: ReadOptions): Promise<Blob>;
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
export function cacheStorageCache(options?: { name?: string | undefined; maxBytes?: number | undefined }): Cache;

/**
 * Says where the WebAssembly modules come from, before the first pack is opened: for pages that keep them elsewhere, and
 * bundlers that leave them behind. `packs` reads packs; `legacy` is fetched only for containers in the old formats, `zip` for zip archives without an index, `zstd`
 * when the first file that is compressed with zstd is read. Where nothing may be compiled while a program runs (Cloudflare's
 * workers), a compiled module does.
 */
export function setWasm(source: (which: 'packs' | 'legacy' | 'zip' | 'zstd') => WasmSource | PromiseLike<WasmSource>): void;

/** A module: its address (in Node, `file:` too), its bytes, an answer of `fetch` with them, or compiled. */
export type WasmSource = URL | ArrayBuffer | ArrayBufferView | Response | WebAssembly.Module;

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
  /** What else a program can do, such as an option to give: the last sentence of the message, for those who show it to others. */
  readonly advice: string | undefined;
}
