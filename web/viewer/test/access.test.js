/** For everybody: keyboard alone, screen readers, both themes, narrow screens. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { barriers } from './barriers.js';
import { startStage } from './stage.js';

/** @import { Page } from 'playwright-core' */

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  stage = await startStage();
});
after(() => stage?.close());

const VIEWS = /** @type {const} */ ([
  ['', 'Root digest'],
  ['many', 'file-00000.txt'],
  ['code/main.rs', 'println!'],
  ['data/people.csv', 'Grace'],
  ['data/config.json', '"sample"'],
  ['data/matrix.npy', '<f4'],
  ['data/blob.bin', '00 07 0e'],
  ['data/table.parquet', 'Kyoto'],
  ['README.md', 'A tree with'],
  ['images/picture-01.png', '160 × 120'],
]);

for (const width of [1440, 390]) {
  test(`axe finds nothing serious in both themes (${width} pixels wide)`, async () => {
    const page = await stage.page({ viewport: { width, height: width === 390 ? 844 : 900 } });
    await page.goto(stage.site);
    await page.getByLabel('Address of a pack').waitFor();
    assert.deepEqual(await barriers(page), [], 'start');
    stage.behind.list = { packs: [{ name: 'a.pack', url: 'a.pack', files: 1, directories: 2, bytes: 3 }, { name: 'b.pack', url: 'b.pack', error: 'it is torn' }] };
    await page.goto(stage.site);
    await page.getByText('it is torn').waitFor();
    stage.behind.list = undefined;
    assert.deepEqual(await barriers(page), [], 'packs of the server');
    await page.goto(stage.at());
    await page.locator('main [aria-busy=false]').getByText('zeros.bin').waitFor();
    assert.deepEqual(await barriers(page), [], 'overview');
    await page.getByRole('button', { name: /^data: / }).click();
    await page.getByRole('link', { name: /^zeros\.bin: / }).waitFor();
    await page.getByRole('button', { name: 'Files', exact: true }).click();
    assert.deepEqual(await barriers(page), [], 'map of a directory');
    for (const [path, text] of VIEWS) {
      await page.goto(stage.at(path));
      await page.locator('main').getByText(text).first().waitFor();
      assert.deepEqual(await barriers(page), [], path);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${path}: the page is ${wide} pixels wide`);
    }
    assert.deepEqual(page.errors, []);
  });
}

describe('keyboard alone', () => {
  const active = (/** @type {Page} */ page) =>
    page.evaluate(() => {
      const id = document.activeElement?.getAttribute('aria-activedescendant');
      return id ? document.getElementById(id)?.querySelector('.name')?.textContent?.trim() : undefined;
    });

  test('through the tree', async () => {
    const page = await stage.page();
    await page.goto(stage.at());
    await page.getByRole('treeitem', { name: 'README.md' }).waitFor();
    await page.getByRole('tree').focus();
    assert.equal(await active(page), 'README.md');
    for (const [key, name] of /** @type {const} */ ([
      ['ArrowDown', 'code'], ['ArrowDown', 'data'], ['End', 'nowhere'], ['Home', 'README.md'], ['ArrowUp', 'README.md'], ['ArrowDown', 'code'],
    ])) {
      await page.keyboard.press(key);
      assert.equal(await active(page), name, key);
    }
    await page.keyboard.press('ArrowRight');
    await page.getByRole('treeitem', { name: 'main.rs' }).waitFor();
    await page.keyboard.press('ArrowRight');
    assert.equal(await active(page), 'main.rs');
    await page.keyboard.press('Enter');
    await page.getByText('println!').waitFor();
    assert.equal(await page.getByRole('tree').evaluate((tree) => tree === document.activeElement), true, 'the focus stays');
    await page.keyboard.press('ArrowLeft');
    assert.equal(await active(page), 'code');
    await page.keyboard.press('ArrowLeft');
    await page.getByRole('treeitem', { name: 'main.rs' }).waitFor({ state: 'detached' });
  });

  test('through a list, and to a path that is typed', async () => {
    const page = await stage.page();
    await page.goto(stage.at());
    await page.locator('[role=grid] [role=row]', { hasText: 'nowhere' }).waitFor();
    await page.getByRole('grid').focus();
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await page.locator('[role=grid] [role=row]', { hasText: 'plain.txt' }).waitFor();
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await page.getByText('second line').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('data/config.json');
    await page.keyboard.press('Enter');
    await page.getByText('"sample"').waitFor();
    assert.match(page.url(), /#\/data\/config\.json$/);
  });

  test('from the address field to a file, by Tab and Enter', async () => {
    const page = await stage.page();
    await page.goto(stage.site);
    await page.getByLabel('Address of a pack').focus();
    await page.keyboard.type(stage.pack);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('treeitem', { name: 'README.md' }).waitFor();
    // Forward from the top until the tree has the focus.
    for (let i = 0; i < 8 && !(await page.getByRole('tree').evaluate((tree) => tree === document.activeElement)); i++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'A sample' }).waitFor();
  });
});

describe('lists', () => {
  test('only what is in sight of a large directory exists, and its scroll bar stands for all', async () => {
    const page = await stage.page();
    const since = stage.packs.log.length;
    await page.goto(stage.at('many'));
    await page.locator('[role=grid] [role=row]', { hasText: 'file-00000' }).waitFor();
    const requests = stage.packs.log.slice(since).filter(({ method }) => method === 'GET').length;
    assert.ok(requests <= 5, `${requests} requests for the first rows`);
    const grid = page.getByRole('grid');
    assert.equal(await grid.getAttribute('aria-rowcount'), '3001');
    assert.equal(await grid.evaluate((list) => list.scrollHeight), 3000 * 32 + 36);
    assert.ok((await page.locator('[role=row]').count()) < 80, 'only rows in sight exist');
    await grid.evaluate((list) => list.scrollTo(0, list.scrollHeight));
    await page.locator('[role=grid] [role=row]', { hasText: 'file-02999.txt' }).waitFor();
    assert.ok((await page.locator('[role=row]').count()) < 80, 'only rows in sight exist');
  });

  test('by size the largest comes first, and what is not loaded is said', async () => {
    const page = await stage.page();
    await page.goto(stage.at('notes'));
    await page.getByRole('button', { name: 'Size' }).click();
    await page.locator('[role=grid] [aria-rowindex="2"]', { hasText: 'large.log' }).waitFor();
    await page.goto(stage.at('many'));
    await page.getByRole('button', { name: 'Size' }).click();
    await page.getByText('Sorted among the').waitFor();
  });
});

test('nothing jumps while contents come', async () => {
  const page = await stage.page();
  await page.addInitScript(() => {
    const shifts = Object.assign(window, { shifts: /** @type {string[]} */ ([]) }).shifts;
    new PerformanceObserver((list) => {
      for (const entry of /** @type {any[]} */ (list.getEntries())) {
        // What a press or a key has caused is no jump.
        if (!entry.hadRecentInput && entry.value > 0.02) shifts.push(`${entry.value}: ${entry.sources.map((/** @type {any} */ source) => source.node?.outerHTML?.slice(0, 80))}`);
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
  for (const [path, text] of VIEWS) {
    await page.goto('about:blank');
    await page.goto(stage.at(path));
    await page.locator('main').getByText(text).first().waitFor();
    assert.deepEqual(await page.evaluate(() => /** @type {any} */ (window).shifts), [], path);
  }
});

test('the theme follows the system until it is chosen, and stays', async () => {
  const page = await stage.page({ colorScheme: 'dark' });
  await page.goto(stage.site);
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  assert.equal(await theme(), 'dark');
  await page.getByRole('button', { name: 'Switch to light colours' }).click();
  assert.equal(await theme(), 'light');
  await page.reload();
  assert.equal(await theme(), 'light');
});

test('on a narrow screen tree and content are two screens', async () => {
  const page = await stage.page({ viewport: { width: 390, height: 844 } });
  await page.goto(stage.at('code/main.rs'));
  await page.getByText('println!').waitFor();
  assert.equal(await page.getByRole('tree').isVisible(), false);
  await page.getByRole('button', { name: 'Show the tree' }).click();
  await page.getByRole('treeitem', { name: 'tool.py' }).click();
  await page.getByText('Says hello').waitFor();
  assert.equal(await page.getByRole('tree').isVisible(), false);
});
