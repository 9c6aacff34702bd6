/**
 * The page of `examples/web`, which `cargo xtask page` builds into the folder RANGEPACK_PAGE.
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { startChromium } from '../../web/reader/test/chromium.js';
import { startRangeServer } from '../../web/reader/test/range-server.js';
import { PATIENCE } from '../../web/reader/test/until.js';

const golden = new URL('../../tests/golden/all-kinds.pack', import.meta.url);

test('the page lists a pack and shows a picture out of it', async (t) => {
  const server = await startRangeServer({ folder: process.env.RANGEPACK_PAGE ?? 'target/page' });
  server.files.set('/other.pack', new Uint8Array(await readFile(golden)));
  const browser = await startChromium();
  t.after(async () => {
    await browser.close();
    await server.close();
  });
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  /** @type {Error[]} */
  const errors = [];
  page.on('pageerror', (error) => errors.push(error));

  await page.goto(`${server.origin}/index.html`);
  const output = page.locator('output');
  await output.filter({ hasNotText: 'Opening …' }).waitFor();
  assert.match((await output.textContent()) ?? '', /\/sample\.pack: 3 files, 1854 bytes; /);
  await page.waitForFunction(() => document.querySelector('img')?.naturalWidth === 32);
  const items = await page.locator('li').allTextContents();
  assert.deepEqual(items, ['animals.csv (53 bytes)', 'gradient.png (1474 bytes)', 'poems.zip (327 bytes)']);

  await page.locator('input').setInputFiles(golden.pathname);
  await page.getByText('all-kinds.pack: ').waitFor();
  await page.goto(`${server.origin}/index.html?pack=other.pack`);
  await page.getByText('other.pack: ').waitFor();
  await page.goto(`${server.origin}/index.html?pack=missing.pack`);
  await page.getByText('there is no such file (status 404)').waitFor();
  assert.deepEqual(errors, []);
});
