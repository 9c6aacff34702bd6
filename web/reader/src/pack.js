/**
 * An open pack: the questions of a file system.
 */

import { Contents } from './contents.js';
import { PackError } from './errors.js';
import { PackFile } from './file.js';
import { isCount } from './sources/source.js';

/** @import { Children, ChildrenOptions, Entry, Info, ListOptions, Metrics, ReadOptions } from '../types/index.d.ts' */
/** @import { Engine, Widen } from './engine.js' */

/** Links that lead to links: more are a circle. */
const MAX_LINKS = 40;

/** Entries that are asked for at once. */
const PAGE = 1000;

/** While a walk goes on, index pages are fetched this many bytes at a time. */
const AHEAD = 1024 * 1024;

/** Bytes of an index page that an entry takes, about: a digest, an offset, the rest of a name. */
const ENTRY_BYTES = 64;

/** Files of `readMany` are looked up and fetched in groups of at most so many files and bytes. */
const GROUP = { files: 256, bytes: 16 * 1024 * 1024 };

/** A pack. Made by `openPack`. */
export class Pack {
  #engine;
  #contents;

  /**
   * @param {Engine} engine
   * @param {Info} info
   */
  constructor(engine, info) {
    this.#engine = engine;
    this.#contents = new Contents(engine);
    /** Everything about the pack as a whole. */
    this.info = Object.freeze(info);
  }

  /** @returns {Metrics} what reading cost so far */
  get metrics() {
    return this.#engine.measured();
  }

  /**
   * @param {ReadOptions} [options]
   * @returns {Promise<Record<string, string>>}
   */
  async metadata({ signal } = {}) {
    const bytes = await this.#engine.ask((reader) => reader.metadata(), signal);
    return bytes === undefined ? {} : this.#engine.call(() => strings(bytes));
  }

  /**
   * @param {string} path
   * @param {ReadOptions} [options]
   * @returns {Promise<boolean>}
   */
  async exists(path, options) {
    return (await this.stat(path, options)) !== undefined;
  }

  /**
   * @param {string} path
   * @param {ReadOptions} [options]
   * @returns {Promise<Entry | undefined>}
   */
  async stat(path, options = {}) {
    const clean = trim(path);
    if (clean === '') return this.#rootEntry();
    const entry = hasDots(clean) ? undefined : await this.#find(clean, options.signal);
    if (entry !== undefined && entry.kind !== 'symlink') return entry;
    return this.#resolve(clean, options.signal);
  }

  /**
   * @param {string} path
   * @param {ReadOptions} [options]
   * @returns {Promise<Entry | undefined>}
   */
  async lstat(path, options = {}) {
    const clean = trim(path);
    if (clean === '') return this.#rootEntry();
    if (/(^|\/)\.{1,2}$/.test(clean)) return this.#resolve(clean, options.signal);
    const entry = hasDots(clean) ? undefined : await this.#find(clean, options.signal);
    const cut = clean.lastIndexOf('/');
    if (entry !== undefined || cut < 0) return entry;
    // There may be links on the way.
    const above = await this.#resolve(clean.slice(0, cut), options.signal);
    if (above?.kind !== 'directory') return undefined;
    return this.#find(above.path === '' ? clean.slice(cut + 1) : `${above.path}/${clean.slice(cut + 1)}`, options.signal);
  }

  /**
   * @param {string} path
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Entry | undefined>}
   */
  #find(path, signal) {
    return this.#engine.ask((reader) => reader.lookup(path), signal);
  }

  /** @returns {Entry} */
  #rootEntry() {
    const { bytes, storedBytes, files, directories, treeDigest } = this.info;
    /** @type {Entry} */
    const entry = { path: '', name: '', kind: 'directory', size: bytes, storedSize: storedBytes, files, directories };
    return treeDigest === undefined ? entry : { ...entry, treeDigest };
  }

  /**
   * Follows links inside the pack, as a file system would.
   *
   * @param {string} path
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Entry | undefined>}
   */
  async #resolve(path, signal) {
    /** @type {string[]} */
    const done = [];
    const rest = path.split('/').reverse();
    let links = 0;
    let entry = /** @type {Entry | undefined} */ (this.#rootEntry());
    while (rest.length > 0) {
      const component = rest.pop();
      if (component === undefined || component === '' || component === '.') continue;
      if (component === '..') {
        done.pop();
        entry = done.length === 0 ? this.#rootEntry() : await this.#find(done.join('/'), signal);
        continue;
      }
      if (entry?.kind !== 'directory') return undefined;
      entry = await this.#find([...done, component].join('/'), signal);
      if (entry === undefined) return undefined;
      if (entry.kind !== 'symlink') {
        done.push(component);
        continue;
      }
      const { target, unsupported } = entry;
      if (target === undefined) throw this.#engine.error('ERR_UNSUPPORTED', `${entry.path}: ${unsupported}`);
      // An absolute target leads out of the pack.
      if (++links > MAX_LINKS || target.startsWith('/')) return undefined;
      rest.push(...target.split('/').reverse());
      entry = done.length === 0 ? this.#rootEntry() : await this.#find(done.join('/'), signal);
    }
    return entry;
  }

  /**
   * @param {string} path
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<string>} where the directory really is
   */
  async #directory(path, signal) {
    const entry = await this.stat(path, { signal });
    if (entry === undefined) throw this.#noEntry(path);
    if (entry.kind !== 'directory') throw this.#engine.error('ERR_NOT_A_DIRECTORY', `${path}: it is a file`);
    return entry.path;
  }

  /** @param {string} path */
  #noEntry(path) {
    return this.#engine.error('ERR_NO_ENTRY', `${path}: there is no such entry in the pack`);
  }

  /**
   * @param {string} path
   * @param {ListOptions} [options]
   * @returns {Promise<Entry[]>}
   */
  async readdir(path, { after, limit = PAGE, signal } = {}) {
    this.#checkCount('limit', limit);
    const plain = trim(path);
    // Most paths are directories without links on the way: one question is enough.
    if (!hasDots(plain)) {
      const entries = await this.#list(plain, after, limit, signal);
      if (entries.length > 0) return entries;
    }
    const directory = await this.#directory(path, signal);
    return directory === plain ? [] : this.#list(directory, after, limit, signal);
  }

  /**
   * @param {string} directory
   * @param {string | undefined} after
   * @param {number} limit
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Entry[]>}
   */
  async #list(directory, after, limit, signal) {
    /** @type {Entry[]} */
    const entries = [];
    // In pages, so that no question needs more of the index at once than the cache can hold.
    while (entries.length < limit) {
      const count = Math.min(limit - entries.length, PAGE);
      const from = entries.at(-1)?.name ?? after;
      const page = await this.#engine.ask((reader) => reader.list(directory, from, count), signal);
      for (const entry of page) entries.push(entry);
      if (page.length < count) break;
    }
    return entries;
  }

  /**
   * @param {string} path
   * @param {ChildrenOptions} [options]
   * @returns {Promise<Children>}
   */
  async children(path, { start = 0, limit = PAGE, signal } = {}) {
    if (typeof start !== 'string') this.#checkCount('start', start);
    this.#checkCount('limit', limit);
    const plain = trim(path);
    // As for `readdir`, one question is enough for most paths.
    if (!hasDots(plain)) {
      const found = await this.#children(plain, start, limit, signal);
      if (found.total > 0) return found;
    }
    const directory = await this.#directory(path, signal);
    return directory === plain ? { total: 0, start: 0, entries: [] } : this.#children(directory, start, limit, signal);
  }

  /**
   * @param {string} directory
   * @param {number | string} start
   * @param {number} limit
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Children>}
   */
  async #children(directory, start, limit, signal) {
    /** @param {string} [name] without one: behind the last child */
    const bound = (name) => this.#engine.ask((reader) => reader.lowerBound(directory, name), signal);
    // Together, so that their pages come at the same time.
    const [first, end, named] = await Promise.all([bound(''), bound(), typeof start === 'string' ? bound(start) : 0]);
    const total = Math.max(end - first, 0);
    const position = Math.min(Math.max(typeof start === 'string' ? named - first : start, 0), total);
    /** @type {Entry[]} */
    const entries = [];
    const from = first + position;
    const prefix = directory === '' ? '' : `${directory}/`;
    for await (const page of this.#scan(from, Math.min(from + limit, end), signal, true)) {
      for (const entry of page) {
        // The numbers stand in inner pages, the entries in leaves; a hostile index may say different things there.
        if (entry.path !== prefix + entry.name) {
          throw this.#engine.error('ERR_CORRUPT', `${directory || '/'}: the index counts ${total} children, but ${entry.path} is none`);
        }
        entries.push(entry);
      }
    }
    return { total, start: position, entries };
  }

  /**
   * Entries by number, as many at a time as index pages bring.
   *
   * @param {number} start
   * @param {number} end
   * @param {AbortSignal | undefined} signal
   * @param {boolean} [isKnown] whether all will be needed; else the walk may be a short one
   */
  async *#scan(start, end, signal, isKnown = false) {
    let length = 0;
    let next = start;
    /** @type {Widen} */
    const widen = (need, { pagesEnd }) => {
      // Pages lie in the order of the entries. The first few alone; then more at once.
      length = Math.min(Math.max(length * 2, need.length), AHEAD);
      const most = isKnown ? Math.floor(((end - next) * ENTRY_BYTES) / need.length) * need.length : AHEAD;
      return { ...need, length: Math.max(need.length, Math.min(length, most, pagesEnd - need.offset)) };
    };
    while (next < end) {
      const from = next;
      const page = await this.#engine.ask((reader) => reader.scan(from, end, PAGE), signal, widen);
      next = page.next;
      yield page.entries;
    }
  }

  /**
   * @param {string} what
   * @param {number} value
   */
  #checkCount(what, value) {
    if (isCount(value) || (what === 'limit' && value === Infinity)) return;
    throw this.#engine.error('ERR_ARGUMENT', `\`${what}\` must be an integer from 0 to 2^53-1, not ${value}`);
  }

  /**
   * @param {string} path
   * @param {ReadOptions} [options]
   * @returns {AsyncGenerator<Entry, void, undefined>}
   */
  async *list(path, { signal } = {}) {
    const directory = await this.#directory(path, signal);
    /** @type {string | undefined} */
    let after;
    for (;;) {
      const entries = await this.#list(directory, after, PAGE, signal);
      yield* entries;
      if (entries.length < PAGE) return;
      after = entries.at(-1)?.name;
    }
  }

  /**
   * @param {string} [path]
   * @param {ReadOptions} [options]
   * @returns {AsyncGenerator<Entry, void, undefined>}
   */
  async *walk(path = '', { signal } = {}) {
    const directory = await this.#directory(path, signal);
    const { start, end } = await this.#engine.ask((reader) => reader.subtree(directory), signal);
    for await (const entries of this.#scan(start, end, signal)) yield* entries;
  }

  /**
   * @param {string} path
   * @param {ReadOptions} [options]
   * @returns {Promise<PackFile>}
   */
  async open(path, options) {
    const entry = await this.#file(path, options?.signal);
    return new PackFile(this.#contents, entry);
  }

  /**
   * @param {string | Entry} path
   * @param {ReadOptions} [options]
   * @returns {Promise<Uint8Array>}
   */
  async readFile(path, options = {}) {
    return this.#contents.whole(await this.#file(path, options.signal), options);
  }

  /**
   * @param {string | Entry} path
   * @param {AbortSignal | undefined} signal
   */
  async #file(path, signal) {
    const entry = typeof path === 'string' ? await this.stat(path, { signal }) : path;
    if (entry === undefined) throw this.#noEntry(String(path));
    if (entry.kind !== 'file') {
      throw this.#engine.error('ERR_NOT_A_FILE', `${entry.path || '/'}: it is a ${entry.kind}`);
    }
    return entry;
  }

  /**
   * @param {Iterable<string | Entry> | AsyncIterable<string | Entry>} paths
   * @param {ReadOptions} [options]
   * @returns {AsyncGenerator<[Entry, Uint8Array], void, undefined>}
   */
  async *readMany(paths, options = {}) {
    /** @type {Promise<[Entry, Uint8Array][]> | undefined} */
    let coming;
    // One group is given out while the next is on its way.
    for await (const entries of this.#groups(paths, options.signal)) {
      const group = Promise.all(
        entries.map(async (entry) => /** @type {[Entry, Uint8Array]} */ ([entry, await this.readFile(entry, options)])),
      );
      group.catch(() => {});
      if (coming !== undefined) yield* await coming;
      coming = group;
    }
    if (coming !== undefined) yield* await coming;
  }

  /**
   * @param {Iterable<string | Entry> | AsyncIterable<string | Entry>} paths
   * @param {AbortSignal | undefined} signal
   */
  async *#groups(paths, signal) {
    /** @type {Entry[]} */
    let group = [];
    let bytes = 0;
    for await (const names of chunks(paths, GROUP.files)) {
      for (const entry of await Promise.all(names.map((name) => this.#file(name, signal)))) {
        const cost = Math.max(entry.storedSize, entry.size);
        if (group.length > 0 && (group.length === GROUP.files || bytes + cost > GROUP.bytes)) {
          yield group;
          [group, bytes] = [[], 0];
        }
        group.push(entry);
        bytes += cost;
      }
    }
    if (group.length > 0) yield group;
  }

  /** Gives up everything that is under way. Every later call rejects with `ERR_CLOSED`. */
  close() {
    this.#engine.close();
  }

  [Symbol.for('Symbol.dispose')]() {
    this.close();
  }
}

// The well-known symbol, where there is one.
if (typeof Symbol.dispose === 'symbol') {
  Object.defineProperty(Pack.prototype, Symbol.dispose, { value: Pack.prototype.close, configurable: true });
}

/**
 * @param {Uint8Array} bytes of a JSON object
 * @returns {Record<string, string>}
 */
function strings(bytes) {
  try {
    const found = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    if (typeof found !== 'object' || found === null || Array.isArray(found)) throw new TypeError('no object');
    if (Object.values(found).some((value) => typeof value !== 'string')) throw new TypeError('other values than strings');
    return found;
  } catch (cause) {
    throw new PackError('ERR_CORRUPT', 'the metadata is no JSON object of strings', { cause });
  }
}

/** @param {string} path as people type it */
function trim(path) {
  return path.replace(/^(\.?\/)+|\/+$/g, '').replace(/^\.$/, '');
}

/** @param {string} path */
function hasDots(path) {
  return /(^|\/)(\.{0,2})(\/|$)/.test(path) && path !== '';
}

/**
 * @template T
 * @param {Iterable<T> | AsyncIterable<T>} items
 * @param {number} size
 */
async function* chunks(items, size) {
  /** @type {T[]} */
  let chunk = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length === size) {
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}
