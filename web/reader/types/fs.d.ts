import type { Dirent, Stats, BigIntStats, constants } from 'node:fs';
import type { FileReadOptions, FileReadResult } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Pack } from './index.d.ts';

/**
 * A pack as a file system, for libraries that take one:
 *
 * ```js
 * import { fsOf } from 'rangepack/fs';
 * const fs = fsOf(pack);
 * await fs.readFile('/notes.txt', 'utf8');
 * await fastGlob('**', { fs, cwd: '/' });
 * ```
 *
 * The root of the pack is `/`; paths without a slash in front begin there as well. Errors are those of Node, with
 * `code`, `errno`, `syscall` and `path`: ENOENT, ENOTDIR, EISDIR, EINVAL, EACCES, EROFS for everything that would
 * write, EBADF when the pack or the handle was closed, and EIO when the pack could not be read. `cause` is the
 * `PackError`, where there is one.
 */
export function fsOf(pack: Pack): PackFs;

export type Path = string | Buffer | URL;

/**
 * The functions of `fs/promises` that read. Each of them also takes a callback as its last argument, as those of
 * `fs` do (`open` hands it a `FileHandle`). Those that write are there too, and reject with EROFS.
 */
export interface PackFs {
  /** The same object, for libraries that look for it. */
  readonly promises: PackFs;
  readonly constants: typeof constants;
  access: Asked<[path: Path, mode?: number], void>;
  stat: Status;
  /** Links at the end of the path are not followed. */
  lstat: Status;
  readlink: Asked<[path: Path, options?: BufferEncoding | { encoding?: BufferEncoding | null | undefined }], string>;
  /** Where the path leads when all links are followed, from `/` on. */
  realpath: Asked<[path: Path, options?: BufferEncoding | { encoding?: BufferEncoding | null | undefined }], string>;
  readFile: ReadFile;
  /** Names in the order of their bytes. With `recursive`, children first, then what is below each of them. */
  readdir: ReadDirectory;
  opendir: Asked<[path: Path, options?: { encoding?: BufferEncoding | undefined; recursive?: boolean | undefined }], Directory>;
  open: Asked<[path: Path, flags?: string | number], FileHandle>;
  /** `end` is the last byte, as in Node. Every byte is verified before it is given out (but see `PackFile`). */
  createReadStream(path: Path, options?: BufferEncoding | StreamOptions): ReadStream;
}

/** A function with a promise, or with a callback. */
export interface Asked<Arguments extends unknown[], Answer> {
  (...given: Arguments): Promise<Answer>;
  (...given: [...Partial<Arguments>, callback: Callback<Answer>]): void;
}

export type Callback<Answer> = (error: NodeJS.ErrnoException | null, answer: Answer) => void;

export interface Status {
  (path: Path, options: { bigint: true }): Promise<BigIntStats>;
  (path: Path, options?: { bigint?: false | undefined }): Promise<Stats>;
  (path: Path, callback: Callback<Stats>): void;
  (path: Path, options: { bigint: true }, callback: Callback<BigIntStats>): void;
  (path: Path, options: { bigint?: false | undefined }, callback: Callback<Stats>): void;
  (path: Path, options: { bigint?: boolean | undefined }, callback: Callback<Stats | BigIntStats>): void;
}

export interface ReadFile {
  (path: Path, options: BufferEncoding | { encoding: BufferEncoding; signal?: AbortSignal | undefined }): Promise<string>;
  (path: Path, options?: { encoding?: null | undefined; signal?: AbortSignal | undefined } | null): Promise<Buffer>;
  (path: Path, callback: Callback<Buffer>): void;
  (path: Path, options: BufferEncoding | { encoding: BufferEncoding; signal?: AbortSignal | undefined }, callback: Callback<string>): void;
  (path: Path, options: { encoding?: null | undefined; signal?: AbortSignal | undefined } | null, callback: Callback<Buffer>): void;
}

export interface ReadDirectory {
  (path: Path, options: { withFileTypes: true; recursive?: boolean | undefined }): Promise<Dirent[]>;
  (path: Path, options: 'buffer' | { encoding: 'buffer'; recursive?: boolean | undefined }): Promise<Buffer[]>;
  (path: Path, options?: BufferEncoding | { withFileTypes?: false | undefined; recursive?: boolean | undefined } | null): Promise<string[]>;
  (path: Path, callback: Callback<string[]>): void;
  (path: Path, options: { withFileTypes: true; recursive?: boolean | undefined }, callback: Callback<Dirent[]>): void;
  (path: Path, options: 'buffer' | { encoding: 'buffer'; recursive?: boolean | undefined }, callback: Callback<Buffer[]>): void;
  (
    path: Path,
    options: BufferEncoding | { withFileTypes?: false | undefined; recursive?: boolean | undefined } | null,
    callback: Callback<string[]>,
  ): void;
}

/** An open directory; iterate over it with `for await`. */
export interface Directory extends AsyncDisposable, AsyncIterable<Dirent> {
  readonly path: string;
  read(): Promise<Dirent | null>;
  close(): Promise<void>;
}

/** An open file. A file of up to 8 MiB is fetched by the first read and kept until the handle is closed. */
export interface FileHandle extends AsyncDisposable {
  /** Always -1: the operating system does not know the file. */
  readonly fd: number;
  /** Fills `buffer`; with `position` null or absent it continues where the read before ended. */
  read<T extends NodeJS.ArrayBufferView>(
    buffer: T,
    offset?: number | null,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<FileReadResult<T>>;
  read<T extends NodeJS.ArrayBufferView>(buffer: T, options?: FileReadOptions<T>): Promise<FileReadResult<T>>;
  read<T extends NodeJS.ArrayBufferView = Buffer>(options?: FileReadOptions<T>): Promise<FileReadResult<T>>;
  stat(options: { bigint: true }): Promise<BigIntStats>;
  stat(options?: { bigint?: false | undefined }): Promise<Stats>;
  readFile(options: BufferEncoding | { encoding: BufferEncoding; signal?: AbortSignal | undefined }): Promise<string>;
  readFile(options?: { encoding?: null | undefined; signal?: AbortSignal | undefined } | null): Promise<Buffer>;
  createReadStream(options?: StreamOptions): ReadStream;
  readableWebStream(): ReadableStream<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

export interface StreamOptions {
  /** First byte (0). */
  start?: number | undefined;
  /** Last byte. */
  end?: number | undefined;
  encoding?: BufferEncoding | undefined;
  /** Bytes that are given out at a time at most (64 KiB). */
  highWaterMark?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface ReadStream extends Readable {
  readonly path: string;
  readonly bytesRead: number;
}
