/** What datasets are made of: classes, captions, boxes. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeDatasets } from './datasets.js';
import { startStage } from './stage.js';

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  stage = await startStage({ make: makeDatasets, name: 'datasets' });
});
after(() => stage?.close());

/** @param {string} path */
async function show(path) {
  const page = await stage.page();
  await page.goto(stage.at(path));
  return { page, view: page.getByRole('region', { name: 'Content' }) };
}

/** @param {string} path */
async function gallery(path) {
  const { page } = await show(path);
  await page.getByRole('button', { name: 'Gallery' }).click();
  return page;
}

describe('a gallery', () => {
  test('of directories of pictures shows the first of each class', async () => {
    const page = await gallery('birds/train');
    const row = page.getByRole('list', { name: 'First pictures of redstart' });
    await row.getByRole('link').nth(5).waitFor();
    await row.locator('img').first().waitFor();
    assert.equal(await row.getByRole('link').count(), 6);
    await page.getByRole('link', { name: 'redstart' }).and(page.locator('main *')).first().click();
    await page.getByRole('button', { name: 'Gallery' }).waitFor();
    assert.match(page.url(), /#\/birds\/train\/redstart$/);
    assert.deepEqual(page.errors, []);
  });

  test('of directories above those says which class each picture has', async () => {
    const page = await gallery('birds');
    await page.getByRole('list', { name: 'First pictures of val' }).getByRole('link', { name: 'goldcrest' }).waitFor();
    await page.getByRole('list', { name: 'First pictures of train' }).getByRole('link', { name: 'dipper' }).first().waitFor();
  });

  test('of a class has its name above', async () => {
    const page = await gallery('birds/train/wren');
    await page.getByRole('heading', { name: 'wren' }).waitFor();
  });

  test('has captions from files beside the pictures, in few requests, and not these files', async () => {
    const page = await gallery('captioned');
    await page.getByText('hills in the morning, number 4').waitFor();
    await page.getByText('dusk, number 9').waitFor();
    await page.getByText('camera: north · exposure: 0.01').waitFor();
    await page.getByText('<img src=x').first().waitFor();
    assert.equal(await page.locator('.thumbs').getByRole('link').count(), 12);
    assert.equal(await page.locator('.thumbs').getByText('shot-10.txt').count(), 0);
    await page.getByRole('link', { name: 'shot-11.png' }).and(page.locator('main *')).click();
    await page.getByRole('img', { name: 'shot-11.png' }).waitFor();
    await page.getByText('dusk, number 1').waitFor();
    assert.equal(await page.evaluate(() => 'attacked' in window), false);
    assert.deepEqual(page.errors, []);
  });
});

describe('boxes', () => {
  test('of COCO are drawn over the picture, with the names of their categories, and can be hidden', async () => {
    const { page, view } = await show('boxed/images/view-0.png');
    const boxes = view.getByRole('img', { name: '4 boxes: 1 sun, 2 hill, 1 sky' });
    await boxes.waitFor();
    const [picture, drawn] = await Promise.all([view.getByRole('img', { name: 'view-0.png' }).boundingBox(), boxes.locator('.box').first().boundingBox()]);
    const scale = (picture?.width ?? 0) / 480;
    assert.ok(Math.abs((drawn?.x ?? 0) - (picture?.x ?? 0) - 60 * scale) < 1, 'left');
    assert.ok(Math.abs((drawn?.width ?? 0) - 70 * scale) < 1, 'width');
    await view.getByRole('button', { name: 'Boxes: 4' }).click();
    await boxes.waitFor({ state: 'detached' });
    assert.deepEqual(page.errors, []);
  });

  test('of a picture that was made smaller lie where they belong', async () => {
    const { view } = await show('boxed/images/view-1.png');
    const [picture, drawn] = await Promise.all([view.getByRole('img', { name: 'view-1.png' }).boundingBox(), view.locator('.box').boundingBox()]);
    assert.ok(Math.abs((drawn?.x ?? 0) - (picture?.x ?? 0) - (picture?.width ?? 0) / 2) < 1);
  });

  test('of one picture come from the file of its name', async () => {
    const { view } = await show('boxed/single/own.png');
    await view.getByRole('img', { name: '1 box: 1 ridge' }).waitFor();
    await view.getByText('one ridge').waitFor();
  });

  test('that are nonsense, or far too many, do no harm', async () => {
    const { page, view } = await show('hostile/boxes/x.png');
    await view.getByRole('button', { name: 'Boxes: 500 of 40,00' }).waitFor();
    await view.getByRole('img', { name: "500 boxes: 499 <img src=x onerror='top.attacked=1'>" }).waitFor();
    assert.equal(await view.locator('.box').count(), 500);
    assert.equal(await page.evaluate(() => 'attacked' in window), false);
    assert.deepEqual(page.errors, []);
  });
});
