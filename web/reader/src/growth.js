/**
 * Packs that are growing, or whose growing was interrupted: a note beside them says where they ended before
 * (FORMAT.md, "Files beside a pack").
 */

import { PackError } from './errors.js';
import { loadWasm } from './wasm.js';

/** @import { ByteSource } from './sources/source.js' */

/** What a note says: how long the file was, and the digest of the root page that it had. @typedef {{ size: number, root: string }} Note */

/** Length of a note, in bytes. */
const LENGTH = 64;

/** @type {unknown[]} what may be found wrong with the end of a file that is growing */
const BROKEN = ['ERR_NOT_A_PACK', 'ERR_CORRUPT', 'ERR_UNSUPPORTED', 'ERR_LIMIT'];

/**
 * @param {unknown} error of opening
 * @returns {boolean} whether it may be that the file has more bytes than its last index knows of
 */
export function mayBeGrowing(error) {
  return error instanceof PackError && BROKEN.includes(error.code);
}

/**
 * @param {unknown} error of a file that may not be there: then that is all that there is to say
 * @returns {undefined}
 */
export function elseMissing(error) {
  // Some stores say that a file which is not there may not be read.
  if (error instanceof PackError && (error.code === 'ERR_NOT_FOUND' || error.code === 'ERR_FORBIDDEN')) return undefined;
  throw error;
}

/**
 * @param {Uint8Array} bytes
 * @param {(bytes: Uint8Array) => { value?: Note }} growthNote
 * @returns {Note | undefined}
 */
function parsed(bytes, growthNote) {
  try {
    return growthNote(bytes).value;
  } catch {
    // It says a length that no file has.
    return undefined;
  }
}

/**
 * @param {ByteSource | undefined} source of the note, which may not be there
 * @param {AbortSignal} [signal]
 * @returns {Promise<Note | undefined>}
 */
export async function readNote(source, signal) {
  if (source === undefined) return undefined;
  try {
    const { size, bytes } = await source.tail(LENGTH, { signal });
    if (size !== LENGTH) return undefined;
    const { growthNote } = await loadWasm('legacy');
    return parsed(bytes, growthNote);
  } catch (error) {
    return elseMissing(error);
  } finally {
    await source.close?.();
  }
}
