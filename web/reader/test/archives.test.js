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
/** @type {Record<string, Uint8Array<ArrayBuffer>>} */
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

  test('an archive that is missing is told from a path that is missing', async () => {
    const other = await startRangeServer({ files: { '/both.pack': files['/both.pack'] ?? new Uint8Array() } });
    try {
      const pack = await openPack(`${other.origin}/both.pack`, { retries: 0 });
      await assert.rejects(pack.readFile('none'), { code: 'ERR_NO_ENTRY', url: `${other.origin}/both.pack` });
      const { volume } = /** @type {import('../types/index.d.ts').FileEntry} */ (await pack.stat('small'));
      const name = volume === 1 ? 'x.tar' : 'x.zip';
      await assert.rejects(pack.readFile('small'), { code: 'ERR_NOT_FOUND', url: `${other.origin}/${name}` });
    } finally {
      await other.close();
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

  test('an archive is opened by its own name in few requests, however large it is', async () => {
    const large = await startRangeServer({ files });
    try {
      for (const name of ['x.tar', 'x.zip']) {
        large.log.length = 0;
        const pack = await openPack(`${large.origin}/${name}`);
        const bytes = large.log.reduce((sum, { bytes }) => sum + bytes, 0);
        assert.ok(large.log.length <= 4 && bytes < 250_000, `${name}: ${large.log.length} requests, ${bytes} bytes`);
        assert.equal(await pack.text('small'), SMALL);
      }
    } finally {
      await large.close();
    }
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

describe('a zip archive without an index', () => {
  /** @param {string} name @param {Uint8Array} bytes */
  const alone = (name, bytes) => startRangeServer({ files: { [name]: bytes } });
  const zip = () => files['/x.zip'] ?? new Uint8Array();

  test('is read by its own directory: remote, on disk and in memory', async () => {
    const other = await alone('/y.zip', zip());
    try {
      await inTemporaryFolder(async (folder) => {
        await writeFile(join(folder, 'y.zip'), zip());
        for (const input of [`${other.origin}/y.zip`, join(folder, 'y.zip'), new Blob([zip()])]) {
          const pack = await openPack(input);
          assert.equal(pack.info.format, 'zip');
          assert.equal(pack.info.bytes, TEXT.length + LONG.length + SMALL.length);
          const names = [];
          for await (const entry of pack.walk()) names.push(entry.path);
          assert.deepEqual(names, ['d', 'empty', 'long', 'small', 'd/text.txt']);
          for (const [path, content] of Object.entries({ 'd/text.txt': TEXT, long: LONG, small: SMALL, empty: '' })) {
            const file = await pack.open(path);
            assert.ok((await file.text()) === content, path);
            assert.equal(await file.slice(20, 90).text(), content.slice(20, 90), path);
            let length = 0;
            for await (const piece of file.stream()) length += piece.length;
            assert.equal(length, content.length, path);
          }
          for await (const { path, bytes } of pack.readMany(['small', 'd/text.txt'])) assert.ok(bytes !== undefined, path);
          const entry = await pack.stat('small');
          assert.ok(entry?.mtimeMs !== undefined && entry.mode !== undefined);
          pack.close();
        }
      });
      // Its end and its beginning, and whether there is an index beside it; then each file takes its header and its payload.
      other.log.length = 0;
      const pack = await openPack(`${other.origin}/y.zip`);
      const opened = other.log.length;
      const bytes = other.log.reduce((sum, { bytes }) => sum + bytes, 0);
      assert.ok(opened <= 4 && bytes <= 110_000, `${opened} requests, ${bytes} bytes`);
      assert.deepEqual(other.log.map(({ path }) => path).filter((path) => path.endsWith('.grow')), []);
      await pack.readFile('small');
      assert.ok(other.log.length - opened <= 2, `${other.log.length - opened}`);
    } finally {
      await other.close();
    }
  });

  test('has little that vouches for it: damage shows by the CRC-32', async () => {
    const text = new TextEncoder().encode('PK');
    assert.deepEqual([...zip().subarray(0, 2)], [...text]);
    const changed = zip().map((byte, at) => (at > 300 && at % 1000 === 700 && at < zip().length - 2000 ? byte ^ 1 : byte));
    const pack = await openPack(new Blob([changed]));
    for (const path of ['d/text.txt', 'long']) {
      const file = await pack.open(path);
      await assert.rejects(file.bytes(), { name: 'PackError', code: 'ERR_CORRUPT' }, path);
      await assert.rejects(async () => {
        for await (const _ of file.stream());
      }, { code: 'ERR_CORRUPT' }, path);
    }
  });

  test('cannot be named by a root digest', async () => {
    await assert.rejects(openPack(new Blob([zip()]), { root: '0'.repeat(64) }), { code: 'ERR_WRONG_PACK' });
  });

  test('whatever its directory claims, nothing but a PackError comes of it', async () => {
    const whole = zip();
    const view = new DataView(whole.buffer, whole.byteOffset);
    const end = whole.length - 22;
    assert.equal(view.getUint32(end, true), 0x06054b50);
    const directory = view.getUint32(end + 16, true);
    const outcomes = new Map();
    for (let at = directory; at < whole.length; at++) {
      for (const value of [0, 0xff, (whole[at] ?? 0) ^ 1]) {
        const forged = whole.slice();
        forged[at] = value;
        let outcome = 'fine';
        try {
          const pack = await openPack(forged);
          for await (const entry of pack.walk()) {
            if (entry.kind === 'file' && entry.size < 10_000) await pack.readFile(entry).catch((error) => (outcome = String(error.code)));
          }
          pack.close();
        } catch (error) {
          assert.ok(error instanceof PackError, `byte ${at}: ${error}`);
          outcome = error.code;
        }
        assert.match(outcome, /^(fine|ERR_CORRUPT|ERR_NOT_A_PACK|ERR_UNSUPPORTED|ERR_LIMIT)$/, `byte ${at}`);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    }
    assert.ok(outcomes.get('ERR_CORRUPT') > 20 && outcomes.get('ERR_NOT_A_PACK') > 20, JSON.stringify([...outcomes]));
    for (let length = 0; length < whole.length; length += 997) {
      await assert.rejects(openPack(whole.slice(0, length)), PackError);
    }
  });

  test('on a server that does not tell the truth is refused, each time with the reason', async () => {
    const plain = { '/y.zip': zip().slice() };
    const other = await startRangeServer({ files: plain });
    /** @param {string} query @param {object} [options] @param {() => void} [between] opening and reading */
    const small = async (query, options, between) => {
      const pack = await openPack(`${other.origin}/y.zip?${query}`, { retryDelay: 1, retries: 1, ...options });
      between?.();
      return pack.text('small');
    };
    try {
      // Ranges that are ignored: all of it is taken once if it is small, and refused otherwise.
      assert.equal(await small('ranges=no'), SMALL);
      await assert.rejects(small('ranges=no&large', { wholeLimit: 1000 }), { code: 'ERR_RANGE_IGNORED' });
      for (const [query, code] of [
        ['shift=1', 'ERR_CONTENT_RANGE'],
        ['shift=1&skip=2', 'ERR_CONTENT_RANGE'],
        ['short=1', 'ERR_SHORT_BODY'],
        ['short=1&skip=2', 'ERR_SHORT_BODY'],
        ['change=2', 'ERR_CHANGED'],
        ['gzip=1', 'ERR_CONTENT_ENCODING'],
      ]) {
        await assert.rejects(small(query ?? ''), { name: 'PackError', code }, query);
      }
      // Of another length than before: with a validator, and without any.
      for (const query of ['other', 'etag=no&modified=no']) {
        for (const length of [100, zip().length + 7]) {
          const changed = new Uint8Array(length);
          changed.set(zip().subarray(0, length));
          const replace = () => void other.files.set('/y.zip', changed);
          await assert.rejects(small(query, {}, replace), { name: 'PackError', code: 'ERR_CHANGED' }, `${query} ${length}`);
          other.files.set('/y.zip', plain['/y.zip']);
        }
      }
      // Other bytes, and nobody says so.
      await assert.rejects(small('etag=no&modified=no&change=4'), { name: 'PackError' });
    } finally {
      await other.close();
    }
  });

  test('an end that promises more members than there are bytes costs nothing', async () => {
    for (const [count, size, code] of /** @type {const} */ ([[1n << 32n, 0n, 'ERR_NOT_A_PACK'], [1n << 32n, 900n, 'ERR_NOT_A_PACK'], [(1n << 64n) - 1n, 900n, 'ERR_NOT_A_PACK'], [1n << 32n, 1n << 38n, 'ERR_LIMIT']])) {
      const total = size > 1000n ? 2 ** 39 : 1000;
      const end = endOf64(count, size, total);
      let sum = 0;
      const source = {
        size: total + end.length,
        /** @param {number} offset @param {number} length */
        read(offset, length) {
          sum += length;
          const bytes = new Uint8Array(length);
          if (offset === 0) bytes.set([0x50, 0x4b, 3, 4].slice(0, length));
          const first = Math.max(offset, total);
          if (first < offset + length) bytes.set(end.subarray(first - total, offset + length - total), first - offset);
          return bytes;
        },
      };
      await assert.rejects(openPack(source), { name: 'PackError', code }, String(count));
      assert.ok(sum < 1_000_000, `${sum} bytes`);
    }
  });

  test('one whose end counts members that its directory has not is refused', async () => {
    for (const count of [1, 7, 65_535]) {
      const end = new Uint8Array(22);
      end.set([0x50, 0x4b, 5, 6, 0, 0, 0, 0, count & 255, count >> 8, count & 255, count >> 8]);
      await assert.rejects(openPack(end), { code: 'ERR_NOT_A_PACK' }, String(count));
    }
  });

  test('an empty one has nothing in it; a directory that is too long is not fetched', async () => {
    const empty = new Uint8Array(22);
    empty.set([0x50, 0x4b, 5, 6]);
    const pack = await openPack(empty);
    assert.deepEqual(await pack.readdir(), []);
    assert.equal(pack.info.entries, 0);
    // A directory of 4 GB less 2 bytes, as the end of a larger file would have it.
    const size = 6e9;
    let most = 0;
    const source = {
      size,
      /** @param {number} offset @param {number} length */
      read(offset, length) {
        most = Math.max(most, length);
        const bytes = new Uint8Array(length);
        if (offset === 0) bytes.set([0x50, 0x4b, 3, 4]);
        const end = size - 22 - offset;
        if (end >= 0 && end < length) {
          bytes.set([0x50, 0x4b, 5, 6, 0, 0, 0, 0, 1, 0, 1, 0, 0xfe, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0x7f], end);
        }
        return bytes;
      },
    };
    await assert.rejects(openPack(source), { code: 'ERR_LIMIT' });
    assert.ok(most < 10_000_000, `${most} bytes at once`);
  });
});

/**
 * The end of an archive in the form of zip64, with a directory just before it.
 *
 * @param {bigint} count of members
 * @param {bigint} size of the directory
 * @param {number} at where the end starts
 */
function endOf64(count, size, at) {
  const record = Buffer.alloc(56);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeUInt32LE((45 << 16) | 45, 12);
  record.writeBigUInt64LE(count, 24);
  record.writeBigUInt64LE(count, 32);
  record.writeBigUInt64LE(size, 40);
  record.writeBigUInt64LE(BigInt(at) - size, 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(at), 8);
  locator.writeUInt32LE(1, 16);
  const end = Buffer.alloc(22, 255);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt32LE(0, 4);
  end.writeUInt16LE(0, 20);
  return Buffer.concat([record, locator, end]);
}
