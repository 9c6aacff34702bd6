/** The map without a browser: which cells there are, where they lie, what is in them, and how one moves about. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { load } from './load.js';

const { cellsOf, insideOf, groupOfShare, roomIn } = await load('map/layout');
const { nearest } = await load('map/moves');
const { nameOfShare, describe: words, amountOf } = await load('map/labels');

/** @typedef {{ x: number, y: number, width: number, height: number }} Rect */
/** @typedef {{ share: { kind: string, entry: { name: string } }, rect: Rect }} Cell */

/** @param {string} name @param {number} size */
const file = (name, size) => ({ kind: 'file', name, path: name, size });
/** @param {string} path @param {number} size @param {number} [files] */
const directory = (path, size, files = 1) => ({ kind: 'directory', name: path.split('/').at(-1), path, size, files });
/** @param {object[]} entries */
const listed = (entries, complete = true) => ({ entries, complete });
const room = { by: 'bytes', skip: 0, width: 1000, height: 300 };
/** @param {Cell[]} cells */
const names = (cells) => cells.map(({ share }) => nameOfShare(share));

describe('cells', () => {
  test('fill the room, the heaviest first', () => {
    const entries = [file('small', 10), directory('large', 60), file('middle', 30)];
    /** @type {Cell[]} */
    const cells = cellsOf(listed(entries), { ...room, total: 100 });
    assert.deepEqual(names(cells), ['large', 'middle', 'small']);
    assert.deepEqual(cells.map(({ rect }) => Math.round((rect.width * rect.height) / 3000)), [60, 30, 10]);
  });

  test('are large enough to be pressed, and the lightest are one', () => {
    const entries = Array.from({ length: 5000 }, (_, i) => file(`f${i}`, i === 0 ? 1_000_000 : 1));
    const cells = cellsOf(listed(entries), { ...room, total: 1_004_999 });
    assert.deepEqual(names(cells), ['f0', '4,999 others']);
    for (const { rect } of cells) assert.ok(rect.width * rect.height > 150, JSON.stringify(rect));
    assert.equal(cellsOf(listed(entries), { ...room, by: 'files', total: 5000 }).length, 501);
    // The others again, without those that had a cell.
    assert.equal(names(cellsOf(listed(entries), { ...room, by: 'files', total: 5000, skip: 500 })).at(-1), '4,000 others');
  });

  test('of links are none by bytes, for their size is that of their target', () => {
    const entries = [file('a', 5), { ...file('link', 900), kind: 'symlink' }];
    assert.deepEqual(names(cellsOf(listed(entries), { ...room, total: 5 })), ['a']);
    assert.deepEqual(names(cellsOf(listed(entries), { ...room, by: 'files', total: 2 })).sort(), ['a', 'link']);
  });

  test('say what was not read yet', () => {
    assert.deepEqual(names(cellsOf(listed([file('a', 5)], false), { ...room, total: 50 })), ['a', 'Not listed yet']);
  });

  test('in no room are of no size, and no NaN', () => {
    for (const { rect } of cellsOf(listed([file('a', 5), file('b', 5)]), { ...room, width: 0, height: 0, total: 10 })) {
      assert.ok(Object.values(rect).every((value) => value === 0), JSON.stringify(rect));
    }
  });
});

describe('inside of cells', () => {
  /** @type {Map<string, object>} */
  const levels = new Map(
    Object.entries({
      a: listed([directory('a/b', 60), file('a.png', 40)]),
      'a/b': listed([directory('a/b/c', 60)]),
      'a/b/c': listed([directory('a/b/c/d', 60)]),
      'a/b/c/d': listed([file('too-deep', 60)]),
    }),
  );
  const cells = cellsOf(listed([directory('a', 100), file('f', 100), directory('z', 1)]), { ...room, total: 201 });
  const inside = insideOf(cells, (/** @type {string} */ path) => levels.get(path), 'bytes');

  test('directories are drawn three deep, with what is known of them', () => {
    assert.deepEqual([...inside.filled].map((i) => names(cells)[i]), ['a']);
    assert.equal(inside.drawn.length, 4);
    assert.ok(!JSON.stringify(inside.drawn).includes('too-deep'));
  });

  test('all of it lies in its cell, below the name', () => {
    const [{ rect }] = cells;
    for (const inner of inside.drawn) {
      assert.ok(inner.x >= rect.x && inner.y >= rect.y + 20, JSON.stringify(inner));
      assert.ok(inner.x + inner.width <= rect.x + rect.width && inner.y + inner.height <= rect.y + rect.height);
    }
  });

  test('files have a colour and a name that fits, directories neither', () => {
    const groups = inside.drawn.map((/** @type {{ group?: string, label: string }} */ { group, label }) => `${group} ${label}`);
    assert.deepEqual(groups.sort(), ['image a.png', 'undefined ', 'undefined ', 'undefined ']);
  });

  test('tells which directories would have to be read', () => {
    const { unread, drawn } = insideOf(cells, () => undefined, 'bytes');
    // One is too small to show anything.
    assert.deepEqual([unread, drawn], [['a'], []]);
  });
});

describe('a cell', () => {
  const rect = { x: 0, y: 0, width: 100, height: 50 };
  const share = { kind: 'entry', entry: directory('photos', 2048, 3), weight: 2048 };

  test('has the colour of its group', () => {
    const groups = [share, { kind: 'others', count: 2, weight: 1 }, { kind: 'unread', weight: 1 }, { kind: 'entry', entry: file('a.csv', 1), weight: 1 }].map(groupOfShare);
    assert.deepEqual(groups, [undefined, 'other', 'other', 'data']);
  });

  test('shows as much as there is room for', () => {
    const cell = { share: { ...share, entry: file('a', 1) }, rect };
    assert.deepEqual(roomIn(cell, 'a'), { wide: true, tall: true });
    assert.deepEqual(roomIn({ ...cell, rect: { ...rect, height: 30 } }, 'a'), { wide: true, tall: false });
    assert.deepEqual(roomIn({ ...cell, rect: { ...rect, width: 40 } }, 'a'), { wide: false, tall: false });
    // In a directory's head the size stands behind the name.
    assert.deepEqual(roomIn({ share, rect }, 'photos'), { wide: true, tall: false });
    assert.deepEqual(roomIn({ share, rect: { ...rect, width: 130, height: 20 } }, 'photos'), { wide: true, tall: true });
  });

  test('has words for all that is known', () => {
    assert.equal(words(share, 'bytes', 4096), 'photos: directory, 3 files, 2.00 KiB, 50 %');
    assert.equal(words({ kind: 'entry', entry: { ...file('l\u202e', 7), kind: 'symlink' }, weight: 1 }, 'files', 3), 'l\ufffd: link, 7 B, 33 %');
    assert.equal(words({ kind: 'others', count: 1200, weight: 10 }, 'bytes', 100), '1,200 others: 10 B, 10 %');
    assert.equal(words({ kind: 'unread', weight: 1 }, 'files', 4), 'Not listed yet: 1 file, 25 %');
    assert.equal(amountOf({ weight: 5 }, 'files'), '5 files');
  });
});

describe('arrows', () => {
  // 0 | 1 | 2
  // 0 | 3 | 3
  /** @type {Rect[]} */
  const rects = [
    { x: 0, y: 0, width: 10, height: 20 },
    { x: 10, y: 0, width: 10, height: 10 },
    { x: 20, y: 0, width: 10, height: 10 },
    { x: 10, y: 10, width: 20, height: 10 },
  ];

  test('lead to the nearest cell', () => {
    assert.equal(nearest(rects, 0, 1, 0), 1);
    assert.equal(nearest(rects, 1, 1, 0), 2);
    assert.equal(nearest(rects, 2, -1, 0), 1);
    assert.equal(nearest(rects, 2, 0, 1), 3);
    assert.equal(nearest(rects, 3, 0, -1), 1);
    assert.equal(nearest(rects, 3, -1, 0), 0);
  });

  test('lead nowhere at the edge', () => {
    assert.equal(nearest(rects, 0, -1, 0), 0);
    assert.equal(nearest(rects, 2, 1, 0), 2);
    assert.equal(nearest(rects, 1, 0, -1), 1);
    assert.equal(nearest([], 0, 1, 0), 0);
  });

  test('reach every cell of a full map', () => {
    const entries = Array.from({ length: 60 }, (_, i) => file(`f${i}`, 1 + ((i * 7919) % 503)));
    const all = cellsOf(listed(entries), { ...room, total: entries.reduce((sum, { size }) => sum + size, 0) }).map((/** @type {Cell} */ { rect }) => rect);
    const reached = new Set([0]);
    for (const at of reached) for (const [dx, dy] of /** @type {const} */ ([[1, 0], [-1, 0], [0, 1], [0, -1]])) reached.add(nearest(all, at, dx, dy));
    assert.equal(reached.size, all.length);
  });
});
