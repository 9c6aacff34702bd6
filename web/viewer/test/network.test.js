/** A network that is lost on the way and comes back: what happened is said, trying again works, nothing is lost. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { photoPath, photos } from '../../reader/test/packs.js';
import { until } from '../../reader/test/until.js';
import { rangepack, startStage } from './stage.js';

/** @import { Page } from 'playwright-core' */

const FILES = 50_000;

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  process.env.RANGEPACK ??= rangepack();
  stage = await startStage();
  stage.packs.files.set('/many.pack', await photos(FILES, FILES));
});
after(() => stage?.close());

const nameOf = (/** @type {number} */ number) => photoPath(0, number).split('/').at(-1) ?? '';
const directory = photoPath(0, 0).split('/').slice(0, -1).join('/');
const at = (/** @type {string} */ path) => `${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/many.pack` })}#/${path}`;

/**
 * The ways in which a network is lost: the browser knows of it, connections fail, or they break in the middle of what
 * they bring.
 *
 * @type {Record<string, { title: string, todo: string, lose: (page: Page) => Promise<unknown>, restore: (page: Page) => Promise<unknown> }>}
 */
const WAYS = {
  'without a network': {
    title: 'There is no network',
    todo: 'Connect, then try again',
    lose: (page) => page.context().setOffline(true),
    restore: (page) => page.context().setOffline(false),
  },
  'when connections fail': {
    title: 'The connection broke',
    todo: 'Check the network, then try again',
    lose: (page) => page.route('**/*.pack', (route) => route.abort('connectionrefused')),
    restore: (page) => page.unroute('**/*.pack'),
  },
  'when the server fails': {
    title: 'The server does not answer as it should',
    todo: 'Try again in a moment',
    lose: (page) => page.route('**/*.pack', (route) => route.fulfill({ status: 503, headers: { 'Access-Control-Allow-Origin': '*' } })),
    restore: (page) => page.unroute('**/*.pack'),
  },
};

/** The page says what happened and what to do. @param {Page} page @param {{ title: string, todo: string }} words */
async function says(page, { title, todo }) {
  const alert = page.getByRole('alert');
  // The package has tried several times before it gives up.
  await alert.getByText(title).first().waitFor();
  await alert.getByText(todo).first().waitFor();
  return alert.getByRole('button', { name: 'Try again' }).first();
}

for (const [way, words] of Object.entries(WAYS)) {
  test(`a list ${way}`, async () => {
    const page = await stage.page();
    await page.goto(at(directory));
    await page.locator('#entry-0', { hasText: nameOf(0) }).waitFor();
    const grid = page.getByRole('grid');
    await words.lose(page);
    await grid.evaluate((grid) => grid.scrollTo(0, grid.scrollHeight / 2));
    const again = await says(page, words);
    const place = await grid.evaluate((grid) => grid.scrollTop);

    // What was there is still there, and the place is kept.
    await grid.focus();
    await page.keyboard.press('Home');
    await page.locator('#entry-0', { hasText: nameOf(0) }).waitFor();
    await grid.evaluate((grid, place) => grid.scrollTo(0, place), place);
    await again.click();
    await says(page, words);

    await words.restore(page);
    await again.click();
    await page.locator(`#entry-${FILES / 2}`, { hasText: nameOf(FILES / 2) }).waitFor();
    assert.equal(await grid.evaluate((grid) => grid.scrollTop), place);
    await page.getByRole('alert').waitFor({ state: 'detached' });
    assert.deepEqual(page.errors, []);
  });

  test(`a file ${way}`, async () => {
    const page = await stage.page();
    await page.goto(stage.at());
    await page.getByRole('treeitem', { name: /^code/ }).waitFor();
    // A directory that was opened stays open.
    await page.getByRole('treeitem', { name: /^code/ }).click();
    await page.getByRole('treeitem', { name: 'main.rs' }).click();
    await page.getByText('println!').waitFor();
    await words.lose(page);
    await page.getByRole('treeitem', { name: 'tool.py' }).click();
    const again = await says(page, words);
    await words.restore(page);
    await again.click();
    await page.getByText('Says hello').waitFor();
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await page.getByRole('treeitem', { name: 'main.rs' }).waitFor();
    assert.deepEqual(page.errors, []);
  });
}

test('a file in a part of the pack that nobody has looked at', async () => {
  const page = await stage.page();
  const { lose, restore, ...words } = /** @type {typeof WAYS[string]} */ (WAYS['without a network']);
  await page.goto(at(directory));
  await page.locator('#entry-0', { hasText: nameOf(0) }).waitFor();
  await page.getByRole('treeitem', { name: /^n01440764 / }).waitFor();
  await lose(page);
  await page.getByLabel('Go to a path').fill(photoPath(0, 23_456));
  await page.keyboard.press('Enter');
  const again = await says(page, words);
  await restore(page);
  await again.click();
  await page.getByRole('treeitem', { name: nameOf(23_456), selected: true }).waitFor();
  await page.getByText('20.0 KiB').first().waitFor();
  assert.deepEqual(page.errors, []);
});

for (const [what, path, first, last, end] of /** @type {const} */ ([
  ['text', 'notes/large.log', 'request 0 took', 'request 59999 took', '.text'],
  ['a table', 'data/large.csv', '1', '39999', '.table'],
  // Offsets are there before the bytes.
  ['bytes', 'data/zeros.bin', '00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00', 'THE VERY END', '.hex'],
])) {
  test(`goes on in the middle of ${what}`, async () => {
    const page = await stage.page();
    const { lose, restore, ...words } = /** @type {typeof WAYS[string]} */ (WAYS['without a network']);
    await page.goto(stage.at(path));
    const view = page.locator(end);
    await view.getByText(first, { exact: what === 'a table' }).first().waitFor();
    await page.quiet();
    await lose(page);
    const toEnd = () => view.evaluate((list) => list.scrollTo(0, list.scrollHeight));
    await toEnd();
    const again = await says(page, words);
    const place = await view.evaluate((list) => list.scrollTop);
    await restore(page);
    await again.click();
    await page.getByRole('alert').waitFor({ state: 'detached' });
    assert.equal(await view.evaluate((list) => list.scrollTop), place, 'the place is kept');
    await until(async () => {
      await toEnd();
      return view.getByText(last, { exact: what === 'a table' }).first().isVisible();
    }, 'the end');
    assert.deepEqual(page.errors, []);
  });
}

test('a directory of the tree', async () => {
  const page = await stage.page();
  await page.goto(at(directory));
  const open = page.getByRole('treeitem', { name: /^n01440764 / });
  await open.waitFor();
  await page.locator('#entry-0', { hasText: nameOf(0) }).waitFor();
  await open.locator('.twist').click();
  await page.getByRole('treeitem', { name: nameOf(0) }).waitFor();
  await page.context().setOffline(true);
  await page.getByRole('tree').evaluate((tree) => tree.scrollTo(0, tree.scrollHeight / 2));
  const trouble = page.getByRole('navigation', { name: 'Tree' }).getByRole('status');
  await trouble.getByText('There is no network').waitFor();
  await page.getByRole('treeitem', { name: 'Not loaded' }).first().waitFor();
  await page.context().setOffline(false);
  await trouble.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('treeitem', { name: nameOf(FILES / 2) }).waitFor();
  await trouble.waitFor({ state: 'detached' });
  assert.deepEqual(page.errors, []);
});

test('a part of the page that does not come', async () => {
  const page = await stage.page();
  await page.goto(stage.at('images'));
  await page.locator('#entry-1', { hasText: 'picture-00.png' }).waitFor();
  const lost = { title: 'A part of this page did not come', todo: 'Check the network, then try again' };
  await page.route('**/assets/*View*.js', (route) => route.abort('connectionrefused'));
  await page.route('**/assets/Gallery*.js', (route) => route.abort('connectionrefused'));
  await page.getByRole('button', { name: 'Gallery' }).click();
  const again = await says(page, lost);
  await page.unroute('**/assets/Gallery*.js');
  await again.click();
  await page.getByRole('link', { name: 'picture-05.png' }).click();
  const anew = await says(page, lost);
  await page.unroute('**/assets/*View*.js');
  await anew.click();
  await page.getByRole('img', { name: 'picture-05.png' }).waitFor();
  assert.deepEqual(page.errors, []);
});

test('a search goes on', async () => {
  const page = await stage.page();
  const { lose, restore, ...words } = /** @type {typeof WAYS[string]} */ (WAYS['without a network']);
  await page.goto(at(directory));
  await page.locator('#entry-0', { hasText: nameOf(0) }).waitFor();
  await lose(page);
  await page.getByLabel('Search names below').fill('_0031234');
  await page.keyboard.press('Enter');
  const again = await says(page, words);
  await restore(page);
  await again.click();
  await page.locator('#entry-0', { hasText: nameOf(31_234) }).waitFor();
  await page.getByText(`1 found among ${FILES.toLocaleString('en')} of`).waitFor();
  assert.deepEqual(page.errors, []);
});

test('a pack that could not be opened is opened when the network is back', async () => {
  const page = await stage.page();
  const { lose, restore, ...words } = /** @type {typeof WAYS[string]} */ (WAYS['without a network']);
  await page.goto(stage.site);
  await page.getByLabel('Address of a pack').fill(stage.pack);
  await lose(page);
  await page.keyboard.press('Enter');
  const again = await says(page, words);
  await restore(page);
  await again.click();
  await page.getByRole('treeitem', { name: 'README.md' }).waitFor();
  assert.deepEqual(page.errors, []);
});
