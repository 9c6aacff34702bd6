/**
 * Packs that are growing, or whose growing was interrupted.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { openPack } from 'rangepack';
import { inTemporaryFolder, rangepack } from './packs.js';
import { startRangeServer } from './range-server.js';

/**
 * @param {number} size
 * @param {string} root
 */
function note(size, root) {
  const bytes = Buffer.alloc(64);
  bytes.write('RngGrow1', 0);
  bytes.writeBigUInt64LE(BigInt(size), 8);
  bytes.write(root, 16, 'hex');
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
  return bytes;
}

/** @param {string | URL} input */
async function content(input, options = {}) {
  const pack = await openPack(input, options);
  try {
    return { text: await pack.text('a.txt'), has: await pack.exists('b.txt'), root: pack.info.root, size: pack.info.fileSize };
  } finally {
    pack.close();
  }
}

test('whoever opens a pack while it grows finds the one before, or the new one', () =>
  inTemporaryFolder(async (folder) => {
    const [tree, path] = [join(folder, 'tree'), join(folder, 'x.pack')];
    await mkdir(tree);
    await writeFile(join(tree, 'a.txt'), 'as it was');
    await writeFile(join(folder, 'b.txt'), 'added\n'.repeat(1000));
    await rangepack(['pack', tree, path]);
    const old = await readFile(path);
    const before = await content(path);
    await rangepack(['add', path, join(folder, 'b.txt')]);
    const grown = await readFile(path);
    const whole = await content(path);
    assert.equal(whole.has, true);
    assert.notEqual(whole.root, before.root);

    const server = await startRangeServer({ folder });
    const link = join(folder, 'elsewhere', 'y.pack');
    await mkdir(join(folder, 'elsewhere'));
    await symlink(path, link);
    try {
      await writeFile(`${path}.grow`, note(old.length, /** @type {string} */ (before.root)));
      for (const len of [old.length + 1, old.length + 4000, grown.length - 1]) {
        await writeFile(path, Buffer.concat([grown.subarray(0, len), Buffer.alloc(7)]));
        for (const input of [path, link, `${server.origin}/x.pack`]) {
          assert.deepEqual(await content(input), before);
          assert.deepEqual(await content(input, { root: before.root }), before);
          await assert.rejects(content(input, { root: whole.root }), { code: 'ERR_WRONG_PACK' });
        }
      }
      await writeFile(path, grown);
      for (const input of [path, link, `${server.origin}/x.pack`]) {
        assert.deepEqual(await content(input), whole);
        const { text, has, root } = await content(input, { root: before.root });
        assert.deepEqual({ text, has, root }, { text: before.text, has: false, root: before.root });
      }
    } finally {
      await server.close();
    }
  }));

test('a note that lies changes nothing', () =>
  inTemporaryFolder(async (folder) => {
    const [tree, path] = [join(folder, 'tree'), join(folder, 'x.pack')];
    await mkdir(tree);
    await writeFile(join(tree, 'a.txt'), 'as it was');
    await rangepack(['pack', tree, path]);
    const whole = await readFile(path);
    const { root = '' } = await content(path);
    await writeFile(path, Buffer.concat([whole, Buffer.alloc(100)]));
    // What is left without its index is the trailer for old programs.
    const without = await content(path);
    assert.equal(without.root, undefined);
    const good = note(whole.length, root);
    const lies = [
      note(whole.length - 1, root),
      note(whole.length + 1, root),
      note(whole.length + 100, root),
      note(2 ** 53 - 1, root),
      note(2 ** 53, root),
      note(0, root),
      note(whole.length, '0'.repeat(64)),
      good.subarray(0, 63),
      Buffer.concat([good, Buffer.alloc(1)]),
      Buffer.from(good).fill(1, 60),
      Buffer.alloc(0),
    ];
    for (const bytes of lies) {
      await writeFile(`${path}.grow`, bytes);
      assert.deepEqual(await content(path), without, bytes.toString('hex'));
    }
    await writeFile(`${path}.grow`, good);
    assert.equal((await content(path)).root, root);
    // A copy without the note.
    await copyFile(path, join(folder, 'y.pack'));
    assert.equal((await content(join(folder, 'y.pack'))).root, undefined);
  }));

test('what lies where a note would, and is no file, is none', { skip: process.platform === 'win32' }, () =>
  inTemporaryFolder(async (folder) => {
    const [tree, path] = [join(folder, 'tree'), join(folder, 'x.pack')];
    await mkdir(tree);
    await writeFile(join(tree, 'a.txt'), 'as it was');
    await rangepack(['pack', tree, path]);
    await writeFile(path, Buffer.concat([await readFile(path), Buffer.alloc(100)]));
    const without = await content(path);
    for (const make of [() => mkdir(`${path}.grow`), () => symlink('x.pack.grow', `${path}.grow`), () => execFileSync('mkfifo', [`${path}.grow`])]) {
      await make();
      assert.deepEqual(await content(path), without);
      await rm(`${path}.grow`, { recursive: true });
    }
  }));
