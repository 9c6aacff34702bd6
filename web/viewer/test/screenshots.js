/**
 * Pictures of the views: node test/screenshots.js FOLDER [NAME…]. With names, only those views. Each is taken in both
 * themes, on a desk and on a telephone.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeDatasets } from './datasets.js';
import { makeShowcase } from './showcase.js';
import { startStage } from './stage.js';

/** @import { Page } from 'playwright-core' */

const [folder = 'screenshots', ...names] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });

/** Views: a path, and what is there when all of it is. @type {Record<string, [path: string, ready: (page: Page) => Promise<unknown>]>} */
const VIEWS = {
  overview: ['', (page) => page.locator('main [aria-busy=false]').getByText('weights.bin').waitFor()],
  list: ['', async (page) => {
    await page.locator('main [aria-busy=false]').getByText('weights.bin').waitFor();
    await page.getByRole('grid').scrollIntoViewIfNeeded();
  }],
  map: ['', async (page) => {
    await page.getByRole('button', { name: /^photos: / }).click();
    await page.getByRole('button', { name: /^cedar-ridge: / }).waitFor();
  }],
  directory: ['labels', text('clip-0000.txt')],
  code: ['code/classify.py', text('argmax')],
  csv: ['tables/sightings.csv', text('observer')],
  jsonl: ['tables/events.jsonl', text('shutter')],
  json: ['model/config.json', text('songbird')],
  npy: ['arrays/elevation.npy', text('black')],
  hex: ['model/weights.bin', (page) => page.locator('.bytes', { hasText: /[0-9a-f]{2}/ }).first().waitFor()],
  parquet: ['tables/weather.parquet', text('dune-lake')],
  markdown: ['README.md', text('Four sites')],
  image: ['photos/alder-brook/2025-05-05.png', text('480 × 320')],
  audio: ['recordings/alder-brook/night-1.wav', (page) => page.waitForFunction(() => (document.querySelector('audio')?.duration ?? 0) > 0)],
  // The browser's own viewer does not tell when it is done.
  pdf: ['papers/methods.pdf', (page) => page.locator('iframe').waitFor().then(() => page.waitForTimeout(1500))],
  gallery: ['photos/alder-brook', async (page) => {
    await page.getByRole('button', { name: 'Gallery' }).click();
    await page.waitForFunction(() => document.querySelectorAll('.thumbs img').length >= 8);
  }],
  search: ['', async (page) => {
    await page.getByLabel('Search names below').fill('night');
    await page.keyboard.press('Enter');
    await page.getByText('found among').waitFor();
  }],
  missing: ['no/such/path', text('There is nothing')],
};

/** The same of a tree that has the habits of datasets. @type {typeof VIEWS} */
const DATASETS = {
  classes: ['birds/train', pressed('Gallery', 'wren')],
  splits: ['birds', pressed('Gallery', 'goldcrest')],
  captions: ['captioned', pressed('Gallery', 'dusk, number 9')],
  caption: ['captioned/shot-10.png', text('hills in the morning')],
  boxes: ['boxed/images/view-0.png', text('Boxes: 4')],
  safetensors: ['tensors/model.safetensors', text('7 tensors')],
  npz: ['tensors/arrays.npz', text('deflated')],
  tensor: ['tensors/arrays.npz', pressed('packed', '±Inf')],
  notebook: ['notebook.ipynb', text('Spectra of dawn')],
  wave: ['sounds/call.wav', (page) => page.locator('canvas').waitFor()],
  sqlite: ['tables/birds.sqlite', text('5 tables')],
  rows: ['tables/birds.sqlite', pressed('sightings', 'hatchre')],
};

/** @param {string} button @param {string} words @returns {(page: Page) => Promise<unknown>} */
function pressed(button, words) {
  return async (page) => {
    await page.locator('main').getByRole('button', { name: button }).first().click();
    await text(words)(page);
  };
}

/** @param {string} words @returns {(page: Page) => Promise<unknown>} */
function text(words) {
  return (page) => page.locator('main').getByText(words).first().waitFor();
}

/** What a server of packs may list. */
const PACKS = [
  { name: 'coast.pack', url: 'coast.pack', bytes: 48_120_000_000, files: 1_284_301, directories: 2_044, root: null },
  { name: 'field.pack', url: 'field.pack', bytes: 6_300_000, files: 1_303, directories: 17, root: null },
  { name: 'torn.pack', url: 'torn.pack', error: 'its end is missing: it is 4096 bytes long' },
];

/** Where the pack seems to lie, so that pictures are the same each time. */
const HOST = 'http://data.example.org';
const at = (/** @type {string} */ path, query = '') => `${stage.site}?${new URLSearchParams({ pack: `${HOST}/field.pack${query}` })}#/${path}`;

const wanted = (/** @type {string} */ name) => names.length === 0 || names.includes(name);
const stage = await startStage({ make: makeShowcase, name: 'field' });
for (const [width, height] of /** @type {const} */ ([[1440, 900], [390, 844]])) {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    const page = await stage.page({ colorScheme, viewport: { width, height }, timezoneId: 'UTC' });
    await page.route(`${HOST}/**`, (route) => route.continue({ url: route.request().url().replace(HOST, stage.packs.origin) }));
    const take = async (/** @type {string} */ name) => {
      // A place that the pointer stands on is drawn otherwise.
      await page.mouse.move(0, 0);
      await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`) });
    };
    for (const [name, [path, ready]] of Object.entries(VIEWS)) {
      if (!wanted(name)) continue;
      await page.goto(at(path));
      await ready(page);
      // Where the tree is, it shows the path as well.
      if (width > 719 && path !== '' && name !== 'missing') await page.locator('[role=treeitem][aria-selected=true]').waitFor();
      await take(name);
    }
    if (width < 719 && wanted('tree')) {
      await page.goto(at('photos/alder-brook/2025-05-05.png'));
      await page.getByRole('button', { name: 'Show the tree' }).click();
      await page.locator('[role=treeitem][aria-selected=true]').waitFor();
      await take('tree');
    }
    if (wanted('cors')) {
      await page.goto(at('', '?cors=no'));
      await page.getByText('lets this page see nothing').waitFor();
      await take('cors');
    }
    if (wanted('start')) {
      await page.goto(at(''));
      await page.getByText('Root digest').waitFor();
      await page.goto(stage.site);
      await page.getByText('Recent').waitFor();
      await take('start');
    }
    if (wanted('served')) {
      stage.behind.list = { packs: PACKS };
      await page.goto(stage.site);
      await page.getByText('coast.pack').waitFor();
      await take('served');
      stage.behind.list = undefined;
    }
    if (page.errors.length > 0) throw new Error(page.errors.join('\n'));
  }
}
await stage.close();

if (Object.keys(DATASETS).some(wanted)) {
  const stage = await startStage({ make: makeDatasets, name: 'datasets' });
  for (const [width, height] of /** @type {const} */ ([[1440, 900], [390, 844]])) {
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      const page = await stage.page({ colorScheme, viewport: { width, height }, timezoneId: 'UTC' });
      for (const [name, [path, ready]] of Object.entries(DATASETS)) {
        if (!wanted(name)) continue;
        await page.goto('about:blank');
        await page.goto(stage.at(path));
        await ready(page);
        await page.quiet();
        await page.mouse.move(0, 0);
        await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`) });
      }
      if (page.errors.length > 0) throw new Error(page.errors.join('\n'));
    }
  }
  await stage.close();
}
