/**
 * Zstandard: the module that decodes it, loaded when the first such file is read, and the dictionaries of a pack.
 *
 * What engines have of their own is not used. `DecompressionStream('zstd')`, which Chromium 156 and Node 24 lack, takes no dictionaries;
 * `zstdDecompressSync` of newer Node is hardly faster for blocks of 256 KiB, makes its tables of a dictionary anew for each file, and
 * takes frames that the format does not allow.
 */

import { abortable, sleep } from './abort.js';
import { PackError } from './errors.js';
import { sha256 } from './hash.js';
import { Recent } from './recent.js';
import { loadWasm } from './wasm.js';

/** @import { FileEntry } from '../types/index.d.ts' */
/** @import { Engine } from './engine.js' */
/** @import { Zstd } from './wasm.js' */

/** Dictionaries that are kept ready, those of all packs together, in bytes. */
const READY = 32 * 1024 * 1024;

/** What the tables of a dictionary take besides its bytes. */
const TABLES = 64 * 1024;

/** No frame is longer than the longest content and a quarter of it, in bytes. */
const LONGEST = 5 * 1024 * 1024 + 4;

/** After so many bytes of content others have their turn. */
const BREATH = 8 * 1024 * 1024;

/** The module, and the dictionaries that were made ready in it. */
class Decoder {
  #frames;
  #memory;
  #bytes;
  /** By digest. @type {Recent<number>} */
  #ready;

  /** @param {Zstd} module */
  constructor(module) {
    this.#frames = new module.Frames();
    this.#memory = /** @type {WebAssembly.Memory} */ (module.ownMemory());
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#ready = new Recent(READY, (number) => this.#frames.forget(number));
  }

  /**
   * @param {string} digest of a dictionary
   * @returns {number | undefined} the number that `frame` takes
   */
  ready(digest) {
    return this.#ready.get(digest);
  }

  /**
   * @param {string} digest that was compared
   * @param {Uint8Array} dictionary
   */
  prepare(digest, dictionary) {
    this.#ready.set(digest, this.#frames.prepare(dictionary), dictionary.length + TABLES);
  }

  /**
   * @param {Uint8Array} payload
   * @param {number} at where in it a frame begins
   * @param {number} size of its content
   * @param {boolean} exact whether it may not be shorter
   * @param {number} dictionary 0: none
   * @returns {Uint8Array<ArrayBuffer>} its content; `consumed` says how long the frame is
   */
  frame(payload, at, size, exact, dictionary) {
    // Before it is looked at, nobody knows how long it is.
    const likely = Math.min(at + size + (size >> 2) + 1024, payload.length);
    try {
      return this.#frame(payload.subarray(at, likely), at, size, exact, dictionary);
    } catch (error) {
      if (likely === payload.length) throw error;
      return this.#frame(payload.subarray(at, at + LONGEST), at, size, exact, dictionary);
    }
  }

  /** @param {Uint8Array} stored @param {number} at @param {number} size @param {boolean} exact @param {number} dictionary */
  #frame(stored, at, size, exact, dictionary) {
    const room = this.#frames.room(stored.length);
    this.#all().set(stored, room);
    const content = this.#frames.decode(stored.length, size, exact, dictionary, at);
    return this.#all().slice(content, content + this.#frames.length);
  }

  get consumed() {
    return this.#frames.consumed;
  }

  /** Memory that grows gets another buffer. */
  #all() {
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(this.#memory.buffer);
    return this.#bytes;
  }
}

/** One for all packs. @type {Decoder | undefined} */
let shared;

async function loaded() {
  const module = await loadWasm('zstd');
  return (shared ??= new Decoder(module));
}

/** Decodes what the files of one pack hold. */
export class Frames {
  #engine;
  /** Of the dictionaries that were brought, by number. @type {Map<number, string>} */
  #digests = new Map();
  /** Those that are under way. @type {Map<number, Promise<void>>} */
  #coming = new Map();

  /** @param {Engine} engine */
  constructor(engine) {
    this.#engine = engine;
  }

  /**
   * @param {FileEntry} entry
   * @param {Uint8Array} payload whose digest was compared
   * @param {AbortSignal} [signal]
   * @returns {Promise<Uint8Array<ArrayBuffer>>} the content of all its frames
   */
  async whole(entry, payload, signal) {
    // Without a table each frame says how much it holds.
    const exact = entry.blocks !== undefined;
    const step = entry.blocks === undefined ? LONGEST : 2 ** entry.blocks.blockLog2;
    let content = new Uint8Array();
    let [at, length, breath] = [0, 0, BREATH];
    do {
      const size = Math.min(step, entry.size - length);
      const [piece, consumed] = await this.#frame(entry, payload, at, size, exact, signal);
      at += consumed;
      length += piece.length;
      if (piece.length === entry.size) {
        content = piece;
        break;
      }
      if (content.length === 0) content = new Uint8Array(entry.size);
      content.set(piece, length - piece.length);
      if (at === payload.length && length < entry.size) {
        throw new PackError('ERR_CORRUPT', `content of ${entry.size} bytes expected, ${length} found`);
      }
      if (length < breath) continue;
      await sleep(0, signal);
      breath = length + BREATH;
    } while (length < entry.size);
    atEnd(at, payload);
    return content;
  }

  /**
   * @param {FileEntry} entry
   * @param {Uint8Array} stored one frame, whose digest was compared
   * @param {number} size of its content
   * @param {AbortSignal} [signal]
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  async one(entry, stored, size, signal) {
    const [content, consumed] = await this.#frame(entry, stored, 0, size, true, signal);
    atEnd(consumed, stored);
    return content;
  }

  /**
   * @param {FileEntry} entry
   * @param {Uint8Array} payload
   * @param {number} at where in it a frame begins
   * @param {number} size of its content
   * @param {boolean} exact
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<[content: Uint8Array<ArrayBuffer>, consumed: number]>}
   */
  async #frame({ dictionary }, payload, at, size, exact, signal) {
    const decoder = await abortable(loaded(), signal);
    for (;;) {
      // Another one may have taken its room, so that it is looked for where it is used.
      const number = dictionary === undefined ? 0 : decoder.ready(this.#digests.get(dictionary) ?? '');
      if (dictionary !== undefined && number === undefined) {
        await abortable(this.#bring(dictionary, decoder), signal);
        continue;
      }
      try {
        return [decoder.frame(payload, at, size, exact, number ?? 0), decoder.consumed];
      } catch (error) {
        // It is left as it was when it failed, which no other file is to suffer from.
        if (error instanceof WebAssembly.RuntimeError) shared = undefined;
        throw error;
      }
    }
  }

  /**
   * Whoever needs the same one waits for it.
   *
   * @param {number} number
   * @param {Decoder} decoder
   */
  #bring(number, decoder) {
    let coming = this.#coming.get(number);
    if (coming === undefined) {
      coming = this.#fetch(number, decoder);
      this.#coming.set(number, coming);
      const over = () => void this.#coming.delete(number);
      if (this.#engine.isolated) queueMicrotask(over);
      coming.then(over, over);
    }
    return coming;
  }

  /**
   * @param {number} number
   * @param {Decoder} decoder
   */
  async #fetch(number, decoder) {
    const engine = this.#engine;
    const { volume, offset, length, sha256: digest } = await engine.ask((reader) => reader.dictionary(number));
    if (decoder.ready(digest) === undefined) {
      const what = `dictionary ${number}`;
      const cached = await engine.cached(digest);
      const known = cached !== undefined && (await sha256(engine.wasm, cached)) === digest;
      const bytes = known ? cached : await engine.read(volume, offset, length, undefined, what);
      const found = known ? digest : await sha256(engine.wasm, bytes);
      if (found !== digest) {
        const why = `the bytes at offset ${offset} do not have their digest: ${digest} expected, ${found} found`;
        throw engine.error('ERR_CORRUPT', `${what}: ${why}`);
      }
      engine.metrics.verifiedBytes += length;
      engine.call(() => decoder.prepare(digest, bytes), what);
      if (!known) engine.keep(digest, bytes);
    }
    this.#digests.set(number, digest);
  }
}

/**
 * @param {number} at where the last frame ends
 * @param {Uint8Array} stored
 */
function atEnd(at, stored) {
  if (at === stored.length) return;
  throw new PackError('ERR_CORRUPT', `${stored.length - at} bytes follow the last Zstandard frame`);
}
