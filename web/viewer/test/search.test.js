/** Searching below a directory, and taking all of it away as a zip. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { startStage } from './stage.js';

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  stage = await startStage();
});
after(() => stage?.close());

/** @param {import('playwright-core').Page} page @param {string} query */
async function search(page, query) {
  await page.getByLabel('Search names below').fill(query);
  await page.keyboard.press('Enter');
}

test('finds names below a directory, by a part or by a pattern', async () => {
  const page = await stage.page();
  await page.goto(stage.at());
  await search(page, 'PICTURE-1');
  await page.getByText('10 found among').waitFor();
  await search(page, '*.npy');
  await page.getByText('3 found among').waitFor();
  await search(page, 'no such thing');
  await page.getByText('No name is like that').waitFor();
  await page.goto(stage.at('data'));
  await search(page, 'config');
  await page.getByText('1 found among').waitFor();
  await page.locator('[role=grid] [role=row]', { hasText: 'config.json' }).click();
  await page.getByText('"sample"').waitFor();
  assert.deepEqual(page.errors, []);
});

test('can be cancelled', async () => {
  const page = await stage.page();
  // Index pages come late: what does not come with the end of the pack does not come at all.
  await page.route('**/sample.pack', async (route) => {
    if (route.request().method() === 'HEAD' || opening) await route.continue();
    if (route.request().method() === 'GET') opening = false;
  });
  let opening = true;
  await page.goto(stage.at());
  await page.getByText('Root digest').waitFor();
  await search(page, 'file');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('then cancelled').waitFor();
});

test('a directory comes as a zip with the same bytes', async () => {
  const page = await stage.page();
  await page.goto(stage.at('notes'));
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Zip' }).click()]);
  assert.equal(download.suggestedFilename(), 'notes.zip');
  const zip = readFileSync(await download.path());
  const source = (/** @type {string} */ name) => readFileSync(`${stage.folder}/sample/notes/${name}`);
  const members = read(zip);
  assert.deepEqual([...members.keys()].sort(), ['empty.txt', 'large.log', 'one-line.txt', 'plain.txt']);
  for (const [name, bytes] of members) assert.equal(Buffer.compare(bytes, source(name)), 0, name);
});

/** The members of a zip that compresses nothing. @param {Buffer} zip */
function read(zip) {
  const end = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  let at = zip.readUInt32LE(end + 16);
  /** @type {Map<string, Buffer>} */
  const members = new Map();
  for (let i = 0; i < zip.readUInt16LE(end + 10); i++) {
    const [size, name, extra, comment] = [zip.readUInt32LE(at + 20), zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30), zip.readUInt16LE(at + 32)];
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    members.set(zip.toString('utf8', at + 46, at + 46 + name), zip.subarray(start, start + size));
    at += 46 + name + extra + comment;
  }
  return members;
}
