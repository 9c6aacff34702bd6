/** A directory of a million files: true scroll bars, any place at once, and only what is in sight is fetched. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { photoPath, photos } from '../../reader/test/packs.js';
import { until } from '../../reader/test/until.js';
import { rangepack, startStage } from './stage.js';

/** @import { Page } from 'playwright-core' */
/** @typedef {Awaited<ReturnType<import('./stage.js').Stage['page']>>} StagePage */

const FILES = 1_000_000;
const MIDDLE = 734_512;
const ROW = 32;
const HEAD = 36;

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  process.env.RANGEPACK ??= rangepack();
  stage = await startStage();
  stage.packs.files.set('/million.pack', await photos(FILES, FILES));
});
after(() => stage?.close());

const nameOf = (/** @type {number} */ number) => photoPath(0, number).split('/').at(-1) ?? '';
const directory = photoPath(0, 0).split('/').slice(0, -1).join('/');
const at = (/** @type {string} */ path) => `${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/million.pack` })}#/${path}`;

/** Requests for bytes, and bytes, since the last time. */
function spent() {
  const log = stage.packs.log.splice(0).filter(({ method }) => method === 'GET');
  return { requests: log.length, bytes: log.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** What a page asked for since the last time. @param {StagePage} page @param {number} requests @param {number} bytes @param {string} what */
async function costs(page, requests, bytes, what) {
  await page.quiet();
  const found = spent();
  assert.ok(found.requests <= requests && found.bytes <= bytes, `${what}: ${found.requests} requests, ${found.bytes} bytes`);
}

/** @param {Page} page @param {number} number */
const row = (page, number) => page.locator(`#entry-${number}`, { hasText: nameOf(number) });

/** The numbers of the rows in sight, and whether rows follow each other without a gap. @param {Page} page */
const inSight = (page) =>
  page.getByRole('grid').evaluate((grid) => {
    const box = grid.getBoundingClientRect();
    const rows = [...grid.querySelectorAll('[id^=entry-]')].map((row) => ({ number: Number(row.id.slice(6)), ...row.getBoundingClientRect().toJSON() }));
    const seen = rows.filter(({ top, bottom }) => top >= box.top + 36 && bottom <= box.bottom).map(({ number }) => number);
    const even = rows.every(({ top }, i) => i === 0 || Math.abs(top - (rows[i - 1]?.top ?? 0) - 32) < 0.1);
    return { first: seen[0] ?? -1, last: seen.at(-1) ?? -1, even };
  });

async function open() {
  const page = await stage.page();
  spent();
  await page.goto(at(directory));
  await row(page, 0).waitFor();
  return page;
}

test('the first rows, the end and any place between cost a few requests', async () => {
  const page = await open();
  await page.getByRole('treeitem', { name: /^n01440764 / }).waitFor();
  await costs(page, 12, 500_000, 'the first rows');
  const grid = page.getByRole('grid');
  assert.equal(await grid.getAttribute('aria-rowcount'), String(FILES + 1));

  await grid.focus();
  await page.keyboard.press('End');
  await row(page, FILES - 1).waitFor();
  const end = { first: FILES - (await fitting(page)), last: FILES - 1, even: true };
  await until(async () => isDeepStrictEqual(await inSight(page), end), 'the last rows to be in sight');
  await costs(page, 4, 200_000, 'the end');
  await page.keyboard.press('PageUp');
  await page.keyboard.press('Home');
  await row(page, 0).waitFor();
  await until(async () => (await inSight(page)).first === 0, 'the first row to be in sight');
  await costs(page, 0, 0, 'back at the beginning');

  // The bar stands for all rows: half of it is half of them.
  for (const part of [0.25, 0.5, 0.75]) {
    await grid.evaluate((grid, part) => grid.scrollTo(0, (grid.scrollHeight - grid.clientHeight) * part), part);
    // About: at its ends the bar is not compressed.
    const number = FILES * part;
    await page.waitForFunction((number) => Math.abs(Number(document.querySelector('[id^=entry-]')?.id.slice(6)) - number) < 1000, number);
    const { first, even } = await inSight(page);
    await row(page, first).waitFor();
    assert.ok(even);
    await costs(page, 5, 250_000, `the place at ${part}`);
  }
  await grid.evaluate((grid) => grid.scrollTo(0, grid.scrollHeight));
  await row(page, FILES - 1).waitFor();
  await until(async () => (await inSight(page)).last === FILES - 1, 'the last row to be in sight');
  assert.deepEqual(page.errors, []);
});

/** @param {Page} page */
const fitting = (page) => page.getByRole('grid').evaluate((grid) => Math.floor((grid.clientHeight - 36) / 32));

test('a bar that is dragged through all of it asks for little of what flies past', async () => {
  const page = await open();
  await page.quiet();
  spent();
  const grid = page.getByRole('grid');
  // Not one answer comes as long as it is dragged, so that it makes no difference how fast that is.
  const release = stage.packs.hold();
  await grid.evaluate(async (grid) => {
    for (let step = 0; step <= 200; step++) {
      grid.scrollTo(0, ((grid.scrollHeight - grid.clientHeight) * step) / 200);
      await new Promise((done) => requestAnimationFrame(done));
    }
  });
  release();
  await row(page, FILES - 1).waitFor();
  await page.quiet();
  const { requests } = spent();
  // Two hundred places would be four hundred requests and more, were each of them waited for.
  assert.ok(requests < 50, `${requests} requests`);
  assert.deepEqual(page.errors, []);
});

test('by the wheel rows move by pixels, smoothly, in the middle of it too', async () => {
  const page = await open();
  const grid = page.getByRole('grid');
  await grid.evaluate((grid) => grid.scrollTo(0, grid.scrollHeight / 2));
  await page.waitForFunction(() => Number(document.querySelector('[id^=entry-]')?.id.slice(6)) > 400_000);
  const box = await grid.boundingBox();
  await page.mouse.move((box?.x ?? 0) + 200, (box?.y ?? 0) + 300);
  await page.quiet();
  // What makes frames long is what is made anew in them.
  await grid.evaluate((grid) => {
    const made = Object.assign(window, { made: { rows: 0 } }).made;
    const isRow = (/** @type {Node} */ node) => node instanceof HTMLElement && node.id.startsWith('entry-');
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) made.rows += [...addedNodes].filter(isRow).length;
    }).observe(grid, { childList: true, subtree: true });
  });
  const start = await inSight(page);
  const STEPS = 60;
  for (let step = 1; step <= STEPS; step++) {
    await page.mouse.wheel(0, 160);
    const wanted = start.first + (step * 160) / ROW;
    // The bar is put right when the scrolling ends, and nothing moves by it.
    await until(async () => {
      const { first, even } = await inSight(page);
      return even && Math.abs(first - wanted) <= 1;
    }, `${wanted} to be the first row in sight`);
  }
  await page.quiet();
  const rows = await page.evaluate(() => /** @type {any} */ (window).made.rows);
  // Each comes into sight once, and may come twice: without its entry, and with it.
  assert.ok(rows >= (STEPS * 160) / ROW - 1 && rows <= (2 * STEPS * 160) / ROW + 50, `${rows} rows were made`);
  assert.deepEqual(page.errors, []);
});

test('both ends are reached by small steps', async () => {
  const page = await open();
  const grid = page.getByRole('grid');
  const box = await grid.boundingBox();
  await page.mouse.move((box?.x ?? 0) + 200, (box?.y ?? 0) + 300);
  await grid.focus();
  for (const [key, wheel, end] of /** @type {const} */ ([['End', -300, FILES - 1], ['Home', 300, 0]])) {
    await page.keyboard.press(key);
    await row(page, end).waitFor();
    for (let step = 0; step < 5; step++) await page.mouse.wheel(0, wheel);
    await row(page, end).waitFor({ state: 'detached' });
    for (let step = 0; step < 6; step++) await page.mouse.wheel(0, -wheel);
    await row(page, end).waitFor();
    await page.waitForFunction(
      ({ end, head }) => {
        const [row, grid] = [document.getElementById(`entry-${end}`)?.getBoundingClientRect(), document.querySelector('.entries')?.getBoundingClientRect()];
        return row && grid && (end === 0 ? Math.abs(row.top - grid.top - head) < 1 : Math.abs(row.bottom - grid.bottom) < 1);
      },
      { end, head: HEAD },
    );
  }
});

test('a link to a file in the middle shows it in the tree, and in the list when one goes up', async () => {
  const page = await stage.page();
  spent();
  await page.goto(at(photoPath(0, MIDDLE)));
  const inTree = page.getByRole('treeitem', { name: nameOf(MIDDLE) });
  await inTree.waitFor();
  assert.equal(await inTree.getAttribute('aria-selected'), 'true');
  assert.equal(await inTree.getAttribute('aria-posinset'), String(MIDDLE + 1));
  assert.equal(await inTree.getAttribute('aria-setsize'), String(FILES));
  await until(async () => {
    const box = await inTree.boundingBox();
    return box !== null && box.y > 100 && box.y < 850;
  }, 'the file to be in sight in the tree');
  await costs(page, 14, 600_000, 'a link into the middle');

  await page.getByRole('navigation', { name: 'Path' }).getByRole('link', { name: 'n01440764', exact: true }).click();
  await row(page, MIDDLE).waitFor();
  assert.equal(await row(page, MIDDLE).getAttribute('aria-selected'), 'true');
  await until(async () => {
    const { first, last } = await inSight(page);
    return first < MIDDLE && MIDDLE < last;
  }, 'the file to be in sight in the list');
  await costs(page, 2, 100_000, 'going up');
  // The keys go on from there.
  await page.getByRole('grid').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForFunction((name) => location.hash.endsWith(name), nameOf(MIDDLE + 1));
  await page.getByRole('treeitem', { name: nameOf(MIDDLE + 1), selected: true }).waitFor();
  assert.deepEqual(page.errors, []);
});

test('the tree reaches both ends of it by a key', async () => {
  const page = await open();
  await page.getByRole('treeitem', { name: 'train' }).waitFor();
  const tree = page.getByRole('tree');
  await tree.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  await page.getByRole('treeitem', { name: nameOf(0) }).waitFor();
  spent();
  await page.keyboard.press('End');
  await page.getByRole('treeitem', { name: nameOf(FILES - 1) }).waitFor();
  await costs(page, 4, 200_000, 'the end of the tree');
  await page.keyboard.press('ArrowLeft');
  await page.getByRole('treeitem', { name: /^n01440764 / }).waitFor();
  assert.ok((await page.getByRole('treeitem').count()) < 80, 'only rows in sight exist');
});

test('by size it sorts what is loaded, says so, and loads more', async () => {
  const page = await open();
  await page.getByRole('button', { name: 'Size' }).click();
  await page.getByText('Sorted among the 500 of 1,000,000').waitFor();
  await page.locator('#entry-0', { hasText: nameOf(499) }).waitFor();
  await page.getByRole('button', { name: 'Load 10,000 more' }).click();
  await page.getByText('Sorted among the 10,500 of 1,000,000').waitFor();
  await page.locator('#entry-0', { hasText: nameOf(999) }).waitFor();
});

test('a search reads the names once, another one none of them again', async () => {
  const page = await open();
  await page.quiet();
  spent();
  const field = page.getByLabel('Search names below');
  await field.fill(nameOf(MIDDLE));
  await page.keyboard.press('Enter');
  await page.getByText('1 found among 1,000,000 of 1,000,000 names').waitFor();
  await page.locator('#entry-0', { hasText: nameOf(MIDDLE) }).waitFor();
  await page.quiet();
  const first = spent();
  assert.ok(first.bytes > 20_000_000, `the names: ${first.bytes} bytes`);

  // From now on each key finds what it says, and nothing is pressed.
  await field.fill(nameOf(MIDDLE + 7));
  await page.locator('#entry-0', { hasText: nameOf(MIDDLE + 7) }).waitFor();
  await page.getByText('1 found among 1,000,000 of 1,000,000 names').waitFor();
  await field.fill(`*${nameOf(5).slice(-7)}`);
  await page.locator('#entry-0', { hasText: nameOf(5) }).waitFor();
  await costs(page, 0, 0, 'further searches');

  // One more that is stopped by its many results shows any of them.
  await field.fill('n01');
  await page.getByText('10,000 found among').waitFor();
  await page.getByRole('grid').focus();
  await page.keyboard.press('End');
  await row(page, 9_999).waitFor();
  await costs(page, 0, 0, 'the last of many results');
  assert.deepEqual(page.errors, []);
});
