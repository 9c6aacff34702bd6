/** The children of directories: one cache for the tree, the lists and the map. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.js';

const { Directories } = await load('pack/directory.svelte');
const { Level } = await load('map/usage.svelte');

/** A pack whose directories have so many children each. @param {number} total @param {number} [told] what it says that they have */
function packOf(total, told = total) {
  /** @type {[start: number, limit: number][]} */
  const asked = [];
  return {
    asked,
    async children(/** @type {string} */ path, /** @type {{ start: number, limit: number }} */ { start, limit }) {
      asked.push([start, limit]);
      const length = Math.max(0, Math.min(limit, total - start));
      const entries = Array.from({ length }, (_, i) => ({ name: `n${start + i}`, path: `${path}/n${start + i}`, kind: 'file', size: 1 }));
      return { total: told, start, entries };
    },
  };
}
const names = (/** @type {{ name: string }[]} */ entries) => entries.map(({ name }) => name);
const turn = () => new Promise((done) => setImmediate(done));

test('what the list has fetched, the map does not fetch again, and the other way round', async () => {
  const pack = packOf(3000);
  const directories = new Directories(pack);
  const directory = directories.at('d');
  assert.equal(directories.at('d'), directory);
  directory.want(0, 700);
  await turn();
  assert.deepEqual(pack.asked, [[0, 500], [500, 500]]);

  const level = new Level(directory);
  await level.more();
  assert.deepEqual(pack.asked.slice(2), [[1000, 1000]]);
  assert.equal(level.entries.length, 2000);
  assert.equal(level.complete, false);
  await level.more();
  assert.equal(level.entries.length, 3000);
  assert.equal(level.complete, true);

  const before = pack.asked.length;
  directory.want(0, 3000);
  await turn();
  assert.equal(pack.asked.length, before);
  assert.equal(directory.loaded, 3000);
  assert.deepEqual(names(level.entries), names(directory.entries()));
});

test('any part is read, whatever of it is at hand', async () => {
  const pack = packOf(5200);
  const directory = new Directories(pack).at('d');
  for (const [start, count] of /** @type {const} */ ([[1700, 900], [0, 10], [5100, 1000], [9000, 10], [0, 5200], [499, 2]])) {
    const expected = Array.from({ length: Math.max(0, Math.min(count, 5200 - start)) }, (_, i) => `n${start + i}`);
    assert.deepEqual(names(await directory.read(start, count)), expected, `${count} from ${start}`);
  }
  const { length } = pack.asked;
  await directory.read(0, 5200);
  assert.equal(pack.asked.length, length);
});

test('the map keeps what it has shown, though the list goes far', async () => {
  const pack = packOf(400_000);
  const directory = new Directories(pack).at('d');
  const level = new Level(directory);
  await level.more();
  await directory.read(100_000, 128_000);
  assert.equal(directory.at(0), undefined);
  await level.more();
  assert.deepEqual(names(level.entries), Array.from({ length: 6000 }, (_, i) => `n${i}`));
});

test('a pack that promises more than it has is listed to its end', async () => {
  const level = new Level(new Directories(packOf(2000, 50_000)).at('d'));
  await level.more();
  assert.equal(level.complete, false);
  await level.more();
  assert.deepEqual([level.entries.length, level.complete], [2000, true]);
});

test('what failed is listed when one tries again', async () => {
  const pack = packOf(10);
  const { children } = pack;
  pack.children = async () => Promise.reject(new Error('gone'));
  const level = new Level(new Directories(pack).at('d'));
  await level.more();
  assert.match(String(level.error), /gone/);
  pack.children = children;
  await level.more();
  assert.deepEqual([level.error, level.entries.length, level.complete], [undefined, 10, true]);
});
