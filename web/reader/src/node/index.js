/**
 * The package `rangepack` for Node: also opens files on disk.
 */

import { existsSync, realpathSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { webBeside, webLonger, webSource, withoutRpx } from '../index.js';
import { PackError } from '../errors.js';
import { open } from '../open.js';
import { hasMethods } from '../options.js';
import { setLoader } from '../wasm.js';
import { fileSource } from './file-source.js';

export { PackError, cacheStorageCache, setWasm } from '../index.js';
export { folderCache } from './cache-folder.js';

/** @import { OpenOptions } from '../../types/index.d.ts' */

// Node's fetch does not read files.
setLoader((url) => (url.protocol === 'file:' ? readFile(url) : fetch(url)));

/**
 * @param {unknown} input
 * @param {OpenOptions} options
 */
function nodeSource(input, options) {
  const path = pathOf(input);
  if (path !== undefined) return fileSource(path);
  if (hasMethods(input, ['read', 'stat', 'close'])) {
    return fileSource(/** @type {import('node:fs/promises').FileHandle} */ (input));
  }
  return webSource(input, options);
}

/**
 * @param {unknown} input
 * @param {string} name
 * @param {OpenOptions} options
 */
function nodeBeside(input, name, options) {
  const path = pathOf(input);
  if (path === undefined) return webBeside(input, name, options);
  const sibling = name === '' ? withoutRpx(basename(path)) : name;
  return sibling === undefined ? undefined : fileSource(join(dirname(path), sibling));
}

/**
 * @param {unknown} input
 * @param {OpenOptions} options
 */
function nodeNote(input, options) {
  const path = pathOf(input);
  if (path === undefined) return webLonger(input, '.grow', options);
  if (!existsSync(path)) return undefined;
  // What a link leads to has the note.
  const note = `${realpathSync(path)}.grow`;
  return isOther(note) ? undefined : fileSource(note);
}

/**
 * @param {string} path
 * @returns {boolean} whether there is something that is no file: a pipe would never be opened
 */
function isOther(path) {
  try {
    return !statSync(path).isFile();
  } catch (error) {
    return /** @type {{ code?: string }} */ (error).code !== 'ENOENT';
  }
}

/**
 * @param {unknown} input
 * @param {OpenOptions} options
 */
function nodeSidecar(input, options) {
  const path = pathOf(input);
  return path === undefined ? webLonger(input, '.rpx', options) : fileSource(`${path}.rpx`);
}

/** @param {string | URL} url that begins with `file:` */
function fileOf(url) {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    const message = `this is no address of a file on this machine: ${cause instanceof Error ? cause.message : cause}`;
    throw new PackError('ERR_ARGUMENT', message, { url: String(url), cause });
  }
}

/**
 * @param {unknown} input
 * @returns {string | undefined} the path of a file on disk
 */
function pathOf(input) {
  if (input instanceof URL) return input.protocol === 'file:' ? fileOf(input) : undefined;
  if (typeof input !== 'string') return undefined;
  if (input.startsWith('file:')) return fileOf(input);
  // Other addresses are none that can be read, but no paths either. (One letter is a drive.)
  return /^[a-z][a-z\d+.-]+:\/\//i.test(input) || /^https?:/i.test(input) ? undefined : input;
}

/**
 * @param {unknown} input
 * @param {OpenOptions} [options]
 */
export function openPack(input, options = {}) {
  return open(input, options, { source: nodeSource, beside: nodeBeside, note: nodeNote, sidecar: nodeSidecar });
}
