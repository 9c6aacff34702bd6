/**
 * Bytes kept from one visit to the next, by their SHA-256 digest, so that they can never be out of date.
 */

import { checkOptions } from './options.js';

/**
 * A cache. It holds what it can: a failure to find, read or write something is never an error. Who takes bytes
 * from it checks them against the digest.
 *
 * @typedef {object} Cache
 * @property {(digest: string) => Promise<Uint8Array | undefined>} get digest: SHA-256, 64 lower-case hex digits
 * @property {(digest: string, bytes: Uint8Array) => Promise<void>} put replaces what is there
 */

/**
 * Something that a cache holds.
 * @typedef {object} Kept
 * @property {string} key
 * @property {number} size bytes
 * @property {number} used when it was last used, in milliseconds since 1970
 */

/** A use is written down again after so many milliseconds. Sooner would make a write out of nearly every read. */
export const USE_WRITTEN_AFTER = 3_600_000;

/**
 * @param {string} digest
 * @returns {boolean}
 */
export function isDigest(digest) {
  return /^[0-9a-f]{64}$/.test(digest);
}

/**
 * What must go: that which was not used for longest. Room of one eighth of `maxBytes` is made, so that the cache need
 * not look through all it has at every `put`, but only after that many bytes were written (`Budget`).
 *
 * @param {Kept[]} kept
 * @param {number} maxBytes
 * @returns {Kept[]}
 */
export function toEvict(kept, maxBytes) {
  const room = maxBytes - maxBytes / 8;
  let total = kept.reduce((sum, { size }) => sum + size, 0);
  const evicted = [];
  for (const item of [...kept].sort((a, b) => a.used - b.used)) {
    if (total <= room) break;
    total -= item.size;
    evicted.push(item);
  }
  return evicted;
}

/** Says when it is time to look for what must go. */
export class Budget {
  #maxBytes;
  #left = 0;

  /** @param {number} maxBytes */
  constructor(maxBytes) {
    this.#maxBytes = maxBytes;
  }

  /**
   * @param {number} size bytes that are about to be written
   * @returns {'refuse' | 'evict' | 'write'}
   */
  spend(size) {
    if (size > this.#maxBytes / 8) return 'refuse';
    this.#left -= size;
    if (this.#left >= 0) return 'write';
    this.#left = this.#maxBytes / 8 - size;
    return 'evict';
  }
}

/** Requests in Cache Storage need an address; this one never leads anywhere. */
const ADDRESS = 'https://rangepack.invalid/sha256/';

/**
 * A cache for browsers, in Cache Storage. Where there is none (a page that did not come over https) nothing is kept.
 *
 * The limit is kept for each page; several pages open at the same time may exceed it by an eighth each until one of
 * them looks again. Items of more than an eighth are not kept.
 *
 * @param {object} [options]
 * @param {string} [options.name] pages of an origin that use the same name share what is kept
 * @param {number} [options.maxBytes]
 * @param {CacheStorage} [options.storage]
 * @returns {Cache}
 */
export function cacheStorageCache(options = {}) {
  checkOptions(options, ['name', 'maxBytes', 'storage']);
  const { name = 'rangepack', maxBytes = 256 * 1024 * 1024, storage } = options;
  const budget = new Budget(maxBytes);

  /**
   * Size and time of use stand in headers of the request: listing them takes no look at any body.
   *
   * @param {string} digest
   * @param {number} size
   * @param {number} used
   */
  function request(digest, size, used) {
    return new Request(ADDRESS + digest, { headers: { 'x-size': String(size), 'x-used': String(used) } });
  }

  /** @param {Request} request @returns {Kept} */
  function kept({ url, headers }) {
    return { key: url, size: Number(headers.get('x-size')), used: Number(headers.get('x-used')) };
  }

  // Opened anew each time: the user may delete it at any time.
  async function open() {
    return (storage ?? globalThis.caches).open(name);
  }

  return {
    async get(digest) {
      try {
        if (!isDigest(digest)) return undefined;
        const cache = await open();
        const response = await cache.match(ADDRESS + digest);
        if (response === undefined) return undefined;
        const bytes = new Uint8Array(await response.arrayBuffer());
        const now = Date.now();
        if (now - Number(response.headers.get('x-used')) > USE_WRITTEN_AFTER) {
          await write(cache, digest, bytes, now).catch(() => {});
        }
        return bytes;
      } catch {
        return undefined;
      }
    },
    async put(digest, bytes) {
      try {
        const verdict = isDigest(digest) ? budget.spend(bytes.length) : 'refuse';
        if (verdict === 'refuse') return;
        const cache = await open();
        if (verdict === 'evict') await evict(cache);
        await write(cache, digest, bytes, Date.now());
      } catch {
        // No room, no permission: not kept.
      }
    },
  };

  /**
   * @param {globalThis.Cache} cache
   * @param {string} digest
   * @param {Uint8Array} bytes
   * @param {number} used
   */
  async function write(cache, digest, bytes, used) {
    const body = new Response(new Uint8Array(bytes), { headers: { 'x-used': String(used) } });
    await cache.put(request(digest, bytes.length, used), body);
  }

  /** @param {globalThis.Cache} cache */
  async function evict(cache) {
    const all = (await cache.keys()).map(kept);
    await Promise.all(toEvict(all, maxBytes).map(({ key }) => cache.delete(key)));
  }
}
