/**
 * Exit codes and advice.
 */

import { PackError } from '../../errors.js';

/** @import { ErrorCode } from '../../error-codes.js' */

/** @type {ReadonlySet<ErrorCode>} the pack is bad, or lacks what was asked for; every other error is trouble with usage, network or disk */
const BAD = new Set([
  'ERR_NOT_A_PACK',
  'ERR_CORRUPT',
  'ERR_WRONG_PACK',
  'ERR_UNSUPPORTED',
  'ERR_LIMIT',
  'ERR_BAD_PATH',
  'ERR_NO_ENTRY',
  'ERR_NOT_A_FILE',
  'ERR_NOT_A_DIRECTORY',
]);

/** @type {{ [code in ErrorCode]?: string }} */
const HINTS = {
  ERR_NO_ENTRY: '`rangepack ls -R PACK` lists every path there is',
  ERR_NOT_A_FILE: '`rangepack ls` lists a directory',
  ERR_NOT_A_PACK:
    'rangepack reads its own packs, CTNRv1 containers and .fpack files; a container that was never finished needs its ' +
    'index: FILE.idx beside it, or --index',
  ERR_UNSUPPORTED: 'a newer rangepack made it; a newer one is needed to read it',
  ERR_CORRUPT: 'the file was changed or cut short; restore it from a copy',
  ERR_WRONG_PACK: '`rangepack info` shows the root digest of the pack that is there',
  ERR_NO_VOLUME: 'put that file beside the index, under the name that it had',
  ERR_BAD_PATH: 'paths inside a pack are relative and hold no `..`',
};

/**
 * @param {unknown} error
 * @returns {1 | 2}
 */
export function exitOf(error) {
  return error instanceof PackError && BAD.has(error.code) ? 1 : 2;
}

/**
 * @param {unknown} error
 * @returns {string} what went wrong, without options that only programs can give
 */
export function wordsOf(error) {
  if (!(error instanceof Error)) return String(error);
  const { message } = error;
  return error instanceof PackError && error.advice !== undefined ? message.slice(0, -error.advice.length).trimEnd() : message;
}

/**
 * @param {unknown} error
 * @returns {string | undefined} what to do about it
 */
export function hintOf(error) {
  return error instanceof PackError ? HINTS[error.code] : undefined;
}
