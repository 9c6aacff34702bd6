/**
 * Errors as Node's `fs` has them.
 */

import { constants } from 'node:os';
import { isErrorCode } from '../../errors.js';

/** @import { ErrorCode } from '../../error-codes.js' */

/** @typedef {'ENOENT' | 'ENOTDIR' | 'EISDIR' | 'EROFS' | 'EINVAL' | 'EBADF' | 'EACCES' | 'EIO'} Errno */

/** @type {Record<Errno, string>} in the words of Node */
const WORDS = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  EISDIR: 'illegal operation on a directory',
  EROFS: 'read-only file system',
  EINVAL: 'invalid argument',
  EBADF: 'bad file descriptor',
  EACCES: 'permission denied',
  EIO: 'i/o error',
};

/** @type {{ [code in ErrorCode]?: Errno }} all others are EIO: the place where the pack lies failed, or its bytes are bad */
const ERRNOS = {
  ERR_NO_ENTRY: 'ENOENT',
  ERR_NOT_A_FILE: 'EISDIR',
  ERR_NOT_A_DIRECTORY: 'ENOTDIR',
  ERR_BAD_PATH: 'EINVAL',
  ERR_ARGUMENT: 'EINVAL',
  ERR_CLOSED: 'EBADF',
};

/**
 * @param {Errno} code
 * @param {string} syscall
 * @param {string} [path]
 * @param {unknown} [cause]
 * @returns {NodeJS.ErrnoException}
 */
export function errno(code, syscall, path, cause) {
  const where = path === undefined ? '' : ` '${path}'`;
  const why = code === 'EIO' && cause instanceof Error ? ` (${cause.message})` : '';
  const error = new Error(`${code}: ${WORDS[code]}, ${syscall}${where}${why}`, cause === undefined ? undefined : { cause });
  // Node counts them below zero.
  return Object.assign(error, { errno: -constants.errno[code], code, syscall, ...(path === undefined ? {} : { path }) });
}

/**
 * Makes one of Node's errors of whatever the pack rejected with.
 *
 * @param {unknown} error
 * @param {string} syscall
 * @param {string} [path]
 * @param {AbortSignal} [signal]
 * @returns {Error}
 */
export function asNodeError(error, syscall, path, signal) {
  if (signal?.aborted && error === signal.reason) {
    const aborted = new Error('The operation was aborted', { cause: error });
    return Object.assign(aborted, { name: 'AbortError', code: 'ABORT_ERR' });
  }
  if (!(error instanceof Error) || 'syscall' in error || !('code' in error)) return /** @type {Error} */ (error);
  return errno((isErrorCode(error.code) && ERRNOS[error.code]) || 'EIO', syscall, path, error);
}
