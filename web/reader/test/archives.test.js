/** Tar and zip archives with an index beside them, which are read like packs. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { PackError, openPack } from '../src/node/index.js';
import { inTemporaryFolder, rangepack } from './packs.js';
import { startRangeServer } from './range-server.js';

const TEXT = Array.from({ length: 60_000 }, (_, line) => `line ${line * 7919} of a large file\n`).join('');
/** Longer than what is held as a whole. */
const LONG = 'the same again, and again. '.repeat(700_000);
const SMALL = 'a small file of its kind '.repeat(40);

/** @type {import('./range-server.js').RangeServer} */
let server;
/** @type {Record<string, Uint8Array>} */
let files;

before(async () => {
  files = await inTemporaryFolder(async (folder) => {
    const tree = join(folder, 'tree');
    await mkdir(join(tree, 'd'), { recursive: true });
    await writeFile(join(tree, 'd/text.txt'), TEXT);
    await writeFile(join(tree, 'long'), LONG);
    await writeFile(join(tree, 'small'), SMALL);
    await writeFile(join(tree, 'empty'), '');
    const at = (/** @type {string} */ name) => join(folder, name);
    await rangepack(['pack', '--quiet', tree, at('x.pack')]);
    await rangepack(['export', '--quiet', at('x.pack'), at('x.tar')]);
    await rangepack(['export', '--quiet', at('x.pack'), at('x.zip'), '--deflate']);
    await rangepack(['index', '--quiet', at('x.tar')]);
    await rangepack(['index', '--quiet', at('x.zip')]);
    await rangepack(['merge', '--quiet', at('x.tar'), at('x.zip'), '-o', at('both.pack')]);
    const names = ['x.tar', 'x.zip', 'x.tar.rpx', 'x.zip.rpx', 'both.pack'];
    return Object.fromEntries(await Promise.all(names.map(async (name) => [`/${name}`, new Uint8Array(await readFile(at(name)))])));
  });
  const lonely = { '/lonely.tar': files['/x.tar'] ?? new Uint8Array() };
  server = await startRangeServer({ files: { ...files, ...lonely } });
});
after(() => server?.close());

describe('an archive with an index beside it', () => {
  for (const name of ['x.tar.rpx', 'x.zip.rpx', 'both.pack']) {
    test(`${name} is read like a pack`, async () => {
      const pack = await openPack(`${server.origin}/${name}`);
      const names = [];
      for await (const entry of pack.walk()) names.push(entry.path);
      assert.deepEqual(names, ['d', 'empty', 'long', 'small', 'd/text.txt']);
      const expected = { 'd/text.txt': TEXT, long: LONG, small: SMALL, empty: '' };
      for (const [path, content] of Object.entries(expected)) {
        const file = await pack.open(path);
        assert.ok(file !== undefined);
        assert.ok((await file.text()) === content, path);
        assert.equal(await file.slice(20, 90).text(), content.slice(20, 90), path);
        let length = 0;
        for await (const piece of file.stream()) length += piece.length;
        assert.equal(length, content.length, path);
      }
      const entry = await pack.stat('d/text.txt');
      const codec = name.startsWith('x.zip') ? 'deflate' : 'stored';
      assert.ok(entry?.kind === 'file' && entry.codec === codec && entry.volume === 1);
    });
  }

  test('damage is found', async () => {
    for (const name of ['/x.tar', '/x.zip']) {
      const changed = Uint8Array.from(files[name] ?? []).map((byte, at) => (at % 1000 === 700 ? byte ^ 1 : byte));
      const other = await startRangeServer({ files: { ...files, [name]: changed } });
      try {
        const pack = await openPack(`${other.origin}${name}.rpx`);
        for (const path of ['d/text.txt', 'long']) {
          const file = await pack.open(path);
          await assert.rejects(async () => file?.bytes(), (error) => error instanceof PackError && error.code === 'ERR_CORRUPT');
        }
      } finally {
        await other.close();
      }
    }
  });

  test('the index may be named beside the archive, wherever both lie', async () => {
    for (const name of ['x.tar', 'x.zip']) {
      const index = files[`/${name}.rpx`] ?? new Uint8Array();
      for (const input of [`${server.origin}/${name}`, new Blob([Uint8Array.from(files[`/${name}`] ?? [])])]) {
        for (const given of [`${server.origin}/${name}.rpx`, index]) {
          const pack = await openPack(input, { index: given });
          assert.equal(await pack.text('d/text.txt'), TEXT);
          assert.equal((await openPack(input, { index: given, root: pack.info.root })).info.root, pack.info.root);
          await assert.rejects(openPack(input, { index: given, root: '0'.repeat(64) }), { code: 'ERR_WRONG_PACK' });
        }
      }
      // That of another one.
      const other = await openPack(`${server.origin}/both.pack`, { index });
      await assert.rejects(other.text('d/text.txt'), { code: 'ERR_CORRUPT' });
    }
  });

  test('an archive is opened by its own name, too', async () => {
    assert.equal(await (await openPack(`${server.origin}/x.zip`)).text('small'), SMALL);
    await inTemporaryFolder(async (folder) => {
      for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
      const pack = await openPack(join(folder, 'x.tar'));
      assert.equal(await pack.text('d/text.txt'), TEXT);
      assert.equal((await openPack(join(folder, 'x.tar'), { root: pack.info.root })).info.files, 4);
    });
  });

  test('an archive without one is told what it lacks', async () => {
    await assert.rejects(openPack(`${server.origin}/lonely.tar`), /rangepack index/);
  });

  test('the command reads it from disk', async () => {
    await inTemporaryFolder(async (folder) => {
      for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
      const script = new URL('../src/node/cli.js', import.meta.url).pathname;
      const { stdout } = await promisify(execFile)(process.execPath, [script, 'cat', 'x.zip.rpx', 'small'], { cwd: folder });
      assert.equal(stdout, SMALL);
    });
  });
});
