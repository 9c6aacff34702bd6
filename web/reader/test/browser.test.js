import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { INSECURE, PAGE, openPage, startChromium } from './chromium.js';
import { OLD } from './expectations.js';
import { photo, photoPath, photos } from './packs.js';
import { REPOSITORY, goldenNames, testFile, testJson } from './places.js';
import { startRangeServer } from './range-server.js';
import { createHash } from 'node:crypto';

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {import('./range-server.js').RangeServer} */
let home;
/** @type {import('./range-server.js').RangeServer} another origin */
let other;
/** @type {Awaited<ReturnType<typeof openPage>>} */
let tab;

before(async () => {
  home = await startRangeServer({ folder: REPOSITORY, files: { '/page.html': PAGE } });
  other = await startRangeServer({ folder: REPOSITORY });
  browser = await startChromium();
  tab = await openPage(browser, home.origin);
});
after(async () => {
  await browser?.close();
  await home?.close();
  await other?.close();
});

/** @param {Uint8Array} bytes */
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** @param {string} name @param {string} path @returns {Promise<string>} digest of the content */
async function digestIn(name, path) {
  const { entries } = await testJson(`golden/${name}.json`);
  return entries.find((/** @type {{ path: string }} */ entry) => entry.path === path).content_sha256;
}

describe('expectations', () => {
  const places = [
    { what: 'on the main thread', base: () => `${home.origin}/tests`, query: '', worker: false },
    { what: 'in a module worker', base: () => `${home.origin}/tests`, query: '', worker: true },
    { what: 'from another origin', base: () => `${other.origin}/tests`, query: '', worker: false },
    { what: 'from another origin that exposes headers but refuses preflights', base: () => `${other.origin}/tests`, query: '?cors=expose', worker: false },
    { what: 'from another origin that hides all headers, in a worker', base: () => `${other.origin}/tests`, query: '?cors=plain', worker: true },
  ];
  for (const { what, base, query, worker } of places) {
    test(what, async () => {
      const isHome = base().startsWith(home.origin);
      // What differs from origin to origin is how bytes come, not what they say.
      const golden = isHome ? await goldenNames() : ['all-kinds', 'compressed', 'sidecar', 'stored-blocks'];
      const old = isHome ? OLD : ['unfinalized.container', 'plain.fpack'];
      const done = await tab.run('expectations', { base: base(), query, golden, old }, { worker });
      assert.equal(done, golden.length + old.length);
    });
  }

  test('of a file that a visitor chose', async () => {
    const { bytes, wanted } = await tab.run('blob', `${home.origin}/tests/golden/compressed.pack`);
    assert.equal(bytes, wanted);
    assert.ok(bytes > 1_000_000);
  });
});

test('a page that came over plain HTTP has no WebCrypto and no Cache Storage, and reads all the same', async () => {
  const { page, run } = await openPage(browser, home.origin.replace('127.0.0.1', INSECURE));
  assert.equal(await page.evaluate(() => isSecureContext || 'caches' in globalThis || crypto.subtle !== undefined), false);
  const url = '/tests/golden/compressed.pack';
  const found = await run('read', { url, path: 'large', cache: 'insecure', plain: true });
  assert.equal(found.length, 600 << 10);
  await page.close();
});

describe('faults', () => {
  const url = () => `${other.origin}/tests/golden/stored-blocks.pack`;

  test('another origin without CORS', async () => {
    const { code, message } = await tab.run('read', { url: `${url()}?cors=no`, path: 'large' });
    assert.equal(code, 'ERR_CORS');
    assert.match(message ?? '', /Access-Control-Allow-Origin/);
  });

  test('another origin that nobody answers for', async () => {
    const gone = await startRangeServer({});
    await gone.close();
    const { code } = await tab.run('read', { url: `${gone.origin}/a.pack`, path: 'large' });
    assert.equal(code, 'ERR_CORS');
  });

  test('no network', async () => {
    const context = await browser.newContext();
    const { run } = await openPage(context, home.origin);
    await run('read', { url: `${home.origin}/tests/golden/empty.pack`, path: '' });
    await context.setOffline(true);
    const options = { retries: 0 };
    const { code } = await run('read', { url: `${home.origin}/tests/golden/smallest.pack?offline`, path: 'hello', options });
    assert.equal(code, 'ERR_OFFLINE');
    await context.close();
  });

  for (const defect of ['reset=5000', 'short=5000']) {
    test(`a range that breaks off and is half in the browser's cache (${defect})`, async () => {
      for (const { origin } of [home, other]) {
        const pack = `${origin}/tests/golden/stored-blocks.pack?${defect}&skip=2&times=1&n=${defect}`;
        const wanted = await digestIn('stored-blocks', 'large');
        // The second visit meets what the first one left behind.
        for (let visit = 0; visit < 2; visit++) {
          const { digest, code, message } = await tab.run('read', { url: pack, path: 'large' });
          assert.equal(digest, wanted, `${code} ${message}`);
        }
      }
    });
  }

  test('a pack that is replaced', async () => {
    home.files.set('/replaced.pack', await readFile(testFile('golden/stored-blocks.pack')));
    const { code } = await tab.run('read', { url: `${home.origin}/replaced.pack?change=1`, path: 'large' });
    // Chromium may give the new bytes under the old headers that it has in its cache; the digests tell.
    assert.match(code ?? '', /^ERR_(CHANGED|CORRUPT)$/);
  });
});

describe('Cache Storage', () => {
  test('keeps to its limit, and drops what was not used for longest', async () => {
    const { kept, sizes } = await tab.run('evict', { name: 'evict', maxBytes: 80_000, size: 5000, count: 40 });
    assert.ok(sizes.length > 0 && sizes.every((size) => size === 5000), 'the headers of requests are kept');
    assert.ok(sizes.length * 5000 <= 80_000 * 1.125, `${sizes.length} items`);
    assert.deepEqual(kept, Array.from({ length: kept.length }, (_, i) => 40 - kept.length + i));
  });

  test('makes the second visit cheap, and heals when it is damaged', async () => {
    const files = 100_000;
    other.files.set('/photos.pack', await photos(files));
    const what = { url: `${other.origin}/photos.pack`, path: photoPath(50, 50_500), cache: 'visits' };
    const digest = sha256(photo(50_500));
    const context = await browser.newContext();
    // Where requests are routed, the browser's own cache is not used.
    await context.route(`${other.origin}/**`, (route) => route.continue());
    const visit = async () => {
      // A fresh page: nothing is left in memory.
      const fresh = await openPage(context, home.origin);
      other.log.length = 0;
      const found = await fresh.run('read', what);
      assert.equal(found.digest, digest, found.message);
      await fresh.page.close();
      return other.log.map(({ method, range }) => `${method} ${range?.replace(/\d+-\d+/, 'some')}`);
    };
    const first = await visit();
    assert.deepEqual(first, ['HEAD bytes=0-', 'GET bytes=some', 'GET bytes=some', 'GET bytes=some']);
    assert.deepEqual(await visit(), ['HEAD bytes=0-', 'GET bytes=some']);
    const { page, run } = await openPage(context, home.origin);
    assert.equal(await run('damage', 'visits'), 2);
    await page.close();
    assert.deepEqual(await visit(), first);
    assert.deepEqual(await visit(), ['HEAD bytes=0-', 'GET bytes=some']);
    await context.close();
  });
});

test('the end of a pack of 3 GB', async () => {
  const files = 150_000;
  const pack = await photos(files);
  assert.ok(pack.size > 3e9);
  home.files.set('/large.pack', pack);
  const number = files - 2;
  const url = `${home.origin}/large.pack`;
  const { digest } = await tab.run('read', { url, path: photoPath(Math.floor(number / 1000), number) });
  assert.equal(digest, sha256(photo(number)));
});
