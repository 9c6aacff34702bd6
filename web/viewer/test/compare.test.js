/** Two packs side by side: what `rangepack diff` says, as a tree with marks. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { startStage } from './stage.js';

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  stage = await startStage();
  const same = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`quiet/${i}.txt`, `the same ${i}`]));
  const deep = { 'deep/er/still/same.txt': 'same' };
  stage.addPack('monday', { ...same, ...deep, 'deep/er/still/changed.txt': 'as it was\n', 'gone/a.txt': 'gone', 'kind/x': 'a file', 'ß𝕏.txt': 'old' });
  stage.addPack('tuesday', { ...same, ...deep, 'deep/er/still/changed.txt': 'as it is\n', 'come/b.txt': 'came', 'kind/x/y': 'in it', 'ß𝕏.txt': 'new!' });
  stage.addPack('again', { ...same, ...deep, 'deep/er/still/changed.txt': 'as it was\n', 'gone/a.txt': 'gone', 'kind/x': 'a file', 'ß𝕏.txt': 'old' }, ['--compress']);
});
after(() => stage?.close());

/** @param {string} name */
const url = (name) => `${stage.packs.origin}/${name}.pack`;
/** @param {string} one @param {string} other @param {string} [path] */
const at = (one, other, path = '') => `${stage.site}?${new URLSearchParams({ pack: url(one), with: url(other) })}#/${path}`;
/** @param {import('playwright-core').Page} page */
const rows = async (page) =>
  page.getByRole('tree', { name: 'Differences' }).getByRole('treeitem').evaluateAll((rows) =>
    rows.map((row) => `${row.querySelector('.mark > [aria-hidden]')?.textContent ?? ' '} ${row.querySelector('.name, .note')?.textContent}`),
  );

describe('a comparison', () => {
  test('shows what differs, opens directories that do, and never enters the others', async () => {
    const page = await stage.page();
    await page.goto(at('monday', 'tuesday'));
    await page.getByRole('treeitem', { name: 'deep' }).waitFor();
    assert.deepEqual(await rows(page), ['+ come', '• deep', '− gone', '• kind', '~ ß𝕏.txt']);
    await page.getByRole('treeitem', { name: 'kind' }).click();
    await page.getByRole('treeitem', { name: 'x Of another kind' }).click();
    await page.getByRole('treeitem', { name: 'y Only in the second', exact: true }).waitFor();
    await page.getByRole('treeitem', { name: 'gone' }).click();
    await page.getByRole('treeitem', { name: 'a.txt' }).waitFor();
    await page.getByRole('status').getByText('Only in the first').waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('a file stands side by side, and an address leads to it', async () => {
    const page = await stage.page();
    await page.goto(at('monday', 'tuesday', 'deep/er/still/changed.txt'));
    await page.getByRole('region', { name: 'In the first' }).getByText('as it was').waitFor();
    await page.getByRole('region', { name: 'In the second' }).getByText('as it is').waitFor();
    await page.getByRole('status').getByText('The content differs').waitFor();
    const selected = page.locator('[role=treeitem][aria-selected=true]', { hasText: 'changed.txt' });
    await selected.waitFor();
    assert.deepEqual(await rows(page), ['+ come', '• deep', '• er', '• still', '~ changed.txt', '− gone', '• kind', '~ ß𝕏.txt']);
    await page.goto(at('monday', 'tuesday', 'quiet/3.txt'));
    await page.getByText('The same in both').waitFor();
    await page.goto(at('monday', 'tuesday', 'come/b.txt'));
    await page.getByText('It is not in this one').waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('of one tree says so, however it is packed', async () => {
    const page = await stage.page();
    await page.goto(at('monday', 'again'));
    await page.getByText('The trees are the same').waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('with an old container, which has no digests of directories', async () => {
    const page = await stage.page();
    await page.goto(`${stage.site}?${new URLSearchParams({ pack: stage.pack, with: `${stage.packs.origin}/old.ctnr` })}#/`);
    await page.getByRole('treeitem', { name: 'code' }).waitFor();
    assert.ok((await rows(page)).includes('+ main.rs'));
    await page.getByRole('treeitem', { name: 'code' }).click();
    await page.getByRole('treeitem', { name: 'Only in the first' }).getByText('tool.py').waitFor();
  });

  test('by keys alone', async () => {
    const page = await stage.page();
    await page.goto(at('monday', 'tuesday'));
    await page.getByRole('treeitem', { name: 'deep' }).waitFor();
    await page.getByRole('tree', { name: 'Differences' }).focus();
    for (const key of ['ArrowDown', 'ArrowRight']) await page.keyboard.press(key);
    await page.getByRole('treeitem', { name: 'er', exact: false }).filter({ hasText: 'Something in it differs' }).nth(1).waitFor();
    for (const key of ['ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
    await page.getByRole('treeitem', { name: 'still' }).waitFor();
    for (const key of ['ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
    await page.getByRole('treeitem', { name: 'changed.txt' }).waitFor();
    for (const key of ['ArrowRight', 'Enter']) await page.keyboard.press(key);
    await page.getByRole('region', { name: 'In the second' }).getByText('as it is').waitFor();
    assert.match(page.url(), /#\/deep\/er\/still\/changed\.txt$/);
  });
});

describe('the other pack', () => {
  test('is asked for, by its address, and left again', async () => {
    const page = await stage.page();
    await page.goto(`${stage.site}?${new URLSearchParams({ pack: url('monday') })}#/gone`);
    await page.getByRole('button', { name: 'Compare with another pack' }).click();
    await page.getByText('Compare monday.pack with another pack').waitFor();
    await page.getByLabel('Address of a pack').fill(url('tuesday'));
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByRole('status').getByText('Only in the first').waitFor();
    assert.equal(new URL(page.url()).searchParams.get('with'), url('tuesday'));
    assert.match(page.url(), /#\/gone$/);
    await page.getByRole('button', { name: 'End the comparison' }).click();
    await page.locator('[role=grid] [role=row]', { hasText: 'a.txt' }).waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'End the comparison' }).waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('may be a file of the visitor, beside one', async () => {
    const page = await stage.page();
    await page.goto(stage.site);
    const choose = (/** @type {string} */ name, /** @type {string} */ as) =>
      page.getByLabel('Choose a pack').setInputFiles({ name: as, mimeType: '', buffer: readFileSync(`${stage.folder}/${name}.pack`) });
    await choose('monday', 'one.pack');
    await page.getByRole('button', { name: 'Compare with another pack' }).click();
    await choose('tuesday', 'other.pack');
    await page.getByRole('treeitem', { name: 'deep' }).waitFor();
    // The page has forgotten both after a reload, and asks for one after the other.
    await page.reload();
    await page.getByText('This link leads into one.pack').waitFor();
    await choose('monday', 'one.pack');
    await page.getByText('This link leads into other.pack').waitFor();
    await choose('tuesday', 'other.pack');
    await page.getByRole('treeitem', { name: 'deep' }).waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('that cannot be opened is said, and the first one is still there', async () => {
    const page = await stage.page();
    await page.goto(at('monday', 'nothing'));
    await page.locator('[data-code=ERR_NOT_FOUND]').waitFor();
    await page.getByRole('button', { name: 'Back to monday.pack' }).click();
    await page.getByRole('treeitem', { name: 'gone' }).waitFor();
    await page.goto(`${stage.site}?${new URLSearchParams({ pack: url('monday'), with: 'javascript:alert(1)' })}#/`);
    await page.locator('[data-code=ERR_ARGUMENT]').waitFor();
  });
});
