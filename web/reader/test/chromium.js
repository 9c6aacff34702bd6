/**
 * Debian's Chromium, and pages in it that run the tasks of `browser-tasks.js`.
 */

import { chromium } from 'playwright-core';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import assert from 'node:assert/strict';
import { startRangeServer } from './range-server.js';
import { PATIENCE } from './until.js';

/** @import { Browser, BrowserContext, Page } from 'playwright-core' */
/** @import { Tasks } from './browser-tasks.js' */

/** A name that leads to this machine, but that the browser does not trust as it trusts `127.0.0.1`. */
export const INSECURE = 'insecure.test';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  `--host-resolver-rules=MAP ${INSECURE} 127.0.0.1`,
];

/** @returns {Promise<Browser>} */
export async function startChromium() {
  return chromium.launch({ executablePath: await findChromium(), args: FLAGS, timeout: PATIENCE });
}

/**
 * The engine without windows comes first: a whole browser takes some two seconds of the processor for every page, for what
 * it prepares of its own window; that takes a tenth.
 */
const SHELL = 'chromium-headless-shell';
const NAMES = [SHELL, 'chromium', 'chromium-browser', 'google-chrome'];

/**
 * @param {boolean} [whole] with windows: what shows documents, for one
 * @returns {Promise<string>} the one that the variable CHROMIUM names, or the first of them in the path
 */
export async function findChromium(whole = false) {
  const { CHROMIUM, PATH = '' } = process.env;
  if (CHROMIUM !== undefined && !(whole && CHROMIUM.endsWith(SHELL))) return CHROMIUM;
  for (const name of whole ? NAMES.slice(1) : NAMES) {
    for (const folder of PATH.split(delimiter)) {
      const path = join(folder, name);
      if (await access(path).then(() => true, () => false)) return path;
    }
  }
  throw new Error('no Chromium in the path; install it (apt-get install chromium-headless-shell), or name one in the variable CHROMIUM');
}

/** An empty page. */
export const PAGE = new TextEncoder().encode('<!doctype html><link rel="icon" href="data:,"><title>test</title>');

/**
 * Opens a page; an error that nobody caught in it fails the next task.
 *
 * @param {Browser | BrowserContext} browser
 * @param {string} origin of a server that has `PAGE` as /page.html, and the repository
 */
export async function openPage(browser, origin) {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  /** @type {Error[]} */
  const errors = [];
  page.on('pageerror', (error) => errors.push(error));
  await page.goto(`${origin}/page.html`);
  return {
    page,
    /**
     * @template {keyof Tasks} Name
     * @param {Name} name
     * @param {Parameters<Tasks[Name]>[0]} argument
     * @param {{ worker?: boolean }} [options]
     * @returns {Promise<Awaited<ReturnType<Tasks[Name]>>>}
     */
    async run(name, argument, { worker = false } = {}) {
      const result = await page.evaluate(inPage, { name, argument, worker });
      const [error] = errors.splice(0);
      if (error !== undefined) throw error;
      return /** @type {Awaited<ReturnType<Tasks[Name]>>} */ (result);
    },
  };
}

/**
 * Runs in the page.
 *
 * @param {{ name: string, argument: unknown, worker: boolean }} task
 */
async function inPage({ name, argument, worker }) {
  const module = '/web/reader/test/browser-tasks.js';
  if (!worker) {
    const { tasks } = await import(module);
    return tasks[name](argument);
  }
  const thread = new Worker('/web/reader/test/browser-worker.js', { type: 'module' });
  try {
    return await new Promise((resolve, reject) => {
      thread.onmessage = ({ data }) => ('error' in data ? reject(new Error(data.error)) : resolve(data.result));
      thread.onerror = (event) => reject(new Error(`the worker failed: ${event.message}`));
      thread.postMessage({ name, argument });
    });
  } finally {
    thread.terminate();
  }
}

/**
 * @param {import('playwright-core').Browser} browser
 * @param {string} folder served
 * @param {string} path of the page
 * @param {{ complains?: boolean }} [options] whether it may miss files, and say so
 * @returns {Promise<string>} its title, once it has one
 */
export async function titleOf(browser, folder, path, { complains = false } = {}) {
  const server = await startRangeServer({ folder });
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  /** @type {string[]} */
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => errors.push(message.text()));
  try {
    await page.goto(`${server.origin}${path}`);
    await page.waitForFunction(() => document.title !== '', undefined, { timeout: PATIENCE }).catch(() => {});
    if (complains) return await page.title();
    assert.deepEqual(errors, []);
    const missing = server.log.filter(({ status }) => status >= 400).map((entry) => entry.path);
    assert.deepEqual(missing, []);
    return await page.title();
  } finally {
    await page.close();
    await server.close();
  }
}
