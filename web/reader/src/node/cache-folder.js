/**
 * A cache in a folder, for Node.
 */

import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Budget, USE_WRITTEN_AFTER, isDigest, toEvict } from '../cache.js';
import { PackError } from '../errors.js';
import { ARGUMENTS, checkArgument, checkOptions } from '../options.js';

/** @import { Cache, Kept } from '../cache.js' */

const TEMPORARY = '.new-';

/** Temporary files older than this, in milliseconds, were left behind by a process that was killed. */
const ABANDONED = 3_600_000;

/**
 * One file for each item, named by its digest; the time of modification is the time of use. Several processes may
 * use a folder at the same time: files appear complete, by being renamed, and one that vanishes is not missed. Each
 * process keeps the limit for itself, so several of them may exceed it by an eighth each until one looks again. Items of
 * more than an eighth are not kept. Nothing else should lie in the folder; what is not named like an item is left alone.
 *
 * @param {string} folder made if it is not there; what is no folder, or cannot be written to, is refused at once
 * @param {object} [options]
 * @param {number} [options.maxBytes]
 * @returns {Cache}
 */
export function folderCache(folder, options = {}) {
  checkOptions(options, ['maxBytes']);
  checkArgument('the folder', folder, ARGUMENTS.text);
  checkFolder(folder);
  const { maxBytes = 256 * 1024 * 1024 } = options;
  const budget = new Budget(maxBytes);
  return {
    async get(digest) {
      if (!isDigest(digest)) return undefined;
      try {
        return await readAndUse(join(folder, digest));
      } catch {
        return undefined;
      }
    },
    async put(digest, bytes) {
      const verdict = isDigest(digest) ? budget.spend(bytes.length) : 'refuse';
      if (verdict === 'refuse') return;
      const temporary = join(folder, TEMPORARY + randomBytes(12).toString('hex'));
      try {
        await mkdir(folder, { recursive: true });
        if (verdict === 'evict') await evict(folder, maxBytes);
        await writeFile(temporary, bytes, { flag: 'wx' });
        await rename(temporary, join(folder, digest));
      } catch {
        await rm(temporary, { force: true }).catch(() => {});
      }
    },
  };
}

/**
 * What fails later is a cache that does not help; a wrong folder would be one for ever, and nobody would know.
 *
 * @param {string} folder
 */
function checkFolder(folder) {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const why = /** @type {Error} */ (cause).message;
    throw new PackError('ERR_ARGUMENT', `nothing can be kept in the folder ${folder} (${why})`, { cause });
  }
}

/** @param {string} path */
async function readAndUse(path) {
  const file = await open(path);
  try {
    const bytes = await file.readFile();
    const now = Date.now();
    if (now - (await file.stat()).mtimeMs > USE_WRITTEN_AFTER) {
      // May be someone else's file, which can be read but not touched.
      await file.utimes(now / 1000, now / 1000).catch(() => {});
    }
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  } finally {
    await file.close();
  }
}

/**
 * @param {string} folder
 * @param {number} maxBytes
 */
async function evict(folder, maxBytes) {
  /** @type {Kept[]} */
  const kept = [];
  for (const name of await readdir(folder)) {
    const isTemporary = name.startsWith(TEMPORARY);
    if (!isTemporary && !isDigest(name)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) continue;
    if (isTemporary && Date.now() - found.mtimeMs > ABANDONED) await unlink(path).catch(() => {});
    if (!isTemporary) kept.push({ key: path, size: found.size, used: found.mtimeMs });
  }
  for (const { key } of toEvict(kept, maxBytes)) await unlink(key).catch(() => {});
}
