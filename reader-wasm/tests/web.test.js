/**
 * The tests of `web.rs`, which `cargo xtask page --test` builds into the folder RANGEPACK_WEB_TESTS: each in a page of its own,
 * beside a server of the folder `tests` that misbehaves when it is asked to.
 */

import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPack } from '../../web/reader/src/node/index.js';
import { PAGE, openPage, startChromium } from '../../web/reader/test/chromium.js';
import { inTemporaryFolder, rangepack } from '../../web/reader/test/packs.js';
import { startRangeServer } from '../../web/reader/test/range-server.js';

const tests = new URL('../../tests/', import.meta.url);
/** What is served. @type {Record<string, Uint8Array>} */
const files = {};
for (const folder of ['golden', 'hostile']) {
  for (const name of await readdir(new URL(folder, tests))) {
    files[`/${folder}/${name}`] = new Uint8Array(await readFile(new URL(`${folder}/${name}`, tests)));
  }
}

/** Records with a dictionary, and a large file without; the same with a dictionary that is damaged. */
async function serveLearnt() {
  const learnt = await inTemporaryFolder(async (folder) => {
    await mkdir(join(folder, 'tree'));
    for (let number = 0; number < 1200; number++) {
      const record = { number, kind: 'record', owner: { name: `user ${number % 7}`, active: number % 2 === 0 }, tags: ['alpha', 'beta', number * 31], by: 'a reviewer' };
      await writeFile(join(folder, `tree/${number}.json`), JSON.stringify(record));
    }
    await writeFile(join(folder, 'tree/large.txt'), Array.from({ length: 60_000 }, (_, line) => `line ${line}\n`).join(''));
    await rangepack(['pack', '--quiet', '--compress=zstd', '--dict=4k', join(folder, 'tree'), join(folder, 'learnt.pack')]);
    return new Uint8Array(await readFile(join(folder, 'learnt.pack')));
  });
  const list = (await openPack(learnt)).info.sections.find(({ tag }) => tag === 'dict');
  const place = Number(new DataView(learnt.buffer).getBigUint64((list?.offset ?? 0) + 8, true));
  files['/zstd/learnt.pack'] = learnt;
  files['/zstd/damaged.pack'] = learnt.map((byte, at) => (at === place + 100 ? byte ^ 1 : byte));
}

/** @param {string} folder */
const packs = (folder) =>
  Object.keys(files)
    .filter((path) => path.startsWith(`/${folder}/`) && /\.(pack|fpack|container)$/.test(path))
    .map((path) => path.slice(folder.length + 2))
    .join(' ');

/**
 * Runs in the page.
 *
 * @param {{ name: string, given: Record<string, string> }} test; without a name
 * @returns {Promise<string[]>} the names of all tests
 */
async function inPage({ name, given }) {
  const panic = new Promise((_, reject) => {
    Object.assign(globalThis, { given: (/** @type {string} */ what) => given[what], panicked: (/** @type {string} */ message) => reject(new Error(message)) });
  });
  const path = '/web.js';
  const { default: start, initSync: _, ...tests } = await import(path);
  await start({ module_or_path: '/web_bg.wasm' });
  if (name !== '') await Promise.race([tests[name](), panic]);
  return Object.keys(tests);
}

test('packs in Rust, in Chromium', async (t) => {
  await serveLearnt();
  const server = await startRangeServer({ files });
  // Of another origin, so that what servers allow matters.
  const site = await startRangeServer({ folder: process.env.RANGEPACK_WEB_TESTS ?? 'target/web-tests', files: { '/page.html': PAGE } });
  const browser = await startChromium();
  t.after(async () => {
    await browser.close();
    await site.close();
    await server.close();
  });
  const given = { server: server.origin, golden: packs('golden'), hostile: packs('hostile') };
  const run = async (/** @type {string} */ name) => {
    const { page } = await openPage(browser, site.origin);
    try {
      return await page.evaluate(inPage, { name, given });
    } finally {
      await page.close();
    }
  };
  const names = await run('');
  assert.ok(names.length > 5, 'it exports its tests');
  for (const name of names) await t.test(name.replaceAll('_', ' '), () => run(name));
});
