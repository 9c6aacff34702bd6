/** The overview: directories as a map, types, the largest files; and what all of that costs. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { finalizeSparse, photos } from '../../reader/test/packs.js';
import { startStage } from './stage.js';

/** @import { Page } from 'playwright-core' */

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  stage = await startStage();
});
after(() => stage?.close());

/** @param {string} pack of the server */
const at = (pack) => `${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/${pack}` })}#/`;

/** What the cells of the map are called. @param {Page} page */
const cells = (page) => page.locator('.map li .cell').evaluateAll((cells) => cells.map((cell) => cell.getAttribute('aria-label') ?? ''));

/** @param {Page} page */
const whole = (page) => page.locator('main [aria-busy=false]').waitFor();

describe('a small pack', () => {
  test('is counted by types, and its largest files are found, without asking', async () => {
    const page = await stage.page();
    await page.goto(stage.at());
    await whole(page);
    await page.getByRole('row', { name: /^\.bin / }).waitFor();
    const rows = await page.getByRole('table').getByRole('row').allInnerTexts();
    const found = rows.slice(1).map((row) => row.split(/\s+/).filter((word) => word !== ''));
    // Looked at on the disk, by other code.
    /** @type {Map<string, { files: number, bytes: number }>} */
    const types = new Map();
    for (const entry of readdirSync(join(stage.folder, 'sample'), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const ending = extname(entry.name) || 'no ending';
      const { files, bytes } = types.get(ending) ?? { files: 0, bytes: 0 };
      types.set(ending, { files: files + 1, bytes: bytes + statSync(join(entry.parentPath, entry.name)).size });
    }
    const wanted = [...types].sort(([, a], [, b]) => b.bytes - a.bytes).map(([ending, { files }]) => `${ending} ${files}`);
    assert.deepEqual(found.slice(0, 7).map((words) => `${words[0]} ${words.at(-3)?.replace(',', '')}`), wanted.slice(0, 7));
    assert.equal(found.length, 8);
    assert.match(found[7]?.join(' ') ?? '', /^\d+ others /);
    const largest = await page.locator('.largest li').allInnerTexts();
    assert.deepEqual(largest.slice(0, 3).map((text) => text.split(/\s+/)[0]), ['zeros.bin', 'large.log', 'large.csv']);
    await page.getByRole('link', { name: 'large.log' }).click();
    await page.getByText('request 0 took').waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('has a map of all of it, by bytes or by files, that leads into directories', async () => {
    const page = await stage.page();
    await page.goto(stage.at());
    await page.getByRole('button', { name: /^data: / }).waitFor();
    assert.deepEqual((await cells(page)).slice(0, 3).map((name) => name.split(':')[0]), ['data', 'notes', 'images']);
    await page.getByRole('button', { name: 'Files', exact: true }).click();
    await page.waitForFunction(() => document.querySelector('.map li .cell')?.getAttribute('aria-label')?.startsWith('many'));
    await page.getByRole('button', { name: /^many: / }).click();
    // Three thousand alike: as many as can be seen, and the others; which lead to those.
    const others = page.getByRole('button', { name: /^[\d,]+ others: / });
    await others.click();
    await page.getByRole('list', { name: 'Place in the map' }).getByText('others').waitFor();
    assert.ok((await cells(page)).length <= 502);
    await page.getByRole('button', { name: 'All', exact: true }).click();
    await page.getByRole('button', { name: /^many: / }).click();
    await page.getByRole('link', { name: 'Open' }).click();
    await page.locator('[role=grid] [role=row]', { hasText: 'file-00000' }).waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('says how many files are links, and keeps its buttons beside the digest', async () => {
    for (const width of [1000, 1300, 1440]) {
      const page = await stage.page({ viewport: { width, height: 900 } });
      await page.goto(stage.at());
      await page.getByText('2 links among them').waitFor();
      const tops = await page.locator('main .bar').first().evaluate((bar) => [...bar.querySelectorAll('.button, .field')].map((it) => it.getBoundingClientRect().top));
      assert.ok(tops.length > 1 && Math.max(...tops) - Math.min(...tops) < 8, `${width}: ${tops}`);
    }
  });

  test('costs its index once, for all of this', async () => {
    const page = await stage.page();
    const since = stage.packs.log.length;
    await page.goto(stage.at());
    await whole(page);
    await page.getByRole('row', { name: /^\.bin / }).waitFor();
    await page.quiet();
    const log = stage.packs.log.slice(since).filter(({ method }) => method === 'GET');
    const bytes = log.reduce((sum, { bytes }) => sum + bytes, 0);
    // The end of the pack, and the index of some 3,100 names.
    assert.ok(log.length <= 10 && bytes <= 500_000, `${log.length} requests, ${bytes} bytes`);
  });
});

describe('a pack of 200,000 files', () => {
  before(async () => void stage.packs.files.set('/photos.pack', await photos(200_000)));

  test('is not read through until one asks for it; then it tells how far it is, and can be cancelled', async () => {
    const page = await stage.page();
    // It tells what it found as often as it can, not when some time has gone by.
    await page.addInitScript(() => {
      const { now } = Performance.prototype;
      let later = 0;
      Performance.prototype.now = function () {
        return now.call(this) + (later += 1000);
      };
    });
    const since = stage.packs.log.length;
    await page.goto(at('photos.pack'));
    await page.getByRole('button', { name: /^train: / }).waitFor();
    const asked = await page.getByRole('region', { name: 'Types and largest files' }).innerText();
    assert.match(asked, /200,2\d\d names: up to 1\d requests and [\d.]+ MiB/);
    await page.quiet();
    const before = stage.packs.log.slice(since).reduce((sum, { bytes }) => sum + bytes, 0);
    assert.ok(before < 500_000, `${before} bytes before anybody asked`);

    // What comes late can be given up.
    let left = 0;
    /** @type {(() => void)[]} */
    const held = [];
    await page.route('**/photos.pack', async (route) => {
      if (left-- <= 0) await new Promise((done) => held.push(() => done(undefined)));
      await route.continue().catch(() => {});
    });
    const release = (/** @type {number} */ requests) => ((left = requests), held.splice(0).forEach((go) => go()));
    await page.getByRole('button', { name: 'Read all names' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText(/Cancelled after [\d,]+ of 200,2\d\d names/).waitFor();
    release(6);
    await page.getByRole('button', { name: 'Read all names' }).click();
    // Results grow while it goes on; here it cannot end.
    await page.waitForFunction(() => {
      const [seen] = /^[\d,]+ of/.exec(document.querySelector('.state')?.textContent?.trim() ?? '') ?? [];
      return seen !== undefined && !seen.startsWith('0') && document.querySelectorAll('.largest li').length > 0;
    });
    release(Infinity);
    await page.getByRole('button', { name: 'Cancel' }).waitFor({ state: 'detached' });
    assert.match(await page.getByRole('row', { name: /^\.jpeg / }).innerText(), /200,000/);
    const after = stage.packs.log.slice(since).reduce((sum, { bytes }) => sum + bytes, 0);
    assert.ok(after < 30_000_000, `${after} bytes`);
    // It is kept while one looks elsewhere.
    await page.getByRole('navigation', { name: 'Tree' }).getByRole('treeitem', { name: 'train' }).click();
    await page.goBack();
    await page.getByRole('row', { name: /^\.jpeg / }).waitFor();
    assert.equal(stage.packs.log.slice(since).reduce((sum, { bytes }) => sum + bytes, 0), after);
    assert.deepEqual(page.errors, []);
  });
});

test('a directory of very many is listed in part, and further on a press', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rangepack-flat-'));
  const target = join(folder, 'flat.pack');
  await finalizeSparse(target, Array.from({ length: 110_000 }, (_, i) => ({ path: `flat/${String(i).padStart(6, '0')}.txt`, size: 1 + (i % 7), sha256: '0'.repeat(64) })));
  stage.packs.files.set('/flat.pack', readFileSync(target));
  rmSync(folder, { recursive: true });
  const page = await stage.page();
  await page.goto(at('flat.pack'));
  await page.getByRole('button', { name: /^flat: directory, 110,000 files/ }).click();
  const unread = page.getByRole('button', { name: /^Not listed yet: / });
  await unread.waitFor();
  const before = await unread.getAttribute('aria-label');
  await page.getByRole('button', { name: /^1,[5-9]\d\d others: / }).waitFor();
  await unread.click();
  await page.getByRole('button', { name: /^5,[5-9]\d\d others: / }).waitFor();
  assert.notEqual(await unread.getAttribute('aria-label'), before);
  assert.deepEqual(page.errors, []);
});
