/** NumPy's `.npz`: a zip of arrays. Its directory is read first; arrays that are stored as they are, by ranges. */

import { ZipReader, type FileEntry } from '@zip.js/zip.js/lib/zip-core-reader.js';
import { HEAD, parseNpy, type Source } from './npy.ts';
import type { Tensor, TensorFile } from './tensors.ts';

/** Whatever the directory of a zip says, no more is read at once. */
const LARGEST_READ = 32 * 1024 * 1024;
/** A compressed array is unpacked as a whole, up to this size. */
export const LARGEST_UNPACKED = 128 * 1024 * 1024;
const MOST_ARRAYS = 10_000;
/** Bytes that one byte of a deflate stream can become. */
const MOST_FROM_ONE = 1032;
/** As much of an array is read to tell what it is. */
const LOOK = 4096;
/** Length of the fixed part of a member's own header. */
const LOCAL = 30;

/** Rejects with an Error that says what is wrong. */
export async function openNpz(file: Source, signal: AbortSignal): Promise<TensorFile> {
  const reader = {
    size: file.size,
    init: () => Promise.resolve(),
    readUint8Array: async (at: number, length: number) => {
      if (length > LARGEST_READ) throw new Error('The directory of this zip is too long.');
      return file.slice(at, Math.min(at + length, file.size)).bytes({ signal });
    },
  };
  const tensors: Tensor[] = [];
  const zip = new ZipReader(reader as unknown as ConstructorParameters<typeof ZipReader>[0], { useWebWorkers: false });
  for await (const entry of zip.getEntriesGenerator()) {
    if (entry.directory) continue;
    tensors.push(member(file, entry));
    if (tensors.length >= MOST_ARRAYS) break;
  }
  return { tensors, metadata: [] };
}

function member(file: Source, entry: FileEntry): Tensor {
  const { filename, compressedSize, uncompressedSize, compressionMethod } = entry;
  const deflated = compressionMethod === 8;
  return {
    name: filename.replace(/\.npy$/, ''),
    npy: undefined,
    bytes: uncompressedSize,
    stored: entry.encrypted ? 'encrypted' : deflated ? 'deflated' : compressionMethod === 0 ? '' : `method ${compressionMethod}`,
    cost: deflated ? compressedSize : 0,
    async look(signal) {
      const start = await contentOf(file, entry, signal);
      const head = await file.slice(start, Math.min(start + compressedSize, start + LOOK)).bytes({ signal });
      return parseNpy(deflated ? await beginning(head, signal) : head, uncompressedSize);
    },
    async open(signal) {
      if (entry.encrypted || (!deflated && compressionMethod !== 0)) throw new Error('Arrays that are stored like this cannot be read here.');
      if (deflated && uncompressedSize > LARGEST_UNPACKED) throw new Error('This array is compressed, and too large to be unpacked here.');
      const start = await contentOf(file, entry, signal);
      const end = start + compressedSize;
      if (end > file.size) throw new Error('This array would lie outside of its file.');
      const source = deflated ? await unpacked(file, start, end, uncompressedSize, signal) : part(file, start, end);
      return { source, npy: parseNpy(await source.slice(0, Math.min(HEAD, source.size)).bytes({ signal }), source.size) };
    },
  };
}

/** Where the content of a member begins: behind a header of its own, whose length only it knows. */
async function contentOf(file: Source, { offset }: FileEntry, signal: AbortSignal): Promise<number> {
  if (offset + LOCAL > file.size) throw new Error('This array would lie outside of its file.');
  const bytes = await file.slice(offset, offset + LOCAL).bytes({ signal });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== 0x04034b50) throw new Error('The directory of this zip leads to no array.');
  return offset + LOCAL + view.getUint16(26, true) + view.getUint16(28, true);
}

const part = (file: Source, from: number, to: number): Source => ({
  size: to - from,
  slice: (start, end) => file.slice(from + Math.min(start, to - from), from + Math.min(end, to - from)),
});

/** Bytes in memory. */
export const memory = (bytes: Uint8Array): Source => ({
  size: bytes.length,
  slice: (start, end) => ({ bytes: () => Promise.resolve(bytes.subarray(start, end)) }),
});

/** What the beginning of a deflate stream begins with. */
async function beginning(packed: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const reader = inflated(packed).getReader();
  // It ends too soon for the stream, which is an error there; the first piece has come by then.
  const { value } = await reader.read();
  void reader.cancel().catch(() => undefined);
  signal.throwIfAborted();
  return value ?? new Uint8Array();
}

const inflated = (packed: Uint8Array) => new Blob([packed as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('deflate-raw'));

/** What comes out of a deflate stream, and never more than was said. */
async function unpacked(file: Source, start: number, end: number, size: number, signal: AbortSignal): Promise<Source> {
  if (size > (end - start) * MOST_FROM_ONE + 64) throw new Error('This array cannot be as long as its zip says.');
  const packed = await file.slice(start, end).bytes({ signal });
  const bytes = new Uint8Array(size);
  let at = 0;
  const reader = inflated(packed).getReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      signal.throwIfAborted();
      if (at + piece.value.length > size) throw new Error('This array is longer than its zip says.');
      bytes.set(piece.value, at);
      at += piece.value.length;
    }
  } catch (error) {
    void reader.cancel().catch(() => undefined);
    throw error instanceof TypeError ? new Error('This array cannot be unpacked; the zip is damaged.') : error;
  }
  if (at !== size) throw new Error('This array is shorter than its zip says.');
  return memory(bytes);
}
