/** A person with a keyboard alone: into a pack, about in it, out of it; and never in doubt where the focus is. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../reader/test/until.js';
import { startStage } from './stage.js';

/** @import { Page } from 'playwright-core' */

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  stage = await startStage();
});
after(() => stage?.close());

/** What has the focus, whether that can be seen, and where it is. @param {Page} page */
const focus = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    // Trees and grids keep the focus; one of their rows shows it.
    const row = document.getElementById(element?.getAttribute('aria-activedescendant') ?? '');
    const marked = [element, row].some((element) => {
      if (!element) return false;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      return (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1) || boxShadow !== 'none';
    });
    const box = (row ?? element)?.getBoundingClientRect();
    const inSight = box !== undefined && box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
    const name = row?.querySelector('.name')?.textContent?.trim() ?? element?.getAttribute('aria-label') ?? element?.textContent?.trim().slice(0, 60) ?? '';
    return { name, role: element?.getAttribute('role') ?? element?.tagName.toLowerCase() ?? '', visible: element !== document.body && marked && inSight };
  });

/** A key, after which it must be seen where the focus is, once what the key has caused is there. @param {Page} page @param {string} key */
async function press(page, key) {
  await page.keyboard.press(key);
  let found = await focus(page);
  const isSeen = async () => (found = await focus(page)).visible;
  if (!found.visible) await until(isSeen, `the focus to be seen after ${key}`);
  return found;
}

/** The focus can be seen. @param {Page} page @param {string} where */
const isSeen = (page, where) => until(async () => (await focus(page)).visible, `the focus to be seen ${where}`);

/** Tab until something has the focus. @param {Page} page @param {RegExp} wanted what it is called, or its role @param {string} [key] */
async function tabTo(page, wanted, key = 'Tab') {
  for (let i = 0; i < 40; i++) {
    const found = await press(page, key);
    if (wanted.test(found.name) || wanted.test(found.role)) return found;
  }
  return assert.fail(`${key} never leads to ${wanted}`);
}

/** @param {Page} page @param {string} name of a row that must have the focus */
async function onRow(page, name) {
  await page.waitForFunction((name) => {
    const id = document.activeElement?.getAttribute('aria-activedescendant');
    return document.getElementById(id ?? '')?.querySelector('.name')?.textContent?.trim() === name;
  }, name);
  await isSeen(page, `on ${name}`);
}

test('in, about the tree and a list, to a file and back, and out again', async () => {
  const page = await stage.page();
  await page.goto(stage.site);
  await tabTo(page, /Address of a pack/);
  await page.keyboard.type(stage.pack);
  await page.keyboard.press('Enter');
  await page.getByRole('treeitem', { name: 'README.md' }).waitFor();

  await tabTo(page, /^tree$/);
  await onRow(page, 'README.md');
  await press(page, 'ArrowDown');
  await press(page, 'ArrowRight');
  await page.getByRole('treeitem', { name: 'main.rs' }).waitFor();
  await press(page, 'ArrowDown');
  await onRow(page, 'main.rs');
  await press(page, 'Enter');
  await page.getByText('println!').waitFor();

  // The path at the top leads back up.
  await tabTo(page, /^code$/);
  await press(page, 'Enter');
  await page.getByRole('row', { name: 'tool.py' }).waitFor();
  await tabTo(page, /^grid$/);
  await onRow(page, 'main.rs');
  await press(page, 'ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByText('Says hello').waitFor();
  await isSeen(page, 'in the file');
  await tabTo(page, /^code$/);
  await press(page, 'Enter');
  await page.getByRole('row', { name: 'tool.py' }).waitFor();
  await tabTo(page, /^grid$/);
  await page.keyboard.press('Backspace');
  // Where one came from.
  await onRow(page, 'code');
  assert.match(page.url(), /#\/$/);

  await tabTo(page, /Close the pack/, 'Shift+Tab');
  await page.keyboard.press('Enter');
  await page.getByLabel('Address of a pack').waitFor();
  assert.deepEqual(page.errors, []);
});

test('to a path, and to names that are searched for', async () => {
  const page = await stage.page();
  await page.goto(stage.at());
  await page.getByRole('treeitem', { name: 'README.md' }).waitFor();
  await press(page, '/');
  await page.keyboard.type('data');
  await page.keyboard.press('Enter');
  await onRow(page, 'blob.bin');

  await tabTo(page, /Search names below/, 'Shift+Tab');
  await page.keyboard.type('vector');
  await page.keyboard.press('Enter');
  await page.getByText('1 found among').waitFor();
  await tabTo(page, /^grid$/);
  await onRow(page, 'vector.npy');
  await page.keyboard.press('Enter');
  await page.getByText('<i2').first().waitFor();
  await isSeen(page, 'in the file');
  assert.deepEqual(page.errors, []);
});

test('about the map: in, out, aside, and to a file', async () => {
  const page = await stage.page();
  await page.goto(stage.at());
  await page.getByRole('button', { name: /^data: / }).waitFor();
  // One stop for all of it; what weighs most comes first.
  await tabTo(page, /^data: directory, 11 files, 12\.\d MiB, \d+ %/);
  assert.match((await press(page, 'ArrowRight')).name, /^notes: /);
  assert.match((await press(page, 'ArrowDown')).name, /^images: /);
  assert.match((await press(page, 'ArrowLeft')).name, /^data: /);
  assert.match((await press(page, 'End')).name, /^\d others: .*, < 0\.1 %$|^many: /);
  await press(page, 'Home');

  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: /^zeros\.bin: file/ }).waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label')?.startsWith('zeros.bin'));
  await isSeen(page, 'on the first cell inside');
  assert.equal(await page.getByRole('list', { name: 'Place in the map' }).innerText().then((text) => text.replace(/\s+/g, ' ')), 'All / data');
  await page.keyboard.press('Backspace');
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label')?.startsWith('data: '));

  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label')?.startsWith('zeros.bin'));
  assert.match((await press(page, 'ArrowRight')).name, /^large\.csv: file/);
  await page.keyboard.press('Enter');
  await page.getByText('square').waitFor();
  assert.match(page.url(), /#\/data\/large\.csv$/);
  // The map is where it was.
  await page.goBack();
  await page.getByRole('link', { name: /^zeros\.bin: file/ }).waitFor();
  assert.deepEqual(page.errors, []);
});

test('of other colours', async () => {
  const page = await stage.page({ colorScheme: 'light' });
  await page.goto(stage.at());
  await page.getByText('Root digest').waitFor();
  await tabTo(page, /Switch to dark colours/);
  await press(page, 'Enter');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  assert.match((await focus(page)).name, /Switch to light colours/);
});

test('through everything on the first page of a pack, each stop in sight', async () => {
  const page = await stage.page({ viewport: { width: 1000, height: 600 } });
  await page.goto(stage.at());
  await page.locator('main [aria-busy=false]').getByText('zeros.bin').waitFor();
  /** @type {string[]} */
  const stops = [];
  for (let role = ''; role !== 'grid' && stops.length < 60; ) {
    const found = await press(page, 'Tab');
    stops.push(found.name);
    role = found.role;
  }
  const order = ['Close the pack', 'Go to a path', 'Copy the root digest', 'Search names below', 'Bytes', 'data: directory', 'zeros.bin'];
  const places = order.map((name) => stops.findIndex((stop) => stop.startsWith(name)));
  assert.ok(places.every((place, i) => place >= 0 && (i === 0 || place > (places[i - 1] ?? 0))), `${places}: ${stops.join(' | ')}`);
  assert.equal((await focus(page)).role, 'grid');
  // All cells of the map are one stop.
  assert.equal(stops.filter((stop) => stop.includes(': directory') || stop.includes(': file')).length, 1);
});
