/** Nothing from a pack runs, and nothing of it calls home. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { testFile } from '../../reader/test/places.js';
import { startStage } from './stage.js';

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  stage = await startStage();
});
after(() => stage?.close());

/** Opens a file, waits for what tells that it is shown, and looks for damage. @param {string} path @param {(page: Awaited<ReturnType<import('./stage.js').Stage['page']>>) => Promise<unknown>} shown */
async function harmless(path, shown) {
  const page = await stage.page();
  await page.addInitScript(() => addEventListener('message', ({ data }) => data === 'ran' && Object.assign(window, { attacked: 2 })));
  const dialogs = /** @type {string[]} */ ([]);
  page.on('dialog', (dialog) => void (dialogs.push(dialog.message()), dialog.dismiss()));
  await page.goto(stage.at(path));
  await shown(page);
  // Whatever was started has had its turn when another request has come and gone.
  await page.evaluate(() => fetch('./index.html').then((response) => response.text()));
  assert.equal(await page.evaluate(() => 'attacked' in window), false, 'a script ran');
  assert.notEqual(await page.title(), 'attacked');
  assert.deepEqual(dialogs, []);
  assert.deepEqual(stage.asked.filter((path) => path.includes('attacked')), []);
  assert.deepEqual(page.errors, []);
  return page;
}

/** Once it is loaded. @param {any} img @returns {Promise<number>} */
const widthOf = async (img) => (await img.decode(), img.naturalWidth);

test('a page is source first, and text in a frame without rights by choice', async () => {
  const page = await harmless('hostile/page.html', async (page) => {
    await page.getByText('<!doctype html>').waitFor();
    await page.getByRole('button', { name: 'Page' }).click();
    await page.frameLocator('iframe[title="Page from the pack"]').getByRole('heading', { name: 'Hello' }).waitFor();
    await page.frameLocator('iframe[title="Page from the pack"]').getByText('click').click();
    await page.frameLocator('iframe[title="Page from the pack"]').getByRole('button', { name: 'send' }).click();
  });
  assert.equal(await page.locator('iframe').getAttribute('sandbox'), '');
});

test('a drawing is only ever an image', async () => {
  const page = await harmless('hostile/drawing.svg', async (page) => {
    await page.getByRole('img', { name: 'drawing.svg' }).waitFor();
  });
  assert.equal(await page.locator('main svg circle').count(), 0);
  assert.equal(await page.getByRole('img', { name: 'drawing.svg' }).evaluate(widthOf), 80);
});

test('a drawing that is opened by its own address has no origin', async () => {
  const script = new URL('attack.js', stage.site).href;
  stage.addPack('drawings', {
    'evil.svg': `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="80"><script href="${script}"/></svg>`,
    'page.md': '![described](evil.svg)',
  });
  const page = await stage.page();
  // As if the host served files of packs, too.
  const attack = `document.documentElement.id = self.origin; localStorage.setItem('attacked', 'yes');`;
  await page.context().route(script, (route) => route.fulfill({ contentType: 'text/javascript', body: attack }));
  const at = (/** @type {string} */ path) => `${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/drawings.pack` })}#/${path}`;
  await page.goto(at(''));
  await page.getByRole('button', { name: 'Gallery' }).click();
  const sources = [await page.locator('.thumbs img').getAttribute('src')];
  await page.goto(at('page.md'));
  sources.push(await page.locator('article img[src]').getAttribute('src'));
  await page.goto(at('evil.svg'));
  const source = (await page.getByRole('img', { name: 'evil.svg' }).getAttribute('src')) ?? '';
  assert.match(source, /^data:image\/svg\+xml;base64,/);
  assert.deepEqual(sources, [source, source]);

  // What a visitor does by "Open image in new tab".
  const tab = await page.context().newPage();
  await tab.goto(source);
  await tab.waitForFunction(() => document.documentElement.id);
  assert.equal(await tab.evaluate(() => document.documentElement.id), 'null');
  assert.equal(await page.evaluate(() => localStorage.getItem('attacked')), null);
});

test('a script of a pack does not run in the viewer, though it has an address there', async () => {
  stage.addPack('scripts', { 'x.js': 'globalThis.attacked = 1; globalThis.postMessage?.("ran");' });
  const page = await stage.page();
  await page.goto(`${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/scripts.pack` })}#/x.js`);
  const href = (await page.getByRole('link', { name: 'Open in a new tab' }).getAttribute('href')) ?? '';
  const found = await page.evaluate(async (href) => {
    const { status } = await fetch(href);
    const script = document.createElement('script');
    const worker = new Worker(href);
    const told = (/** @type {any} */ it) => new Promise((done) => (it.onload = it.onmessage = () => done('ran'), it.onerror = () => done('refused')));
    const both = [told(script), told(worker)];
    script.src = href;
    document.body.append(script);
    const module = import(href).then(() => 'ran', () => 'refused');
    return [status, ...(await Promise.all([...both, module])), 'attacked' in window];
  }, href);
  assert.deepEqual(found, [200, 'refused', 'refused', 'refused', false]);
});

test('a Markdown page keeps its text and loses the rest', async () => {
  const page = await harmless('hostile/page.md', (page) => page.getByText('Still here.').waitFor());
  const article = page.locator('article');
  for (const tag of ['script', 'style', 'svg', 'form', 'input']) assert.equal(await article.locator(tag).count(), 0, tag);
  assert.equal(await article.getByText('link').getAttribute('href'), null);
});

test('names and cells that are markup stay text', async () => {
  await harmless('hostile', (page) => page.getByRole('row', { name: '<img src=x' }).waitFor());
  await harmless('hostile/data.csv', (page) => page.getByRole('cell', { name: '<img src=x' }).waitFor());
});

test('files that are not what their names say are shown as bytes, with the reason', async () => {
  await harmless('hostile/fake.png', (page) => page.getByText('cannot show it as an image').waitFor());
  await harmless('hostile/fake.npy', (page) => page.getByText('The array is longer than its file').waitFor());
  await harmless('hostile/fake.parquet', (page) => page.getByText('not Parquet that can be read').waitFor());
});

test('the policy of the page forbids scripts of others, and evaluating text', async () => {
  const page = await stage.page();
  await page.goto(stage.site);
  const ran = await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'window.attacked = 1';
    document.body.append(script);
    return 'attacked' in window;
  });
  assert.equal(ran, false);
});

/** The address of the page that shows a file of the server. @param {string} pack @param {string} [path] */
const shows = (pack, path = '') => `${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/${pack}` })}#/${path}`;

test('what its maker said of a pack is text', async () => {
  stage.addPack('said', { a: 'a', 'b/c': 'c' }, ['--meta', 'licence=CC-BY-4.0', '--meta', 'source=<img src=x onerror=alert(1)>\u202e']);
  const page = await stage.page();
  await page.goto(shows('said.pack'));
  const said = page.getByLabel('Metadata');
  await said.waitFor();
  assert.equal(await said.innerText(), 'licence\nCC-BY-4.0\nsource\n<img src=x onerror=alert(1)>\ufffd');
  assert.equal(await said.locator('img').count(), 0);
  assert.deepEqual(page.errors, []);
});

test('a file that a later version made is listed, and says so', async () => {
  stage.packs.files.set('/later.pack', bytesOf(readFileSync(testFile('hostile/codec-unknown.pack'))));
  const page = await stage.page();
  await page.goto(shows('later.pack', 'file'));
  await page.getByRole('heading', { name: 'This was made by a newer version' }).waitFor();
  await page.getByText('codec 9').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Try again' }).count(), 0);
  assert.deepEqual(page.errors, []);
});

/** @param {Buffer} bytes @returns {import('../../reader/test/range-server.js').Virtual} */
function bytesOf(bytes) {
  return { size: bytes.length, read: (at, length) => bytes.subarray(at, at + length) };
}
