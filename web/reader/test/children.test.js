/** Directories by position and by name: what `children` answers where `expectations.js` does not ask. */

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { PackError, openPack } from '../src/node/index.js';
import { Pack } from '../src/pack.js';
import { container } from './packs.js';
import { testFile } from './places.js';

/** @import { Engine } from '../src/engine.js' */
/** @import { ChildrenOptions, ErrorCode, Info } from '../types/index.d.ts' */

/** @type {import('../types/index.d.ts').Pack[]} */
const packs = [];
after(() => packs.forEach((pack) => pack.close()));

/** @param {string} name of a golden pack */
async function golden(name) {
  const pack = await openPack(testFile(`golden/${name}.pack`));
  packs.push(pack);
  return pack;
}

const NOTHING = { total: 0, start: 0, entries: [] };

describe('children', () => {
  test('of paths as people type them', async () => {
    const pack = await golden('two-levels');
    const wanted = await pack.children('train', { start: 1, limit: 1 });
    assert.deepEqual([wanted.total, wanted.start, wanted.entries[0]?.name], [3, 1, 'n01440001']);
    for (const path of ['/train', './train/', 'train//', 'train/../train', 'train/n01440000/..']) {
      assert.deepEqual(await pack.children(path, { start: 1, limit: 1 }), wanted, path);
    }
    assert.equal((await pack.children('')).total, (await pack.readdir('')).length);
    assert.equal((await pack.children('train/n01440000')).entries.length, 400);
  });

  test('of an empty directory, and of an empty pack', async () => {
    const pack = await golden('all-kinds');
    assert.deepEqual(await pack.children('empty directory'), NOTHING);
    assert.deepEqual(await pack.children('empty directory', { start: 7 }), NOTHING);
    assert.deepEqual(await pack.children('empty directory', { start: 'name' }), NOTHING);
    assert.deepEqual(await (await golden('empty')).children(''), NOTHING);
  });

  test('fails where readdir fails, with the same error', async () => {
    const pack = await golden('all-kinds');
    for (const path of ['executable', 'no such thing', 'nested/no', 'executable/below', 'no/../../out']) {
      const expected = await pack.readdir(path).catch((error) => error);
      assert.match(expected.code, /^ERR_NO(T_A_DIRECTORY|_ENTRY)$/, path);
      await assert.rejects(pack.children(path), { code: expected.code, message: expected.message }, path);
    }
    pack.close();
    await assert.rejects(pack.children(''), { code: 'ERR_CLOSED' });
  });

  test('follows links as readdir does', async () => {
    const none = { offset: 0, payload_size: 0, orig_size: 0, compressed: false };
    const link = { ...none, entry_type: 'symlink' };
    const pack = await openPack(
      container(Buffer.alloc(0), [
        { ...none, relpath: 'a/b/one' },
        { ...none, relpath: 'a/b/two' },
        { ...link, relpath: 'a/up', link_target: '..' },
        { ...link, relpath: 'to-b', link_target: 'a/b' },
        { ...link, relpath: 'to-file', link_target: 'a/b/one' },
        { ...link, relpath: 'around', link_target: 'around' },
        { ...link, relpath: 'out', link_target: '/etc' },
      ]),
    );
    const paths = ['to-b', '/to-b/', 'a/up', 'a/up/to-b', 'a/b/../up/a', 'to-file', 'around', 'out', 'to-b/no'];
    const totals = [];
    for (const path of paths) {
      const list = await pack.readdir(path).catch(({ code }) => code);
      const found = await pack.children(path).catch(({ code }) => code);
      assert.deepEqual(found, Array.isArray(list) ? { total: list.length, start: 0, entries: list } : list, path);
      totals.push(found.total);
    }
    assert.deepEqual(totals, [2, 2, 5, 2, 2, undefined, undefined, undefined, undefined]);
    assert.equal((await pack.children('to-b', { start: 'two' })).entries[0]?.path, 'a/b/two');
  });

  test('refuses positions and limits that are none', async () => {
    const pack = await golden('two-levels');
    const bad = [-1, NaN, 0.5, -Infinity, 2 ** 53, null, {}, 3n, true];
    for (const value of /** @type {number[]} */ (bad)) {
      await assert.rejects(pack.children('train', { start: value }), { code: 'ERR_ARGUMENT', message: /start/ }, String(value));
      for (const ask of /** @type {const} */ (['children', 'readdir'])) {
        await assert.rejects(pack[ask]('train', { limit: value }), { code: 'ERR_ARGUMENT', message: /limit/ }, String(value));
      }
    }
    await assert.rejects(pack.children('train', { start: Infinity }), { code: 'ERR_ARGUMENT' });
    assert.deepEqual(await pack.children('train', { start: 2 ** 53 - 1, limit: Infinity }), { total: 3, start: 3, entries: [] });
  });

  test('takes any text for a name', async () => {
    const pack = await golden('two-levels');
    /** @type {[string, number][]} */
    const positions = [['', 0], ['a', 0], ['n01440001', 1], ['n01440001/n', 2], ['n01440001\0', 2], ['o', 3], ['\udcff', 3], ['z'.repeat(100_000), 3], ['\u{1f600}', 3]];
    for (const [name, start] of positions) {
      assert.deepEqual(await pack.children('train', { start: name, limit: 0 }), { total: 3, start, entries: [] }, name.slice(0, 20));
    }
  });

  test('ends with its signal', async () => {
    const pack = await golden('two-levels');
    const signal = AbortSignal.abort(new Error('enough'));
    await assert.rejects(pack.children('train', /** @type {ChildrenOptions} */ ({ signal })), /enough/);
  });
});

test('an index whose numbers lead to entries of another directory is refused', async () => {
  const entries = [{ path: 'other/file', name: 'file', kind: 'file', size: 0, storedSize: 0 }];
  const reader = { lowerBound: (/** @type {string} */ _, /** @type {string} */ name) => (name === '' ? 0 : 1), scan: () => ({ entries, next: 1 }) };
  const engine = {
    ask: async (/** @type {(from: typeof reader) => unknown} */ question) => question(reader),
    error: (/** @type {ErrorCode} */ code, /** @type {string} */ message) => new PackError(code, message),
  };
  // As much of an engine as is asked here.
  const pack = new Pack(/** @type {Engine} */ (/** @type {unknown} */ (engine)), /** @type {Info} */ ({}));
  await assert.rejects(pack.children('directory'), { code: 'ERR_CORRUPT', message: /other\/file/ });
});
