/**
 * A pack as a file system for libraries that take one: the questions of Node's `fs`, in its words.
 */

import { constants } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { asNodeError, errno } from './fs/errors.js';
import { Handle, contentOf, readStream } from './fs/handle.js';
import { Dirent, Stats } from './fs/stats.js';
import { nameBytes, nameText } from '../names.js';

/** @import { Entry } from '../../types/index.d.ts' */
/** @import { Pack } from '../../types/index.d.ts' */
/** @import { PackFs } from '../../types/fs.d.ts' */

/** @typedef {string | Buffer | URL} Path */
/** @typedef {{ encoding?: BufferEncoding | null, signal?: AbortSignal, flag?: string | number }} ReadOptions */
/** @typedef {{ encoding?: string | null, withFileTypes?: boolean, recursive?: boolean }} ListOptions */

/** What would change the pack is refused. */
const WRITES = [
  ...['appendFile', 'chmod', 'chown', 'copyFile', 'cp', 'lchmod', 'lchown', 'link', 'lutimes', 'mkdir', 'mkdtemp'],
  ...['rename', 'rm', 'rmdir', 'symlink', 'truncate', 'unlink', 'utimes', 'writeFile'],
];

/**
 * @param {Pack} pack
 * @returns {PackFs}
 */
export function fsOf(pack) {
  const questions = new Questions(pack);
  const fs = /** @type {PackFs} */ ({ constants });
  for (const name of /** @type {const} */ ([
    ...['access', 'lstat', 'open', 'opendir', 'readFile', 'readdir', 'readlink', 'realpath', 'stat'],
  ])) {
    const method = /** @type {(...given: unknown[]) => Promise<unknown>} */ (Reflect.get(questions, name));
    Object.assign(fs, { [name]: withCallback(method.bind(questions)) });
  }
  for (const name of WRITES) {
    const refuse = async (/** @type {unknown} */ path) => {
      throw errno('EROFS', name === 'writeFile' || name === 'appendFile' ? 'open' : name, textOf(path));
    };
    Object.assign(fs, { [name]: withCallback(refuse) });
  }
  /** @type {PackFs['createReadStream']} */
  const createReadStream = (path, options) => {
    const asked = textOf(path);
    return readStream((signal) => questions.file(asked, 'open', signal), asked, options);
  };
  return Object.assign(fs, { createReadStream, promises: fs });
}

/**
 * @param {(...given: unknown[]) => Promise<unknown>} method
 * @returns a function that gives a promise, or calls the function that is its last argument, as Node's `fs` would
 */
function withCallback(method) {
  return (/** @type {unknown[]} */ ...given) => {
    const callback = given.at(-1);
    if (typeof callback !== 'function') return method(...given);
    // Apart from the promise, so that what the callback throws is nobody's rejection.
    method(...given.slice(0, -1)).then(
      (answer) => process.nextTick(callback, null, answer),
      (error) => process.nextTick(callback, error),
    );
  };
}

/** @param {unknown} path @returns {string} */
function textOf(path) {
  if (path instanceof URL) return fileURLToPath(path);
  if (path instanceof Uint8Array) return nameText(path);
  if (typeof path === 'string' && !path.includes('\0')) return path;
  const message = `The "path" argument must be a string, a Buffer or a URL, without null bytes. Received ${String(path)}`;
  throw Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_VALUE' });
}

/**
 * @param {string} name
 * @param {unknown} options
 * @returns {string | Buffer} the latter for those who asked for one
 */
function named(name, options) {
  const encoding = typeof options === 'object' && options !== null ? Reflect.get(options, 'encoding') : options;
  return encoding === 'buffer' ? Buffer.from(nameBytes(name)) : name;
}

/** What can be asked, all of it with promises. */
class Questions {
  #pack;

  /** @param {Pack} pack */
  constructor(pack) {
    this.#pack = pack;
  }

  /**
   * @param {string} path
   * @param {string} syscall
   * @param {{ follow?: boolean, signal?: AbortSignal }} [options]
   * @returns {Promise<Entry>} what is there
   */
  async #entry(path, syscall, { follow = true, signal } = {}) {
    let entry;
    try {
      // An empty path is nothing, as everywhere; a slash behind a link means what it leads to.
      if (path !== '') entry = await (follow || path.endsWith('/') ? this.#pack.stat(path, { signal }) : this.#pack.lstat(path, { signal }));
    } catch (error) {
      throw asNodeError(error, syscall, path, signal);
    }
    if (entry === undefined) throw errno(await this.#whyNot(path), syscall, path);
    if (path.endsWith('/') && entry.kind !== 'directory') throw errno('ENOTDIR', syscall, path);
    return entry;
  }

  /**
   * @param {string} path where nothing is
   * @returns {Promise<'ENOENT' | 'ENOTDIR'>} whether a file is in the way
   */
  async #whyNot(path) {
    const names = path.split('/');
    while (names.length > 1) {
      names.pop();
      const above = await this.#pack.stat(names.join('/')).catch(() => undefined);
      if (above !== undefined) return above.kind === 'directory' ? 'ENOENT' : 'ENOTDIR';
    }
    return 'ENOENT';
  }

  /**
   * @param {string} path
   * @param {string} syscall
   * @param {AbortSignal} [signal]
   */
  async file(path, syscall, signal) {
    const entry = await this.#entry(path, syscall, { signal });
    if (entry.kind !== 'file') throw errno('EISDIR', syscall === 'open' ? 'read' : syscall, path);
    return this.#pack.open(entry.path, { signal });
  }

  /** @param {Path} path @param {number} [mode] */
  async access(path, mode = constants.F_OK) {
    const asked = textOf(path);
    const entry = await this.#entry(asked, 'access');
    if ((mode & constants.W_OK) !== 0) throw errno('EROFS', 'access', asked);
    const runs = entry.kind === 'directory' || ((entry.mode ?? 0) & 0o111) !== 0;
    if ((mode & constants.X_OK) !== 0 && !runs) throw errno('EACCES', 'access', asked);
  }

  /** @param {Path} path @param {{ bigint?: boolean }} [options] */
  async stat(path, options) {
    return new Stats(await this.#entry(textOf(path), 'stat'), options?.bigint);
  }

  /** @param {Path} path @param {{ bigint?: boolean }} [options] */
  async lstat(path, options) {
    return new Stats(await this.#entry(textOf(path), 'lstat', { follow: false }), options?.bigint);
  }

  /** @param {Path} path @param {string | { encoding?: string | null }} [options] */
  async readlink(path, options) {
    const asked = textOf(path);
    const entry = await this.#entry(asked, 'readlink', { follow: false });
    if (entry.kind !== 'symlink') throw errno('EINVAL', 'readlink', asked);
    if (entry.target === undefined) throw errno('EIO', 'readlink', asked, new Error(entry.unreadable?.message));
    return named(entry.target, options);
  }

  /** @param {Path} path @param {string | { encoding?: string | null }} [options] */
  async realpath(path, options) {
    return named(`/${(await this.#entry(textOf(path), 'realpath')).path}`, options);
  }

  /** @param {Path} path @param {BufferEncoding | ReadOptions | null} [options] */
  async readFile(path, options) {
    const asked = textOf(path);
    const { flag, signal } = typeof options === 'object' ? (options ?? {}) : {};
    refuseWriting(flag, asked);
    return contentOf(await this.file(asked, 'open', signal), asked, options);
  }

  /** @param {Path} path @param {string | number} [flags] */
  async open(path, flags) {
    const asked = textOf(path);
    refuseWriting(flags, asked);
    return new Handle(await this.file(asked, 'open'), asked);
  }

  /** @param {Path} path @param {string | ListOptions | null} [options] */
  async readdir(path, options) {
    const names = [];
    for await (const name of this.#names(textOf(path), options, 'scandir')) names.push(name);
    return names;
  }

  /** @param {Path} path @param {{ encoding?: string, recursive?: boolean }} [options] */
  async opendir(path, options) {
    const asked = textOf(path);
    const entry = await this.#entry(asked, 'opendir');
    if (entry.kind !== 'directory') throw errno('ENOTDIR', 'opendir', asked);
    const entries = this.#names(asked, { ...options, withFileTypes: true }, 'opendir');
    const close = async () => void (await entries.return());
    return {
      path: asked,
      read: async () => (await entries.next()).value ?? null,
      close,
      [Symbol.asyncIterator]: () => entries,
      [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]: close,
    };
  }

  /**
   * @param {string} path
   * @param {string | ListOptions | null | undefined} options
   * @param {string} syscall
   * @returns {AsyncGenerator<string | Buffer | Dirent, void, undefined>}
   */
  async *#names(path, options, syscall) {
    const { withFileTypes = false, recursive = false } = typeof options === 'object' ? (options ?? {}) : {};
    const directory = await this.#entry(path, syscall);
    if (directory.kind !== 'directory') throw errno('ENOTDIR', syscall, path);
    const prefix = directory.path === '' ? 0 : directory.path.length + 1;
    try {
      for await (const entry of this.#pack[recursive ? 'walk' : 'list'](directory.path, { targets: false })) {
        const below = entry.path.slice(prefix);
        const parent = below.slice(0, Math.max(below.length - entry.name.length - 1, 0));
        if (withFileTypes) yield new Dirent(entry.kind, named(entry.name, options), joined(path, parent));
        else yield named(below, options);
      }
    } catch (error) {
      throw asNodeError(error, syscall, path);
    }
  }
}

/**
 * @param {string} directory
 * @param {string} below
 */
function joined(directory, below) {
  if (below === '') return directory;
  return directory.endsWith('/') ? directory + below : `${directory}/${below}`;
}

/**
 * @param {string | number | undefined} flags of `open`
 * @param {string} path
 */
function refuseWriting(flags, path) {
  const reads = typeof flags === 'number' ? (flags & (constants.O_WRONLY | constants.O_RDWR)) === 0 : /^r?s?$/.test(flags ?? 'r');
  if (!reads) throw errno('EROFS', 'open', path);
}
