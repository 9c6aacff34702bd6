/** NumPy's `.npy`: the header, and values at any place. */

/** What values are read from by ranges: a file of a pack, or bytes in memory. */
export interface Source {
  readonly size: number;
  slice(start: number, end: number): { bytes(options?: { signal?: AbortSignal }): Promise<Uint8Array> };
}

export interface Npy {
  /** As NumPy writes it, such as `<f4`; or as `.safetensors` has it. */
  dtype: string;
  shape: number[];
  fortran: boolean;
  /** Where the values begin, in bytes. */
  offset: number;
  /** Bytes of a value. */
  itemSize: number;
  /** A value at a byte offset; undefined where values of this type cannot be shown. */
  read: Read | undefined;
}

export type Read = (view: DataView, at: number) => number | bigint | boolean | string;

/** How many values a shape has. */
export const countOf = (shape: number[]) => shape.reduce((product, size) => product * size, 1);

/** NumPy itself allows no more. */
export const MOST_DIMENSIONS = 64;

/** The header is at most so long. (Version 1 allows 64 KiB.) */
export const HEAD = 64 * 1024;

/** Throws an Error that says what is wrong. */
export function parseNpy(head: Uint8Array, fileSize: number): Npy {
  const magic = String.fromCharCode(...head.subarray(0, 6));
  if (magic !== '\x93NUMPY' || head.length < 12) throw new Error('This is not a NumPy array.');
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const [start, length] = head[6] === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const offset = start + length;
  if (offset > head.length) throw new Error('The header of this array is too long.');
  const text = new TextDecoder().decode(head.subarray(start, offset));
  const dtype = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/.exec(text)?.[1];
  if (shape === undefined) throw new Error('The header of this array does not say its shape.');
  const dimensions = shape.split(',').map((part) => part.trim()).filter((part) => part !== '').map(Number);
  if (dimensions.length > MOST_DIMENSIONS || !dimensions.every((size) => Number.isSafeInteger(size) && size >= 0)) throw new Error('The shape of this array makes no sense.');
  const fortran = /'fortran_order':\s*True/.test(text);
  const { itemSize, read } = readerOf(dtype ?? '');
  const count = countOf(dimensions);
  if (read !== undefined && offset + count * itemSize > fileSize) throw new Error('The array is longer than its file.');
  return { dtype: dtype ?? 'a record', shape: dimensions, fortran, offset, itemSize, read };
}

function readerOf(dtype: string): Pick<Npy, 'itemSize' | 'read'> {
  const [, order, kind, digits] = /^([<>|=])([a-zA-Z])(\d+)$/.exec(dtype) ?? [];
  const size = Number(digits);
  const little = order !== '>';
  const reads: Record<string, Npy['read']> = {
    b1: (view, at) => view.getUint8(at) !== 0,
    i1: (view, at) => view.getInt8(at),
    u1: (view, at) => view.getUint8(at),
    i2: (view, at) => view.getInt16(at, little),
    u2: (view, at) => view.getUint16(at, little),
    i4: (view, at) => view.getInt32(at, little),
    u4: (view, at) => view.getUint32(at, little),
    i8: (view, at) => view.getBigInt64(at, little),
    u8: (view, at) => view.getBigUint64(at, little),
    f2: (view, at) => half(view.getUint16(at, little)),
    f4: (view, at) => view.getFloat32(at, little),
    f8: (view, at) => view.getFloat64(at, little),
    c8: (view, at) => complex(view.getFloat32(at, little), view.getFloat32(at + 4, little)),
    c16: (view, at) => complex(view.getFloat64(at, little), view.getFloat64(at + 8, little)),
  };
  const key = `${kind}${size}`;
  return { itemSize: size, read: Object.hasOwn(reads, key) ? reads[key] : undefined };
}

export function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const complex = (re: number, im: number) => `${short(re)}${im < 0 ? '−' : '+'}${short(Math.abs(im))}j`;
const short = (value: number) => String(Number(value.toPrecision(7)));

export function valueText(value: number | bigint | boolean | string): string {
  return typeof value === 'number' && !Number.isInteger(value) ? short(value) : String(value);
}
