/** Files and directories are saved whole, whatever the browser can do. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startStage } from './stage.js';

/** @import { Page } from 'playwright-core' */

/** Some of them are fetched together, some in pieces; more than can be had without asking where to put it. */
const FILES = {
  'large.bin': bytes(20_000_000, 3),
  'tree/one.txt': 'one',
  'tree/empty.txt': '',
  'tree/deep/er/ä & b.bin': bytes(3_000_000, 7),
  ...Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`tree/many/${i}.txt`, `number ${i}`])),
};

/** @param {number} length @param {number} step */
function bytes(length, step) {
  return Uint8Array.from({ length }, (_, i) => (i * step) >> 6);
}
const sha256 = (/** @type {string | Uint8Array} */ content) => createHash('sha256').update(content).digest('hex');

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  stage = await startStage();
  stage.addPack('saving', FILES);
  // More than a gigabyte, of which a pack keeps one copy.
  const copies = join(stage.folder, 'copies');
  mkdirSync(copies);
  for (let i = 0; i < 54; i++) linkSync(join(stage.folder, 'saving/large.bin'), join(copies, `${i}.bin`));
  stage.addPack('copies', {});
});
after(() => stage?.close());

/** @param {string} path @param {() => void} script run before those of the page @param {string} [pack] */
async function open(path, script, pack = 'saving') {
  const page = await stage.page({ acceptDownloads: true });
  await page.addInitScript(script);
  await page.goto(`${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/${pack}.pack` })}#/${path}`);
  return page;
}

/** As in browsers that have no picker. */
const withoutPicker = () => void Reflect.deleteProperty(window, 'showSaveFilePicker');

/** @param {Page} page @param {string} button @returns {Promise<{ name: string, content: Uint8Array }>} */
async function download(page, button) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: button, exact: true }).click()]);
  return { name: download.suggestedFilename(), content: readFileSync(await download.path()) };
}

/** What a zip holds, as its directory at the end says. @param {Uint8Array} bytes @returns {Map<string, Uint8Array>} */
function unzip(bytes) {
  const zip = Buffer.from(bytes);
  const end = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  const found = new Map();
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [method, size, local] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 42)];
    const [name, extra, comment] = [zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30), zip.readUInt16LE(at + 32)];
    assert.equal(method, 0, 'stored');
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    found.set(zip.toString('utf8', at + 46, at + 46 + name), zip.subarray(start, start + size));
    at += 46 + name + extra + comment;
  }
  return found;
}

/** Compares what is in a zip with what lies beneath a directory of `FILES`. @param {Uint8Array} zip @param {string} beneath */
function checkZip(zip, beneath) {
  const found = unzip(zip);
  const wanted = Object.entries(FILES).filter(([path]) => path.startsWith(beneath));
  for (const [path, content] of wanted) assert.equal(sha256(found.get(path.slice(beneath.length)) ?? 'nothing'), sha256(content), path);
  assert.equal([...found.keys()].filter((name) => !name.endsWith('/')).length, wanted.length);
}

describe('where there is no picker', () => {
  test('a large file', async () => {
    const page = await open('large.bin', withoutPicker);
    const { name, content } = await download(page, 'Download');
    assert.equal(name, 'large.bin');
    assert.equal(sha256(content), sha256(FILES['large.bin']));
    assert.deepEqual(page.errors, []);
  });

  test('a directory as a zip', async () => {
    const page = await open('tree', withoutPicker);
    const { name, content } = await download(page, 'Zip');
    assert.equal(name, 'tree.zip');
    checkZip(content, 'tree/');
  });

  test('the whole pack as a zip', async () => {
    const page = await open('', withoutPicker);
    const { name, content } = await download(page, 'Zip');
    assert.equal(name, 'saving.zip');
    checkZip(content, '');
  });

  test('more than fits into memory: refused with words', async () => {
    const page = await open('', withoutPicker, 'copies');
    await page.getByRole('button', { name: 'Zip', exact: true }).click();
    await page.getByText('too much for this browser').waitFor();
  });
});

describe('where there is one', () => {
  /** Lets the page write into its own storage, as if the user had chosen a place there. */
  const withPicker = () => {
    const showSaveFilePicker = async (/** @type {{ suggestedName: string }} */ { suggestedName }) =>
      (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
    Object.assign(window, { showSaveFilePicker });
  };

  /** @param {Page} page @param {string} name */
  async function written(page, name) {
    return page.evaluate(async (name) => {
      const folder = await navigator.storage.getDirectory();
      // It is there at once, and has content when all of it is written.
      for (;;) {
        const file = await (await folder.getFileHandle(name, { create: true })).getFile();
        if (file.size > 0) {
          const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
          return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
        }
        await new Promise((done) => requestAnimationFrame(done));
      }
    }, name);
  }

  test('a large file is written as it comes', async () => {
    const page = await open('large.bin', withPicker);
    await page.getByRole('button', { name: 'Download', exact: true }).click();
    assert.equal(await written(page, 'large.bin'), sha256(FILES['large.bin']));
    assert.deepEqual(page.errors, []);
  });

  test('who chooses no place gets nothing, and no complaint', async () => {
    const page = await open('large.bin', () => {
      const showSaveFilePicker = () => Promise.reject(new DOMException('no', 'AbortError'));
      Object.assign(window, { showSaveFilePicker });
    });
    page.on('download', () => assert.fail('nothing was to be saved'));
    const button = page.getByRole('button', { name: 'Download', exact: true });
    await button.click();
    await button.waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
  });

  test('where it is forbidden, all goes through memory', async () => {
    const page = await open('large.bin', () => {
      const showSaveFilePicker = () => Promise.reject(new DOMException('no', 'SecurityError'));
      Object.assign(window, { showSaveFilePicker });
    });
    assert.equal(sha256((await download(page, 'Download')).content), sha256(FILES['large.bin']));
  });
});
