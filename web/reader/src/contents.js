/**
 * What the files of a pack hold: fetched, verified, decoded.
 */

import { PackError } from './errors.js';
import { sha256 } from './hash.js';
import { Recent } from './recent.js';
import { Frames } from './zstd.js';

/** @import { FileEntry } from '../types/index.d.ts' */
/** @import { Engine } from './engine.js' */
/** @import { Block } from './engine.js' */
/** @import { Member } from './zip.js' */
/** @typedef {{ signal?: AbortSignal }} Options */

/** Payloads up to this length are read as a whole, for a part of them too when there is no block table. */
const WHOLE = 8 * 1024 * 1024;

/** Payloads are fetched in requests of about this many bytes while they are streamed. */
const STEP = 2 * 1024 * 1024;

/**
 * From this many bytes of content on `DecompressionStream` and WebCrypto are faster: 128 KiB in Node, 256 KiB in
 * Chromium (`web/bench/thresholds.js`).
 */
const STREAM_FROM = 256 * 1024;

/** Of compressed files no more content is held in memory as a whole, in bytes. */
const MOST = 1024 * 1024 * 1024;

/** Decoded blocks that are kept, in bytes: whoever seeks in a file comes back to them. */
const BLOCKS = 16 * 1024 * 1024;

/** Reads contents of one pack. */
export class Contents {
  #engine;
  #frames;
  /** @type {Recent<Uint8Array<ArrayBuffer>>} */
  #blocks = new Recent(BLOCKS);
  /** By entry without a block table, digests of the parts of its payload, once all of it was verified. @type {WeakMap<FileEntry, string[]>} */
  #parts = new WeakMap();
  /** By entry of a zip archive, the same with its payload's place. @type {WeakMap<FileEntry, Promise<Member>>} */
  #members = new WeakMap();

  /** @param {Engine} engine */
  constructor(engine) {
    this.#engine = engine;
    this.#frames = new Frames(engine);
  }

  /**
   * Of an entry of a zip archive the payload's place is known once the header in front of it was read.
   *
   * @param {FileEntry} entry
   * @returns {FileEntry | Promise<FileEntry>}
   */
  #placed(entry) {
    const { zip } = this.#engine;
    if (zip === undefined || 'crc32' in entry) return entry;
    let member = this.#members.get(entry);
    if (member === undefined) {
      member = this.#engine.ask(() => zip.member(entry)).then((place) => ({ ...entry, ...place }));
      this.#members.set(entry, member);
      // Another read may have more luck.
      member.catch(() => this.#members.delete(entry));
    }
    return member;
  }

  /**
   * The whole content of a file, verified.
   *
   * @param {FileEntry} entry
   * @param {Options} [options]
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  async whole(entry, { signal } = {}) {
    this.#check(entry);
    entry = await this.#placed(entry);
    if (entry.size === 0 && entry.storedSize === 0) return new Uint8Array();
    if (entry.codec !== 'stored' && entry.size > MOST) {
      throw this.#engine.error('ERR_LIMIT', `${entry.path}: ${entry.size} bytes of content; ${MOST} are the most that is held at once`);
    }
    const cached = entry.sha256 === undefined ? undefined : await this.#engine.cached(entry.sha256);
    if (cached !== undefined && cached.length === entry.storedSize) {
      const content = await this.decode(entry, cached, signal).catch(() => undefined);
      if (content !== undefined) return content;
    }
    const payload = await this.#engine.read(entry.volume ?? 0, entry.offset ?? 0, entry.storedSize, signal, entry.path);
    const content = await this.decode(entry, payload, signal);
    if (entry.sha256 !== undefined) this.#engine.keep(entry.sha256, payload);
    return content;
  }

  /**
   * @param {FileEntry} entry
   * @param {Uint8Array<ArrayBuffer>} payload as it is stored
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Uint8Array<ArrayBuffer>>} its content, verified
   */
  async decode(entry, payload, signal) {
    const { wasm } = this.#engine;
    return this.#engine.guard(entry.path, async () => {
      await this.#compare(entry.sha256, payload, entry.offset);
      this.#engine.metrics.verifiedBytes += entry.sha256 === undefined ? 0 : payload.length;
      if (entry.codec === 'zstd') {
        const content = await this.#frames.whole(entry, payload, signal);
        await this.#compare(entry.originalSha256, content, entry.offset);
        return content;
      }
      if (this.#engine.zip !== undefined) return this.#summed(entry, entry.codec === 'stored' ? payload : own(wasm.decodeAll(entry, payload, true)));
      if (entry.codec === 'stored') return payload;
      const stream = entry.size >= STREAM_FROM && entry.sha256 !== undefined ? inflater(entry.codec) : undefined;
      if (stream !== undefined) return this.#inflate(entry, payload, stream);
      return own(wasm.decodeAll(entry, payload, true));
    });
  }

  /**
   * @param {FileEntry} entry of a zip archive
   * @param {Uint8Array<ArrayBuffer>} content
   */
  #summed(entry, content) {
    const sum = this.#engine.zip?.sum();
    try {
      sum?.push(content);
      sum?.end(entry);
    } finally {
      sum?.free();
    }
    return content;
  }

  /**
   * Refuses what cannot be read here, and a size that the stored bytes can never decode to, before memory is taken
   * for it.
   *
   * @param {FileEntry} entry
   */
  #check(entry) {
    this.#engine.call(() => new this.#engine.wasm.Decoder(entry).free(), entry.path);
  }

  /**
   * @param {string | undefined} expected
   * @param {Uint8Array} bytes
   * @param {number | undefined} offset
   */
  async #compare(expected, bytes, offset) {
    if (expected === undefined) return;
    const found = await sha256(this.#engine.wasm, bytes);
    if (found === expected) return;
    const what = `the stored bytes at offset ${offset} do not have their digest: ${expected} expected, ${found} found`;
    throw new PackError('ERR_CORRUPT', what);
  }

  /**
   * @param {FileEntry} entry
   * @param {Uint8Array<ArrayBuffer>} payload whose digest was checked
   * @param {DecompressionStream} stream
   */
  async #inflate(entry, payload, stream) {
    const content = new Uint8Array(entry.size);
    const pieces = new Blob([payload]).stream().pipeThrough(stream);
    const reader = pieces.getReader();
    let length = 0;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (length + value.length > entry.size) throw new RangeError('too long');
        content.set(value, length);
        length += value.length;
      }
    } catch (cause) {
      await reader.cancel().catch(() => {});
      throw new PackError('ERR_CORRUPT', `the compressed data is damaged after ${length} bytes`, { cause });
    }
    if (length !== entry.size) {
      throw new PackError('ERR_CORRUPT', `content of ${entry.size} bytes expected, ${length} found`);
    }
    await this.#compare(entry.originalSha256, content, entry.offset);
    return content;
  }

  /**
   * The bytes `start` to `end` of a file, verified.
   *
   * @param {FileEntry} entry
   * @param {number} start
   * @param {number} end
   * @param {Options} [options]
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  async range(entry, start, end, options = {}) {
    if (start === 0 && end === entry.size) return this.whole(entry, options);
    this.#check(entry);
    const pieces = new Uint8Array(end - start);
    let length = 0;
    // All of it is held back until everything is verified, so that one pass does.
    for await (const piece of this.#pieces(entry, start, end, options.signal, true)) {
      pieces.set(piece, length);
      length += piece.length;
    }
    return pieces;
  }

  /**
   * The same in pieces, in memory that does not grow with the length; every piece is verified before it is given
   * out. Files without a block table are verified as a whole: if they are longer than 8 MiB, they are fetched once
   * for that, and once more to be given out.
   *
   * @param {FileEntry} entry
   * @param {number} start
   * @param {number} end
   * @param {Options} [options]
   * @returns {AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>}
   */
  pieces(entry, start, end, { signal } = {}) {
    return this.#pieces(entry, start, end, signal, false);
  }

  /**
   * @param {FileEntry} entry
   * @param {number} start
   * @param {number} end
   * @param {AbortSignal | undefined} signal
   * @param {boolean} heldBack nobody sees a piece before the last one came
   * @returns {AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>}
   */
  async *#pieces(entry, start, end, signal, heldBack) {
    this.#check(entry);
    if (start >= end) return;
    entry = await this.#placed(entry);
    const first = await this.#engine.locate(entry, start, end, signal);
    if (!('whole' in first)) {
      yield* this.#fromBlocks(entry, start, end, first, signal);
    } else if (entry.codec === 'zstd' || Math.max(entry.storedSize, entry.size) <= WHOLE) {
      yield (await this.whole(entry, { signal })).subarray(start, end);
    } else {
      const unvouched = entry.codec !== 'gzip' && entry.sha256 === undefined;
      const once = heldBack || unvouched;
      yield* this.#decoded(entry, start, end, once ? this.#payload(entry, signal) : await this.#again(entry, signal));
    }
  }

  /**
   * @param {FileEntry} entry
   * @param {number} start
   * @param {number} end
   * @param {{ blocks: Block[], end: number }} located
   * @param {AbortSignal | undefined} signal
   */
  async *#fromBlocks(entry, start, end, located, signal) {
    // One step is decoded while the next is on its way.
    /** @type {Promise<Uint8Array<ArrayBuffer>>[]} */
    let ahead = [];
    /** @type {Block[]} */
    let coming = [];
    let blocks = located.blocks;
    let reached = located.end;
    try {
      while (blocks.length > 0 || coming.length > 0 || reached < end) {
        if (blocks.length === 0 && reached < end) {
          const more = await this.#engine.locate(entry, reached, end, signal);
          if ('whole' in more) return;
          blocks = more.blocks;
          reached = more.end;
        }
        const next = takeStep(blocks, STEP);
        blocks = blocks.slice(next.length);
        const fetched = this.#blocksOf(entry, next, signal);
        for (let i = 0; i < coming.length; i++) {
          const [block, content] = [coming[i], await ahead[i]];
          if (block === undefined || content === undefined) return;
          // A copy: the block may be wanted again, and this belongs to the caller.
          yield content.slice(Math.max(start - block.start, 0), Math.min(end, block.end) - block.start);
        }
        [ahead, coming] = [fetched, next];
      }
    } finally {
      for (const promise of ahead) promise.catch(() => {});
    }
  }

  /**
   * @param {FileEntry} entry
   * @param {Block[]} blocks
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Uint8Array<ArrayBuffer>>[]}
   */
  #blocksOf(entry, blocks, signal) {
    const contents = blocks.map((block) => this.#block(entry, block, signal));
    // Each is awaited in its turn; until then its failure is nobody's.
    for (const content of contents) content.catch(() => {});
    return contents;
  }

  /**
   * @param {FileEntry} entry
   * @param {Block} block
   * @param {AbortSignal | undefined} signal
   */
  async #block(entry, block, signal) {
    const known = this.#blocks.get(block.sha256);
    if (known !== undefined) {
      this.#engine.metrics.cacheHits++;
      return known;
    }
    const content = await this.#freshBlock(entry, block, signal);
    this.#blocks.set(block.sha256, content, content.length);
    return content;
  }

  /**
   * @param {FileEntry} entry
   * @param {Block} block
   * @param {AbortSignal | undefined} signal
   */
  async #freshBlock(entry, block, signal) {
    const engine = this.#engine;
    /** @param {Uint8Array<ArrayBuffer>} stored */
    const decode = (stored) =>
      engine.guard(entry.path, async () => {
        engine.metrics.verifiedBytes += stored.length;
        if (entry.codec === 'gzip') return own(engine.wasm.decodeBlock(entry, block, stored));
        await this.#compare(block.sha256, stored, block.offset);
        if (entry.codec === 'zstd') return this.#frames.one(entry, stored, block.end - block.start, signal);
        return stored;
      });
    const cached = await engine.cached(block.sha256);
    if (cached !== undefined && cached.length === block.length) {
      const content = await decode(cached).catch(() => undefined);
      if (content !== undefined) return content;
    }
    const stored = await engine.read(entry.volume ?? 0, block.offset, block.length, signal, entry.path);
    const content = await decode(stored);
    engine.keep(block.sha256, stored);
    return content;
  }

  /**
   * Decodes from the beginning; verified at the end.
   *
   * @param {FileEntry} entry
   * @param {number} start
   * @param {number} end
   * @param {AsyncIterable<Uint8Array>} payloads
   */
  async *#decoded(entry, start, end, payloads) {
    const engine = this.#engine;
    const decoder = engine.call(() => new engine.wasm.Decoder(entry));
    const sum = engine.zip?.sum();
    let position = 0;
    let finished = false;
    try {
      for await (const payload of payloads) {
        engine.call(() => decoder.push(payload), entry.path);
        for (;;) {
          const content = engine.call(() => decoder.pull(), entry.path);
          if (content.length === 0) break;
          sum?.push(content);
          const [from, to] = [Math.max(start - position, 0), Math.min(end - position, content.length)];
          position += content.length;
          if (from < to) yield own(content.subarray(from, to));
        }
      }
      finished = true;
      engine.call(() => decoder.finish(), entry.path);
      engine.call(() => sum?.end(entry), entry.path);
      engine.metrics.verifiedBytes += entry.storedSize;
    } finally {
      if (!finished) decoder.free();
      sum?.free();
    }
  }

  /**
   * Verifies a payload in a first pass, of which nothing is given out.
   *
   * @param {FileEntry} entry
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<AsyncIterable<Uint8Array>>} the same bytes once more: each part has the digest that it had then
   */
  async #again(entry, signal) {
    const { wasm } = this.#engine;
    let digests = this.#parts.get(entry);
    if (digests === undefined) {
      /** @type {string[]} */
      const found = [];
      const noted = async function* (/** @type {AsyncIterable<Uint8Array>} */ parts) {
        for await (const part of parts) {
          found.push(await sha256(wasm, part));
          yield part;
        }
      };
      // Nothing lies in an empty range.
      for await (const _ of this.#decoded(entry, 0, 0, noted(this.#payload(entry, signal))));
      this.#parts.set(entry, found);
      digests = found;
    }
    return this.#compared(entry, digests, signal);
  }

  /**
   * @param {FileEntry} entry
   * @param {string[]} digests of the parts
   * @param {AbortSignal | undefined} signal
   */
  async *#compared(entry, digests, signal) {
    let at = 0;
    for await (const part of this.#payload(entry, signal)) {
      const offset = (entry.offset ?? 0) + at * STEP;
      await this.#engine.guard(entry.path, () => this.#compare(digests[at], part, offset));
      at += 1;
      yield part;
    }
  }

  /**
   * @param {FileEntry} entry
   * @param {AbortSignal | undefined} signal
   */
  async *#payload(entry, signal) {
    const [volume, offset] = [entry.volume ?? 0, entry.offset ?? 0];
    /** @param {number} at */
    const fetch = (at) => {
      const length = Math.min(STEP, entry.storedSize - at);
      const piece = this.#engine.read(volume, offset + at, length, signal, entry.path);
      piece.catch(() => {});
      return piece;
    };
    let next = fetch(0);
    for (let at = 0; at < entry.storedSize; at += STEP) {
      const piece = await next;
      if (at + STEP < entry.storedSize) next = fetch(at + STEP);
      yield piece;
    }
  }
}

/**
 * What the module gives is a copy of its memory, in a buffer of its own.
 *
 * @param {Uint8Array} bytes
 */
const own = (bytes) => /** @type {Uint8Array<ArrayBuffer>} */ (bytes);

/**
 * @param {Block[]} blocks
 * @param {number} bytes
 */
function takeStep(blocks, bytes) {
  let sum = 0;
  let count = 0;
  while (count < blocks.length && (count === 0 || sum + (blocks[count]?.length ?? 0) <= bytes)) {
    sum += blocks[count++]?.length ?? 0;
  }
  return blocks.slice(0, count);
}

/**
 * What the engine brings for a codec; old ones know gzip only.
 *
 * @param {string | undefined} codec
 */
function inflater(codec) {
  try {
    return new DecompressionStream(codec === 'gzip' ? 'gzip' : 'deflate-raw');
  } catch {
    return undefined;
  }
}
