/** A site in a pack, shown by a service worker: as a user sets it up, without a bundler. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startChromium } from './chromium.js';
import { inTemporaryFolder, rangepack } from './packs.js';
import { startRangeServer } from './range-server.js';
import { PATIENCE, until } from './until.js';
import { wavOf } from './wav.js';

const PACKAGE = fileURLToPath(new URL('../', import.meta.url));
const readme = await readFile(join(PACKAGE, 'README.md'), 'utf8');

/** @param {string} name of an example of the README @returns {Uint8Array} */
function example(name) {
  const [, text = ''] = new RegExp(`<!-- mounting: ${name} -->\n\`\`\`\\w+\n([\\s\\S]*?)\`\`\``).exec(readme) ?? [];
  assert.notEqual(text, '', name);
  return new TextEncoder().encode(text);
}

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAYAAAC56t6BAAAAFUlEQVR4nGP4z8DwHwSBNAYWxsgAAEbSBvqyYv9AAAAAAElFTkSuQmCC';
const SITE = {
  'index.html': `<!doctype html><meta charset="utf-8"><title>loading</title><link rel="icon" href="data:,"><link rel="stylesheet" href="style.css">
    <h1>Packed</h1><img src="img/pixel.png" alt=""><a href="sub">deeper</a><audio src="long.wav" preload="metadata"></audio>
    <script type="module" src="main.js"></script>`,
  'style.css': 'h1 { color: rgb(1, 2, 3) }',
  'main.js': `import { words } from './lib/words.mjs';
    const { answer } = await (await fetch('data.json')).json();
    localStorage.setItem('own', 'origin');
    document.title = words + answer;`,
  'lib/words.mjs': `export const words = 'the answer is ';`,
  'data.json': '{"answer": 42}',
  'sub/index.html': `<!doctype html><title>deep</title><h2>Deep</h2><a href="../">back</a><img src="../img/pixel.png" alt="">`,
  'sub/ä & b.html': '<!doctype html><title>strange</title>',
  'img/pixel.png': Buffer.from(PIXEL, 'base64'),
  // Silence for more than an hour.
  'long.wav': wavOf(new Uint8Array(30_000_000).fill(128)),
};

/** @param {Record<string, string | Uint8Array>} files @returns {Promise<Uint8Array>} */
function packOf(files) {
  return inTemporaryFolder(async (folder) => {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, 'site', path)), { recursive: true });
      await writeFile(join(folder, 'site', path), content);
    }
    await rangepack(['pack', '--quiet', join(folder, 'site'), join(folder, 'site.pack')]);
    return readFile(join(folder, 'site.pack'));
  });
}

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Uint8Array} */
let site;
before(async () => {
  [site, browser] = await Promise.all([packOf(SITE), startChromium()]);
});
after(() => browser?.close());

/**
 * A host that has the package, a pack, and what the README says to put beside them.
 *
 * @param {import('node:test').TestContext} t
 */
async function start(t) {
  const page = example('page');
  const files = { '/': page, '/index.html': page, '/sw.js': example('worker'), '/site.pack': site };
  const server = await startRangeServer({ files });
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE);
  const tab = await context.newPage();
  /** @type {string[]} */
  const errors = [];
  tab.on('pageerror', (error) => errors.push(String(error)));
  tab.on('response', (response) => {
    // Some of the pages have no icon.
    if (response.status() >= 400 && !response.url().endsWith('/favicon.ico')) errors.push(`${response.status()} ${response.url()}`);
  });
  // The host has the package under the name that users give it.
  for (const path of ['src', 'wasm']) await serveFolder(server, `/rangepack/${path}`, join(PACKAGE, path));
  t.after(async () => {
    await context.close();
    await server.close();
  });
  const cdp = await context.newCDPSession(tab);
  await cdp.send('ServiceWorker.enable');
  return {
    server,
    tab,
    errors,
    /** Ends the worker as browsers do when they like. */
    stop: () => cdp.send('ServiceWorker.stopAllWorkers'),
  };
}

/** @param {import('./range-server.js').RangeServer} server @param {string} at @param {string} folder */
async function serveFolder(server, at, folder) {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const full = join(entry.parentPath, entry.name);
    server.files.set(`${at}${full.slice(folder.length)}`, await readFile(full));
  }
}

/** @param {import('playwright-core').Page} tab @param {string} title */
const titled = (tab, title) => tab.waitForFunction((title) => document.title === title, title);

test('a site: scripts, styles, pictures, data, links, reloads', async (t) => {
  const { server, tab, errors, stop } = await start(t);
  await tab.goto(server.origin);
  await titled(tab, 'the answer is 42');
  assert.equal(await tab.evaluate(() => getComputedStyle(document.querySelector('h1') ?? document.body).color), 'rgb(1, 2, 3)');
  await tab.waitForFunction(() => document.querySelector('img')?.naturalHeight === 3);
  assert.equal(await tab.evaluate(() => localStorage.getItem('own')), 'origin');

  // Without its slash, so that a redirection leads there.
  await tab.getByText('deeper').click();
  await titled(tab, 'deep');
  assert.equal(tab.url(), `${server.origin}/sub/`);
  await tab.waitForFunction(() => document.querySelector('img')?.naturalHeight === 3);
  await tab.reload();
  await titled(tab, 'deep');

  await stop();
  await tab.reload();
  await titled(tab, 'deep');
  await tab.getByText('back').click();
  await titled(tab, 'the answer is 42');
  await stop();
  await tab.goto(`${server.origin}/sub/%C3%A4%20%26%20b.html`);
  await titled(tab, 'strange');
  assert.deepEqual(errors, []);
  // The host was asked for nothing that lies in the pack.
  const asked = server.log.map(({ path }) => path).filter((path) => !/^\/(rangepack\/|favicon)/.test(path));
  assert.deepEqual([...new Set(asked)].filter((path) => !/^\/(sw\.js\?.*|site\.pack)?$/.test(path)), []);

  const missing = await tab.goto(`${server.origin}/nothing`);
  assert.equal(missing?.status(), 404);
});

test('what the page knows already is not sent again', async (t) => {
  const { server, tab } = await start(t);
  await tab.goto(server.origin);
  await titled(tab, 'the answer is 42');
  const statuses = await tab.evaluate(async () => {
    const first = await fetch('data.json');
    const again = await fetch('data.json', { headers: { 'If-None-Match': first.headers.get('ETag') ?? '' } });
    const part = await fetch('data.json', { headers: { Range: 'bytes=2-7' } });
    return [first.status, again.status, part.status, await part.text()];
  });
  assert.deepEqual(statuses, [200, 304, 206, 'answer']);
});

test('sound is heard from its end without fetching the middle, after the worker was stopped too', async (t) => {
  const { server, tab, errors, stop } = await start(t);
  await tab.goto(server.origin);
  await titled(tab, 'the answer is 42');
  for (const [from, what] of /** @type {const} */ ([[3740, 'the end'], [1800, 'the middle']])) {
    await stop();
    await tab.evaluate(async (from) => {
      const audio = document.querySelector('audio') ?? new Audio();
      audio.currentTime = from;
      if (audio.seeking || audio.readyState < 3) await new Promise((done) => audio.addEventListener('canplay', done, { once: true }));
      audio.muted = true;
      await audio.play();
      while (audio.currentTime <= from + 0.2) await new Promise((done) => setTimeout(done, 50));
      audio.pause();
    }, from);
    assert.ok(await tab.evaluate(() => document.querySelector('audio')?.error === null), what);
  }
  const sent = server.log.filter(({ path }) => path === '/site.pack').reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(sent < site.length * 0.6, `${sent} of ${site.length} bytes`);
  assert.deepEqual(errors, []);
});

describe('the pack', () => {
  test('is replaced: noticed by a page after a while, by a file that is read, and by a worker that begins anew', async (t) => {
    const { server, tab, stop } = await start(t);
    await tab.goto(server.origin);
    await titled(tab, 'the answer is 42');
    // What lies within 100 KiB of the end came with it, and would not be asked for.
    const small = { ...SITE, 'long.wav': '', 'zz/filler.bin': randomBytes(300_000) };
    server.files.set('/site.pack', await packOf({ ...small, 'new/index.html': '<title>new</title>' }));
    const workers = () => tab.context().serviceWorkers();
    await until(() => workers().length > 0, 'the worker');
    await workers()[0]?.evaluate(() => {
      const { now } = Date;
      Date.now = () => now() + 120_000;
    });
    await tab.goto(`${server.origin}/new/`);
    await titled(tab, 'new');

    server.files.set('/site.pack', await packOf({ ...small, 'index.html': 'short', 'sub/ä & b.html': '<title>newer</title>' }));
    await tab.goto(`${server.origin}/sub/%C3%A4%20%26%20b.html`);
    await titled(tab, 'newer');

    server.files.set('/site.pack', await packOf({ ...small, 'newest.html': '<title>newest</title>' }));
    await stop();
    await tab.goto(`${server.origin}/newest.html`);
    await titled(tab, 'newest');
  });

  test('that is not there is said to be missing; it is found when it is', async (t) => {
    const { server, tab } = await start(t);
    server.files.delete('/site.pack');
    const [response] = await Promise.all([tab.waitForResponse((response) => response.status() === 502), tab.goto(server.origin)]);
    assert.match(await response.text(), /^ERR_NOT_FOUND: /);
    server.files.set('/site.pack', site);
    await tab.reload();
    await titled(tab, 'the answer is 42');
  });
});

describe('where it is mounted', () => {
  test('a deep address comes first: the host answers it with the same page, as hosts do by a 404.html', async (t) => {
    const { server, tab } = await start(t);
    server.files.set('/sub/', example('page'));
    await tab.goto(`${server.origin}/sub/#part`);
    await titled(tab, 'deep');
    assert.equal(tab.url(), `${server.origin}/sub/#part`);
  });

  test('a folder: the rest of the site stays the host\'s, and two packs lie beside each other', async (t) => {
    const { server, tab, errors } = await start(t);
    server.files.set('/other.pack', await packOf({ 'index.html': '<title>other</title>' }));
    server.files.set('/start.html', new TextEncoder().encode('<title>start</title><link rel="icon" href="data:,">'));
    await tab.goto(`${server.origin}/start.html`);
    const scopes = await tab.evaluate(async (module) => {
      const { mount } = await import(module);
      return [await mount('site.pack', { scope: 'one/' }), await mount(new URL('other.pack', location.href), { scope: '/two/' })];
    }, '/rangepack/src/mount.js');
    assert.deepEqual(scopes, [`${server.origin}/one/`, `${server.origin}/two/`]);
    await tab.goto(scopes[0] ?? '');
    await titled(tab, 'the answer is 42');
    await tab.goto(scopes[1] ?? '');
    await titled(tab, 'other');
    await tab.goto(`${server.origin}/start.html`);
    await titled(tab, 'start');
    assert.deepEqual(errors, []);
  });

  test('only the pack that `root` names is shown', async (t) => {
    const { server, tab } = await start(t);
    server.files.set('/start.html', new TextEncoder().encode('<title>start</title>'));
    await tab.goto(`${server.origin}/start.html`);
    const scope = await tab.evaluate(async (module) => {
      const { mount } = await import(module);
      return mount('site.pack', { scope: 'one/', root: '0'.repeat(64) });
    }, '/rangepack/src/mount.js');
    const response = await tab.goto(scope);
    assert.equal(response?.status(), 502);
    assert.match((await response?.text()) ?? '', /^ERR_WRONG_PACK: /);
  });
});

test('where there are no workers, the page says why', async (t) => {
  const { server, tab } = await start(t);
  await tab.goto(server.origin.replace('127.0.0.1', 'insecure.test'));
  await tab.getByText('it takes https').waitFor();
});
