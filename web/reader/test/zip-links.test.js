/** Symbolic links of zip archives without an index: what holds for links of packs holds for them. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { crc32, deflateRawSync } from 'node:zlib';
import { PackError, openPack } from '../src/node/index.js';
import { fsOf } from '../src/node/fs.js';
import { respond } from '../src/respond.js';
import { inTemporaryFolder, rangepack } from './packs.js';
import { startRangeServer } from './range-server.js';

/** @import { Entry, Pack } from '../types/index.d.ts' */

/** Where links lead, by their paths. */
const LINKS = {
  near: 'file',
  'd/up': '../file',
  directory: 'd',
  through: 'directory/e/deep',
  twice: 'near',
  dots: './d/../d/./e//deep',
  dangling: 'nowhere/at/all',
  absolute: '/etc/passwd',
  out: '../../../etc/passwd',
  'd/e/top': '../..',
  circle: 'd/circle',
  'd/circle': '../circle',
  self: 'self',
  'only-links/x': '../file',
  'ünïcode': 'd/größe',
  long: `d/${'../d/'.repeat(800)}e/deep`,
};

const FILES = { file: 'a file', 'd/e/deep': 'deep down', 'd/größe': 'with umlauts', 'large': 'a large file, '.repeat(30_000) };

/** @type {string} */
let origin;
/** @type {import('./range-server.js').RangeServer} */
let server;

before(async () => {
  const files = await inTemporaryFolder(async (folder) => {
    const tree = join(folder, 'tree');
    for (const [path, content] of Object.entries(FILES)) {
      await mkdir(join(tree, path, '..'), { recursive: true });
      await writeFile(join(tree, path), content);
    }
    for (const [path, target] of Object.entries(LINKS)) {
      await mkdir(join(tree, path, '..'), { recursive: true });
      await symlink(target, join(tree, path));
    }
    await symlink(Buffer.from([0x64, 0x2f, 0xff, 0xfe]), join(tree, 'no-utf-8'));
    const at = (/** @type {string} */ name) => join(folder, name);
    await rangepack(['pack', '--quiet', tree, at('x.pack')]);
    await rangepack(['export', '--quiet', at('x.pack'), at('stored.zip')]);
    await rangepack(['export', '--quiet', at('x.pack'), at('deflated.zip'), '--deflate']);
    /** @type {Record<string, Uint8Array>} */
    const files = {};
    for (const name of ['stored.zip', 'deflated.zip']) {
      files[`/bare/${name}`] = await readFile(at(name));
      await rangepack(['index', '--quiet', at(name)]);
      files[`/${name}`] = await readFile(at(name));
      files[`/${name}.rpx`] = await readFile(at(`${name}.rpx`));
    }
    return files;
  });
  server = await startRangeServer({ files });
  origin = server.origin;
});
after(() => server?.close());

/**
 * @template T
 * @param {AsyncIterable<T>} items
 */
async function all(items) {
  const found = [];
  for await (const item of items) found.push(item);
  return found;
}

/** What both must say of an entry: of files without what an index adds. @param {Entry | undefined} entry */
function said(entry) {
  if (entry === undefined || entry.kind === 'symlink') return entry;
  const { path, kind, size, mode, mtimeNs } = entry;
  return { path, kind, size, mode, mtimeNs };
}

/** @param {() => unknown} work @returns {Promise<unknown>} what it gives, or why not */
async function outcome(work) {
  try {
    return await work();
  } catch (error) {
    assert.ok(error instanceof Error);
    const { code, message } = /** @type {PackError} */ (error);
    return { code, message: message.replaceAll('/bare/', '/').replaceAll('.zip.rpx', '.zip') };
  }
}

const PATHS = [...Object.keys(LINKS), ...Object.keys(FILES), 'd', 'd/e/top/file', 'directory/up', 'no-utf-8', 'file/x', 'near/x', 'missing', '', 'directory/../near', 'circle/x', './near/'];

/** Every question about links, with a name. @param {Pack} pack @returns {Promise<[string, unknown][]>} */
async function answers(pack) {
  /** @type {[string, unknown][]} */
  const found = [];
  const ask = async (/** @type {string} */ name, /** @type {() => unknown} */ work) => void found.push([name, await outcome(work)]);
  const { files, symlinks, directories, bytes, entries, refused } = pack.info;
  found.push(['info', { files, symlinks, directories, bytes, entries, refused }]);
  await ask('walk', async () => (await all(pack.walk())).map(said));
  await ask('walk of a link', async () => (await all(pack.walk('directory'))).map(said));
  for (const path of PATHS) {
    await ask(`stat ${path}`, async () => said(await pack.stat(path)));
    await ask(`lstat ${path}`, async () => said(await pack.lstat(path)));
    await ask(`exists ${path}`, () => pack.exists(path));
    await ask(`readFile ${path}`, async () => Buffer.from(await pack.readFile(path)).toString());
    await ask(`text ${path}`, () => pack.text(path));
    await ask(`open ${path}`, async () => said((await pack.open(path)).entry));
    await ask(`part ${path}`, async () => (await pack.open(path)).slice(1, 4).text());
    await ask(`readdir ${path}`, async () => (await pack.readdir(path)).map(said));
    await ask(`page ${path}`, async () => (await pack.readdir(path, { after: 'd', limit: 3 })).map(said));
    await ask(`list ${path}`, async () => (await all(pack.list(path))).map(said));
    await ask(`attributes ${path}`, () => pack.attributes(path));
    await ask(`children ${path}`, async () => {
      const { total, start, entries } = await pack.children(path, { start: 'd', limit: 5 });
      return { total, start, entries: entries.map(said) };
    });
    await ask(`respond ${path}`, async () => {
      const answer = await respond(pack, path, new Request('https://x.test/'));
      return [answer.status, answer.headers.get('Location'), answer.headers.get('Content-Type'), answer.status === 200 && (await answer.text())];
    });
  }
  await ask('an entry is as good as its path', async () => {
    const texts = [];
    for await (const entry of pack.list()) texts.push(await outcome(() => pack.text(entry)), said(await pack.stat(entry)), said(await pack.lstat(entry)));
    return texts;
  });
  const many = async (/** @type {AsyncIterable<Entry> | string[]} */ paths) =>
    (await all(pack.readMany(paths))).map(({ path, bytes, error }) => [path, bytes && Buffer.from(bytes).toString(), error?.code]);
  await ask('readMany of a walk', () => many(pack.walk()));
  await ask('readMany of a walk without targets', () => many(pack.walk('', { targets: false })));
  await ask('readMany of paths', () => many(PATHS));
  const fs = fsOf(pack);
  await ask('fs.readdir', () => fs.promises.readdir('/', { withFileTypes: true }));
  await ask('fs.readdir, recursive', () => fs.promises.readdir('/', { recursive: true }));
  for (const path of PATHS) {
    await ask(`fs.readlink ${path}`, () => fs.promises.readlink(`/${path}`));
    await ask(`fs.realpath ${path}`, () => fs.promises.realpath(`/${path}`));
    await ask(`fs.readFile ${path}`, () => fs.promises.readFile(`/${path}`, 'utf8'));
    await ask(`fs.lstat ${path}`, async () => {
      const { size, mode, mtimeMs } = await fs.promises.lstat(`/${path}`);
      return { size, mode, mtimeMs };
    });
  }
  return found;
}

describe('links of a zip archive without an index', () => {
  for (const name of ['stored.zip', 'deflated.zip']) {
    test(`are what they are with one: ${name}`, async () => {
      const [indexed, bare] = await Promise.all([openPack(`${origin}/${name}.rpx`), openPack(`${origin}/bare/${name}`)]);
      assert.deepEqual([indexed.info.format, bare.info.format], ['rangepack', 'zip']);
      assert.equal(bare.info.symlinks, Object.keys(LINKS).length + 1);
      const [expected, found] = [await answers(indexed), await answers(bare)];
      assert.equal(found.length, expected.length);
      for (const [at, [question, answer]] of expected.entries()) assert.deepEqual(found[at], [question, answer], question);
      const link = await bare.lstat('d/up');
      assert.deepEqual([link?.kind, link?.kind === 'symlink' && link.target, link?.size], ['symlink', '../file', 7]);
      assert.equal(await bare.text('through'), FILES['d/e/deep']);
      // No digest may claim to know what was not read.
      assert.equal(bare.info.treeDigest, undefined);
      for await (const entry of bare.walk()) assert.ok(!('treeDigest' in entry), entry.path);
      await indexed[Symbol.asyncDispose]();
      await bare[Symbol.asyncDispose]();
    });
  }

  test('cost a request where it is asked where they lead, and none where not, nor a second time', async () => {
    const address = `${origin}/bare/stored.zip`;
    const pack = await openPack(address);
    /** @param {() => Promise<unknown>} work */
    const cost = async (work) => {
      const before = pack.metrics.requests;
      await work();
      return pack.metrics.requests - before;
    };
    const plain = { targets: false };
    assert.equal(await cost(async () => {
      const entries = [...(await all(pack.walk('', plain))), ...(await all(pack.list('d', plain))), ...(await pack.readdir('', plain)), ...(await pack.children('', plain)).entries];
      const links = entries.filter(({ kind }) => kind === 'symlink');
      assert.ok(links.length > 30 && links.every((link) => !('target' in link) && link.size > 0));
      assert.ok((await pack.children('', { limit: 0 })).total > 10);
      assert.ok(pack.info.symlinks > 10);
      await pack.attributes('near');
      await fsOf(pack).promises.readdir('/', { withFileTypes: true });
      assert.equal((await pack.stat('file'))?.kind, 'file');
    }), 0);
    // All of a page lie within 64 KiB of each other, but for the large file between them.
    const first = await cost(() => pack.readdir());
    assert.ok(first >= 1 && first <= 3, `${first} requests`);
    assert.equal(await cost(async () => {
      await pack.readdir();
      await pack.lstat('near');
      await pack.stat('twice');
      assert.equal((await pack.stat('through'))?.path, 'd/e/deep');
    }), 0);
    assert.equal(await cost(() => pack.lstat('d/up')), 1);
    assert.equal(await cost(async () => assert.equal(await pack.exists('d/e/top'), true)), 1);
    assert.equal(await cost(() => pack.stat('d/e/top/d/up')), 0);
    pack.close();
  });

  test('are listed and followed by the command', async () => {
    const script = fileURLToPath(new URL('../src/node/cli.js', import.meta.url));
    const address = `${origin}/bare/stored.zip`;
    const run = (/** @type {string[]} */ ...args) => promisify(execFile)(process.execPath, [script, ...args]);
    assert.match((await run('ls', '-l', address)).stdout, /^l\S+ .* near -> file$/m);
    assert.equal((await run('cat', address, 'through')).stdout, FILES['d/e/deep']);
    assert.equal((await run('ls', address, 'directory')).stdout, 'circle\ne\ngröße\nup\n');
    const { stderr } = await run('ls', '-v', address);
    const { stderr: long } = await run('ls', '-l', '-v', address);
    const requests = (/** @type {string} */ text) => Number(/(\d+) requests?,/.exec(text)?.[1]);
    assert.ok(requests(stderr) < requests(long), `${stderr}\n${long}`);
    const missing = await run('cat', address, 'dangling').catch((error) => error);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /dangling: it is a link to nowhere\/at\/all/);
  });

  test('wait for nobody who gave up, and are read again after a failure', async () => {
    const bytes = server.files.get('/bare/stored.zip');
    assert.ok(bytes instanceof Uint8Array);
    let broken = false;
    const pack = await openPack({
      size: bytes.length,
      /** @param {number} offset @param {number} length */
      read(offset, length) {
        if (broken) throw new Error('the disk is on fire');
        return bytes.slice(offset, offset + length);
      },
    });
    await assert.rejects(pack.readdir('', { signal: AbortSignal.abort(new Error('enough')) }), { message: 'enough' });
    broken = true;
    for (const work of [() => pack.readdir(), () => pack.lstat('near'), () => pack.stat('near'), () => all(pack.walk())]) {
      await assert.rejects(work, { name: 'PackError', code: 'ERR_IO' });
    }
    broken = false;
    assert.equal(await pack.text('near'), FILES.file);
    pack.close();
    await assert.rejects(pack.lstat('d/up'), { code: 'ERR_CLOSED' });
  });
});

/**
 * A member as it is written; what it claims may be something else than what it is.
 *
 * @typedef {{ name: string, content: string | Uint8Array, link?: boolean, deflate?: boolean, extra?: number, claims?: { size?: number, stored?: number, crc?: number, method?: number, flags?: number, offset?: number } }} Member
 */

/** @param {Member[]} members */
function zipOf(members) {
  const [parts, directory] = [/** @type {Buffer[]} */ ([]), /** @type {Buffer[]} */ ([])];
  let at = 0;
  for (const { name, content, link = true, deflate = false, extra = 0, claims = {} } of members) {
    const bytes = Buffer.from(content);
    const payload = deflate ? deflateRawSync(bytes) : bytes;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE((claims.flags ?? 0) | 0x800, 2);
    fields.writeUInt16LE(claims.method ?? (deflate ? 8 : 0), 4);
    fields.writeUInt32LE(0x5842_0000, 6);
    fields.writeUInt32LE(claims.crc ?? crc32(bytes), 10);
    fields.writeUInt32LE(claims.stored ?? payload.length, 14);
    fields.writeUInt32LE(claims.size ?? bytes.length, 18);
    fields.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), Buffer.alloc(extra)]);
    local.writeUInt16LE(extra, 28);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(((link ? 0o120777 : 0o100644) << 16) >>> 0, 6);
    place.writeUInt32LE(claims.offset ?? at, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), fields, place, Buffer.from(name));
    parts.push(local, payload);
    at += local.length + payload.length;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(length, 12);
  end.writeUInt32LE(at, 16);
  return new Uint8Array(Buffer.concat([...parts, ...directory, end]));
}

describe('hostile links of a zip archive without an index', () => {
  /** @type {Member} */
  const file = { name: 'file', content: 'a file', link: false };

  test('that no pack can hold are left out and counted, as an index leaves them out', async () => {
    // What claims to be longer than it is comes last: an index leaves out what lies in another member.
    const members = [
      file,
      { name: 'fine', content: 'file' },
      { name: 'longest', content: 'x'.repeat(8192) },
      { name: 'empty', content: '' },
      { name: 'too-long', content: 'x'.repeat(8193) },
      { name: 'too-long-deflated', content: 'x'.repeat(8193), deflate: true },
      { name: 'encrypted', content: 'file', claims: { flags: 1 } },
      { name: 'bzip2', content: 'file', claims: { method: 12 } },
      { name: 'other-size', content: 'file', claims: { size: 9 } },
      { name: 'beyond', content: 'file', claims: { offset: 0x7fff_0000 } },
      { name: '../above', content: 'file' },
      { name: 'absurd', content: 'file', claims: { stored: 0xffff_fff0, size: 20, method: 8 } },
    ];
    const bytes = zipOf(members);
    const pack = await openPack(bytes);
    const entries = await pack.readdir();
    assert.deepEqual(entries.map(({ name }) => name), ['file', 'fine', 'longest']);
    assert.equal(pack.info.refused, 9);
    assert.equal(await pack.text('fine'), 'a file');
    // With an index there is just as much.
    await inTemporaryFolder(async (folder) => {
      await writeFile(join(folder, 'x.zip'), bytes);
      await rangepack(['index', '--quiet', join(folder, 'x.zip')]).catch(() => {});
      const indexed = await openPack(join(folder, 'x.zip'));
      assert.equal(indexed.info.format, 'rangepack');
      assert.deepEqual((await indexed.readdir()).map(said), entries.map(said));
    });
  });

  test('that are damaged are listed with the reason, and the others beside them are fine', async () => {
    const bomb = Buffer.alloc(4_000_000, 'x');
    const members = [
      { name: 'fine', content: 'file' },
      { name: 'nul', content: 'fi\0le' },
      { name: 'crc', content: 'file', claims: { crc: 7 } },
      { name: 'bomb', content: bomb, deflate: true, claims: { size: 100 } },
      { name: 'short', content: 'file', deflate: true, claims: { size: 100 } },
      { name: 'no-deflate', content: '\xff\xff\xff\xff', claims: { method: 8 } },
      { name: 'other-place', content: 'file', claims: { offset: 3 } },
      file,
    ];
    const pack = await openPack(zipOf(members));
    const entries = await pack.readdir();
    for (const entry of entries) {
      if (['file', 'fine'].includes(entry.name)) {
        assert.equal(entry.unreadable, undefined, entry.name);
        continue;
      }
      assert.deepEqual([entry.kind, entry.unreadable?.code, entry.size, 'target' in entry], ['symlink', 'ERR_CORRUPT', 0, false], entry.name);
      await assert.rejects(pack.readFile(entry.path), { name: 'PackError', code: 'ERR_CORRUPT' });
      await assert.rejects(pack.stat(`${entry.path}/x`), { name: 'PackError', code: 'ERR_CORRUPT' });
      assert.deepEqual(await pack.lstat(entry.path), entry);
    }
    assert.equal(entries.length, members.length);
    const results = await all(pack.readMany(pack.walk()));
    assert.deepEqual(results.map(({ path, error }) => [path, error?.code]), entries.map(({ path, unreadable }) => [path, unreadable?.code]));
  });

  test('lead round in circles, or through many, and come to an end', async () => {
    const chain = Array.from({ length: 60 }, (_, at) => ({ name: `l${at}`, content: at === 59 ? 'file' : `l${at + 1}` }));
    const pack = await openPack(zipOf([...chain, { name: 'up', content: '../'.repeat(2000) }, file]));
    assert.equal(await pack.stat('l0'), undefined);
    assert.equal(await pack.text('l20'), 'a file');
    assert.equal((await pack.stat('up'))?.path, '');
    assert.equal(await pack.text('up/up/up/l59'), 'a file');
  });

  test('behind long extra fields take one request more, and a server that changes its mind is left', async () => {
    const bytes = zipOf([{ name: 'l', content: 'file', extra: 60_000 }, { name: 'm', content: 'file' }, file]);
    const pack = await openPack(bytes);
    assert.equal(await pack.text('l'), 'a file');
    assert.equal(await pack.text('m'), 'a file');
    let extra = 1000;
    const other = await openPack({
      size: bytes.length,
      /** @param {number} offset @param {number} length */
      read(offset, length) {
        const part = bytes.slice(offset, offset + length);
        // The fields are longer each time.
        if (offset === 0 && length > 30) new DataView(part.buffer).setUint16(28, (extra += 1000), true);
        return part;
      },
    });
    await assert.rejects(other.lstat('l'), { name: 'PackError', code: 'ERR_CHANGED' });
    const past = bytes.slice();
    new DataView(past.buffer).setUint16(28, 65_535, true);
    const entry = await (await openPack(past)).lstat('l');
    assert.equal(entry?.unreadable?.code, 'ERR_CORRUPT');
  });

  test('whatever the bytes are, nothing but a PackError comes of it', async () => {
    const whole = zipOf([{ name: 'a', content: 'd/b' }, { name: 'd/b', content: '../file', deflate: true }, file]);
    for (let at = 0; at < whole.length; at++) {
      for (const value of [0, 0xff, (whole[at] ?? 0) ^ 1]) {
        const forged = whole.slice();
        forged[at] = value;
        try {
          const pack = await openPack(forged);
          for await (const entry of pack.walk()) assert.ok(entry.kind !== 'symlink' || (entry.target ?? entry.unreadable) !== undefined);
          await pack.text('a');
        } catch (error) {
          assert.ok(error instanceof PackError && error.code !== 'ERR_ARGUMENT', `byte ${at}: ${error}`);
        }
      }
    }
  });

  test('by the thousand in one directory come in few requests', async () => {
    const members = Array.from({ length: 3000 }, (_, at) => ({ name: `l${at}`, content: 'file' }));
    const pack = await openPack(new Blob([zipOf([...members, file])]));
    const before = pack.metrics.requests;
    const entries = await all(pack.list());
    assert.ok(entries.every((entry) => entry.kind === 'file' || (entry.kind === 'symlink' && entry.target === 'file')));
    assert.ok(pack.metrics.requests - before <= 12, `${pack.metrics.requests - before}`);
  });
});
