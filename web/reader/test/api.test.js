/** The calls: their options, what they give of many files, how packs are closed, where the WebAssembly comes from. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { crc32 } from 'node:zlib';
import { respond } from '../src/respond.js';
import { PackError, cacheStorageCache, folderCache, openPack } from '../src/node/index.js';
import { REPOSITORY, testFile } from './places.js';

/** @import { ReadManyResult } from '../types/index.d.ts' */

const KINDS = testFile('golden/all-kinds.pack');

describe('an option that nobody knows', () => {
  /** @type {any} */
  const wrong = { timout: 3 };
  const refused = { code: 'ERR_ARGUMENT', message: /there is no option `timout` here; there are .*signal/ };
  const named = { code: 'ERR_ARGUMENT', message: /`timout`/ };

  test('does not open a pack', async () => {
    await assert.rejects(openPack(KINDS, wrong), refused);
  });

  test('ends every call', async () => {
    const pack = await openPack(KINDS);
    const file = await pack.open('executable');
    const calls = [
      () => pack.metadata(wrong),
      () => pack.attributes('executable', wrong),
      () => pack.section('meta', wrong),
      () => pack.exists('executable', wrong),
      () => pack.stat('executable', wrong),
      () => pack.lstat('executable', wrong),
      () => pack.readdir('', wrong),
      () => pack.children('', wrong),
      () => pack.list('', wrong).next(),
      () => pack.walk('', wrong).next(),
      () => pack.open('executable', wrong),
      () => pack.readFile('executable', wrong),
      () => pack.readMany([], wrong).next(),
      () => file.bytes(wrong),
      () => file.arrayBuffer(wrong),
      () => file.text(wrong),
      () => file.json(wrong),
      async () => file.stream(wrong),
    ];
    for (const call of calls) await assert.rejects(call, refused, String(call));
    await assert.rejects(respond(pack, '', new Request('http://a.test/'), wrong), named);
    assert.throws(() => cacheStorageCache(wrong), named);
    assert.throws(() => folderCache('kept', wrong), named);
    pack.close();
  });
});

describe('many files', () => {
  /** @param {AsyncIterable<ReadManyResult>} results */
  async function told(results) {
    const lines = [];
    for await (const { path, bytes, error } of results) lines.push(`${path}: ${error?.code ?? new TextDecoder().decode(bytes)}`);
    return lines;
  }

  test('of a walk', async () => {
    const pack = await openPack(KINDS);
    const lines = await told(pack.readMany(pack.walk()));
    assert.ok(lines.includes('link: at the bottom') && lines.includes('nested/deep/file: at the bottom'));
    assert.equal(lines.length, pack.info.files);
    const dangling = lines.filter((line) => line.includes('ERR_'));
    assert.ok(dangling.includes('link to nowhere: ERR_NO_ENTRY'));
    for (const line of dangling) assert.match(line, /link.*: ERR_NO_ENTRY$/);
    pack.close();
  });

  test('what is wrong with one path is told for that one', async () => {
    const pack = await openPack(KINDS);
    const lines = await told(pack.readMany(['link', 'missing', 'nested', '../..\0', 'link to nowhere', 'nested/deep/file']));
    assert.deepEqual(lines, [
      'link: at the bottom',
      'missing: ERR_NO_ENTRY',
      'nested: ERR_NOT_A_FILE',
      '../..\0: ERR_BAD_PATH',
      'link to nowhere: ERR_NO_ENTRY',
      'nested/deep/file: at the bottom',
    ]);
    pack.close();
    await assert.rejects(told(pack.readMany(['link'])), { code: 'ERR_CLOSED' });
  });

  test('damage as well', async () => {
    const pack = await openPack(testFile('hostile/payload-digest-wrong.pack'));
    const lines = await told(pack.readMany(pack.walk()));
    assert.ok(lines.some((line) => line.endsWith(': ERR_CORRUPT')) && lines.length === pack.info.files);
    pack.close();
  });

  test('a dangling link says so', async () => {
    const pack = await openPack(KINDS);
    const dangling = { code: 'ERR_NO_ENTRY', message: /link to nowhere: it is a link to .*, which leads to nothing in the pack/s };
    await assert.rejects(pack.readFile('link to nowhere'), dangling);
    await assert.rejects(pack.readdir('link to nowhere'), dangling);
    const entry = await pack.lstat('link');
    assert.ok(entry !== undefined);
    assert.equal(new TextDecoder().decode(await pack.readFile(entry)), 'at the bottom');
    pack.close();
  });
});

describe('closing', () => {
  test('by what `using` calls', async () => {
    for (const symbol of [Symbol.dispose, Symbol.asyncDispose, Symbol.for('Symbol.dispose'), Symbol.for('Symbol.asyncDispose')]) {
      const pack = await openPack(KINDS);
      await Reflect.get(pack, symbol).call(pack);
      await assert.rejects(pack.stat('link'), { code: 'ERR_CLOSED' });
    }
  });

  test('is done for packs that nobody can read any more, without a warning', async () => {
    const script = `
      const { openPack } = await import(${JSON.stringify(new URL('../src/node/index.js', import.meta.url).href)});
      const { readdir, readlink } = await import('node:fs/promises');
      const isOpen = async () => {
        const links = (await readdir('/proc/self/fd')).map((fd) => readlink('/proc/self/fd/' + fd).catch(() => ''));
        return (await Promise.all(links)).includes(process.argv[1]);
      };
      let file = await (await openPack(process.argv[1])).open('executable');
      gc();
      await new Promise(setImmediate);
      console.log((await file.text()).length, await isOpen());
      file = undefined;
      while (await isOpen()) {
        gc();
        await new Promise(setImmediate);
      }
      console.log('closed');`;
    const args = ['--expose-gc', '--input-type=module', '--eval', script, KINDS];
    /** @type {{ out: string, err: string }} */
    const { out, err } = await new Promise((done) => execFile(process.execPath, args, (_, out, err) => done({ out, err })));
    assert.deepEqual({ out, err }, { out: '10 true\nclosed\n', err: '' });
  });

  test('is not done for an old container that somebody can read', async () => {
    // Two readers were tried for it, and the first is nobody's any more.
    const script = `
      const { openPack } = await import(${JSON.stringify(new URL('../src/node/index.js', import.meta.url).href)});
      const pack = await openPack(process.argv[1]);
      for (let round = 0; round < 20; round++) {
        gc();
        await new Promise(setImmediate);
      }
      let files = 0;
      for await (const { error } of pack.readMany(pack.walk())) {
        if (error) throw error;
        files++;
      }
      console.log(files > 0);`;
    const args = ['--expose-gc', '--input-type=module', '--eval', script, testFile('fixtures/seed-formats/plain.container')];
    /** @type {{ out: string, err: string }} */
    const { out, err } = await new Promise((done) => execFile(process.execPath, args, (_, out, err) => done({ out, err })));
    assert.deepEqual({ out, err }, { out: 'true\n', err: '' });
  });
});

describe('the WebAssembly', () => {
  const module = JSON.stringify(new URL('../src/node/index.js', import.meta.url).href);
  const there = pathToFileURL(`${REPOSITORY}web/reader/wasm/rangepack_bg.wasm`).href;

  /** @param {string} source an expression @returns {Promise<string>} what came of it, in a process of its own */
  function opened(source) {
    const script = `
      const { openPack, setWasm } = await import(${module});
      const { readFile } = await import('node:fs/promises');
      setWasm(() => ${source});
      console.log(await openPack(${JSON.stringify(KINDS)}).then(() => 'fine', ({ name, code, message }) => [name, code, message].join(' ')));`;
    const args = ['--input-type=module', '--eval', script];
    return new Promise((done) => execFile(process.execPath, args, (_, out, err) => done((out + err).trim())));
  }

  test('comes from whatever the types say', async () => {
    const url = `new URL('${there}')`;
    for (const source of [url, `readFile(${url})`, `readFile(${url}).then(WebAssembly.compile)`, `readFile(${url}).then((bytes) => bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))`]) {
      assert.equal(await opened(source), 'fine', source);
    }
    const answer = `readFile(${url}).then((bytes) => new Response(bytes, { headers: { 'Content-Type': 'application/wasm' } }))`;
    assert.equal(await opened(answer), 'fine');
  });

  test('that is not there, or none, is an error that says what to do', async () => {
    const sources = [`new URL('file:///nowhere.wasm')`, `new Response('', { status: 404 })`, 'new Uint8Array(5)', 'undefined', '(() => { throw new Error("no") })()'];
    for (const source of sources) assert.match(await opened(source), /^PackError ERR_WASM the WebAssembly .*setWasm.*rangepack\/inline/, source);
  });
});

test("an old container that may show another one's index says so", async () => {
  const inner = await readFile(testFile('fixtures/seed-formats/plain.container'));
  assert.equal((await openPack(inner)).info.misfit, false);
  const outer = Buffer.concat([Buffer.from('the payloads of a container whose index is lost'), inner]);
  const pack = await openPack(outer);
  assert.deepEqual([pack.info.format, pack.info.misfit], ['ctnrv1', true]);
  assert.equal((await openPack(KINDS)).info.misfit, false);
});

test('many earlier states of a pack are found by their digests', async () => {
  const { bytes, roots } = await generations(300);
  for (const root of [roots[0], roots[1], roots.at(-2), roots.at(-1)]) {
    const pack = await openPack(bytes, { root });
    assert.equal(pack.info.root, root);
    pack.close();
  }
  await assert.rejects(openPack(bytes, { root: '5'.repeat(64) }), { code: 'ERR_WRONG_PACK' });
});

/**
 * A pack to which nothing but root pages were appended, each naming the one before.
 *
 * @param {number} count
 */
async function generations(count) {
  const first = await readFile(testFile('golden/two-generations.pack'));
  const footer = first.subarray(-72);
  const [length, start] = [footer.readUInt32LE(4), Number(footer.readBigUInt64LE(8))];
  let page = Buffer.from(first.subarray(start, start + length));
  assert.equal(page[0], 0, 'the page is not masked');
  const record = page.indexOf('prev');
  const sha256 = (/** @type {Buffer} */ bytes) => createHash('sha256').update(bytes).digest();
  const pieces = [first];
  const roots = [sha256(page).toString('hex')];
  let [at, end] = [start, first.length];
  for (let i = 0; i < count; i++) {
    const next = Buffer.from(page);
    next.writeBigUInt64LE(BigInt(at), record + 8);
    next.writeBigUInt64LE(BigInt(length), record + 16);
    sha256(page).copy(next, record + 24);
    pieces.push(next);
    roots.push(sha256(next).toString('hex'));
    [page, at, end] = [next, end, end + length];
  }
  const last = Buffer.from(footer);
  last.writeBigUInt64LE(BigInt(at), 8);
  last.writeBigUInt64LE(BigInt(end + last.length), 16);
  sha256(page).copy(last, 24);
  last.writeUInt32LE(crc32(last.subarray(0, 60)), 60);
  return { bytes: Buffer.concat([...pieces, last]), roots };
}
