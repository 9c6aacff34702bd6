/** Files of many tensors: what each is called, and where its values lie. `.safetensors` by its header, `.npz` by its zip. */

import { countOf, half, MOST_DIMENSIONS, type Npy, type Read, type Source } from './npy.ts';

export interface Tensor {
  name: string;
  /** Undefined until it was read (`open`), or where it cannot be. */
  npy: Npy | undefined;
  /** Bytes in the file. */
  bytes: number;
  /** How it is stored, where that matters. */
  stored: string;
  /** Reads what it takes to show its values; rejects with an Error that says what is wrong. */
  open(signal: AbortSignal): Promise<{ source: Source; npy: Npy }>;
  /** Reads only what tells its type and shape; not there where that is known. */
  look?(signal: AbortSignal): Promise<Npy>;
  /** What `open` reads at once, in bytes; 0 where values come by ranges. */
  cost: number;
}

export interface TensorFile {
  tensors: Tensor[];
  /** What its maker said of it. */
  metadata: [string, string][];
}

/** The format allows 100 MB; a page could not parse so much in time. */
const LONGEST_HEADER = 16 * 1024 * 1024;

const SIZES: Record<string, number> = { BOOL: 1, U8: 1, I8: 1, F8_E5M2: 1, F8_E4M3: 1, I16: 2, U16: 2, F16: 2, BF16: 2, I32: 4, U32: 4, F32: 4, F64: 8, I64: 8, U64: 8 };
const READS: Record<string, Read> = {
  BOOL: (view, at) => view.getUint8(at) !== 0,
  U8: (view, at) => view.getUint8(at),
  I8: (view, at) => view.getInt8(at),
  F8_E5M2: (view, at) => half(view.getUint8(at) << 8),
  F8_E4M3: (view, at) => eighth(view.getUint8(at)),
  I16: (view, at) => view.getInt16(at, true),
  U16: (view, at) => view.getUint16(at, true),
  F16: (view, at) => half(view.getUint16(at, true)),
  BF16: (view, at) => brain(view.getUint16(at, true)),
  I32: (view, at) => view.getInt32(at, true),
  U32: (view, at) => view.getUint32(at, true),
  F32: (view, at) => view.getFloat32(at, true),
  F64: (view, at) => view.getFloat64(at, true),
  I64: (view, at) => view.getBigInt64(at, true),
  U64: (view, at) => view.getBigUint64(at, true),
};

const pair = new DataView(new ArrayBuffer(4));

/** The upper half of a number of 32 bits. */
function brain(bits: number): number {
  pair.setUint16(0, bits);
  return pair.getFloat32(0);
}

/** Four bits of exponent, three of fraction, no infinity. */
function eighth(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >> 3) & 15;
  const fraction = bits & 7;
  if (exponent === 15 && fraction === 7) return NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -9 : (1 + fraction / 8) * 2 ** (exponent - 7));
}

/** How long the header of a `.safetensors` file is, from its first 8 bytes. Throws an Error that says what is wrong. */
export function headerLength(head: Uint8Array, fileSize: number): number {
  if (head.length < 8) throw new Error('This is not a safetensors file: it is too short.');
  const length = new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(Math.max(fileSize - 8, 0))) throw new Error('This is not a safetensors file: its header would be longer than the file.');
  if (length > BigInt(LONGEST_HEADER)) throw new Error('The header of this file is too long to be shown here.');
  return Number(length);
}

/** The tensors of a `.safetensors` file, whose values begin at `data`. Throws an Error that says what is wrong. */
export function parseSafetensors(header: string, data: number, source: Source): TensorFile {
  const value: unknown = JSON.parse(header);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('The header of this file is no object.');
  const file: TensorFile = { tensors: [], metadata: [] };
  for (const [name, fields] of Object.entries(value as Record<string, unknown>)) {
    if (name === '__metadata__') file.metadata = Object.entries(fields ?? {}).map(([key, value]) => [key, String(value)]);
    else file.tensors.push(tensorOf(name, (fields ?? {}) as Record<string, unknown>, data, source));
  }
  return file;
}

function tensorOf(name: string, { dtype, shape, data_offsets: offsets }: Record<string, unknown>, data: number, source: Source): Tensor {
  const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  const type = typeof dtype === 'string' ? dtype : 'unknown';
  const dimensions = Array.isArray(shape) && shape.length <= MOST_DIMENSIONS && shape.every(isSize) ? (shape as number[]) : undefined;
  const [start, end] = Array.isArray(offsets) && offsets.length === 2 && offsets.every(isSize) ? (offsets as [number, number]) : [0, -1];
  const bytes = Math.max(end - start, 0);
  const itemSize = Object.hasOwn(SIZES, type) ? (SIZES[type] ?? 0) : 0;
  const wrong = () => {
    if (dimensions === undefined) return 'The shape of this tensor makes no sense.';
    if (end < start || data + end > source.size) return 'This tensor would lie outside of its file.';
    if (itemSize > 0 && countOf(dimensions) * itemSize !== bytes) return 'The bytes of this tensor do not fit its shape.';
    return undefined;
  };
  const read = wrong() === undefined && itemSize > 0 ? READS[type] : undefined;
  const npy: Npy = { dtype: type, shape: dimensions ?? [], fortran: false, offset: data + start, itemSize, read };
  return {
    name,
    npy,
    bytes,
    stored: wrong() === undefined ? '' : 'damaged',
    cost: 0,
    open() {
      const reason = wrong();
      return reason === undefined ? Promise.resolve({ source, npy }) : Promise.reject(new Error(reason));
    },
  };
}

export async function openSafetensors(source: Source, signal: AbortSignal): Promise<TensorFile> {
  const length = headerLength(await source.slice(0, 8).bytes({ signal }), source.size);
  const header = new TextDecoder('utf-8', { fatal: true }).decode(await source.slice(8, 8 + length).bytes({ signal }));
  return parseSafetensors(header, 8 + length, source);
}
