/**
 * An open pack: the questions of a file system.
 */

import { Contents } from './contents.js';
import { PackError, isOfEntry } from './errors.js';
import { PackFile } from './file.js';
import { sha256 } from './hash.js';
import { Links } from './links.js';
import { ARGUMENTS, READ, checkArgument, checkOptions, pathOf } from './options.js';
import { NUMBERS, plainFile } from './plain.js';

/** @import { WalkOptions, Children, ChildrenOptions, DirectoryEntry, Entry, FileEntry, Info, ListOptions, Metrics, ReadManyResult, ReadOptions } from '../types/index.d.ts' */
/** @import { Engine, Widen } from './engine.js' */

/** Links that lead to links: more are a circle. */
const MAX_LINKS = 40;

/** Entries that are asked for at once. */
const PAGE = 1000;

/** While a walk goes on, index pages are fetched this many bytes at a time. */
const AHEAD = 1024 * 1024;

/** Bytes of an index page that an entry takes, about: a digest, an offset, the rest of a name. */
const ENTRY_BYTES = 64;

/** The longest section that is read, in bytes. */
const MAX_SECTION = 32 * 1024 * 1024;

/** One of `readMany`: a file to read, or what is wrong. @typedef {{ path: string, entry: FileEntry } | { path: string, error: PackError }} Wanted */

/** Files of `readMany` are looked up and fetched in groups of at most so many files and bytes. */
const GROUP = { files: 256, bytes: 16 * 1024 * 1024 };

/** A pack. Made by `openPack`. */
export class Pack {
  #engine;
  #contents;
  #links;

  /**
   * @param {Engine} engine
   * @param {Info} info
   */
  constructor(engine, info) {
    this.#engine = engine;
    this.#contents = new Contents(engine);
    this.#links = new Links(engine);
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
  async metadata(options = {}) {
    const bytes = await this.#engine.ask((reader) => reader.metadata(), signalOf(options));
    return bytes === undefined ? {} : this.#engine.call(() => strings(bytes));
  }

  /**
   * @param {string | Entry} path
   * @param {ReadOptions} [options]
   * @returns {Promise<Map<string, Uint8Array<ArrayBuffer>>>}
   */
  async attributes(path, options = {}) {
    const signal = signalOf(options);
    const where = pathOf(path);
    const entry = typeof path === 'string' ? await this.#unfollowed(path, signal) : path;
    if (entry === undefined) throw await this.#noEntry(where, signal);
    // Where it is the content alone that is not known, the rest is.
    if (entry.unreadable !== undefined && !('codec' in entry)) throw this.#unreadable(entry);
    if (entry.attributes === undefined) return new Map();
    const block = await this.#verified(entry.attributes, `${entry.path}: its attributes`, signal);
    return new Map(this.#engine.call(() => this.#engine.wasm.attributes(block), entry.path));
  }

  /**
   * @param {string} tag
   * @param {ReadOptions} [options]
   * @returns {Promise<Uint8Array<ArrayBuffer> | undefined>}
   */
  async section(tag, options = {}) {
    const signal = signalOf(options);
    checkArgument('the tag', tag, ARGUMENTS.text);
    const section = this.info.sections.find((section) => section.tag === tag);
    if (section === undefined) return undefined;
    if (section.sha256 === undefined) {
      throw this.#engine.error('ERR_ARGUMENT', `the section ${tag} has no digest: nothing vouches for its bytes as they are`);
    }
    if (section.length > MAX_SECTION) {
      throw this.#engine.error('ERR_LIMIT', `the section ${tag} has ${section.length} bytes; ${MAX_SECTION} are the most`);
    }
    return this.#verified({ ...section, sha256: section.sha256 }, `the section ${tag}`, signal);
  }

  /**
   * @param {{ offset: number, length: number, sha256: string }} extent of the file that holds the index
   * @param {string} what
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  async #verified({ offset, length, sha256: expected }, what, signal) {
    const bytes = await this.#engine.read(0, offset, length, signal);
    const found = await sha256(this.#engine.wasm, bytes);
    if (found === expected) return /** @type {Uint8Array<ArrayBuffer>} */ (bytes);
    throw this.#engine.error('ERR_CORRUPT', `${what}: the bytes at offset ${offset} do not have their digest`);
  }

  /**
   * @param {string | Entry} path
   * @param {ReadOptions} [options]
   * @returns {Promise<boolean>}
   */
  async exists(path, options) {
    return (await this.stat(path, options)) !== undefined;
  }

  /**
   * @param {string | Entry} path
   * @param {ReadOptions} [options]
   * @returns {Promise<Entry | undefined>}
   */
  async stat(path, options = {}) {
    const signal = signalOf(options);
    const clean = trim(pathOf(path));
    if (clean === '') return this.#rootEntry();
    const entry = hasDots(clean) ? undefined : await this.#find(clean, signal);
    if (entry !== undefined && entry.kind !== 'symlink') return entry;
    return this.#resolve(clean, signal);
  }

  /**
   * @param {string | Entry} path
   * @param {ReadOptions} [options]
   * @returns {Promise<Entry | undefined>}
   */
  async lstat(path, options = {}) {
    const signal = signalOf(options);
    const entry = await this.#unfollowed(pathOf(path), signal);
    return entry && this.#told(entry, signal);
  }

  /**
   * @param {string} path
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Entry | undefined>} as the index has it
   */
  async #unfollowed(path, signal) {
    const clean = trim(path);
    if (clean === '') return this.#rootEntry();
    if (/(^|\/)\.{1,2}$/.test(clean)) return this.#resolve(clean, signal);
    const entry = hasDots(clean) ? undefined : await this.#find(clean, signal);
    const cut = clean.lastIndexOf('/');
    if (entry !== undefined || cut < 0) return entry;
    // There may be links on the way.
    const above = await this.#resolve(clean.slice(0, cut), signal);
    if (above?.kind !== 'directory') return undefined;
    return this.#find(above.path === '' ? clean.slice(cut + 1) : `${above.path}/${clean.slice(cut + 1)}`, signal);
  }

  /**
   * @template {Entry} E
   * @param {E} entry
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<E>} with what it leads to, if it is a link
   */
  async #told(entry, signal) {
    const [told = entry] = await this.#links.told([entry], true, signal);
    return told;
  }

  /**
   * @param {string} path
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Entry | undefined>} as the index has it
   */
  #find(path, signal) {
    return this.#engine.ask((reader) => {
      const answer = reader.lookup(path, NUMBERS);
      return typeof answer === 'string' ? { value: plainFile(path, answer) } : answer;
    }, signal);
  }

  /** @returns {DirectoryEntry} */
  #rootEntry() {
    const { bytes, storedBytes, files, directories, treeDigest } = this.info;
    /** @type {DirectoryEntry} */
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
      const link = await this.#told(entry, signal);
      const { target } = link;
      if (target === undefined) throw this.#unreadable(link);
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
    if (entry === undefined) throw await this.#noEntry(path, signal);
    if (entry.kind !== 'directory') throw this.#engine.error('ERR_NOT_A_DIRECTORY', `${path}: it is a file`);
    return entry.path;
  }

  /**
   * @param {string} path at which nothing was found
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<PackError>}
   */
  async #noEntry(path, signal) {
    const link = await this.lstat(path, { signal });
    const what =
      link?.kind === 'symlink' ? `it is a link to ${link.target}, which leads to nothing in the pack` : 'there is no such entry in the pack';
    return this.#engine.error('ERR_NO_ENTRY', `${path}: ${what}`);
  }

  /** @param {Entry} entry */
  #unreadable({ path, unreadable }) {
    return this.#engine.error(unreadable?.code ?? 'ERR_UNSUPPORTED', `${path}: ${unreadable?.message}`);
  }

  /**
   * @param {string | Entry} [path]
   * @param {ListOptions} [options]
   * @returns {Promise<Entry[]>}
   */
  async readdir(path = '', options = {}) {
    checkOptions(options, LIST);
    const { after, limit = PAGE, targets = true, signal } = options;
    const plain = trim(pathOf(path));
    // Most paths are directories without links on the way: one question is enough.
    if (!hasDots(plain)) {
      const entries = await this.#list(plain, after, limit, targets, signal);
      if (entries.length > 0) return entries;
    }
    const directory = await this.#directory(plain, signal);
    return directory === plain ? [] : this.#list(directory, after, limit, targets, signal);
  }

  /**
   * @param {string} directory
   * @param {string | undefined} after
   * @param {number} limit
   * @param {boolean} targets
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Entry[]>}
   */
  async #list(directory, after, limit, targets, signal) {
    /** @type {Entry[]} */
    const entries = [];
    // In pages, so that no question needs more of the index at once than the cache can hold.
    while (entries.length < limit) {
      const count = Math.min(limit - entries.length, PAGE);
      const from = entries.at(-1)?.name ?? after;
      const page = await this.#engine.ask((reader) => reader.list(directory, from, count), signal);
      for (const entry of await this.#links.told(page, targets, signal)) entries.push(entry);
      if (page.length < count) break;
    }
    return entries;
  }

  /**
   * @param {string | Entry} [path]
   * @param {ChildrenOptions} [options]
   * @returns {Promise<Children>}
   */
  async children(path = '', options = {}) {
    checkOptions(options, CHILDREN);
    const { start = 0, limit = PAGE, targets = true, signal } = options;
    const plain = trim(pathOf(path));
    // As for `readdir`, one question is enough for most paths.
    if (!hasDots(plain)) {
      const found = await this.#children(plain, start, limit, targets, signal);
      if (found.total > 0) return found;
    }
    const directory = await this.#directory(plain, signal);
    return directory === plain ? { total: 0, start: 0, entries: [] } : this.#children(directory, start, limit, targets, signal);
  }

  /**
   * @param {string} directory
   * @param {number | string} start
   * @param {number} limit
   * @param {boolean} targets
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Children>}
   */
  async #children(directory, start, limit, targets, signal) {
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
      for (const entry of await this.#links.told(page, targets, signal)) {
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
   * @param {string | Entry} [path]
   * @param {WalkOptions} [options]
   * @returns {AsyncGenerator<Entry, void, undefined>}
   */
  async *list(path = '', options = {}) {
    checkOptions(options, WALK);
    const { targets = true, signal } = options;
    const directory = await this.#directory(pathOf(path), signal);
    /** @type {string | undefined} */
    let after;
    for (;;) {
      const entries = await this.#list(directory, after, PAGE, targets, signal);
      yield* entries;
      if (entries.length < PAGE) return;
      after = entries.at(-1)?.name;
    }
  }

  /**
   * @param {string | Entry} [path]
   * @param {WalkOptions} [options]
   * @returns {AsyncGenerator<Entry, void, undefined>}
   */
  async *walk(path = '', options = {}) {
    checkOptions(options, WALK);
    const { targets = true, signal } = options;
    const directory = await this.#directory(pathOf(path), signal);
    const { start, end } = await this.#engine.ask((reader) => reader.subtree(directory), signal);
    for await (const entries of this.#scan(start, end, signal)) yield* await this.#links.told(entries, targets, signal);
  }

  /**
   * @param {string | Entry} path
   * @param {ReadOptions} [options]
   * @returns {Promise<PackFile>}
   */
  async open(path, options = {}) {
    return new PackFile(this.#contents, await this.#file(path, signalOf(options)));
  }

  /**
   * @param {string | Entry} path
   * @param {ReadOptions} [options]
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  async readFile(path, options = {}) {
    if (typeof options === 'string') {
      throw this.#engine.error('ERR_ARGUMENT', '`readFile` gives bytes and takes no encoding; `text` gives the text of a file in UTF-8');
    }
    const signal = signalOf(options);
    return this.#contents.whole(await this.#file(path, signal), { signal });
  }

  /**
   * @param {string | Entry} path
   * @param {ReadOptions} [options]
   * @returns {Promise<string>}
   */
  async text(path, options = {}) {
    return (await this.open(path, options)).text(options);
  }

  /**
   * @param {string | Entry} path
   * @param {ReadOptions} [options]
   * @returns {Promise<unknown>}
   */
  async json(path, options = {}) {
    return (await this.open(path, options)).json(options);
  }

  /**
   * @param {string | Entry} path
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<FileEntry>} links followed
   */
  async #file(path, signal) {
    const where = pathOf(path);
    const entry = typeof path === 'string' || path.kind === 'symlink' ? await this.stat(where, { signal }) : path;
    if (entry === undefined) throw await this.#noEntry(where, signal);
    if (entry.kind !== 'file') {
      throw this.#engine.error('ERR_NOT_A_FILE', `${entry.path || '/'}: it is a ${entry.kind}`);
    }
    return entry;
  }

  /**
   * @param {Iterable<string | Entry> | AsyncIterable<string | Entry>} paths
   * @param {ReadOptions} [options]
   * @returns {AsyncGenerator<ReadManyResult, void, undefined>}
   */
  async *readMany(paths, options = {}) {
    const signal = signalOf(options);
    checkArgument('what `readMany` reads', paths, ARGUMENTS.paths);
    /** @type {Promise<ReadManyResult[]> | undefined} */
    let coming;
    // One group is given out while the next is on its way.
    for await (const wanted of this.#groups(paths, signal)) {
      const group = Promise.all(wanted.map((one) => this.#readOne(one, signal)));
      group.catch(() => {});
      if (coming !== undefined) yield* await coming;
      coming = group;
    }
    if (coming !== undefined) yield* await coming;
  }

  /**
   * @param {Wanted} wanted
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<ReadManyResult>}
   */
  async #readOne(wanted, signal) {
    if ('error' in wanted) return wanted;
    try {
      return { ...wanted, bytes: await this.#contents.whole(wanted.entry, { signal }) };
    } catch (error) {
      if (isOfEntry(error)) return { path: wanted.path, error };
      throw error;
    }
  }

  /**
   * @param {Iterable<string | Entry> | AsyncIterable<string | Entry>} paths
   * @param {AbortSignal | undefined} signal
   * @returns {AsyncGenerator<Wanted[], void, undefined>}
   */
  async *#groups(paths, signal) {
    /** @type {Wanted[]} */
    let group = [];
    let bytes = 0;
    for await (const names of chunks(paths, GROUP.files)) {
      for (const wanted of await Promise.all(names.map((name) => this.#wanted(name, signal)))) {
        if (wanted === undefined) continue;
        const cost = 'entry' in wanted ? Math.max(wanted.entry.storedSize, wanted.entry.size) : 0;
        if (group.length > 0 && (group.length === GROUP.files || bytes + cost > GROUP.bytes)) {
          yield group;
          [group, bytes] = [[], 0];
        }
        group.push(wanted);
        bytes += cost;
      }
    }
    if (group.length > 0) yield group;
  }

  /**
   * @param {string | Entry} given
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Wanted | undefined>} undefined: a directory, or a link to one, that a walk came across
   */
  async #wanted(given, signal) {
    const path = pathOf(given);
    if (typeof given !== 'string' && given.kind === 'directory') return undefined;
    try {
      return { path, entry: await this.#file(given, signal) };
    } catch (error) {
      if (!isOfEntry(error)) throw error;
      return typeof given !== 'string' && error.code === 'ERR_NOT_A_FILE' ? undefined : { path, error };
    }
  }

  /** Gives up everything that is under way. Every later call rejects with `ERR_CLOSED`. */
  close() {
    void this.#engine.close();
  }

  [Symbol.for('Symbol.dispose')]() {
    this.close();
  }

  /** @returns {Promise<void>} */
  [Symbol.for('Symbol.asyncDispose')]() {
    return this.#engine.close();
  }
}

// The well-known symbols, where there are any.
for (const name of /** @type {const} */ (['dispose', 'asyncDispose'])) {
  if (typeof Symbol[name] !== 'symbol') continue;
  const value = Reflect.get(Pack.prototype, Symbol.for(`Symbol.${name}`));
  Object.defineProperty(Pack.prototype, Symbol[name], { value, configurable: true });
}

/** @type {readonly (keyof ListOptions)[]} */
const LIST = ['signal', 'after', 'limit', 'targets'];

/** @type {readonly (keyof ChildrenOptions)[]} */
const CHILDREN = ['signal', 'start', 'limit', 'targets'];

/** Of `list` and `walk`. @type {readonly (keyof WalkOptions)[]} */
const WALK = ['signal', 'targets'];

/** @param {ReadOptions} options of calls that have no others */
function signalOf(options) {
  checkOptions(options, READ);
  return options.signal;
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
