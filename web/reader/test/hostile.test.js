import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PackError, openPack } from '../src/node/index.js';
import { fsOf } from '../src/node/fs.js';
import { namesIn, testFile, testJson } from './places.js';
import { startRangeServer } from './range-server.js';

/** @import { Entry, PackInput } from '../types/index.d.ts' */

/** What the native reader calls its errors. @type {Record<string, string>} */
const CODES = { NotAPack: 'ERR_NOT_A_PACK', Corrupt: 'ERR_CORRUPT', Unsupported: 'ERR_UNSUPPORTED' };

/**
 * Where this reader differs from the native one otherwise: counts beyond 2^53 are over its limit, block tables are looked
 * at when they are needed, and so are volumes, none of which is opened for what lies behind its end.
 *
 * @type {Record<string, string>}
 */
const DIFFERENT = {
  'block-border-elsewhere': 'part ERR_CORRUPT',
  'block-header-with-a-time': 'part ERR_CORRUPT',
  'block-length-0': 'part ERR_CORRUPT',
  'block-lengths-too-short': 'part ERR_CORRUPT',
  'block-missing': 'part ERR_CORRUPT',
  'block-page-digest-wrong': 'part ERR_CORRUPT',
  'block-page-offset-not-0': 'part ERR_CORRUPT',
  'block-page-offset-wrong': 'part ERR_CORRUPT',
  'block-page-offsets-equal': 'part ERR_CORRUPT',
  'block-refers-back': 'part ERR_CORRUPT',
  'blocks-stored-longer-than-content': 'part ERR_CORRUPT',
  'block-length-lies': 'part ERR_CORRUPT',
  'block-log2-0': 'part ERR_CORRUPT',
  'block-log2-23': 'part ERR_CORRUPT',
  'block-log2-63': 'part ERR_CORRUPT',
  'block-table-digest-wrong': 'part ERR_CORRUPT',
  'block-table-past-end': 'part ERR_CORRUPT',
  'deflate-bomb-size': 'open ERR_LIMIT',
  'gzip-bomb-size': 'open ERR_LIMIT',
  'payload-huge': 'entry ERR_LIMIT',
  'payload-overflow': 'entry ERR_LIMIT',
  'v1-huge-offset': 'entry ERR_LIMIT',
  'volume-length-wrong': 'read ERR_CORRUPT',
  'volume-missing': 'read ERR_CORRUPT',
  'merged-of-itself': 'read ERR_CORRUPT',
  'merged-part-missing': 'read ERR_NOT_FOUND',
  'volume-name-empty': 'read ERR_CORRUPT',
};

const MANY = 1000;

/** Of so many entries the contents are read; the others are only looked up. */
const READ = 50;

/** @type {import('./range-server.js').RangeServer} */
let server;
before(async () => {
  server = await startRangeServer({ folder: testFile('hostile') });
});
after(() => server.close());

/**
 * The first thing that fails, every question tried. All that is thrown must be a `PackError`.
 *
 * @param {PackInput} input
 */
async function outcome(input) {
  /** @type {string | undefined} */
  let first;
  /** @template T @param {string} what @param {() => Promise<T>} work */
  const attempt = async (what, work) => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof PackError)) throw error;
      // Some of the paths that are asked for are not there, or are files.
      if (error.code !== 'ERR_NO_ENTRY' && error.code !== 'ERR_NOT_A_DIRECTORY') first ??= `${what} ${error.code}`;
      return undefined;
    }
  };
  const pack = await attempt('open', () => openPack(input, { retries: 0 }));
  if (pack === undefined) return first;
  /** @type {Entry[]} */
  const entries = [];
  await attempt('walk', async () => {
    for await (const entry of pack.walk()) if (entries.push(entry) > MANY) break;
  });
  for (const [number, entry] of entries.entries()) {
    assert.doesNotMatch(`/${entry.path}/`, /\/\.{0,2}\/|\0/, 'a path that no pack can hold');
    // A codec that is not known is told when the content is asked for.
    if (entry.unreadable !== undefined && !('codec' in entry)) first ??= `entry ${entry.unreadable.code}`;
    if (entry.kind === 'symlink' || number >= READ) await attempt('read', () => pack.stat(entry.path));
    if (entry.kind !== 'file' || number >= READ) continue;
    await attempt('read', () => pack.readFile(entry));
    await attempt('part', async () => {
      const file = await pack.open(entry.path);
      for (const [start, end] of [[0, 1], [1, -1], [-1]]) await file.slice(start, end).bytes();
      for await (const _ of file.slice(1).stream());
    });
  }
  for (const path of ['', 'dir', 'a', 'no such']) {
    await attempt('list', () => pack.readdir(path));
    await attempt('children', () => pack.children(path, { start: 1 }));
    await attempt('children', () => pack.children(path, { start: 'm', limit: 5 }));
    await attempt('stat', () => pack.stat(path));
  }
  pack.close();
  return first ?? 'read all';
}

test('every hostile pack is refused, or does no harm', async () => {
  /** @type {Record<string, string>} */
  const native = await testJson('hostile.json');
  const names = await namesIn('hostile');
  assert.deepEqual(names.sort(), Object.keys(native).sort());
  /** @type {Record<string, unknown>} */
  const wrong = {};
  for (const name of names) {
    const told = (native[name] ?? '').replace(/,.*/, '');
    const same = told.replace(/\w+$/, (kind) => CODES[kind] ?? kind);
    const wanted = DIFFERENT[name] ?? same;
    const fromFile = await outcome(testFile(`hostile/${name}.pack`));
    const overHttp = await outcome(`${server.origin}/${name}.pack`);
    if (fromFile !== wanted || overHttp !== wanted) wrong[name] = { fromFile, overHttp, wanted };
  }
  assert.deepEqual(wrong, {});
});

test('an index that names nothing makes a container of no file', async () => {
  const text = new TextEncoder();
  const file = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) & 255);
  for (const [index, code] of [
    ['', 'ERR_NOT_A_PACK'],
    ['\n', 'ERR_NOT_A_PACK'],
    ['[]', 'ERR_NOT_A_PACK'],
    ['<!DOCTYPE html>', 'ERR_CORRUPT'],
    ['{"error": "not found"}', 'ERR_CORRUPT'],
    ['[5]', 'ERR_CORRUPT'],
  ]) {
    await assert.rejects(openPack(file, { index: text.encode(index) }), { code });
  }
  const pack = await openPack(new Uint8Array(), { index: text.encode('\n') });
  assert.equal(pack.info.files, 0);
  pack.close();
});

test('no memory is taken for a size that the stored bytes cannot have', async () => {
  for (const name of ['compressed', 'smallest']) {
    const pack = await openPack(testFile(`golden/${name}.pack`));
    let files = 0;
    for await (const entry of pack.walk()) {
      if (entry.kind !== 'file') continue;
      files++;
      // Less than any engine refuses at once, more than this machine should be asked for.
      for (const size of [2 ** 32, 2 ** 52]) {
        await assert.rejects(pack.readFile({ ...entry, size }), { code: 'ERR_CORRUPT', name: 'PackError' });
      }
    }
    assert.ok(files > 0);
    pack.close();
  }
});

test('entries of a later version are listed, and say why they cannot be read', async () => {
  for (const name of ['codec-unknown', 'leaf-codec-unknown', 'leaf-flags-unknown']) {
    const pack = await openPack(testFile(`hostile/${name}.pack`));
    let seen = 0;
    for await (const entry of pack.walk()) {
      if (entry.unreadable === undefined || entry.kind !== 'file') continue;
      seen++;
      const refused = { code: 'ERR_UNSUPPORTED', message: new RegExp(`${entry.path}: .*(does not know|is unknown)`) };
      await assert.rejects(pack.readFile(entry.path), refused, name);
      const file = await pack.open(entry.path);
      assert.equal(file.size, entry.size);
      await assert.rejects(file.slice(0, 0).stream().getReader().read(), refused, name);
      await assert.rejects(file.slice(0, 1).bytes(), refused, name);
    }
    assert.ok(seen > 0, name);
    pack.close();
  }
  const pack = await openPack(testFile('hostile/record-field-unknown-required.pack'));
  const refused = { code: 'ERR_UNSUPPORTED', message: /link: .*field 200/ };
  const link = await pack.lstat('link');
  assert.ok(link?.kind === 'symlink');
  assert.equal(link.target, undefined);
  await assert.rejects(pack.stat('link'), refused);
  await assert.rejects(pack.readdir('link/in/it'), refused);
  await assert.rejects(fsOf(pack).readlink('/link'), { code: 'EIO', message: /field 200/ });
  pack.close();
});

test('a walk names an entry that is damaged, and goes on', async () => {
  /** @type {Record<string, string>} */
  const native = await testJson('hostile.json');
  const names = Object.keys(native).filter((name) => native[name]?.startsWith('entry Corrupt'));
  assert.ok(names.length > 10);
  for (const name of names) {
    const pack = await openPack(testFile(`hostile/${name}.pack`));
    let entries = 0;
    /** @type {Entry[]} */
    const damaged = [];
    for await (const entry of pack.walk()) {
      entries++;
      if (entry.unreadable !== undefined) damaged.push(entry);
    }
    assert.equal(entries, pack.info.entries, name);
    assert.ok(damaged.length > 0, name);
    for (const entry of damaged) {
      assert.equal(entry.unreadable?.code, 'ERR_CORRUPT');
      await assert.rejects(pack.attributes(entry), { code: 'ERR_CORRUPT' });
      if (entry.kind === 'file') await assert.rejects(pack.readFile(entry), { code: 'ERR_CORRUPT', name: 'PackError' });
    }
    pack.close();
  }
});

test('attributes are given out only when they are what they should be', async () => {
  const names = (await namesIn('hostile')).filter((name) => name.startsWith('attributes-'));
  /** @type {string[]} */
  const sound = [];
  for (const name of names) {
    const pack = await openPack(testFile(`hostile/${name}.pack`));
    try {
      for await (const entry of pack.walk()) await pack.attributes(entry);
      sound.push(name);
    } catch (error) {
      assert.ok(error instanceof PackError && error.code === 'ERR_CORRUPT', `${name}: ${error}`);
    }
    pack.close();
  }
  assert.deepEqual(sound, ['attributes-and-more', 'attributes-sound'].filter((name) => sound.includes(name)));
  assert.ok(sound.includes('attributes-sound'));
});

test('metadata is given out only when it is what it should be', async () => {
  for (const name of ['digest-wrong', 'not-json', 'of-numbers', 'too-long']) {
    const pack = await openPack(testFile(`hostile/metadata-${name}.pack`));
    await assert.rejects(pack.metadata(), { code: 'ERR_CORRUPT', name: 'PackError' }, name);
    pack.close();
  }
  const sound = await openPack(testFile('hostile/metadata-sound.pack'));
  assert.ok(Object.keys(await sound.metadata()).length > 0);
  sound.close();
});
