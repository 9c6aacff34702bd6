/** An address says how a file is looked at: as what, from which row or byte on, how large. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../reader/test/until.js';
import { startStage } from './stage.js';

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  stage = await startStage();
  stage.addPack('odd', { 'what?.txt': 'a question', 'row?row=5': 'another one', 'wide.csv': 'a,b\n1,2\n' });
});
after(() => stage?.close());

/** @param {import('playwright-core').Page} page */
const look = (page) => new URL(page.url()).hash.split('?')[1] ?? '';
/** @param {import('playwright-core').Page} page @param {string} role */
const firstRow = (page, role) =>
  page.locator(`.list[role=${role}]`).evaluate((list) => {
    const { top } = list.getBoundingClientRect();
    const head = list.querySelector('.head')?.getBoundingClientRect().height ?? 0;
    const row = [...list.querySelectorAll('.rows > *')].find((row) => row.getBoundingClientRect().top >= top + head - 1);
    return row?.textContent ?? '';
  });

test('a row of a table, however far it is', async () => {
  const page = await stage.page();
  await page.goto(stage.at('data/large.csv'));
  await page.getByRole('table').getByText('196').first().waitFor();
  await page.getByRole('table').evaluate((table) => table.scrollTo(0, 26 * 200));
  await page.waitForURL(/\?row=201$/);
  const row = await firstRow(page, 'table');
  const link = page.url();
  const second = await stage.page();
  await second.goto(link);
  await until(async () => (await firstRow(second, 'table')) === row, 'the same row at the top');
  await second.goto(stage.at('data/large.csv?row=30001'));
  await until(async () => (await firstRow(second, 'table')).startsWith('30001'), 'a row that has to be read up to');
  // An address that is typed over leads to another row.
  await second.evaluate(() => (location.hash = '#/data/large.csv?row=12'));
  await until(async () => (await firstRow(second, 'table')).startsWith('12'), 'the other row');
  assert.deepEqual([...page.errors, ...second.errors], []);
});

test('the size and place of an image', async () => {
  const page = await stage.page();
  await page.goto(stage.at('images/picture-03.png'));
  await page.locator('img.ready').waitFor();
  await page.getByRole('group', { name: /^Image/ }).focus();
  for (const key of ['+', '+', 'ArrowLeft', 'ArrowUp']) await page.keyboard.press(key);
  await page.waitForURL(/zoom=1\.563&x=0\.\d+&y=0\.\d+$/);
  const placed = () => [...document.querySelectorAll('img')].map((img) => [Math.round(parseFloat(img.style.width)), Math.round(new DOMMatrix(img.style.transform).e)]);
  const before = await page.evaluate(placed);
  const link = await page.evaluate(() => location.href);
  const second = await stage.page();
  await second.goto(link);
  await second.locator('img.ready').waitFor();
  assert.deepEqual(await second.evaluate(placed), before);
  await second.getByRole('button', { name: 'Fit' }).click();
  await second.waitForURL(/picture-03\.png$/);
});

test('another way to look at it, from a byte on; and that is in the link to copy', async () => {
  const page = await stage.page();
  await page.goto(stage.at('data/blob.bin'));
  await page.getByRole('region', { name: 'Bytes' }).focus();
  await page.keyboard.press('End');
  await page.waitForURL(/\?byte=\d+$/);
  await page.getByRole('button', { name: 'Text' }).click();
  await page.waitForURL(/\?as=text$/);
  const second = await stage.page();
  await second.goto(`${page.url()}`);
  await second.getByRole('region', { name: 'Text' }).waitFor();
  await second.goto(stage.at('data/events.jsonl?as=hex&byte=320'));
  await until(async () => (await firstRow(second, 'region')).startsWith('000140'), 'the row of the byte');
  await second.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await second.getByRole('button', { name: 'Copy a link to this file' }).click();
  assert.match(await second.evaluate(() => navigator.clipboard.readText()), /#\/data\/events\.jsonl\?as=hex&byte=320$/);
});

test('the place in a sound', async () => {
  const page = await stage.page();
  await page.goto(stage.at('media/tone.wav'));
  const at = () => page.locator('audio').evaluate((audio) => /** @type {HTMLAudioElement} */ (audio).currentTime);
  await page.locator('audio').evaluate((/** @type {HTMLAudioElement} */ audio) => (audio.readyState > 0 ? undefined : new Promise((done) => audio.addEventListener('loadedmetadata', done))));
  await page.locator('audio').evaluate((/** @type {HTMLAudioElement} */ audio) => (audio.currentTime = 0.3));
  await page.waitForURL(/tone\.wav\?time=0\.3$/);
  await page.reload();
  await until(async () => Math.abs((await at()) - 0.3) < 0.01, 'the place');
  assert.deepEqual(page.errors, []);
});

test('a text of many lines, and one from its middle on', async () => {
  const page = await stage.page();
  await page.goto(stage.at('notes/large.log?byte=1000000&row=5'));
  await page.getByText('byte 1,000,000').waitFor();
  await page.goto(stage.at('notes/large.log?row=3000'));
  await until(async () => (await firstRow(page, 'region')).startsWith('3000'), 'the line');
  assert.deepEqual(page.errors, []);
});

test('a list that is gone takes no notice of what was under way', async () => {
  const page = await stage.page();
  await page.goto(stage.at('notes/large.log'));
  const list = await page.getByRole('region', { name: 'Text' }).elementHandle();
  await page.goto(stage.at('media/tone.wav'));
  await page.locator('audio').waitFor();
  assert.equal(await list?.evaluate((list) => list.isConnected), false);
  await list?.evaluate((list) => (list.dispatchEvent(new Event('scroll')), list.dispatchEvent(new Event('scrollend'))));
  assert.deepEqual(page.errors, []);
});

test('names with question marks are names', async () => {
  const page = await stage.page();
  const at = (/** @type {string} */ path) => `${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/odd.pack` })}#/${path}`;
  await page.goto(at('what?.txt'));
  await page.getByText('a question').waitFor();
  await page.goto(at('row%3Frow=5'));
  await page.getByText('another one').waitFor();
  assert.equal(look(page), '');
});

test('what makes no sense changes nothing', async () => {
  const page = await stage.page();
  for (const query of ['row=1e300', 'row=-5', 'row=NaN', 'row=', 'as=nothing', 'byte=99999999999', 'zoom=x']) {
    await page.goto(stage.at(`data/people.csv?${query}`));
    await page.getByText('Grace').waitFor();
  }
  for (const query of ['zoom=0', 'zoom=1e9&x=1e9&y=-1e9', 'zoom=-1', 'zoom=Infinity']) {
    await page.goto(stage.at(`images/picture-03.png?${query}`));
    await page.locator('img.ready').waitFor();
  }
  assert.deepEqual(page.errors, []);
});
