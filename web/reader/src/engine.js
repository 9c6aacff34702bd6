/**
 * Between the questions of a pack and the bytes that answer them: brings the ranges that the WebAssembly reader lacks,
 * keeps count, and ends everything when the pack is closed.
 */

import { PackError, isErrorCode } from './errors.js';
import { Ranges } from './ranges.js';

/** @import { ZipMembers } from './zip.js' */
/** @import { ErrorCode } from './error-codes.js' */
/** @import { ByteSource } from './sources/source.js' */
/** @import { Wasm } from './wasm.js' */
/** @import { Cache, FileEntry, Info, Metrics, Volume } from '../types/index.d.ts' */

/** A range of the pack that a question lacks. @typedef {{ offset: number, length: number }} Need */

/** What is fetched instead. @typedef {(need: Need, reader: InstanceType<Wasm['Reader']>) => Need} Widen */

/**
 * One block of a large payload: its stored bytes, their digest, and which bytes of the content it holds.
 * @typedef {{ index: number, offset: number, length: number, sha256: string, start: number, end: number }} Block
 */

/** @typedef {{ whole: true } | { blocks: Block[], end: number }} Located */

/** Bytes of one file, and who reads them. @typedef {{ source: ByteSource, ranges: () => Ranges }} Bytes */

/** How often one question may ask for bytes; the deepest index needs 8. */
const ROUNDS = 100;

/** The same for opening: each earlier state of the pack that it looks at takes one. The reader goes no further. */
export const OPENING_ROUNDS = 65_535 + ROUNDS;

/**
 * @typedef {object} EngineOptions
 * @property {string} name of the pack, for messages
 * @property {Wasm} wasm
 * @property {InstanceType<Wasm['Reader']>} reader
 * @property {ByteSource} source of the pack itself
 * @property {(volume: Volume) => ByteSource} volume where the bytes of another file lie
 * @property {Cache} [cache]
 * @property {ZipMembers} [zip] of a zip archive without an index
 * @property {number} [concurrency]
 * @property {boolean} [isolated] only calls of the same moment share requests; none waits for what another one fetches
 */

/**
 * @param {unknown} error of the reader
 * @returns {Need | undefined} bytes of the index that have not their digest
 */
function damagedRange(error) {
  return error instanceof Error && 'damaged' in error ? /** @type {Need} */ (error.damaged) : undefined;
}

/**
 * Closes the files of packs that nobody closed, once nobody can read them any more. (There may be no such registry.)
 *
 * @type {FinalizationRegistry<ByteSource[]> | undefined}
 */
const abandoned = globalThis.FinalizationRegistry && new FinalizationRegistry((sources) => void closeAll(sources));

/** @param {ByteSource[]} sources */
async function closeAll(sources) {
  await Promise.all(sources.map(async (source) => source.close?.())).catch(() => {});
}

/** The bytes of one pack, and the reader that understands them. */
export class Engine {
  #options;
  #reader;
  /** @type {Map<number, Promise<Bytes>>} those that were opened, by number */
  #volumes;
  /** @type {(Volume | undefined)[]} other files that hold payloads; the first is volume 1 */
  #named = [];
  /** How many there are: those of a merged pack are asked for one at a time. */
  #volumeCount = 0;
  /** @type {PackError | undefined} what every call rejects with once the pack was closed */
  #closed;
  /** @type {Promise<void>} */
  #closing = Promise.resolve();
  /** Keys that pages are kept under: they need one that stands for the whole pack. */
  #root = '';

  /** @param {EngineOptions} options */
  constructor(options) {
    this.#options = options;
    this.#reader = options.reader;
    this.#volumes = new Map([[0, Promise.resolve(this.#withRanges(options.source))]]);
    this.wasm = options.wasm;
    this.zip = options.zip;
    /** @type {ByteSource[]} */
    this.sources = [options.source];
    this.metrics = { cacheHits: 0, verifiedBytes: 0 };
  }

  /** @param {ByteSource} source @returns {Bytes} */
  #withRanges(source) {
    const { concurrency = 6, isolated } = this.#options;
    /** @type {Ranges | undefined} */
    let ranges;
    return {
      source,
      ranges() {
        if (ranges === undefined && isolated) queueMicrotask(() => (ranges = undefined));
        return (ranges ??= new Ranges(source, { concurrency }));
      },
    };
  }

  /** @param {Info} info from now on its volumes are found, and its pages kept from one visit to the next */
  opened({ root, volumes, volumeCount }) {
    this.#root = root ?? '';
    this.#named = [...volumes];
    this.#volumeCount = volumeCount;
    // Not before: an engine that finds an old container leaves its source to another one.
    abandoned?.register(this, this.sources, this);
  }

  /** Whether nobody may wait for what another call fetches. */
  get isolated() {
    return this.#options.isolated === true;
  }

  get closed() {
    return this.#closed !== undefined;
  }

  #throwIfClosed() {
    if (this.#closed !== undefined) throw this.#closed;
  }

  /** @returns {Metrics} */
  measured() {
    const total = { requests: 0, bytes: 0 };
    for (const { metrics } of this.sources) {
      total.requests += metrics.requests;
      total.bytes += metrics.bytes;
    }
    return { ...total, ...this.metrics };
  }

  /**
   * Gives up everything that is under way.
   *
   * @returns {Promise<void>} when files are closed, too
   */
  close() {
    if (this.closed) return this.#closing;
    const error = new PackError('ERR_CLOSED', 'the pack was closed', { url: this.#options.name });
    this.#closed = error;
    abandoned?.unregister(this);
    for (const volume of this.#volumes.values()) volume.then(({ ranges }) => ranges().close(error)).catch(() => {});
    this.#closing = closeAll(this.sources);
    this.#reader.free();
    return this.#closing;
  }

  /**
   * Bytes of a volume, of the caller's own.
   *
   * @param {number} volume
   * @param {number} offset
   * @param {number} length
   * @param {AbortSignal | undefined} signal
   * @param {string} [path] of the file that they are stored for
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  async read(volume, offset, length, signal, path) {
    if (length === 0) return new Uint8Array();
    this.#throwIfClosed();
    const { name, size } = volume === 0 ? this.#options.source : await this.#stated(volume, signal);
    if (size !== undefined && offset + length > size) {
      const what = `${path ?? 'the index'}: it names ${length} bytes at offset ${offset}`;
      throw this.error('ERR_CORRUPT', `${what}, but ${name || 'the file beside it'} ends at ${size}`);
    }
    const { ranges } = await this.#volume(volume);
    this.#throwIfClosed();
    const [bytes] = await ranges().read([{ offset, length }], { signal });
    this.#throwIfClosed();
    return /** @type {Uint8Array<ArrayBuffer>} */ (bytes);
  }

  /**
   * @param {number} number
   * @param {AbortSignal} [signal]
   * @returns {Promise<Volume>} what the pack says of another file
   */
  async #stated(number, signal) {
    let volume = this.#named[number - 1];
    if (volume === undefined && number <= this.#volumeCount) {
      volume = await this.ask((reader) => reader.volume(number), signal);
      this.#named[number - 1] = volume;
    }
    if (volume !== undefined) return volume;
    throw this.error('ERR_CORRUPT', `an entry lies in volume ${number}, which the pack does not name`);
  }

  /** @param {number} number @returns {Promise<Bytes>} */
  #volume(number) {
    let volume = this.#volumes.get(number);
    if (volume === undefined) {
      const opening = this.#openVolume(number);
      volume = opening;
      if (this.#options.isolated) {
        opening.then(() => this.#volumes.set(number, opening)).catch(() => {});
      } else {
        this.#volumes.set(number, opening);
        // Another read may have more luck.
        opening.catch(() => this.#volumes.delete(number));
      }
    }
    return volume;
  }

  /** @param {number} number */
  async #openVolume(number) {
    const volume = await this.#stated(number);
    const source = this.#options.volume(volume);
    this.sources.push(source);
    try {
      const { size } = await source.tail(0);
      this.#throwIfClosed();
      if (size === volume.size) return this.#withRanges(source);
      throw this.error('ERR_CORRUPT', `the pack speaks of a file of ${volume.size} bytes, but ${source.name} has ${size}`);
    } catch (error) {
      await source.close?.();
      throw error;
    }
  }

  /**
   * Asks the reader, and brings what it lacks until it answers.
   *
   * @template T
   * @param {(reader: InstanceType<Wasm['Reader']>) => { value: T } | { need: Need }} question
   * @param {AbortSignal} [signal]
   * @param {Widen} [widen] for readers who will need what follows, too
   * @param {number} [rounds]
   * @returns {Promise<T>}
   */
  async ask(question, signal, widen = (need) => need, rounds = ROUNDS) {
    let asked = false;
    /** @type {{ key: string, need: Need } | undefined} what came from the cache last: it may be damaged */
    let kept;
    /** @type {{ key: string, bytes: Uint8Array } | undefined} what came last, and is kept when the reader goes on from it */
    let came;
    /** @type {Set<number> | undefined} where what is damaged was brought once more; whoever asks at the same time may have brought it */
    let again;
    for (let round = 0; round < rounds; round++) {
      signal?.throwIfAborted();
      this.#throwIfClosed();
      let answer;
      try {
        answer = question(this.#reader);
      } catch (error) {
        const damaged = kept?.need ?? damagedRange(error);
        if (damaged === undefined || again?.has(damaged.offset)) throw this.#own(error, undefined);
        (again ??= new Set()).add(damaged.offset);
        const key = kept?.key ?? this.#pageKey(damaged);
        came = { key, bytes: await this.#fetch(damaged, signal) };
        kept = undefined;
        continue;
      }
      if (came !== undefined) this.keep(came.key, came.bytes);
      came = undefined;
      if (!('need' in answer)) {
        if (!asked) this.metrics.cacheHits++;
        return answer.value;
      }
      asked = true;
      const need = widen(answer.need, this.#reader);
      const key = this.#pageKey(need);
      const known = await this.cached(key);
      this.#throwIfClosed();
      const fromCache = known !== undefined && known.length === need.length;
      if (fromCache) this.#provide(need, known);
      else came = { key, bytes: await this.#fetch(need, signal, true) };
      kept = fromCache ? { key, need } : undefined;
    }
    throw this.error('ERR_CORRUPT', 'the index asks for more and more bytes');
  }

  /**
   * Fetches a range and gives it to the reader.
   *
   * @param {Need} need
   * @param {AbortSignal | undefined} signal
   * @param {boolean} [ifMissing] not in place of what is there
   */
  async #fetch(need, signal, ifMissing = false) {
    const bytes = await this.read(0, need.offset, need.length, signal);
    this.#throwIfClosed();
    if (ifMissing) this.#provide(need, bytes);
    else this.#reader.provide(need.offset, bytes);
    return bytes;
  }

  /**
   * Somebody who waited for the same bytes may have been quicker.
   *
   * @param {Need} need
   * @param {Uint8Array} bytes
   */
  #provide({ offset, length }, bytes) {
    if (!this.#reader.has(offset, length)) this.#reader.provide(offset, bytes);
  }

  /** @param {Need} need */
  #pageKey({ offset, length }) {
    const text = `${this.#root}/${offset}+${length}`;
    return this.wasm.sha256(new TextEncoder().encode(text));
  }

  /**
   * Which stored bytes hold a range of a file.
   *
   * @param {FileEntry} entry
   * @param {number} start
   * @param {number} end
   * @param {AbortSignal} [signal]
   * @returns {Promise<Located>}
   */
  locate(entry, start, end, signal) {
    if (entry.blocks === undefined) return Promise.resolve({ whole: true });
    return this.ask((reader) => reader.locate(entry, start, end), signal);
  }

  /**
   * @param {string} key SHA-256 of what is looked for, or of its name
   * @returns {Promise<Uint8Array<ArrayBuffer> | undefined>} from the persistent cache; the caller verifies it
   */
  async cached(key) {
    if (this.#options.cache === undefined || this.#root === '') return undefined;
    let found;
    try {
      found = await this.#options.cache.get(key);
    } catch {
      // As good as nothing.
    }
    if (!(found instanceof Uint8Array)) return undefined;
    this.metrics.cacheHits++;
    return /** @type {Uint8Array<ArrayBuffer>} */ (found);
  }

  /**
   * Keeps bytes in the persistent cache; whether that works does not matter.
   *
   * @param {string} key
   * @param {Uint8Array} bytes
   */
  keep(key, bytes) {
    if (this.#options.cache === undefined || this.#root === '') return;
    const { cache } = this.#options;
    // A copy: the caller may write into his, or give it away, before it is kept.
    const copy = bytes.slice();
    (async () => cache.put(key, copy))().catch(() => {});
  }

  /**
   * Calls into the module, and makes its errors ours.
   *
   * @template T
   * @param {() => T} work
   * @param {string} [path] of the file that it is about
   * @returns {T}
   */
  call(work, path) {
    try {
      return work();
    } catch (error) {
      throw this.#own(error, path);
    }
  }

  /**
   * The same for work that takes time.
   *
   * @template T
   * @param {string} path
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async guard(path, work) {
    try {
      return await work();
    } catch (error) {
      throw this.#own(error, path);
    }
  }

  /**
   * @param {unknown} error
   * @param {string | undefined} path
   */
  #own(error, path) {
    if (!(error instanceof Error) || !('code' in error) || !isErrorCode(error.code)) return error;
    if (error instanceof PackError && error.url !== undefined) return error;
    const what = path === undefined ? error.message : `${path}: ${error.message}`;
    return this.error(error.code, what, error.cause);
  }

  /**
   * @param {ErrorCode} code
   * @param {string} message
   * @param {unknown} [cause]
   */
  error(code, message, cause) {
    return new PackError(code, message, { url: this.#options.name, cause });
  }
}
