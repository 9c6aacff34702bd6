/**
 * Whatever goes wrong on the way: an error with the right code, never wrong bytes, and nothing left running.
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { folderCache, openPack } from '../src/node/index.js';
import { inTemporaryFolder, photo, photoPath, photos } from './packs.js';
import { testFile, testJson } from './places.js';
import { startRangeServer } from './range-server.js';

/** @import { OpenOptions, Pack } from '../types/index.d.ts' */
/** @import { Virtual } from './range-server.js' */

/** @type {import('./range-server.js').RangeServer} */
let server;
/** @type {Virtual} one with a level of pages */
let large;
before(async () => {
  server = await startRangeServer({});
  for (const name of ['stored-blocks', 'compressed', 'smallest', 'two-levels', 'deduplicated']) {
    server.files.set(`/${name}`, new Uint8Array(await readFile(testFile(`golden/${name}.pack`))));
  }
  large = await photos(10_000);
  server.files.set('/large', large);
});
after(() => server.close());
beforeEach(() => {
  server.log.length = 0;
});

// Every test has addresses of its own, so that the server counts anew.
let number = 0;
/** @param {string} path @param {OpenOptions} [options] */
function open(path, options) {
  return openPack(`${server.origin}${path}${path.includes('?') ? '&' : '?'}n=${number++}`, { retries: 1, ...options });
}

/** @param {Pack} pack every file of it @returns {Promise<Map<string, Uint8Array>>} */
async function everything(pack) {
  const all = new Map();
  for await (const entry of pack.walk()) if (entry.kind === 'file') all.set(entry.path, await pack.readFile(entry));
  return all;
}

const PATH = photoPath(5, 5_500);
const CONTENT = photo(5_500);

/** A server whose answers wait until the test lets them go. */
async function held() {
  /** @type {(() => void)[]} */
  const waiting = [];
  let hold = false;
  /** @type {() => void} */
  let arrived = () => {};
  const aborted = { count: 0 };
  return {
    aborted,
    /** From now on requests wait. */
    hold: () => void (hold = true),
    release() {
      hold = false;
      for (const go of waiting.splice(0)) go();
    },
    /** @returns {Promise<void>} when the next request waits */
    next: () => new Promise((resolve) => (arrived = resolve)),
    get waiting() {
      return waiting.length;
    },
    /** @param {string | URL | Request} input @param {RequestInit} [init] */
    async fetch(input, init) {
      if (hold) {
        const signal = /** @type {AbortSignal} */ (init?.signal);
        await new Promise((resolve, reject) => {
          waiting.push(() => resolve(undefined));
          signal.addEventListener('abort', () => {
            aborted.count++;
            reject(signal.reason);
          });
          arrived();
        });
      }
      return fetch(input, init);
    },
  };
}

describe('a pack that is replaced while it is read', () => {
  for (const [name, path] of [['stored-blocks', 'large'], ['compressed', 'large'], ['large', PATH]]) {
    for (const after of [1, 2]) {
      for (const sign of ['', '&etag=no', '&etag=no&modified=no']) {
        test(`${name}, after ${after} requests${sign}`, async () => {
          const pack = await open(`/${name}?change=${after}${sign}`);
          const wanted = await (await openPack(`${server.origin}/${name}`)).readFile(path ?? '');
          let found;
          try {
            found = await pack.readFile(path ?? '');
          } catch (error) {
            const { code } = /** @type {{ code: string }} */ (error);
            assert.ok(code === 'ERR_CHANGED' || (sign.includes('modified') && code === 'ERR_CORRUPT'), code);
            return;
          }
          // What was read before it was replaced is still right.
          assert.deepEqual(found, wanted);
        });
      }
    }
  }

  test('by a longer one', async () => {
    const url = `${server.origin}/growing`;
    const bytes = /** @type {Uint8Array} */ (server.files.get('/stored-blocks'));
    server.files.set('/growing', bytes);
    const pack = await openPack(`${url}?etag=no&modified=no`, { retries: 0 });
    server.files.set('/growing', new Uint8Array([...bytes, 0]));
    await assert.rejects(pack.readFile('large'), { code: 'ERR_CHANGED' });
  });
});

describe('a server without ranges', () => {
  test('gives a small pack as a whole', async () => {
    const pack = await open('/compressed?ranges=no');
    assert.equal((await everything(pack)).size, 4);
    assert.equal(server.log.length, 1);
  });
  test('cannot give a large one', async () => {
    await assert.rejects(open('/large?ranges=no'), { code: 'ERR_RANGE_IGNORED' });
    const sent = server.log.reduce((sum, { bytes }) => sum + bytes, 0);
    assert.ok(sent < large.size / 2, 'the file is not fetched in vain');
  });
  test('that compresses everything is told so', async () => {
    await assert.rejects(open('/stored-blocks?gzip=1'), { code: 'ERR_CONTENT_ENCODING' });
  });
});

describe('a flipped byte', () => {
  /** @param {string} name @param {number} at @param {string} path */
  async function flipped(name, at, path) {
    const bytes = new Uint8Array(await readFile(testFile(`golden/${name}.pack`)));
    const index = at < 0 ? bytes.length + at : at;
    bytes[index] = (bytes[index] ?? 0) ^ 1;
    server.files.set('/flipped', bytes);
    const pack = await open('/flipped');
    return { pack, reading: pack.readFile(path) };
  }

  test('in a payload names the file', async () => {
    const { reading } = await flipped('smallest', 3, 'hello');
    await assert.rejects(reading, { code: 'ERR_CORRUPT', message: /hello: .*offset 0/ });
  });

  test('in one block leaves the others', async () => {
    const { pack, reading } = await flipped('stored-blocks', 10, 'large');
    await assert.rejects(reading, { code: 'ERR_CORRUPT', message: /large: / });
    const file = await pack.open('large');
    await assert.rejects(file.slice(0, 5).bytes(), { code: 'ERR_CORRUPT', message: /large: / });
    assert.equal((await file.slice(-50).bytes()).length, 50);
    const reader = file.stream().getReader();
    await assert.rejects(reader.read(), { code: 'ERR_CORRUPT', message: /large: / });
  });

  test('in a compressed block', async () => {
    const { blocks, offset } = (await (await open('/compressed')).open('large')).entry;
    assert.ok(blocks !== undefined);
    const { pack, reading } = await flipped('compressed', (offset ?? 0) + 100, 'large');
    await assert.rejects(reading, { code: 'ERR_CORRUPT', message: /large: / });
    await assert.rejects((await pack.open('large')).slice(1, 5).bytes(), { code: 'ERR_CORRUPT', message: /large: / });
  });

  test('anywhere gives an error or the right answer', async () => {
    const good = new Uint8Array(await readFile(testFile('golden/smallest.pack')));
    const wanted = await everything(await openPack(good));
    for (let at = 0; at < good.length; at++) {
      const bytes = good.slice();
      bytes[at] = (bytes[at] ?? 0) ^ 0x80;
      let found;
      try {
        found = await everything(await openPack(bytes));
      } catch (error) {
        assert.equal(/** @type {Error} */ (error).name, 'PackError', `byte ${at}: ${error}`);
        continue;
      }
      assert.deepEqual(found, wanted, `byte ${at}`);
    }
  });

  test('in a page of the index', async () => {
    const position = large.size - 300_000;
    /** @type {Virtual} */
    const damaged = {
      size: large.size,
      read(offset, length) {
        const bytes = large.read(offset, length).slice();
        const at = position - offset;
        if (at >= 0 && at < length) bytes[at] = (bytes[at] ?? 0) ^ 1;
        return bytes;
      },
    };
    server.files.set('/damaged', damaged);
    const pack = await open('/damaged');
    await assert.rejects(
      async () => {
        for await (const _ of pack.walk());
      },
      { code: 'ERR_CORRUPT', message: /page|index/ },
    );
    pack.close();
  });
});

test('another pack than the one that `root` names is refused', async () => {
  const { root_sha256: root } = await testJson('golden/smallest.json');
  const pack = await open('/smallest', { root });
  assert.equal(pack.info.root, root);
  await assert.rejects(open('/deduplicated', { root }), { code: 'ERR_WRONG_PACK' });
  await assert.rejects(openPack(testFile('golden/ndjson-only.pack'), { root }), { code: 'ERR_WRONG_PACK' });
});

describe('an abort ends at once', () => {
  /** @param {(options: OpenOptions, gate: Awaited<ReturnType<typeof held>>) => Promise<unknown>} work */
  async function aborts(work) {
    const gate = await held();
    const abort = new AbortController();
    const reason = new Error('enough');
    const arrived = gate.next();
    const working = work({ signal: abort.signal, fetch: gate.fetch }, gate);
    working.catch(() => {});
    await arrived;
    abort.abort(reason);
    await assert.rejects(working, reason);
    assert.equal(gate.aborted.count, gate.waiting, 'no request goes on');
  }
  const ready = (/** @type {Awaited<ReturnType<typeof held>>} */ gate) => open('/large', { fetch: gate.fetch }).finally(gate.hold);

  test('opening', () =>
    aborts(async (options, gate) => {
      gate.hold();
      return open('/large', options);
    }));
  test('reading a file', () =>
    aborts(async ({ signal }, gate) => (await ready(gate)).readFile(PATH, { signal })));
  test('reading many', () =>
    aborts(async ({ signal }, gate) => {
      const paths = Array.from({ length: 500 }, (_, i) => photoPath(3, 3_000 + i));
      for await (const _ of (await ready(gate)).readMany(paths, { signal }));
    }));
  test('a stream', () =>
    aborts(async ({ signal }, gate) => {
      const pack = await open('/compressed', { fetch: gate.fetch });
      const file = await pack.open('large');
      gate.hold();
      await file.stream({ signal }).getReader().read();
    }));
  test('a walk', () =>
    aborts(async ({ signal }, gate) => {
      for await (const _ of (await ready(gate)).walk('', { signal }));
    }));

  test('and the pack goes on working', async () => {
    const gate = await held();
    const pack = await ready(gate);
    const abort = new AbortController();
    const arrived = gate.next();
    const reading = pack.readFile(PATH, { signal: abort.signal });
    const other = pack.readFile(PATH);
    await arrived;
    abort.abort();
    await assert.rejects(reading, { name: 'AbortError' });
    gate.release();
    assert.deepEqual(await other, CONTENT);
  });

  test('cancelling a stream ends its requests', async () => {
    const gate = await held();
    const pack = await open('/compressed', { fetch: gate.fetch });
    const file = await pack.open('large');
    gate.hold();
    const arrived = gate.next();
    const stream = file.stream().getReader();
    const reading = stream.read();
    await arrived;
    await stream.cancel();
    assert.equal((await reading).done, true);
    assert.equal(gate.aborted.count, gate.waiting);
  });
});

test('closing ends everything, and later calls are refused', async () => {
  const gate = await held();
  const pack = await open('/large', { fetch: gate.fetch });
  const file = await pack.open(PATH);
  gate.hold();
  const arrived = gate.next();
  const walk = pack.walk();
  const work = [
    pack.readFile(photoPath(7, 7_001)),
    file.bytes(),
    file.stream().getReader().read(),
    pack.readdir('train/n01440764'),
    walk.next(),
  ];
  for (const promise of work) promise.catch(() => {});
  await arrived;
  pack.close();
  for (const promise of work) await assert.rejects(promise, { code: 'ERR_CLOSED' });
  assert.equal(gate.aborted.count, gate.waiting, 'no request goes on');
  await assert.rejects(pack.stat(photoPath(0, 0)), { code: 'ERR_CLOSED' });
  await assert.rejects(file.bytes(), { code: 'ERR_CLOSED' });
  await assert.rejects(pack.readdir(''), { code: 'ERR_CLOSED' });
  pack.close();
});

test('a folder makes the second visit cheap, and heals when it is damaged', async () => {
  await inTemporaryFolder(async (folder) => {
    const visit = async () => {
      server.log.length = 0;
      const { get, put } = folderCache(folder);
      /** @type {Promise<void>[]} the reader does not wait for them */
      const puts = [];
      const cache = {
        get,
        put(/** @type {string} */ key, /** @type {Uint8Array} */ bytes) {
          const putting = put(key, bytes);
          puts.push(putting);
          return putting;
        },
      };
      const pack = await open('/large', { cache });
      assert.deepEqual(await pack.readFile(PATH), CONTENT);
      pack.close();
      await Promise.all(puts);
      return server.log.length;
    };
    assert.equal(await visit(), 3);
    assert.equal(await visit(), 1);
    for (const damage of [(/** @type {Buffer} */ b) => b.map((byte) => byte ^ 1), (/** @type {Buffer} */ b) => b.subarray(1)]) {
      for (const name of await readdir(folder)) {
        await writeFile(join(folder, name), damage(await readFile(join(folder, name))));
      }
      assert.equal(await visit(), 3);
      assert.equal(await visit(), 1);
    }
  });
});

test('a damaged page that several calls take from a cache at once harms none of them', async () => {
  /** @type {Map<string, Uint8Array>} */
  const kept = new Map();
  const cache = {
    get: async (/** @type {string} */ key) => kept.get(key),
    put: async (/** @type {string} */ key, /** @type {Uint8Array} */ bytes) => void kept.set(key, bytes.slice()),
  };
  const numbers = [0, 1, 2, 300, 301, 600, 999].map((number) => 5_000 + number);
  const visit = async () => {
    const pack = await open('/large', { cache });
    const contents = await Promise.all(numbers.map((number) => pack.readFile(photoPath(5, number))));
    assert.deepEqual(contents, numbers.map(photo));
    pack.close();
  };
  await visit();
  const sound = new Map(kept);
  for (const [key, bytes] of kept) kept.set(key, bytes.map((byte) => byte ^ 1));
  await visit();
  assert.deepEqual(kept, sound);
});

test('a page that came damaged is fetched once more, and only whole ones are kept', async () => {
  /** @type {Map<string, Uint8Array>} */
  const kept = new Map();
  const cache = {
    get: async (/** @type {string} */ key) => kept.get(key),
    put: async (/** @type {string} */ key, /** @type {Uint8Array} */ bytes) => void kept.set(key, bytes),
  };
  let left = 0;
  /** @type {Virtual} */
  const damaged = {
    size: large.size,
    read(offset, length) {
      const bytes = large.read(offset, length).slice();
      if (left > 0 && length >= 32_768 && left-- > 0) bytes[length - 1] = (bytes[length - 1] ?? 0) ^ 1;
      return bytes;
    },
  };
  server.files.set('/damaged-once', damaged);
  const pack = await open('/damaged-once', { cache });
  left = 1;
  // Several calls want the page; one of them brings it once more.
  const found = await Promise.all([0, 1, 2].map((number) => pack.readFile(photoPath(5, 5_500 + number))));
  assert.deepEqual(found, [0, 1, 2].map((number) => photo(5_500 + number)));
  assert.equal(left, 0);
  const sound = new Map(kept);
  const second = await open('/damaged-once', { cache });
  assert.deepEqual(await second.readFile(PATH), CONTENT);
  assert.deepEqual(kept, sound);
  // One that stays damaged is no page, but one that is mended later is.
  kept.clear();
  const third = await open('/damaged-once', { cache });
  left = Infinity;
  await assert.rejects(third.readFile(PATH), { code: 'ERR_CORRUPT' });
  left = 0;
  assert.deepEqual(await third.readFile(PATH), CONTENT);
  for (const each of [pack, second, third]) each.close();
});

test('what is kept is not what the caller was given', async () => {
  /** @type {Map<string, Uint8Array>} */
  const kept = new Map();
  const cache = {
    get: async (/** @type {string} */ key) => kept.get(key),
    put: async (/** @type {string} */ key, /** @type {Uint8Array} */ bytes) => void kept.set(key, bytes),
  };
  const pack = await open('/large', { cache });
  (await pack.readFile(PATH)).fill(0);
  assert.ok([...kept.values()].some((bytes) => Buffer.from(CONTENT).equals(bytes)));
  pack.close();
});

test('a server that drips is left', async () => {
  let byte = 0;
  /** @type {typeof fetch} */
  const dripping = async () => {
    const body = new ReadableStream({
      async pull(controller) {
        await new Promise((done) => setTimeout(done, 5));
        controller.enqueue(Uint8Array.of(byte++));
      },
    });
    return new Response(body, { status: 206, headers: { 'content-range': 'bytes 897600-999999/1000000' } });
  };
  // However fast this machine is; and one that is busy may let nothing through for so long.
  const opening = openPack('https://drips.example/a.pack', { fetch: dripping, retries: 0, timeout: 100, leastSpeed: Infinity });
  await assert.rejects(opening, { code: 'ERR_TIMEOUT' });
});
