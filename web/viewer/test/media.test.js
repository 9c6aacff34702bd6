/** Files of packs at addresses of the viewer, which its service worker answers: playing, seeking, new tabs. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startStage } from './stage.js';
import { until } from '../../reader/test/until.js';
import { wavOf } from '../../reader/test/wav.js';

/** @import { Page } from 'playwright-core' */

/** What a page of strangers finds out; it says so in its title. */
const SPY = `
  const tried = (what) => { try { what(); return 'open'; } catch { return 'shut'; } };
  const asked = (what) => Promise.resolve().then(what).then(() => 'open', () => 'shut');
  Promise.all([
    self.origin,
    tried(() => localStorage.length),
    tried(() => document.cookie),
    asked(() => caches.keys()),
    asked(() => navigator.serviceWorker.register('/some/folder/worker.js')),
    asked(() => fetch('/some/folder/index.html')),
    asked(() => new Promise((done, failed) => { const open = indexedDB.open('x'); open.onsuccess = done; open.onerror = failed; })),
    String(window.opener),
  ]).then((found) => { document.documentElement.setAttribute('data-found', found.join()); });`;

/** Its origin, and whether storage, cookies, caches, workers, the host and databases are open to it. */
const SHUT = 'null,shut,shut,shut,shut,shut,shut,null';
const SECONDS = 5_000;

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  stage = await startStage();
  stage.addPack('media', {
    'clip.webm': readFileSync(new URL('./clip.webm', import.meta.url)),
    'long.wav': wav(SECONDS),
    'short.wav': wav(1),
    'broken.webm': 'no film at all',
    'ä & 100%/strange.txt': 'a strange name',
    'spy.html': `<!doctype html><title>spy</title><script>${SPY}</script>`,
    'spy.svg': `<svg xmlns="http://www.w3.org/2000/svg"><script><![CDATA[${SPY}]]></script></svg>`,
    'spy.xml': `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script><![CDATA[${SPY}]]></script></html>`,
  });
});
after(() => stage?.close());

/** A noise of 8000 bytes a second. @param {number} seconds */
function wav(seconds) {
  return wavOf(Uint8Array.from({ length: seconds * 8_000 }, (_, i) => 120 + ((i * 31 + (i >> 9)) & 15)));
}

/** @param {string} path */
const at = (path) => `${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/media.pack` })}#/${path}`;

/** Bytes of the pack that were fetched. */
const sent = () => stage.packs.log.filter(({ path }) => path === '/media.pack').reduce((sum, { bytes }) => sum + bytes, 0);

/** Plays for a moment from a place. @param {Page} page @param {number} from seconds */
async function playFrom(page, from) {
  await page.waitForFunction(() => /** @type {HTMLMediaElement | null} */ (document.querySelector('audio, video'))?.readyState);
  await page.evaluate(async (from) => {
    const media = /** @type {HTMLMediaElement} */ (document.querySelector('audio, video'));
    media.muted = true;
    media.currentTime = from;
    await media.play();
    while (media.currentTime < from + 0.2) await new Promise((done) => requestAnimationFrame(done));
    media.pause();
  }, from);
}

/** Ends the worker as browsers do when they like. @param {Page} page */
async function stopWorker(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('ServiceWorker.enable');
  await session.send('ServiceWorker.stopAllWorkers');
}

/** @param {Page} page @returns {Promise<string>} */
const source = async (page) => (await page.locator('audio, video').getAttribute('src')) ?? '';

/** Opens the file that is shown in a new tab. @param {Page} page */
async function newTab(page) {
  const link = page.getByRole('link', { name: 'Open in a new tab' });
  const [tab] = await Promise.all([page.context().waitForEvent('page'), link.click()]);
  await tab.waitForLoadState();
  return tab;
}

describe('by ranges', () => {
  test('a video plays from its middle', async () => {
    const page = await stage.page();
    await page.goto(at('clip.webm'));
    await playFrom(page, 2);
    assert.match(await source(page), /\/some\/folder\/@pack\/[-0-9a-f]{36}\/clip\.webm$/);
    const [width, duration] = await page.evaluate(() => {
      const video = document.querySelector('video');
      return [video?.videoWidth, video?.duration];
    });
    assert.deepEqual([width, duration], [64, 4]);
    assert.deepEqual(page.errors, []);
  });

  test('a long sound is heard from its end without fetching the middle, though the worker was stopped', async () => {
    const page = await stage.page();
    const before = sent();
    await page.goto(at('long.wav'));
    await playFrom(page, SECONDS - 20);
    await stopWorker(page);
    await playFrom(page, SECONDS / 2);
    assert.equal(await page.evaluate(() => document.querySelector('audio')?.duration), SECONDS);
    assert.ok(sent() - before < SECONDS * 8_000 * 0.6, `${sent() - before} bytes`);
    assert.deepEqual(page.errors, []);
  });

  test('of a file that was dropped as well', async () => {
    const page = await stage.page();
    await page.addInitScript(() => {
      const { slice } = Blob.prototype;
      Object.assign(window, { taken: 0 });
      Blob.prototype.slice = function (start = 0, end = this.size, type) {
        /** @type {any} */ (window).taken += end - start;
        return slice.call(this, start, end, type);
      };
    });
    await page.goto(stage.site);
    await page.getByLabel('Choose a pack').setInputFiles(join(stage.folder, 'media.pack'));
    await page.getByRole('treeitem', { name: 'long.wav' }).click();
    await playFrom(page, SECONDS - 20);
    assert.match(await source(page), /@pack/);
    const taken = await page.evaluate(() => /** @type {any} */ (window).taken);
    assert.ok(taken > 100_000 && taken < SECONDS * 8_000 * 0.4, `${taken} bytes`);
    assert.deepEqual(page.errors, []);
  });

  test('a document lies in a frame of its own, and comes by its address', async () => {
    const page = await stage.page({ whole: true });
    const answered = page.waitForResponse((response) => response.url().endsWith('/paper.pdf'));
    await page.goto(stage.at('media/paper.pdf'));
    const response = await answered;
    assert.equal(response.status(), 200);
    assert.equal(response.fromServiceWorker(), true);
    assert.equal(response.headers()['content-type'], 'application/pdf');
    // That of the browser's own viewer, inside of the page's.
    await page.waitForFunction(() => frames.length === 1);
    await until(() => page.frames().some((frame) => frame.url().startsWith('chrome-extension:')), 'the viewer of the browser');
    assert.deepEqual(page.errors, []);
  });

  test('after a reload past all caches, which leaves a page without its worker', async () => {
    const page = await stage.page();
    await page.goto(at('clip.webm'));
    await playFrom(page, 1);
    const session = await page.context().newCDPSession(page);
    await Promise.all([page.waitForEvent('load'), session.send('Page.reload', { ignoreCache: true })]);
    await playFrom(page, 1);
    assert.match(await source(page), /@pack/);
  });

  test('what cannot be played is shown as bytes; what cannot be read says why', async () => {
    const page = await stage.page();
    await page.goto(at('broken.webm'));
    await page.getByText('This browser cannot play it.').waitFor();
    await page.route('**/media.pack', (route) => route.abort('connectionfailed'));
    await page.evaluate(() => (location.hash = '#/long.wav'));
    await page.locator('[data-code]').first().waitFor();
  });
});

test('the host learns of no file, even while the worker starts', async () => {
  const page = await stage.page();
  await page.goto(at('long.wav'));
  await playFrom(page, 100);
  await stopWorker(page);
  await playFrom(page, 3_000);
  await stopWorker(page);
  const tab = await newTab(page);
  assert.match(tab.url(), /@pack/);
  assert.deepEqual(stage.asked.filter((path) => path.includes('@pack')), []);
});

describe('a new tab', () => {
  test('shows a file as the browser does, as long as the page is open', async () => {
    const page = await stage.page();
    await page.goto(at(encodeURI('ä & 100%/strange.txt')));
    const tab = await newTab(page);
    await tab.getByText('a strange name').waitFor();
    assert.equal(await tab.evaluate(() => document.contentType), 'text/plain');
    await stopWorker(tab);
    await tab.reload();
    await tab.getByText('a strange name').waitFor();
    await page.close();
    await tab.reload();
    await tab.getByText('No page has this pack open any more').waitFor();
  });

  for (const name of ['spy.html', 'spy.svg', 'spy.xml']) {
    test(`a foreign ${name} runs apart from the viewer`, async () => {
      const page = await stage.page();
      await page.goto(at(name));
      await page.evaluate(() => localStorage.setItem('secret', '1'));
      const tab = await newTab(page);
      await tab.locator('[data-found]').waitFor({ state: 'attached' });
      assert.equal(await tab.locator('[data-found]').getAttribute('data-found'), SHUT);
      assert.equal(await tab.evaluate(() => self.origin), 'null');
    });

    test(`a foreign ${name} in a frame of the viewer as well`, async () => {
      const page = await stage.page();
      await page.goto(at(name));
      const href = await page.getByRole('link', { name: 'Open in a new tab' }).getAttribute('href');
      await page.evaluate((src) => document.body.append(Object.assign(document.createElement('iframe'), { src, id: 'spy' })), href ?? '');
      const frame = page.frameLocator('#spy');
      await frame.locator('[data-found]').waitFor({ state: 'attached' });
      assert.equal(await frame.locator('[data-found]').getAttribute('data-found'), SHUT);
    });
  }
});

describe('without a service worker', () => {
  /** @param {string} path */
  async function open(path) {
    const page = await stage.page();
    await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'serviceWorker', { value: undefined }));
    await page.goto(at(path));
    return page;
  }

  test('a short sound is loaded and plays', async () => {
    const page = await open('short.wav');
    await playFrom(page, 0.2);
    assert.match(await source(page), /^blob:/);
    assert.equal(await page.getByRole('link', { name: 'Open in a new tab' }).count(), 0);
    assert.deepEqual(page.errors, []);
  });

  test('a long one is loaded when asked', async () => {
    const page = await open('long.wav');
    await page.getByText('has to load the whole file before it plays').waitFor();
    await page.getByRole('button', { name: 'Load 38' }).click();
    await playFrom(page, SECONDS - 20);
    assert.deepEqual(page.errors, []);
  });
});
