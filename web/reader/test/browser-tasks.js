/**
 * What the browser tests have pages and workers do. What goes in and out can be cloned.
 */

import { PackError, cacheStorageCache, openPack } from '../src/index.js';
import { checkGolden, checkOld, digestOf } from './expectations.js';

/** @import { OpenOptions } from '../types/index.d.ts' */
/** @import { Cache as Kept } from '../src/cache.js' */
/** @typedef {typeof tasks} Tasks */

/**
 * The same cache; what is under way to it is told.
 *
 * @param {Kept} cache
 * @param {Promise<void>[]} puts
 * @returns {Kept}
 */
function remembering({ get, put }, puts) {
  return {
    get,
    put(digest, bytes) {
      const putting = put(digest, bytes);
      puts.push(putting);
      return putting;
    },
  };
}

export const tasks = {
  /**
   * All packs of the folder `tests` that lies at `base`, with this query.
   *
   * @param {{ base: string, query: string, golden: string[], old: string[] }} what
   */
  async expectations({ base, query, golden, old }) {
    const input = (/** @type {string} */ file) => `${base}/${file}${query}`;
    const json = async (/** @type {string} */ file) => (await fetch(`/tests/${file}`)).json();
    /** @type {import('./expectations.js').Place} */
    const place = { open: (file, options) => openPack(input(file), options), input, json };
    for (const name of golden) await checkGolden(place, name);
    for (const name of old) await checkOld(place, name);
    return golden.length + old.length;
  },

  /**
   * A file's digest, and what it cost; or the error.
   *
   * @param {{ url: string, path: string, start?: number, end?: number, options?: OpenOptions, cache?: string, plain?: boolean }} what
   *   plain: no digest, for pages that have no WebCrypto
   */
  async read({ url, path, start, end, options, cache, plain = false }) {
    /** @type {Promise<void>[]} the reader does not wait for them, but the next visit looks for what they bring */
    const puts = [];
    try {
      const kept = cache === undefined ? undefined : cacheStorageCache({ name: cache });
      const pack = await openPack(url, { ...options, cache: kept && remembering(kept, puts) });
      const bytes = await (await pack.open(path)).slice(start, end).bytes();
      const { metrics } = pack;
      pack.close();
      await Promise.all(puts);
      return { length: bytes.length, digest: plain ? '' : await digestOf(bytes), metrics };
    } catch (error) {
      if (!(error instanceof PackError)) throw error;
      return { code: error.code, message: error.message };
    }
  },

  /** @param {string} url of a pack, read as a file that a visitor chose */
  async blob(url) {
    const blob = await (await fetch(url)).blob();
    const pack = await openPack(new File([blob], 'chosen.pack'));
    let bytes = 0;
    for await (const entry of pack.walk()) if (entry.kind === 'file') bytes += (await pack.readFile(entry)).length;
    return { bytes, wanted: pack.info.bytes };
  },

  /**
   * Whether Cache Storage keeps what `cacheStorageCache` relies on: the headers of requests, and the limit.
   *
   * @param {{ name: string, maxBytes: number, size: number, count: number }} what
   */
  async evict({ name, maxBytes, size, count }) {
    const cache = cacheStorageCache({ name, maxBytes });
    /** @param {number} i */
    const key = (i) => i.toString(16).padStart(64, '0');
    for (let i = 0; i < count; i++) {
      await cache.put(key(i), new Uint8Array(size).fill(i));
      // The clock must go on, or all are equally old.
      const since = Date.now();
      while (Date.now() === since) await null;
    }
    const requests = await (await caches.open(name)).keys();
    const kept = [];
    for (let i = 0; i < count; i++) {
      const bytes = await cache.get(key(i));
      if (bytes === undefined) continue;
      if (bytes.length !== size || bytes[0] !== i) throw new Error(`item ${i} is another one`);
      kept.push(i);
    }
    return { kept, sizes: requests.map(({ headers }) => Number(headers.get('x-size'))) };
  },

  /** @param {string} name of a cache, everything in which gets damaged */
  async damage(name) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const response = await cache.match(request);
      const bytes = new Uint8Array((await response?.arrayBuffer()) ?? []);
      await cache.put(request, new Response(bytes.map((byte) => byte ^ 1), { headers: response?.headers }));
    }
    return (await cache.keys()).length;
  },
};
