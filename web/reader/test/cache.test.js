import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cacheStorageCache, toEvict } from '../src/cache.js';
import { folderCache } from '../src/node/cache-folder.js';

/** @import { Cache as Kept } from '../src/cache.js' */

const DAY = 86_400_000;

/** @param {number} i @param {number} [length] */
function item(i, length = 100) {
  const bytes = new Uint8Array(length).fill(i);
  return { bytes, digest: createHash('sha256').update(bytes).digest('hex') };
}

/** @type {string} */
let top;
before(async () => (top = await mkdtemp(join(tmpdir(), 'rangepack-'))));
after(() => rm(top, { recursive: true }));

let folders = 0;
const newFolder = () => join(top, `cache-${folders++}`, 'deep');

/** Cache Storage in memory: what of it we use. */
function memoryStorage() {
  /** @type {Map<string, { request: Request, bytes: Uint8Array<ArrayBuffer>, headers: Headers }>} */
  const kept = new Map();
  const cache = {
    match: async (/** @type {string} */ url) => {
      const found = kept.get(url);
      return found && new Response(found.bytes, { headers: found.headers });
    },
    put: async (/** @type {Request} */ request, /** @type {Response} */ response) => {
      const bytes = new Uint8Array(await response.arrayBuffer());
      kept.set(request.url, { request, bytes, headers: response.headers });
    },
    keys: async () => [...kept.values()].map(({ request }) => request),
    delete: async (/** @type {string} */ url) => kept.delete(url),
  };
  const storage = /** @type {CacheStorage} */ (/** @type {unknown} */ ({ open: async () => cache }));
  return { storage, kept, cache };
}

/** @type {Record<string, (maxBytes: number) => { cache: Kept, total: () => Promise<number> }>} */
const kinds = {
  'Cache Storage': (maxBytes) => {
    const { storage, kept } = memoryStorage();
    const total = async () => [...kept.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
    return { cache: cacheStorageCache({ storage, maxBytes }), total };
  },
  'a folder': (maxBytes) => {
    const folder = newFolder();
    const total = async () => {
      const sizes = (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size);
      return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    };
    return { cache: folderCache(folder, { maxBytes }), total };
  },
};

for (const [what, make] of Object.entries(kinds)) {
  describe(what, () => {
    test('gives back what was put, and nothing else', async () => {
      const { cache } = make(10_000);
      const [a, b] = [item(1), item(2)];
      assert.equal(await cache.get(a.digest), undefined);
      await cache.put(a.digest, a.bytes);
      assert.deepEqual(await cache.get(a.digest), a.bytes);
      assert.equal(await cache.get(b.digest), undefined);
    });

    test('replaces what was damaged', async () => {
      const { cache } = make(10_000);
      const { digest, bytes } = item(1);
      await cache.put(digest, new Uint8Array(5));
      await cache.put(digest, bytes);
      assert.deepEqual(await cache.get(digest), bytes);
    });

    test('keeps to its limit at any time, and keeps the newest', async () => {
      const { cache, total } = make(8000);
      for (let i = 0; i < 200; i++) {
        const { digest, bytes } = item(i);
        await cache.put(digest, bytes);
        assert.ok((await total()) <= 8000);
        assert.deepEqual(await cache.get(digest), bytes);
      }
      assert.ok((await total()) > 6000, 'and makes use of it');
      assert.equal(await cache.get(item(0).digest), undefined);
    });

    test('does not keep what is too large', async () => {
      const { cache } = make(1000);
      const { digest, bytes } = item(1, 126);
      await cache.put(digest, bytes);
      assert.equal(await cache.get(digest), undefined);
    });

    test('takes nothing but digests for keys', async () => {
      const { cache } = make(10_000);
      for (const key of ['', '../../escaped', 'A'.repeat(64), 'a'.repeat(63), `${'a'.repeat(64)}\n`]) {
        await cache.put(key, new Uint8Array(5));
        assert.equal(await cache.get(key), undefined);
      }
      assert.ok(!(await readdir(top)).includes('escaped'));
    });
  });
}

test('what was not used for longest goes first, and some room is made', () => {
  const kept = [5, 1, 4, 2, 3].map((used) => ({ key: String(used), size: 100, used }));
  assert.deepEqual(toEvict(kept, 400).map(({ key }) => key), ['1', '2']);
  assert.deepEqual(toEvict(kept, 1000), []);
});

describe('Cache Storage', () => {
  test('remembers a use from one day to the next', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: 100 * DAY });
    const { storage, kept } = memoryStorage();
    const items = [0, 1, 2, 3].map((i) => item(i, 100));
    const put = (/** @type {number} */ i) => cacheStorageCache({ storage, maxBytes: 800 }).put(items[i]?.digest ?? '', items[i]?.bytes ?? new Uint8Array());
    for (const i of [0, 1]) {
      await put(i);
      t.mock.timers.tick(1);
    }
    t.mock.timers.tick(DAY);
    await cacheStorageCache({ storage }).get(items[0]?.digest ?? '');
    const order = [...kept.values()].map(({ request }) => [request.url.slice(-64), Number(request.headers.get('x-used'))]);
    assert.deepEqual(order, [[items[0]?.digest, 101 * DAY + 2], [items[1]?.digest, 100 * DAY + 1]]);
  });

  test('that is missing, full or broken is no error', async () => {
    const { digest, bytes } = item(1);
    const none = cacheStorageCache({ storage: undefined });
    await none.put(digest, bytes);
    assert.equal(await none.get(digest), undefined);

    const { storage, cache: inner } = memoryStorage();
    const cache = cacheStorageCache({ storage });
    await cache.put(digest, bytes);
    inner.put = () => Promise.reject(new DOMException('full', 'QuotaExceededError'));
    await cache.put(item(2).digest, item(2).bytes);
    assert.deepEqual(await cache.get(digest), bytes);
    inner.match = () => Promise.reject(new Error('broken'));
    assert.equal(await cache.get(digest), undefined);
  });

  test('a use that cannot be written down is no error', async (t) => {
    const { storage, cache: inner } = memoryStorage();
    const cache = cacheStorageCache({ storage });
    const { digest, bytes } = item(1);
    await cache.put(digest, bytes);
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + DAY });
    inner.put = () => Promise.reject(new DOMException('full', 'QuotaExceededError'));
    assert.deepEqual(await cache.get(digest), bytes);
  });
});

describe('a folder', () => {
  test('holds one file for each item and nothing else', async () => {
    const folder = newFolder();
    const { digest, bytes } = item(1);
    await folderCache(folder).put(digest, bytes);
    assert.deepEqual(await readdir(folder), [digest]);
    assert.deepEqual(new Uint8Array(await readFile(join(folder, digest))), bytes);
    assert.deepEqual(await folderCache(folder).get(digest), bytes, 'another process finds it');
  });

  test('a use makes an item young again', async () => {
    const folder = newFolder();
    const cache = folderCache(folder, { maxBytes: 800 });
    const items = Array.from({ length: 8 }, (_, i) => item(i, 80));
    const old = Date.now() / 1000 - 100 * 86_400;
    for (const [i, { digest, bytes }] of items.entries()) {
      await cache.put(digest, bytes);
      await utimes(join(folder, digest), old + i, old + i);
    }
    await cache.get(items[0]?.digest ?? '');
    const { digest, bytes } = item(99, 80);
    await folderCache(folder, { maxBytes: 640 }).put(digest, bytes); // a new process looks first
    const left = await readdir(folder);
    assert.ok(left.includes(items[0]?.digest ?? ''), 'just used');
    assert.ok(!left.includes(items[1]?.digest ?? ''), 'the oldest');
  });

  test('clears away what killed processes left, and only that', async () => {
    const folder = newFolder();
    await folderCache(folder).put(item(1).digest, item(1).bytes);
    const old = Date.now() / 1000 - 86_400;
    for (const name of ['.new-abandoned', '.new-at-work', 'notes.txt']) await writeFile(join(folder, name), 'x');
    for (const name of ['.new-abandoned', 'notes.txt']) await utimes(join(folder, name), old, old);
    await folderCache(folder).put(item(2).digest, item(2).bytes);
    assert.deepEqual((await readdir(folder)).sort(), ['.new-at-work', 'notes.txt', item(1).digest, item(2).digest].sort());
  });

  test('that can no longer be used is no error', async () => {
    const folder = join(top, 'replaced');
    const cache = folderCache(folder);
    await rm(folder, { recursive: true });
    await writeFile(folder, '');
    await cache.put(item(1).digest, item(1).bytes);
    assert.equal(await cache.get(item(1).digest), undefined);
  });

  test('is shared by several processes', async () => {
    const folder = newFolder();
    const script = `
      import { createHash } from 'node:crypto';
      import { folderCache } from ${JSON.stringify(new URL('../src/node/cache-folder.js', import.meta.url).href)};
      const cache = folderCache(${JSON.stringify(folder)}, { maxBytes: 64_000 });
      for (let i = 0; i < 300; i++) {
        const bytes = new Uint8Array(1000).fill((i * 7) % 100);
        const digest = createHash('sha256').update(bytes).digest('hex');
        await cache.put(digest, bytes);
        const found = await cache.get(digest);
        if (found && (found.length !== 1000 || found.some((byte) => byte !== bytes[0]))) throw new Error('torn');
      }`;
    const codes = [1, 2, 3].map(
      () =>
        new Promise((done) => {
          const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'ignore', 'inherit'] });
          child.on('close', done);
        }),
    );
    assert.deepEqual(await Promise.all(codes), [0, 0, 0]);
    const names = await readdir(folder);
    assert.ok(names.every((name) => /^[0-9a-f]{64}$/.test(name)), 'no temporary files');
    assert.ok(names.length <= 64 + 3 * 8);
  });
});
