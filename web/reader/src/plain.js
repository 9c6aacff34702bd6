/**
 * Entries of plain files from the few parts in which the reader tells of them (`reader-wasm/src/plain.rs`).
 */

/** @import { FileEntry } from '../types/index.d.ts' */

/** Where the reader puts the numbers of the file that it was asked for last. */
export const NUMBERS = new Float64Array(9);

const CODECS = /** @type {const} */ (['stored', 'gzip', 'deflate', 'zstd']);

/** Hexadecimal digits of a digest. */
const HEX = 64;

/** @param {number} at */
const number = (at) => NUMBERS[at] ?? 0;

/**
 * @param {string} path
 * @param {string} digests its own, and the original one if it has one
 * @returns {FileEntry} with what stands in {@link NUMBERS}
 */
export function plainFile(path, digests) {
  const seconds = String(number(7));
  const fraction = String(number(8)).padStart(9, '0');
  /** @type {FileEntry} */
  const entry = {
    path,
    name: path.slice(path.lastIndexOf('/') + 1),
    mode: number(4),
    mtimeMs: Number(`${seconds}${fraction.slice(0, 3)}.${fraction.slice(3)}`),
    mtimeNs: seconds + fraction,
    kind: 'file',
    size: number(0),
    storedSize: number(1),
    codec: CODECS[number(5)] ?? 'unknown',
    volume: number(3),
    offset: number(2),
    sha256: digests.slice(0, HEX),
  };
  if (digests.length > HEX) entry.originalSha256 = digests.slice(HEX);
  if (number(6) >= 0) entry.dictionary = number(6);
  return entry;
}
