import { openAsBlob } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPack } from '../src/node/index.js';
import { OLD, checkGolden, checkOld } from './expectations.js';
import { REPOSITORY, goldenNames, testFile, testJson } from './places.js';
import { startRangeServer } from './range-server.js';

/** @import { Place } from './expectations.js' */
/** @import { PackInput } from '../types/index.d.ts' */

/** @type {import('./range-server.js').RangeServer} */
let server;
before(async () => {
  server = await startRangeServer({ folder: REPOSITORY });
});
after(() => server.close());

const names = await goldenNames();
assert.ok(names.length >= 13);

/** @param {(file: string) => PackInput} input @returns {Place} */
function place(input) {
  return { open: (file, options) => openPack(input(file), options), input, json: testJson };
}

const places = {
  'over HTTP': () => place((file) => `${server.origin}/tests/${file}`),
  'over HTTP without ranges': () => place((file) => `${server.origin}/tests/${file}?ranges=no`),
  'over HTTP without suffix ranges': () => place((file) => new URL(`${server.origin}/tests/${file}?suffix=no`)),
  'from files': () => place(testFile),
};

for (const [what, make] of Object.entries(places)) {
  describe(what, () => {
    for (const name of names) test(`golden: ${name}`, () => checkGolden(make(), name));
    for (const name of OLD) test(`old: ${name}`, () => checkOld(make(), name));
  });
}

describe('from', () => {
  /** @param {(path: string) => Promise<any>} load @param {string} name */
  async function check(load, name) {
    const file = `golden/${name}.pack`;
    const input = await load(testFile(file));
    await checkGolden({ ...place(testFile), open: (_, options) => openPack(input, options) }, name);
  }
  test('bytes', async () => {
    for (const name of ['all-kinds', 'compressed', 'ndjson-only']) await check((path) => readFile(path), name);
  });
  test('a Blob', async () => {
    for (const name of ['all-kinds', 'compressed', 'two-levels']) await check((path) => openAsBlob(path), name);
  });
  test('an open file, which stays open', async () => {
    const handle = await open(testFile('golden/compressed.pack'));
    await check(async () => handle, 'compressed');
    assert.ok((await handle.stat()).size > 0);
    await handle.close();
  });
  test('an object that reads', async () => {
    const bytes = new Uint8Array(await readFile(testFile('golden/deduplicated.pack')));
    const source = {
      size: async () => bytes.length,
      read: async (/** @type {number} */ at, /** @type {number} */ length) => bytes.slice(at, at + length),
    };
    await check(async () => source, 'deduplicated');
  });
});

test('a container whose index lies beside it says so when the index is not given', async () => {
  const path = testFile('fixtures/seed-formats/unfinalized.container');
  await assert.rejects(openPack(path), { code: 'ERR_NOT_A_PACK', message: /index/ });
});

test('a sidecar finds its volume beside it, or where it is said to be', async () => {
  const index = await readFile(testFile('golden/sidecar.pack.rpx'));
  const alone = await openPack(index);
  await assert.rejects(alone.readFile('a'), { code: 'ERR_NO_VOLUME', message: /volumes: { '': … }/ });
  const both = await openPack(index, { volumes: { '': testFile('golden/sidecar.pack') } });
  assert.equal(new TextDecoder().decode(await both.readFile('b/a')), 'the same content');
  assert.equal((await openPack(testFile('golden/sidecar.pack'))).info.format, 'ctnrv1');
  // Over HTTP the query of the address goes along.
  server.log.length = 0;
  const remote = await openPack(`${server.origin}/tests/golden/sidecar.pack.rpx?suffix=no`);
  assert.equal(server.log.filter(({ path }) => path.includes('.pack?')).length, 0);
  assert.equal(new TextDecoder().decode(await remote.readFile('b/a')), 'the same content');
  assert.equal(server.log.filter(({ path }) => path.includes('.pack?')).length, 1);
});

test('a volume of another length than the pack states is refused', async () => {
  const index = await readFile(testFile('golden/sidecar.pack.rpx'));
  const volume = await readFile(testFile('golden/sidecar.pack'));
  const longer = await openPack(index, { volumes: { '': Buffer.concat([volume, Buffer.from('.')]) } });
  await assert.rejects(longer.readFile('b/a'), { code: 'ERR_CORRUPT', message: /1370 bytes, but memory has 1371/ });
  server.files.set('/other/sidecar.pack', { size: volume.length + 1, read: (at, length) => new Uint8Array(length) });
  server.files.set('/other/sidecar.pack.rpx', { size: index.length, read: (at, length) => index.subarray(at, at + length) });
  const remote = await openPack(`${server.origin}/other/sidecar.pack.rpx`);
  await assert.rejects(remote.readFile('b/a'), { code: 'ERR_CORRUPT', message: /1370 bytes, but .* has 1371/ });
});
