import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { rangepack, startStage } from './stage.js';

/** @import { Stage } from './stage.js' */

/** @type {Stage} */
let stage;
/** @type {Array<() => void>} */
const servers = [];
before(async () => {
  stage = await startStage();
});
after(async () => {
  for (const stop of servers) stop();
  await stage.close();
});

/** Starts `rangepack serve` in the folder of the packs. @param {string[]} args @returns {Promise<string>} the URL that it prints */
async function serve(...args) {
  const server = spawn(rangepack(), ['serve', '--port', '0', '--no-log', ...args], { cwd: stage.folder, stdio: ['ignore', 'pipe', 'ignore'] });
  servers.push(() => server.kill());
  const [url] = await once(createInterface(server.stdout), 'line');
  return url;
}

test('the packs of a folder are offered, and those that come later', async () => {
  const page = await stage.page();
  await page.goto(await serve());
  await page.getByRole('link', { name: 'sample.pack' }).waitFor();
  await page.getByRole('link', { name: 'old.ctnr' }).waitFor();
  stage.addPack('later', { 'a.txt': 'it came later\n' });
  await page.reload();
  await page.getByRole('link', { name: 'later.pack' }).click();
  await page.getByRole('treeitem', { name: 'a.txt' }).click();
  await page.getByText('it came later').waitFor();
  assert.deepEqual(page.errors, []);
});

test('one pack is opened at once, and played by ranges', async () => {
  const page = await stage.page();
  const url = await serve('sample.pack');
  await page.goto(url);
  await page.getByRole('treeitem', { name: 'README.md' }).waitFor();
  await page.goto(`${url}#/media/tone.wav`);
  await page.locator('audio').waitFor();
  await page.waitForFunction(() => (document.querySelector('audio')?.duration ?? 0) > 0.9);
  assert.deepEqual(page.errors, []);
});

test('files of a merged pack come out of its parts', async () => {
  const page = await stage.page();
  stage.addPack('one', { 'one.txt': 'it lies in one part\n' });
  stage.addPack('two', { 'two.txt': 'it lies in another\n' });
  execFileSync(rangepack(), ['merge', '-q', 'one.pack', 'two.pack', '-o', 'merged.pack'], { cwd: stage.folder });
  await page.goto(await serve('merged.pack'));
  await page.getByRole('treeitem', { name: 'one.txt' }).click();
  await page.getByText('it lies in one part').waitFor();
  await page.getByRole('treeitem', { name: 'two.txt' }).click();
  await page.getByText('it lies in another').waitFor();
  assert.deepEqual(page.errors, []);
});

test('a pack that is replaced meanwhile is told', async () => {
  const page = await stage.page();
  stage.addPack('first', { 'a.txt': 'first\n', 'large.bin': new Uint8Array(300_000) });
  stage.addPack('second', { 'a.txt': 'second\n', 'large.bin': new Uint8Array(400_000).fill(1) });
  await page.goto(await serve('first.pack'));
  await page.getByRole('treeitem', { name: 'a.txt' }).waitFor();
  renameSync(join(stage.folder, 'second.pack'), join(stage.folder, 'first.pack'));
  await page.getByRole('treeitem', { name: 'large.bin' }).click();
  await page.getByText('replaced').first().waitFor();
});

test('the printed address lets one in, and no other', async () => {
  const url = await serve('sample.pack', '--token');
  const page = await stage.page();
  const stranger = await page.goto(new URL('/', url).href);
  assert.equal(stranger?.status(), 401);
  await page.goto(url);
  await page.getByRole('treeitem', { name: 'README.md' }).waitFor();
  assert.ok(!page.url().includes('token'), page.url());
  await page.reload();
  await page.getByRole('treeitem', { name: 'README.md' }).waitFor();
});

test('pages of a pack reach nothing of the server', async () => {
  const page = await stage.page();
  const script = `
    const tell = (name, value) => (document.body.dataset[name] = value);
    tell('origin', self.origin);
    try { tell('cookie', document.cookie) } catch (error) { tell('cookie', error.name) }
    try { tell('storage', String(localStorage.length)) } catch (error) { tell('storage', error.name) }
    fetch('/packs.json').then((answer) => answer.text()).then((text) => tell('fetch', text), (error) => tell('fetch', error.name));`;
  stage.addPack('page', { 'x.html': `<body><script>${script}</script>`, 'x.svg': `<svg xmlns="http://www.w3.org/2000/svg"><script>document.documentElement.setAttribute('class', self.origin)</script></svg>` });
  const url = await serve('page.pack');
  await page.goto(new URL('/page.pack/files/x.html', url).href);
  await page.waitForFunction(() => document.body.dataset.fetch !== undefined);
  const told = await page.evaluate(() => ({ ...document.body.dataset }));
  assert.deepEqual(told, { origin: 'null', cookie: 'SecurityError', storage: 'SecurityError', fetch: 'TypeError' });
  await page.goto(new URL('/page.pack/files/x.svg', url).href);
  assert.equal(await page.evaluate(() => document.documentElement.getAttribute('class')), 'null');
});

test('a directory is a page of links', async () => {
  const page = await stage.page();
  const url = await serve('sample.pack');
  await page.goto(new URL('/sample.pack/files/', url).href);
  await page.getByRole('link', { name: 'hostile/' }).click();
  await page.getByRole('link', { name: '<img src=x onerror=top.attacked=1>.txt' }).click();
  await page.getByText('a name that is markup').waitFor();
  assert.equal(await page.evaluate(() => Reflect.get(window, 'attacked')), undefined);
});
