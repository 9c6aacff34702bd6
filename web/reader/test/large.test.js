/**
 * Packs larger than memory, and numbers larger than JavaScript's.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openPack } from '../src/node/index.js';
import { finalizeSparse, inTemporaryFolder, photo, photoPath, photos, rangepack } from './packs.js';
import { startRangeServer } from './range-server.js';

const GIB = 2 ** 30;

/** Bytes by which memory may grow while a file of any length is streamed, and the length of one: several times as many. */
const GROWTH = 100e6;
const LONG = 384 * 2 ** 20;

setFlagsFromString('--expose-gc');
const collect = /** @type {() => void} */ (runInNewContext('gc'));

/** Bytes that are in use. */
function used() {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** The same once what nobody needs any more is gone: when the engine would do that on its own is up to the engine. */
async function needed(/** @type {number} */ most) {
  for (let i = 0; i < 10 && used() >= most; i++) {
    collect();
    // Buffers are given back beside the program.
    await new Promise((done) => setImmediate(done));
  }
  return used();
}

/** @type {import('./range-server.js').RangeServer} */
let server;
before(async () => {
  server = await startRangeServer({});
});
after(() => server.close());

test('the end of a pack of 3 GB', async () => {
  const files = 150_000;
  const virtual = await photos(files);
  assert.ok(virtual.size > 3e9);
  server.files.set('/large.pack', virtual);
  const pack = await openPack(`${server.origin}/large.pack`);
  const number = files - 2;
  const path = photoPath(Math.floor(number / 1000), number);
  const { entry } = await pack.open(path);
  assert.ok((entry.offset ?? 0) > 3e9);
  assert.deepEqual(await pack.readFile(path), photo(number));
});

test('a file on disk that is larger than 4 GB', async () => {
  await inTemporaryFolder(async (folder) => {
    const target = join(folder, 'sparse.pack');
    const end = new TextEncoder().encode('at the end');
    const sha256 = createHash('sha256').update(end).digest('hex');
    const hole = { path: 'hole', size: 5 * GIB, sha256: '0'.repeat(64) };
    await finalizeSparse(target, [hole, { path: 'end', size: end.length, sha256 }], end);
    const pack = await openPack(target);
    assert.deepEqual(await pack.readFile('end'), end);
    pack.close();
  });
});

test('a file of 384 MiB is streamed in bounded memory, from a server and from disk', async () => {
  await inTemporaryFolder(async (folder) => {
    const source = join(folder, 'source');
    await mkdir(source);
    const file = await open(join(source, 'file'), 'w');
    // Really written: of a file with holes the packer would compress the zeros.
    const zeros = Buffer.alloc(LONG / 64);
    for (let at = 0; at < LONG; at += zeros.length) await file.write(zeros, 0, zeros.length, at);
    // Not quite all zeros, so that a block in the wrong place is seen.
    for (let at = 0; at < LONG; at += LONG / 64) await file.write(Buffer.from(`${at}`), 0, undefined, at);
    await file.close();
    const target = join(folder, 'file.pack');
    await rangepack(['pack', '--quiet', source, target]);

    const onDisk = await startRangeServer({ folder });
    for (const input of [`${onDisk.origin}/file.pack`, target]) {
      const pack = await openPack(input);
      const [entry] = await pack.readdir('');
      assert.equal(entry?.size, LONG);
      assert.ok(entry.kind === 'file' && entry.blocks !== undefined);
      const stream = (await pack.open(entry.path)).stream();
      const hash = createHash('sha256');
      const before = await needed(0);
      let most = 0;
      let length = 0;
      for await (const piece of stream) {
        hash.update(piece);
        length += piece.length;
        most = Math.max(most, (await needed(before + GROWTH)) - before);
      }
      assert.equal(length, LONG);
      assert.equal(hash.digest('hex'), entry.sha256);
      assert.ok(most < GROWTH, `memory grew by ${most} bytes`);
      pack.close();
    }
    await onDisk.close();
  });
});

test('what lies beyond 2^53 is refused', async () => {
  const huge = Number.MAX_SAFE_INTEGER + 1;
  const source = { size: huge, read: () => new Uint8Array() };
  await assert.rejects(openPack(source), { name: 'PackError' });
  await assert.rejects(openPack(`${server.origin}/large.pack`, { size: huge }), { code: 'ERR_ARGUMENT' });
  server.files.set('/small', photo(1));
  await assert.rejects(openPack(`${server.origin}/small`), { code: 'ERR_NOT_A_PACK' });
});
