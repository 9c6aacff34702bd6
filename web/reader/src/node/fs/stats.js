/**
 * What `stat` and `readdir` give: objects with the fields and methods of Node's.
 */

import { constants } from 'node:fs';

/** @import { Entry } from '../../../types/index.d.ts' */

/** Entries whose permissions are not known may be read by anybody. */
const MODES = { file: 0o444, directory: 0o555, symlink: 0o777 };
const TYPES = { file: constants.S_IFREG, directory: constants.S_IFDIR, symlink: constants.S_IFLNK };

/** Shared by `Stats` and `Dirent`: what kind of entry it is. */
class Kind {
  #kind;

  /** @param {Entry['kind']} kind */
  constructor(kind) {
    this.#kind = kind;
  }

  isFile() {
    return this.#kind === 'file';
  }

  isDirectory() {
    return this.#kind === 'directory';
  }

  isSymbolicLink() {
    return this.#kind === 'symlink';
  }

  isBlockDevice() {
    return false;
  }

  isCharacterDevice() {
    return false;
  }

  isFIFO() {
    return false;
  }

  isSocket() {
    return false;
  }
}

/** Like `fs.Stats`, or like `fs.BigIntStats`. */
export class Stats extends Kind {
  /**
   * @param {Entry} entry
   * @param {boolean} [bigint]
   */
  constructor(entry, bigint = false) {
    super(entry.kind);
    /** @type {(value: number) => number | bigint} */
    const number = bigint ? BigInt : (value) => value;
    // The size of a directory is that of its list elsewhere: the bytes below it would mislead those who add up.
    const size = entry.kind === 'directory' ? 0 : entry.size;
    this.dev = number(0);
    this.mode = number((entry.mode ?? MODES[entry.kind]) | TYPES[entry.kind]);
    this.nlink = number(1);
    this.uid = number(entry.uid ?? 0);
    this.gid = number(entry.gid ?? 0);
    this.rdev = number(0);
    this.blksize = number(4096);
    this.ino = number(numberOf(entry.path));
    this.size = number(size);
    this.blocks = number(Math.ceil(size / 512));
    const milliseconds = entry.mtimeMs ?? 0;
    const nanoseconds = BigInt(entry.mtimeNs ?? 0);
    for (const time of ['atime', 'mtime', 'ctime', 'birthtime']) {
      Object.assign(this, {
        [`${time}Ms`]: bigint ? nanoseconds / 1_000_000n : milliseconds,
        ...(bigint ? { [`${time}Ns`]: nanoseconds } : {}),
        [time]: new Date(Math.floor(milliseconds)),
      });
    }
  }
}

/** Like `fs.Dirent`. */
export class Dirent extends Kind {
  /**
   * @param {Entry['kind']} kind
   * @param {string | Buffer} name
   * @param {string} parentPath
   */
  constructor(kind, name, parentPath) {
    super(kind);
    this.name = name;
    this.parentPath = parentPath;
    /** The older name of the same. */
    this.path = parentPath;
  }
}

/**
 * A number that stays the same for a path, for those who tell files apart by it (two FNV-1a hashes, 52 bits).
 *
 * @param {string} path
 */
function numberOf(path) {
  let [low, high] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < path.length; i++) {
    low = Math.imul(low ^ path.charCodeAt(i), 0x01000193);
    high = Math.imul(high ^ path.charCodeAt(i), 0x85ebca6b);
  }
  return (low >>> 0) + (high >>> 12) * 2 ** 32;
}
