import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { openPack } from '../src/node/index.js';
import { photo, photoPath, photos } from './packs.js';
import { startRangeServer } from './range-server.js';

/** @import { Pack } from '../types/index.d.ts' */

/** Bytes that opening and the first file may cost. */
const FIRST = 250_000;

/** @type {import('./range-server.js').RangeServer} */
let server;
before(async () => {
  server = await startRangeServer({});
});
after(() => server.close());

/** Requests and bytes since the last time. */
function spent() {
  const log = server.log.splice(0);
  for (const { status } of log) assert.equal(status, 206);
  return { requests: log.length, bytes: log.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/**
 * How many requests the look-up takes of the first, a middle and the last file of a directory in the middle. The end of
 * the index came with the end of the pack.
 */
const SIZES = [
  { files: 1_000, lookUps: [0, 0, 0] },
  { files: 100_000, lookUps: [1, 1, 1] },
  { files: 1_000_000, lookUps: [1, 1, 1] },
];

for (const { files, lookUps } of SIZES) {
  describe(`of ${files} files`, () => {
    before(async () => {
      server.files.set(`/${files}.pack`, await photos(files));
    });
    /** @type {Pack} */
    let pack;
    beforeEach(async () => {
      server.log.length = 0;
      pack = await openPack(`${server.origin}/${files}.pack`);
    });
    const middle = Math.floor(files / 2000);

    test('opening is one request', () => {
      assert.deepEqual(spent(), { requests: 1, bytes: 102_400 });
      assert.equal(pack.info.files, files);
      assert.equal(pack.info.directories, files / 1000 + 1);
    });

    for (const [i, number] of [0, 500, 999].entries()) {
      const lookUp = lookUps[i] ?? NaN;
      test(`file ${number} of a directory, and one in the same`, async () => {
        const path = photoPath(middle, middle * 1000 + number);
        assert.deepEqual(await pack.readFile(path), photo(number));
        const first = spent();
        assert.equal(first.requests, 1 + lookUp + 1);
        assert.ok(first.bytes <= FIRST, `${first.bytes} bytes`);
        const next = number === 999 ? 998 : number + 1;
        assert.deepEqual(await pack.readFile(photoPath(middle, middle * 1000 + next)), photo(next));
        assert.deepEqual(spent(), { requests: 1, bytes: photo(next).length });
        assert.deepEqual(pack.metrics.requests, 1 + lookUp + 2);
      });
    }

    test('what is not there costs a look-up only', async () => {
      assert.equal(await pack.exists(`${photoPath(middle, middle * 1000 + 500)}X`), false);
      const { requests } = spent();
      // Each directory on the way might be a link, and is looked up, too.
      assert.ok(requests <= 5, `${requests} requests`);
      await assert.rejects(pack.readFile(`${photoPath(middle, middle * 1000 + 500)}X`), { code: 'ERR_NO_ENTRY' });
      assert.equal(spent().requests, 0);
    });

    test('a thousand files are at most 40 requests', async () => {
      const numbers = Array.from({ length: 1000 }, (_, i) => middle * 1000 + i);
      let number = 0;
      for await (const { entry, bytes: content } of pack.readMany(numbers.map((number) => photoPath(middle, number)))) {
        assert.equal(entry?.path, photoPath(middle, middle * 1000 + number));
        assert.deepEqual(content, photo(number++));
      }
      assert.equal(number, 1000);
      const { requests, bytes } = spent();
      assert.ok(requests <= 40, `${requests} requests`);
      const wanted = contentsOf(1000);
      assert.ok(bytes - wanted <= 600_000, `${bytes - wanted} bytes of index`);
    });

    test('a directory of a thousand is listed in few requests', async () => {
      const directory = photoPath(middle, 0).split('/').slice(0, 2).join('/');
      const entries = await pack.readdir(directory);
      assert.deepEqual(entries.map(({ path }) => path), entries.map((_, i) => photoPath(middle, middle * 1000 + i)));
      const { requests } = spent();
      assert.ok(requests <= 6, `${requests} requests`);
    });

    // A million names take their time and show nothing more.
    if (files <= 100_000) {
      test('a walk over everything fetches no more than the index pages, in few requests', async () => {
        spent();
        let seen = 0;
        for await (const _ of pack.walk()) seen++;
        assert.equal(seen, pack.info.entries);
        const { requests, bytes } = spent();
        assert.ok(pack.info.indexBytes >= files * 40 && pack.info.indexBytes <= files * 100, `${pack.info.indexBytes} bytes of index`);
        assert.ok(bytes <= pack.info.indexBytes, `${bytes} bytes`);
        assert.ok(requests <= 6 + pack.info.indexBytes / 2 ** 20, `${requests} requests`);
      });
    }
  });
}

describe('of a million files in one directory', () => {
  const files = 1_000_000;
  const directory = photoPath(0, 0).split('/').slice(0, 2).join('/');
  before(async () => {
    server.files.set('/one.pack', await photos(files, files));
  });
  /** @type {Pack} */
  let pack;
  beforeEach(async () => {
    pack = await openPack(`${server.origin}/one.pack`);
    server.log.length = 0;
  });

  for (const [what, start] of /** @type {const} */ ([['the first', 0], ['those in the middle', 734_512], ['the last', files - 100]])) {
    test(`${what} children are few requests`, async () => {
      const found = await pack.children(directory, { start, limit: 100 });
      assert.deepEqual([found.total, found.start, found.entries.length], [files, start, 100]);
      for (const [i, { path }] of found.entries.entries()) assert.equal(path, photoPath(0, start + i));
      const { requests, bytes } = spent();
      assert.ok(requests <= 4 && bytes <= 200_000, `${requests} requests, ${bytes} bytes`);
      // What lies near costs a page now and then.
      for (let at = start; at < start + 1000; at += 100) await pack.children(directory, { start: at, limit: 100 });
      const further = spent();
      assert.ok(further.requests <= 4 && further.bytes <= 200_000, `then ${further.requests} requests, ${further.bytes} bytes`);
    });
  }

  test('a name tells its position, in few requests', async () => {
    const { name } = /** @type {import('../types/index.d.ts').Entry} */ (await pack.stat(photoPath(0, 734_512)));
    server.log.length = 0;
    assert.deepEqual(await pack.children(directory, { start: name, limit: 0 }), { total: files, start: 734_512, entries: [] });
    assert.ok(spent().requests <= 3);
    const { start, entries } = await pack.children(directory, { start: name, limit: 1 });
    assert.deepEqual([start, entries[0]?.name], [734_512, name]);
    assert.equal(spent().requests, 0);
  });

  test('ten thousand at once share requests', async () => {
    const { entries } = await pack.children(directory, { start: 500_000, limit: 10_000 });
    assert.equal(entries.length, 10_000);
    assert.equal(entries.at(-1)?.path, photoPath(0, 509_999));
    const { requests, bytes } = spent();
    assert.ok(requests <= 10 && bytes <= 1_500_000, `${requests} requests, ${bytes} bytes`);
  });
});

/** @param {number} files */
function contentsOf(files) {
  return Array.from({ length: files }, (_, i) => photo(i).length).reduce((a, b) => a + b);
}
