import assert from 'node:assert/strict';
import { appendFile, mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { blobSource } from '../src/sources/blob.js';
import { bytesSource } from '../src/sources/bytes.js';
import { customSource } from '../src/sources/custom.js';
import { fileSource } from '../src/node/file-source.js';
import { httpSource } from '../src/sources/http.js';
import { streamOf } from '../src/sources/source.js';
import { startRangeServer } from './range-server.js';

/** @import { ByteSource } from '../src/sources/source.js' */

const data = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7 + (i >> 8)) & 255);

/** @type {string} */
let folder;
/** @type {import('./range-server.js').RangeServer} */
let server;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rangepack-'));
  await writeFile(join(folder, 'a'), data);
  server = await startRangeServer({ folder });
});
after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** @type {Record<string, () => ByteSource>} */
const sources = {
  memory: () => bytesSource(data),
  'a part of memory': () => bytesSource(new Uint8Array([0, ...data, 0]).subarray(1, -1)),
  'a Node buffer': () => bytesSource(Buffer.from(data)),
  'an ArrayBuffer': () => bytesSource(data.slice().buffer),
  'a Blob': () => blobSource(new Blob([data])),
  'a path': () => fileSource(join(folder, 'a')),
  'a file: URL': () => fileSource(pathToFileURL(join(folder, 'a'))),
  'a file: URL as text': () => fileSource(pathToFileURL(join(folder, 'a')).href),
  HTTP: () => httpSource(`${server.origin}/a`),
  'a custom object': () => customSource({ size: data.length, read: (at, n) => data.slice(at, at + n) }),
  'a custom object with promises': () =>
    customSource({ size: async () => data.length, read: async (at, n) => data.slice(at, at + n).buffer }),
};

for (const [what, make] of Object.entries(sources)) {
  describe(what, () => {
    /** @type {ByteSource} */
    let source;
    before(() => (source = make()));
    after(() => source.close?.());

    test('finds its size and gives its end', async () => {
      const { size, bytes } = await source.tail(1000);
      assert.equal(size, data.length);
      assert.equal(source.size, data.length);
      assert.equal(Buffer.compare(bytes, data.subarray(-1000)), 0);
      assert.equal((await source.tail(5_000_000)).bytes.length, data.length);
    });

    test('gives exactly the bytes asked for, in memory of their own', async () => {
      const before = { ...source.metrics };
      const bytes = await source.read(12_345, 678);
      assert.equal(Buffer.compare(bytes, data.subarray(12_345, 12_345 + 678)), 0);
      assert.deepEqual(source.metrics, { requests: before.requests + 1, bytes: before.bytes + 678 });
      bytes.fill(0);
      assert.equal(Buffer.compare(await source.read(12_345, 678), data.subarray(12_345, 12_345 + 678)), 0);
      assert.equal((await source.read(data.length, 0)).length, 0);
    });

    test('streams', async () => {
      const pieces = [];
      for await (const piece of streamOf(source, 1000, 2_500_000)) pieces.push(piece);
      assert.ok(pieces.length > 1);
      assert.equal(Buffer.compare(Buffer.concat(pieces), data.subarray(1000, 2_501_000)), 0);
    });

    test('refuses what cannot be', async () => {
      await assert.rejects(source.read(data.length - 1, 2), { code: 'ERR_RANGE_NOT_SATISFIABLE' });
      for (const [at, n] of /** @type {const} */ ([[-1, 1], [0, -1], [0.5, 1], [0, NaN], [2 ** 53, 1]])) {
        await assert.rejects(source.read(at, n), { code: 'ERR_ARGUMENT' });
      }
      await assert.rejects(source.tail(-1), { code: 'ERR_ARGUMENT' });
    });

    test('is aborted', async () => {
      const signal = AbortSignal.abort(new Error('enough'));
      await assert.rejects(source.read(0, 1, { signal }), /enough/);
      await assert.rejects(source.tail(1, { signal }), /enough/);
    });
  });
}

describe('memory and Blobs', () => {
  test('only memory is memory', () => {
    // @ts-expect-error a text is no bytes
    assert.throws(() => bytesSource('text'), { code: 'ERR_ARGUMENT' });
  });

  test('a chosen file has its name', () => {
    assert.equal(blobSource(new File([data], 'photos.pack')).name, 'photos.pack');
  });

  test('a chosen file that was modified', async () => {
    const blob = new Blob([data]);
    blob.slice = () => Object.assign(new Blob(), { arrayBuffer: () => Promise.reject(new DOMException('', 'NotReadableError')) });
    await assert.rejects(blobSource(blob).read(0, 10), { code: 'ERR_CHANGED' });
    blob.slice = () => new Blob(['short']);
    await assert.rejects(blobSource(blob).read(0, 10), { code: 'ERR_CHANGED' });
  });
});

describe('custom objects', () => {
  test('that give too little or too much', async () => {
    for (const length of [9, 11]) {
      const source = customSource({ size: 100, read: () => new Uint8Array(length) });
      await assert.rejects(source.read(0, 10), { code: 'ERR_SHORT_BODY', offset: 0, length: 10 });
    }
    // @ts-expect-error a text is no bytes
    const source = customSource({ size: 100, read: () => 'text' });
    await assert.rejects(source.read(0, 10), { code: 'ERR_ARGUMENT' });
  });

  test('whose size is nonsense, or missing', async () => {
    for (const size of /** @type {number[]} */ ([-1, 1.5, NaN, 2 ** 60, undefined, '7'])) {
      await assert.rejects(customSource({ size, read: () => data }).tail(10), { code: 'ERR_NO_SIZE' });
    }
    // @ts-expect-error it cannot be read
    assert.throws(() => customSource({ size: 1 }), { code: 'ERR_ARGUMENT' });
  });

  test('are asked for their size once, and again after a failure', async () => {
    let calls = 0;
    const source = customSource({
      size: async () => {
        if (++calls === 1) throw new Error('busy');
        return data.length;
      },
      read: (at, n) => data.slice(at, at + n),
    });
    await assert.rejects(source.tail(10), /busy/);
    await Promise.all([source.tail(10), source.tail(10), source.read(0, 10)]);
    assert.equal(calls, 2);
  });

  test('get the signal, and need not heed it', async () => {
    const abort = new AbortController();
    /** @type {AbortSignal | undefined} */
    let seen;
    const source = customSource({
      size: 100,
      read: (at, n, { signal }) => {
        seen = signal;
        setTimeout(() => abort.abort(), 1);
        return new Promise(() => {});
      },
    });
    await assert.rejects(source.read(0, 10, { signal: abort.signal }), { name: 'AbortError' });
    assert.equal(seen, abort.signal);
  });
});

describe('files', () => {
  test('a handle stays open', async () => {
    const handle = await open(join(folder, 'a'));
    const source = fileSource(handle);
    await source.tail(10);
    await source.close?.();
    assert.equal((await handle.stat()).size, data.length);
    await handle.close();
  });

  test('missing, not a file, closed', async () => {
    await assert.rejects(fileSource(join(folder, 'none')).tail(10), { code: 'ERR_NOT_FOUND' });
    await assert.rejects(fileSource(folder).tail(10), { code: 'ERR_ARGUMENT' });
    assert.throws(() => fileSource('file://other-host/%00'), { code: 'ERR_ARGUMENT' });
    const source = fileSource(join(folder, 'a'));
    await source.tail(10);
    await source.close?.();
    await assert.rejects(source.read(0, 10), { code: 'ERR_IO' });
  });

  test('one that appears later', async () => {
    const path = join(folder, 'later');
    const source = fileSource(path);
    await assert.rejects(source.tail(10), { code: 'ERR_NOT_FOUND' });
    await writeFile(path, 'here');
    assert.equal((await source.tail(10)).size, 4);
    await source.close?.();
  });

  test('one that shrinks', async () => {
    const path = join(folder, 'shrinks');
    await writeFile(path, data);
    const source = fileSource(path);
    await source.tail(10);
    await truncate(path, 1000);
    assert.equal((await source.read(0, 1000)).length, 1000);
    await assert.rejects(source.read(900, 200), { code: 'ERR_CHANGED', message: /3000000 bytes long .* now 1000/ });
    await source.close?.();
  });

  test('one that grows', async () => {
    const path = join(folder, 'grows');
    await writeFile(path, data);
    const source = fileSource(path);
    await source.tail(10);
    await appendFile(path, 'more');
    await assert.rejects(source.tail(10), { code: 'ERR_CHANGED' });
    await source.close?.();
  });
});
