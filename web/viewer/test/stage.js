/** What every test needs: the site, a pack on a server of another origin, and a browser. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, extname, join, resolve, sep } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { findChromium } from '../../reader/test/chromium.js';
import { SLOW, startRangeServer } from '../../reader/test/range-server.js';
import { PATIENCE, until } from '../../reader/test/until.js';
import { makeSample } from './sample.js';

/** @import { Browser, BrowserContextOptions, Page } from 'playwright-core' */

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const SITE = here('../dist');

/** The command that packs: `RANGEPACK`, or what cargo has built last. */
export function rangepack() {
  const target = process.env.CARGO_TARGET_DIR ?? here('../../../target');
  const places = [process.env.RANGEPACK, join(target, 'release/rangepack'), join(target, 'debug/rangepack')];
  const found = places.find((place) => place !== undefined && existsSync(place));
  if (found === undefined) throw new Error('build the command first (cargo build -p rangepack-cli), or name it in RANGEPACK');
  return found;
}

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.wasm': 'application/wasm' };

/**
 * The built site in a folder of a plain static host; or, once there is a list of packs, of one that names it.
 *
 * @param {string[]} log of paths asked for
 * @param {{ list?: unknown }} behind
 */
async function serveSite(log, behind) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://site').pathname;
    log.push(path);
    if (SLOW > 0) await wait(SLOW);
    const full = join(SITE, path.replace(/^\/some\/folder\//, '').replace(/^$/, 'index.html'));
    try {
      if (!path.startsWith('/some/folder/') || !full.startsWith(SITE + sep)) throw new Error('outside');
      if (path.endsWith('/packs.json') && behind.list !== undefined) {
        return void response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(behind.list));
      }
      let body = await readFile(full);
      if (full.endsWith('.html') && behind.list !== undefined) {
        body = Buffer.from(body.toString().replace('<head>', '<head><meta name="rangepack-packs" content="packs.json">'));
      }
      response.writeHead(200, { 'Content-Type': TYPES[/** @type {keyof typeof TYPES} */ (extname(full))] ?? 'application/octet-stream' }).end(body);
    } catch {
      response.writeHead(404).end('not found');
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', () => done(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { site: `http://127.0.0.1:${port}/some/folder/`, stop: () => (server.closeAllConnections(), server.close()) };
}

/**
 * Milliseconds of timers that never fire, as if no time went by: how long the viewer waits for its worker before it does
 * without, and how long it says that something was copied.
 */
const STOPPED = [5_000, 1_500];

/** Runs in the page. @param {number[]} lengths */
function stopTimers(lengths) {
  const set = globalThis.setTimeout;
  const stopping = (/** @type {any} */ work, /** @type {number} */ time, /** @type {any[]} */ ...rest) => (lengths.includes(time) ? 0 : set(work, time, ...rest));
  Object.assign(globalThis, { setTimeout: stopping });
}

/** Runs in the page: what it tells its workers comes later. @param {number} time milliseconds */
function delayMessages(time) {
  for (const { prototype } of [Worker, MessagePort, globalThis.ServiceWorker].filter(Boolean)) {
    const post = prototype.postMessage;
    prototype.postMessage = function (/** @type {any[]} */ ...told) {
      setTimeout(() => Reflect.apply(post, this, told), time);
    };
  }
}

/**
 * Waits until a page has all that it has asked for, and asks for nothing more when that has come.
 *
 * @param {Page} page
 */
function quietOf(page) {
  const open = new Set();
  let count = 0;
  page.on('request', (request) => (count++, open.add(request)));
  for (const event of /** @type {const} */ (['requestfinished', 'requestfailed'])) page.on(/** @type {'requestfailed'} */ (event), (request) => open.delete(request));
  return async () => {
    for (let before = -1; before !== count; ) {
      await until(() => open.size === 0, 'answers to all requests');
      before = count;
      // What has come is dealt with, and shown, before the next frame but one.
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))));
    }
  };
}

/** @param {boolean} whole */
const launch = async (whole) => chromium.launch({ executablePath: await findChromium(whole), args: ['--no-sandbox'], timeout: PATIENCE });

/** @param {{ make?: (folder: string) => void, name?: string }} [options] what makes the sample, and the name of its pack */
export async function startStage({ make = makeSample, name = 'sample' } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'rangepack-viewer-'));
  make(join(folder, 'sample'));
  execFileSync(rangepack(), ['pack', '--quiet', '--compress', join(folder, 'sample'), join(folder, `${name}.pack`)]);
  // A container as the old programs make it: its index is read as a whole.
  execFileSync(rangepack(), ['pack', '--quiet', '--index-format', 'ndjson', join(folder, 'sample/code'), join(folder, 'old.ctnr')]);
  const packs = await startRangeServer({ folder });
  /** @type {string[]} */
  const asked = [];
  /** @type {{ list?: unknown }} */
  const behind = {};
  const { site, stop } = await serveSite(asked, behind);
  /** @type {Map<boolean, Promise<Browser>>} */
  const browsers = new Map();
  return {
    site,
    packs,
    /** The list of packs that the server of the site names, if it names one. */
    behind,
    /** Paths that were asked of the site. */
    asked,
    pack: `${packs.origin}/${name}.pack`,
    file: resolve(folder, `${name}.pack`),
    folder,
    /** Makes another pack, served and on the disk. @param {string} name @param {Record<string, string | Uint8Array>} files @param {string[]} [options] of the command */
    addPack(name, files, options = []) {
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, name, path)), { recursive: true });
        writeFileSync(join(folder, name, path), content);
      }
      execFileSync(rangepack(), ['pack', '--quiet', join(folder, name), join(folder, `${name}.pack`), ...options]);
    },
    /** @param {BrowserContextOptions & { whole?: boolean }} [options] `whole`: in a browser that has windows */
    async page({ whole = false, ...options } = {}) {
      const running = browsers.get(whole) ?? launch(whole);
      browsers.set(whole, running);
      const browser = await running;
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
      context.setDefaultTimeout(PATIENCE);
      await context.addInitScript(stopTimers, STOPPED);
      if (SLOW > 0) await context.addInitScript(delayMessages, SLOW);
      const page = await context.newPage();
      /** @type {string[]} */
      const errors = [];
      page.on('pageerror', (error) => errors.push(String(error)));
      return Object.assign(page, { errors, quiet: quietOf(page) });
    },
    /** The address of the viewer with a path of the sample pack. @param {string} [path] @param {string} [query] */
    at: (path = '', query = '') => `${site}?${new URLSearchParams({ pack: `${packs.origin}/${name}.pack${query}` })}#/${path}`,
    async close() {
      for (const running of browsers.values()) await (await running).close();
      stop();
      await packs.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof startStage>>} Stage */
