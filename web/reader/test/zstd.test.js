/** Packs that are compressed with zstd, with dictionaries and without. */

import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { PackError, openPack, setWasm } from '../src/node/index.js';
import { inlined } from '../src/inline.js';
import { respond } from '../src/respond.js';
import { startChromium } from './chromium.js';
import { inTemporaryFolder, rangepack } from './packs.js';
import { startRangeServer } from './range-server.js';
import { fileURLToPath } from 'node:url';

/** @import { FileEntry } from '../types/index.d.ts' */

const RECORDS = 1200;
const record = (/** @type {number} */ number) =>
  JSON.stringify({ id: number, kind: 'record', owner: { name: `user ${number % 7}`, active: number % 2 === 0 }, tags: ['alpha', 'beta', number * 31], checked: '2026-11-27', by: `reviewer ${number % 5}` });
const recordPath = (/** @type {number} */ number) => `records/${String(number).padStart(4, '0')}.json`;
const LARGE = Array.from({ length: 60_000 }, (_, line) => `line ${line * 7919} of a large file\n`).join('');
const SMALL = 'a small file of its kind '.repeat(40);
/** A frame that states a window of 16 MiB, and holds one raw block of three bytes. */
const WIDE = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x80, 14 << 3, 3, 0, 0, 0, (3 << 3) | 1, 0, 0, 0x61, 0x62, 0x63]);

/** Modules that were asked for. @type {string[]} */
const loaded = [];
/** @type {import('./range-server.js').RangeServer} */
let server;
/** @type {Record<'learnt' | 'plain' | 'stored', Uint8Array>} */
let packs;

before(async () => {
  packs = await inTemporaryFolder(async (folder) => {
    const tree = join(folder, 'tree');
    await mkdir(join(tree, 'records'), { recursive: true });
    for (let number = 0; number < RECORDS; number++) await writeFile(join(tree, recordPath(number)), record(number));
    await writeFile(join(tree, 'large.txt'), LARGE);
    await writeFile(join(tree, 'small.css'), SMALL);
    await writeFile(join(tree, 'wide.bin'), WIDE);
    const pack = async (/** @type {string[]} */ ...options) => {
      await rangepack(['pack', '--quiet', ...options, tree, join(folder, 'a.pack'), '--force']);
      return readFile(join(folder, 'a.pack'));
    };
    return { learnt: await pack('--compress=zstd', '--dict=4k'), plain: await pack('--compress=zstd', '--dict=none'), stored: await pack() };
  });
  server = await startRangeServer({ files: Object.fromEntries(Object.entries(packs).map(([name, bytes]) => [`/${name}.pack`, bytes])) });
  setWasm((which) => {
    loaded.push(which);
    return inlined(which);
  });
});
after(() => server?.close());
beforeEach(() => void (server.log.length = 0));

const text = (/** @type {Uint8Array | undefined} */ bytes) => new TextDecoder().decode(bytes);
const open = (/** @type {keyof typeof packs} */ name, options = {}) => openPack(`${server.origin}/${name}.pack`, options);
const isCode = (/** @type {string} */ code, /** @type {RegExp} */ message = /./) => (/** @type {unknown} */ error) => {
  assert.ok(error instanceof PackError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  return true;
};

/** @param {Awaited<ReturnType<typeof open>>} pack @param {string} path @returns {Promise<FileEntry>} */
async function file(pack, path) {
  const entry = await pack.stat(path);
  assert.ok(entry?.kind === 'file');
  return entry;
}

/** @param {Uint8Array} pack @param {FileEntry} [entry] a copy in which what this one needs, or else the first dictionary, is damaged */
async function damaged(pack, entry) {
  const copy = Uint8Array.from(pack);
  const opened = await openPack(pack);
  const list = opened.info.sections.find(({ tag }) => tag === 'dict');
  assert.ok(list !== undefined);
  const at = Number(new DataView(copy.buffer).getBigUint64(list.offset + 8, true));
  copy[entry?.offset ?? at + 100] = (copy[entry?.offset ?? at + 100] ?? 0) ^ 1;
  return copy;
}

// The first test: nothing was read before.
test('the module comes with the first file that needs it', async () => {
  const pack = await open('learnt');
  const entry = await file(pack, recordPath(7));
  assert.deepEqual([entry.codec, entry.dictionary], ['zstd', 1]);
  assert.deepEqual(loaded, ['packs']);
  assert.equal(await pack.text(recordPath(7)), record(7));
  assert.equal(await pack.text(recordPath(8)), record(8));
  assert.deepEqual(loaded, ['packs', 'zstd']);
});

test('small files, with a dictionary and without', async () => {
  for (const name of /** @type {const} */ (['learnt', 'plain'])) {
    const pack = await open(name);
    assert.equal((await file(pack, recordPath(3))).dictionary, name === 'learnt' ? 1 : undefined);
    assert.equal(await pack.text(recordPath(3)), record(3));
    assert.equal(await pack.text('small.css'), SMALL);
    assert.equal(await (await pack.open(recordPath(4))).slice(2, 12).text(), record(4).slice(2, 12));
  }
});

test('a dictionary is brought once, whoever needs it', async () => {
  const pack = await openPack({ size: packs.learnt.length, read: async (/** @type {number} */ offset, /** @type {number} */ length) => packs.learnt.slice(offset, offset + length) });
  const before = pack.metrics.requests;
  const all = await Promise.all(Array.from({ length: 50 }, (_, number) => pack.text(recordPath(number))));
  assert.deepEqual(all, all.map((_, number) => record(number)));
  const cost = pack.metrics.requests - before;
  assert.ok(cost <= 4, `${cost} requests`);
  await pack.text(recordPath(200));
  assert.ok(pack.metrics.requests - before - cost <= 1, 'a payload at most');
});

test('readMany gives all of them, each in a buffer of its own', async () => {
  const pack = await open('learnt');
  let count = 0;
  for await (const { path, bytes, error } of pack.readMany(pack.walk())) {
    assert.equal(error, undefined, path);
    if (path.startsWith('records/')) assert.equal(text(bytes), record(Number(path.slice(8, 12))));
    assert.equal(bytes?.buffer.byteLength, bytes?.length);
    count++;
  }
  assert.equal(count, RECORDS + 3);
});

describe('a large file', () => {
  test('as a whole', async () => {
    const pack = await open('learnt');
    assert.ok((await file(pack, 'large.txt')).blocks !== undefined);
    assert.equal(await pack.text('large.txt'), LARGE);
  });

  test('any range of it, by its blocks', async () => {
    const pack = await open('plain');
    const large = await pack.open('large.txt');
    const { bytes } = pack.metrics;
    for (const [start, end] of [[0, 1], [262_140, 262_150], [300_000, 900_000], [large.size - 5, large.size], [5, 5]]) {
      assert.equal(await large.slice(start, end).text(), LARGE.slice(start, end));
    }
    assert.ok(pack.metrics.bytes - bytes < large.entry.storedSize * 2);
  });

  test('piece by piece', async () => {
    const pack = await open('learnt');
    let all = '';
    for await (const piece of (await pack.open('large.txt')).stream()) all += text(piece);
    assert.equal(all, LARGE);
  });

  test('a signal ends it', async () => {
    const pack = await open('learnt');
    const entry = await file(pack, 'large.txt');
    const release = server.hold();
    const abort = new AbortController();
    const reading = pack.readFile(entry, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await assert.rejects(reading, /enough/);
    release();
  });
});

test('who gives up does not take the dictionary from others', async () => {
  const pack = await open('learnt');
  const entries = await Promise.all([1, 2].map((number) => file(pack, recordPath(number))));
  const release = server.hold();
  const abort = new AbortController();
  const [first, second] = entries.map((entry, at) => pack.text(entry, at === 0 ? { signal: abort.signal } : {}));
  abort.abort(new Error('enough'));
  await assert.rejects(/** @type {Promise<string>} */ (first), /enough/);
  release();
  assert.equal(await second, record(2));
});

test('as an answer to requests', async () => {
  const pack = await open('learnt');
  const whole = await respond(pack, recordPath(5), new Request('https://site.example/'));
  assert.equal(await whole.text(), record(5));
  const part = await respond(pack, 'large.txt', new Request('https://site.example/', { headers: { Range: 'bytes=400000-400099' } }));
  assert.deepEqual([part.status, await part.text()], [206, LARGE.slice(400_000, 400_100)]);
});

test('a cache keeps dictionaries by their digests, and what it gives is verified', async () => {
  /** @type {Map<string, Uint8Array>} */
  const kept = new Map();
  const cache = { get: async (/** @type {string} */ key) => kept.get(key), put: async (/** @type {string} */ key, /** @type {Uint8Array} */ bytes) => void kept.set(key, bytes) };
  const read = async () => (await open('learnt', { cache })).text(recordPath(9));
  assert.equal(await read(), record(9));
  server.log.length = 0;
  assert.equal(await read(), record(9));
  assert.equal(server.log.length, 1, 'the end of the pack');
  for (const [key, bytes] of kept) kept.set(key, bytes.map((byte) => byte ^ 1));
  assert.equal(await read(), record(9));
});

describe('what is wrong is told', () => {
  test('a damaged dictionary', async () => {
    // Another one than those that are ready: these were compared.
    const fresh = await inTemporaryFolder(async (folder) => {
      await mkdir(join(folder, 'tree'));
      for (let number = 0; number < 1000; number++) await writeFile(join(folder, 'tree', `${number}.json`), `{"other": ${record(number * 17)}}`);
      await rangepack(['pack', '--quiet', '--compress=zstd', '--dict=4k', join(folder, 'tree'), join(folder, 'a.pack')]);
      return readFile(join(folder, 'a.pack'));
    });
    const pack = await openPack(await damaged(fresh));
    await assert.rejects(pack.text('7.json'), isCode('ERR_CORRUPT', /dictionary 1: the bytes at offset \d+ do not have their digest/));
    let errors = 0;
    for await (const { error } of pack.readMany(['7.json', '8.json'])) errors += Number(error?.code === 'ERR_CORRUPT');
    assert.equal(errors, 2);
    assert.equal(await (await openPack(fresh)).text('7.json'), `{"other": ${record(119)}}`);
  });

  test('a damaged payload', async () => {
    const entry = await file(await open('learnt'), recordPath(7));
    const pack = await openPack(await damaged(packs.learnt, entry));
    await assert.rejects(pack.text(recordPath(7)), isCode('ERR_CORRUPT', /records\/0007\.json: the stored bytes/));
  });

  test('entries that lie', async () => {
    const pack = await open('learnt');
    const entry = await file(pack, recordPath(7));
    const { dictionary: _, ...bare } = entry;
    /** @type {[Partial<FileEntry>, RegExp][]} */
    const lies = [
      [{ dictionary: 99 }, /list of dictionaries/],
      [{ size: entry.size + 1 }, new RegExp(`0007.json: .*${entry.size}`)],
      [{ storedSize: entry.storedSize + 1 }, /1 bytes follow the last Zstandard frame/],
      [{ storedSize: entry.storedSize - 1 }, /Zstandard frame is cut off/],
      [{ size: 2 ** 23 }, /content size|cannot hold|bytes/],
    ];
    for (const [lie, message] of lies) {
      const told = { ...entry, ...lie, ...('storedSize' in lie ? { sha256: undefined } : {}) };
      await assert.rejects(pack.readFile(/** @type {FileEntry} */ (told)), isCode('ERR_CORRUPT', message), JSON.stringify(lie));
    }
    await assert.rejects(pack.readFile(bare), isCode('ERR_CORRUPT', /made with another dictionary/));
    const large = await file(pack, 'large.txt');
    const cut = { ...large, size: large.size - 1, sha256: large.sha256 };
    await assert.rejects(pack.readFile(/** @type {FileEntry} */ (cut)), isCode('ERR_CORRUPT'));
    await assert.rejects(pack.readFile({ ...large, size: 2 ** 31, storedSize: 2 ** 22 }), isCode('ERR_LIMIT', /1073741824/));
    assert.equal(await pack.text(recordPath(7)), record(7));
  });

  test('frames that the format does not allow', async () => {
    const pack = await open('stored');
    const { originalSha256: _, ...entry } = await file(pack, 'wide.bin');
    await assert.rejects(pack.readFile({ ...entry, codec: 'zstd', size: 3 }), isCode('ERR_CORRUPT', /wide\.bin: .*`window size`.*16777216/));
    const small = await file(pack, 'small.css');
    await assert.rejects(pack.readFile({ ...small, codec: 'zstd' }), isCode('ERR_CORRUPT', /`magic`/));
  });
});

test('a page fetches the module when it needs it', async () => {
  const root = fileURLToPath(new URL('../', import.meta.url));
  const browser = await startChromium();
  const site = await startRangeServer({ folder: root, files: server.files instanceof Map ? Object.fromEntries(server.files) : {} });
  try {
    const page = await browser.newPage();
    await page.goto(`${site.origin}/README.md`);
    const asked = () => site.log.filter(({ path }) => path.endsWith('.wasm')).map(({ path }) => path.replace(/.*\//, ''));
    await page.evaluate(async () => {
      const { openPack } = await import(/** @type {string} */ ('/src/index.js'));
      Object.assign(globalThis, { pack: await openPack('/learnt.pack') });
    });
    assert.deepEqual(asked(), ['rangepack_bg.wasm']);
    const read = await page.evaluate(async (path) => /** @type {any} */ (globalThis).pack.text(path), recordPath(11));
    assert.equal(read, record(11));
    assert.deepEqual(asked(), ['rangepack_bg.wasm', 'rangepack-zstd_bg.wasm']);
  } finally {
    await browser.close();
    await site.close();
  }
});
