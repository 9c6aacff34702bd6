/** Nothing from a pack runs, and nothing of it calls home. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startStage } from './stage.js';

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  stage = await startStage();
});
after(() => stage?.close());

/** Opens a file, waits for what tells that it is shown, and looks for damage. @param {string} path @param {(page: Awaited<ReturnType<import('./stage.js').Stage['page']>>) => Promise<unknown>} shown */
async function harmless(path, shown) {
  const page = await stage.page();
  await page.addInitScript(() => addEventListener('message', ({ data }) => data === 'ran' && Object.assign(window, { attacked: 2 })));
  const dialogs = /** @type {string[]} */ ([]);
  page.on('dialog', (dialog) => void (dialogs.push(dialog.message()), dialog.dismiss()));
  await page.goto(stage.at(path));
  await shown(page);
  // Whatever was started has had its turn when another request has come and gone.
  await page.evaluate(() => fetch('./index.html').then((response) => response.text()));
  assert.equal(await page.evaluate(() => 'attacked' in window), false, 'a script ran');
  assert.notEqual(await page.title(), 'attacked');
  assert.deepEqual(dialogs, []);
  assert.deepEqual(stage.asked.filter((path) => path.includes('attacked')), []);
  assert.deepEqual(page.errors, []);
  return page;
}

test('a page is source first, and text in a frame without rights by choice', async () => {
  const page = await harmless('hostile/page.html', async (page) => {
    await page.getByText('<!doctype html>').waitFor();
    await page.getByRole('button', { name: 'Page' }).click();
    await page.frameLocator('iframe[title="Page from the pack"]').getByRole('heading', { name: 'Hello' }).waitFor();
    await page.frameLocator('iframe[title="Page from the pack"]').getByText('click').click();
    await page.frameLocator('iframe[title="Page from the pack"]').getByRole('button', { name: 'send' }).click();
  });
  assert.equal(await page.locator('iframe').getAttribute('sandbox'), '');
});

test('a drawing is only ever an image', async () => {
  const page = await harmless('hostile/drawing.svg', async (page) => {
    await page.getByRole('img', { name: 'drawing.svg' }).waitFor();
  });
  assert.equal(await page.locator('main svg circle').count(), 0);
  // Even opened by its own address it may not run.
  const source = await page.getByRole('img', { name: 'drawing.svg' }).getAttribute('src');
  await page.evaluate((url) => {
    const frame = document.createElement('iframe');
    frame.src = url ?? '';
    document.body.append(frame);
    return new Promise((done) => (frame.onload = done));
  }, source);
  assert.equal(await page.evaluate(() => 'attacked' in window), false);
  assert.deepEqual(stage.asked.filter((path) => path.includes('attacked')), []);
});

test('a Markdown page keeps its text and loses the rest', async () => {
  const page = await harmless('hostile/page.md', (page) => page.getByText('Still here.').waitFor());
  const article = page.locator('article');
  for (const tag of ['script', 'style', 'svg', 'form', 'input']) assert.equal(await article.locator(tag).count(), 0, tag);
  assert.equal(await article.getByText('link').getAttribute('href'), null);
});

test('names and cells that are markup stay text', async () => {
  await harmless('hostile', (page) => page.getByRole('row', { name: '<img src=x' }).waitFor());
  await harmless('hostile/data.csv', (page) => page.getByRole('cell', { name: '<img src=x' }).waitFor());
});

test('files that are not what their names say are shown as bytes, with the reason', async () => {
  await harmless('hostile/fake.png', (page) => page.getByText('cannot show it as an image').waitFor());
  await harmless('hostile/fake.npy', (page) => page.getByText('The array is longer than its file').waitFor());
  await harmless('hostile/fake.parquet', (page) => page.getByText('not Parquet that can be read').waitFor());
});

test('the policy of the page forbids scripts of others, and evaluating text', async () => {
  const page = await stage.page();
  await page.goto(stage.site);
  const ran = await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'window.attacked = 1';
    document.body.append(script);
    return 'attacked' in window;
  });
  assert.equal(ran, false);
});
