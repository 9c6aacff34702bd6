/** The viewer in Firefox: every way of looking at a file, lists, search, two packs, files of the visitor, and what means harm. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import puppeteer from 'puppeteer-core';
import { PATIENCE, until } from '../../reader/test/until.js';
import { makeDatasets } from './datasets.js';
import { GZIPPED, filesOf } from './gzipped.js';
import { rangepack, startStage } from './stage.js';

/** @import { Browser, Page } from 'puppeteer-core' */

const places = [process.env.FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox'];
const executablePath = places.find((place) => place !== undefined && existsSync(place));
const skip = executablePath === undefined && 'install Firefox (apt install firefox-esr), or name it in FIREFOX';

/** @type {import('./stage.js').Stage} */
let stage;
/** @type {import('./stage.js').Stage} what datasets are made of */
let datasets;
/** @type {Browser} */
let firefox;
const home = mkdtempSync(join(tmpdir(), 'rangepack-firefox-'));
before(async () => {
  if (executablePath === undefined) return;
  [stage, datasets] = await Promise.all([startStage(), startStage({ make: makeDatasets, name: 'datasets' })]);
  stage.addPack('monday', { 'a/same.txt': 'same', 'a/changed.txt': 'as it was' });
  stage.addPack('tuesday', { 'a/same.txt': 'same', 'a/changed.txt': 'as it is' });
  stage.addPack('gzipped', filesOf());
  // It refuses homes of others.
  const env = { ...process.env, HOME: home };
  firefox = await puppeteer.launch({ browser: 'firefox', executablePath, env, timeout: PATIENCE, protocolTimeout: PATIENCE });
});
after(async () => {
  await firefox?.close();
  await stage?.close();
  await datasets?.close();
  rmSync(home, { recursive: true, maxRetries: 5 });
});

/** @param {string} address */
async function open(address) {
  const page = await firefox.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.setViewport({ width: 1440, height: 900 });
  /** @type {string[]} */
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(address);
  return Object.assign(page, { errors });
}

/** Waits for a text, wherever it is shown. @param {Page} page @param {string} text */
const says = (page, text) => page.waitForFunction((text) => document.body.innerText.replaceAll(/\s+/g, ' ').includes(text), {}, text);

describe('Firefox', { skip }, () => {
  test('opens a pack that is typed, goes into it, back and forward', async () => {
    const page = await open(stage.site);
    await page.locator('[aria-label="Address of a pack"]').fill(stage.pack);
    await page.locator('::-p-aria([name="Open"][role="button"])').click();
    await says(page, 'Root digest');
    await page.locator('[role=treeitem] ::-p-text(code)').click();
    await page.locator('[role=grid] ::-p-text(main.rs)').click();
    await says(page, 'println!');
    assert.match(page.url(), /#\/code\/main\.rs$/);
    await page.goBack();
    await page.locator('[role=grid] ::-p-text(tool.py)').wait();
    await page.goForward();
    await says(page, 'println!');
    assert.deepEqual(page.errors, []);
    await page.close();
  });

  const VIEWS = {
    'notes/large.log': 'INFO request 5 took',
    'data/people.csv': 'Grace',
    'data/events.jsonl': 'click',
    'data/config.json': '"sample"',
    'data/matrix.npy': '<f4',
    'data/table.parquet': 'Kyoto',
    'data/blob.bin': '00 07 0e',
    'README.md': 'A tree with',
    'images/picture-01.png': '160 × 120',
    'names/with%20space%20%26%20100%25/%C3%A4%3F%23.txt': 'a strange name',
    'link.txt': 'A symbolic link to',
  };
  for (const [path, text] of Object.entries(VIEWS)) {
    test(`shows ${path}`, async () => {
      const page = await open(stage.at(path));
      await says(page, text);
      assert.deepEqual(page.errors, []);
      await page.close();
    });
  }

  test('plays by ranges, from an address of the page', async () => {
    const page = await open(stage.at('media/tone.wav'));
    const audio = await page.waitForSelector('audio');
    await until(() => audio?.evaluate((audio) => /** @type {HTMLAudioElement} */ (audio).duration > 0), 'the sound to be known');
    assert.match(String(await audio?.evaluate((audio) => /** @type {HTMLAudioElement} */ (audio).src)), /@pack\//);
    await page.close();
  });

  test('has long lists, and reaches their ends', async () => {
    const page = await open(stage.at('many'));
    // Before there are entries, a row that stands for them is there.
    await page.locator('#entry-0 ::-p-text(file-00000.txt)').wait();
    await page.focus('[role=grid]');
    await page.keyboard.press('End');
    await page.locator('#entry-2999 ::-p-text(file-02999.txt)').wait();
    assert.ok((await page.$$('[id^=entry-]')).length < 100, 'only rows in sight exist');
    await page.close();
  });

  test('finds names', async () => {
    const page = await open(stage.at());
    await page.locator('[aria-label="Search names below"]').fill('picture-1');
    await page.keyboard.press('Enter');
    await says(page, '10 found among');
    await page.locator('[role=grid] ::-p-text(images/picture-10.png)').wait();
    assert.deepEqual(page.errors, []);
    await page.close();
  });

  test('compares two packs', async () => {
    const [pack, other] = ['monday', 'tuesday'].map((name) => `${stage.packs.origin}/${name}.pack`);
    const page = await open(`${stage.site}?${new URLSearchParams({ pack: pack ?? '', with: other ?? '' })}#/a/changed.txt`);
    await says(page, 'as it was');
    await says(page, 'as it is');
    await page.locator('[role=treeitem][aria-selected=true] ::-p-text(changed.txt)').wait();
    assert.deepEqual(page.errors, []);
    await page.close();
  });

  test('opens a zip archive by its own directory', async () => {
    execFileSync(rangepack(), ['export', '--quiet', stage.file, join(stage.folder, 'plain.zip'), '--deflate']);
    const page = await open(`${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/plain.zip` })}#/images/picture-01.png`);
    await says(page, '160 × 120');
    await page.locator('[role=treeitem] ::-p-text(README.md)').click();
    await says(page, 'A tree with');
    await page.evaluate(() => void (location.hash = '#/link.txt'));
    await says(page, 'A symbolic link to notes/plain.txt');
    assert.deepEqual(page.errors, []);
    await page.close();
  });

  for (const [path, [, kind, ...texts]] of Object.entries(GZIPPED)) {
    test(`shows what is packed with gzip: ${path}`, async () => {
      const page = await open(`${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/gzipped.pack` })}#/${path}`);
      await page.locator(`[data-kind=${kind}]`).wait();
      for (const text of texts) await says(page, text);
      assert.deepEqual(page.errors, []);
      await page.close();
    });
  }

  /** What is pressed there, and what is said then: one after the other. @type {Record<string, [path: string, ...steps: string[]]>} */
  const HABITS = {
    'a gallery with captions': ['captioned', 'press Gallery', 'hills in the morning, number 4', 'dusk, number 9', 'camera: north · exposure: 0.01'],
    'boxes over a picture': ['boxed/images/view-0.png', '480 × 320', 'Boxes: 4', 'sun', 'sky'],
    tensors: ['tensors/model.safetensors', '7 tensors · 12,307 values', 'press model.layers.0.norm.weight', '±Inf', 'press All tensors', 'press model.scalar', '2.5'],
    'arrays of a zip': ['tensors/arrays.npz', 'press packed', '±Inf'],
    'a notebook': ['notebook.ipynb', 'Spectra of dawn', '5 cells · Python 3', '0.25', 'IndexError: index 99 is out of bounds'],
    'a database': ['tables/birds.sqlite', '5 tables', 'press sightings', '100 rows, 6 columns', 'site 1', 'press Next', '303'],
    'the log of a database': ['tables/logged.db', '4.05 KiB in logged.db-wal are not read'],
  };
  for (const [what, [path, ...steps]] of Object.entries(HABITS)) {
    test(`shows ${what}`, async () => {
      const page = await open(datasets.at(path));
      for (const step of steps) {
        const button = step.startsWith('press ') ? step.slice(6) : undefined;
        if (button === undefined) await says(page, step);
        else await page.locator(`main button ::-p-text(${button})`).click();
      }
      assert.ok(!(await page.evaluate(() => 'attacked' in globalThis)));
      assert.deepEqual(page.errors, []);
      await page.close();
    });
  }

  test('shows the shape of a sound, and plays from where one points', async () => {
    const page = await open(datasets.at('sounds/call.wav'));
    const slider = await page.waitForSelector('[role=slider][aria-label="Place in the sound"]');
    await page.waitForFunction(() => {
      const canvas = document.querySelector('canvas');
      return canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
    });
    await page.waitForFunction(() => document.querySelector('[role=slider]')?.getAttribute('aria-valuetext') === '0:00 of 0:20');
    await slider?.focus();
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => Math.abs((document.querySelector('audio')?.currentTime ?? 0) - 5) < 0.2);
    // It says so of a request that it gave up itself, to ask for another range.
    assert.deepEqual(page.errors.filter((error) => !error.includes('A ServiceWorker intercepted the request')), []);
    await page.close();
  });

  test('takes a file of the visitor', async () => {
    const page = await open(stage.site);
    const input = /** @type {import('puppeteer-core').ElementHandle<HTMLInputElement>} */ (await page.waitForSelector('input[type=file]'));
    const before = stage.packs.log.length;
    await input.uploadFile(stage.file);
    await page.locator('[role=treeitem] ::-p-text(README.md)').wait();
    assert.equal(stage.packs.log.length, before, 'nothing is fetched');
    await page.close();
  });

  test('runs nothing of a pack, and asks nobody else', async () => {
    for (const [path, text] of Object.entries({ 'hostile/page.md': 'Still here', 'hostile/data.csv': 'onerror', 'hostile/page.html': '<h1>' })) {
      const page = await open(stage.at(path));
      await says(page, text);
      const ran = await page.evaluate(() => 'attacked' in globalThis || document.title === 'attacked');
      assert.ok(!ran, path);
      await page.close();
    }
    assert.deepEqual(stage.asked.filter((path) => path.includes('attacked')), []);
    assert.deepEqual(stage.packs.log.filter(({ path }) => path.includes('attacked')), []);
  });

  test('says what is wrong', async () => {
    const page = await open(`${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/nothing.pack` })}#/`);
    await page.locator('[data-code=ERR_NOT_FOUND]').wait();
    await page.close();
  });
});
