/** What callers give: whatever is wrong with it is said before anything is done, by its name, in one way. */

import assert from 'node:assert/strict';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { respond } from '../src/respond.js';
import { mount } from '../src/mount.js';
import { openPack as openWeb } from '../src/index.js';
import { PackError, cacheStorageCache, folderCache, openPack, setWasm } from '../src/node/index.js';
import { container, inTemporaryFolder } from './packs.js';
import { testFile } from './places.js';
import { startRangeServer } from './range-server.js';

/** @import { Pack } from '../types/index.d.ts' */

const KINDS = testFile('golden/all-kinds.pack');
const CODE = 'ERR_ARGUMENT';

/** @type {import('./range-server.js').RangeServer} */
let server;
/** @type {Pack} */
let pack;
before(async () => {
  server = await startRangeServer({ files: { '/a.pack': await readFile(KINDS) } });
  pack = await openPack(KINDS);
});
after(async () => {
  pack.close();
  await server.close();
});

/** Values of every sort; those that an option takes are not tried with it. @type {any[]} */
const ANYTHING = [null, true, 5, -1, NaN, 0.5, Infinity, 3n, '5', 'x', '', [], {}, () => {}, Symbol.iterator, new Date(0)];

/** @type {{ [option: string]: (value: any) => boolean }} what `openPack` takes of these */
const TAKEN = {
  signal: () => false,
  root: () => false,
  headers: (value) => Array.isArray(value) || Object.getPrototypeOf(Object(value)) === Object.prototype || value instanceof Date,
  fetch: (value) => typeof value === 'function',
  credentials: () => false,
  cacheBytes: (value) => value === 5,
  concurrency: (value) => value === 5,
  retries: (value) => value === 5,
  retryDelay: (value) => [5, 0.5, Infinity].includes(value),
  timeout: (value) => [5, 0.5, Infinity].includes(value),
  leastSpeed: (value) => [5, 0.5, Infinity].includes(value),
  size: (value) => value === 5,
  wholeLimit: (value) => value === 5,
  index: (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
  volumes: (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
  cache: () => false,
  onProgress: (value) => typeof value === 'function',
};

test('what is no address of a pack is refused, in browsers and in Node', async () => {
  for (const input of ['http://', 'http:', 'http://[', 'ftp://a/b', 'file://host/x', new URL('javascript:1'), new URL('file://host/x')]) {
    for (const ask of [openPack, openWeb]) await assert.rejects(ask(input), { name: 'PackError', code: CODE }, String(input));
  }
  for (const input of ['javascript:alert(1)', 'data:text/plain,x', '', 'blob:x']) await assert.rejects(openWeb(input), { code: CODE }, input);
});

describe('an option that is something else than it must be', () => {
  for (const [name, takes] of Object.entries(TAKEN)) {
    test(`${name}, of a path and of an address`, async () => {
      for (const value of ANYTHING.filter((value) => !takes(value))) {
        for (const input of [KINDS, `${server.origin}/a.pack`]) {
          server.log.length = 0;
          const message = new RegExp(`the option \`${name}\` must be .*, not `);
          await assert.rejects(openPack(input, { [name]: value }), { name: 'PackError', code: CODE, message }, String(value));
          assert.equal(server.log.length, 0);
        }
      }
    });
  }

  test('all of them are in the test', async () => {
    const error = await openPack(KINDS, /** @type {any} */ ({ nonsense: 1 })).catch((error) => error);
    assert.deepEqual(error.message.split('there are ')[1].split(', ').sort(), Object.keys(TAKEN).sort());
  });

  test('what it is instead is told, but no secret', async () => {
    /** @type {(options: any) => Promise<string>} */
    const told = async (options) => (await openPack(KINDS, options).catch((error) => error)).message;
    assert.match(await told({ timeout: '5' }), /`timeout` must be a number of milliseconds, 0 or more, not "5"$/);
    assert.match(await told({ cache: './c' }), /`cache` must be an object with `get` and `put`, as folderCache\(\) .*, not ".\/c"$/);
    assert.match(await told({ credentials: 'all' }), /'omit', 'same-origin' or 'include', not "all"$/);
    assert.match(await told({ signal: new AbortController() }), /not an object of the class AbortController$/);
    assert.doesNotMatch(await told({ headers: 'Authorization: secret' }), /secret/);
    assert.doesNotMatch(await told({ headers: { 'no name': 'secret' } }), /secret/);
    assert.match(await told(null), /^the options must be an object with signal, root, .*, not null$/);
  });

  test('undefined is as good as none', async () => {
    const options = Object.fromEntries(Object.keys(TAKEN).map((name) => [name, undefined]));
    (await openPack(KINDS, options)).close();
  });

  test('of every other call', async () => {
    const file = await pack.open('executable');
    const request = new Request('http://a.test/');
    /** @type {((options: any) => unknown)[]} */
    const calls = [
      (options) => pack.metadata(options),
      (options) => pack.attributes('executable', options),
      (options) => pack.section('meta', options),
      (options) => pack.exists('executable', options),
      (options) => pack.stat('executable', options),
      (options) => pack.lstat('executable', options),
      (options) => pack.readdir('', options),
      (options) => pack.children('', options),
      (options) => pack.list('', options).next(),
      (options) => pack.walk('', options).next(),
      (options) => pack.open('executable', options),
      (options) => pack.readFile('executable', options),
      (options) => pack.text('executable', options),
      (options) => pack.json('executable', options),
      (options) => pack.readMany([], options).next(),
      (options) => file.bytes(options),
      (options) => file.blob(options),
      async (options) => file.stream(options),
    ];
    for (const call of calls) {
      for (const options of [null, 'utf8', 5, { signal: null }, { signal: 'now' }]) {
        await assert.rejects(async () => call(options), { code: CODE }, `${call} of ${options}`);
      }
    }
    await assert.rejects(pack.readFile('executable', /** @type {any} */ ('utf8')), { message: /`text` gives the text/ });
    /** @type {[string, any, (options: any) => unknown][]} */
    const others = [
      ['after', 5, (options) => pack.readdir('', options)],
      ['limit', '5', (options) => pack.readdir('', options)],
      ['start', null, (options) => pack.children('', options)],
      ['maxBytes', '1e9', (options) => folderCache('kept', options)],
      ['maxBytes', NaN, (options) => cacheStorageCache(options)],
      ['name', 5, (options) => cacheStorageCache(options)],
      ['trusted', 'yes', (options) => respond(pack, '', request, options)],
      ['onError', {}, (options) => respond(pack, '', request, options)],
      ['scope', 5, (options) => mount('a.pack', options)],
      ['root', '12', (options) => mount('a.pack', options)],
    ];
    for (const [name, value, call] of others) {
      await assert.rejects(async () => call({ [name]: value }), { code: CODE, message: new RegExp(`\`${name}\` must be`) }, name);
    }
  });
});

describe('an argument that is none', () => {
  test('of a call that takes a path', async () => {
    /** @type {((path: any) => unknown)[]} */
    const calls = [
      (path) => pack.attributes(path),
      (path) => pack.exists(path),
      (path) => pack.stat(path),
      (path) => pack.lstat(path),
      (path) => pack.readdir(path),
      (path) => pack.children(path),
      (path) => pack.list(path).next(),
      (path) => pack.walk(path).next(),
      (path) => pack.open(path),
      (path) => pack.readFile(path),
      (path) => pack.text(path),
      (path) => pack.json(path),
      (path) => pack.readMany([path]).next(),
    ];
    for (const call of calls) {
      for (const path of [null, 5, ['executable'], {}, { path: 'executable' }, new URL('http://a.test/')]) {
        const message = /^the path must be a path \(a string\) or an entry, not /;
        await assert.rejects(async () => call(path), { name: 'PackError', code: CODE, message }, `${call} of ${path}`);
      }
    }
  });

  test('of the others', async () => {
    /** @type {any[]} */
    const many = ['executable', null, undefined, 5, {}];
    for (const paths of many) {
      await assert.rejects(pack.readMany(paths).next(), { code: CODE, message: /^what `readMany` reads must be an array, / });
    }
    await assert.rejects(pack.section(/** @type {any} */ (5)), { code: CODE });
    await assert.rejects(mount(/** @type {any} */ (5)), { code: CODE });
    assert.throws(() => setWasm(/** @type {any} */ ('a.wasm')), { code: CODE });
    assert.throws(() => folderCache(/** @type {any} */ (5)), { code: CODE });
    /** @type {any[]} */
    const inputs = [null, undefined, 5, true, {}, [], () => {}, { fd: 5 }, { size: 5 }, { size: 5, read: 'a' }];
    for (const input of inputs) {
      await assert.rejects(openPack(input), { name: 'PackError', code: CODE }, String(input));
      await assert.rejects(openPack(KINDS, { index: input ?? 5 }), { name: 'PackError', code: CODE }, String(input));
    }
  });

  test('no path means the root', async () => {
    const names = (await pack.readdir()).map(({ name }) => name);
    assert.deepEqual(names, (await pack.readdir('')).map(({ name }) => name));
    assert.equal((await pack.children()).total, names.length);
    const listed = [];
    for await (const { name } of pack.list()) listed.push(name);
    assert.deepEqual(listed, names);
  });
});

test('an entry does where a path does', async () => {
  const [directory, file, link] = await Promise.all(['nested', 'nested/deep/file', 'link'].map((path) => pack.lstat(path)));
  assert.ok(directory !== undefined && file !== undefined && link !== undefined);
  assert.deepEqual(await pack.readdir(directory), await pack.readdir('nested'));
  assert.equal((await pack.children(directory)).total, 2);
  assert.deepEqual((await pack.list(directory).next()).value, (await pack.walk(directory).next()).value);
  assert.deepEqual([await pack.stat(link), await pack.lstat(link)], [file, link]);
  assert.equal(await pack.exists(link), true);
  for (const entry of [file, link]) {
    assert.equal((await pack.open(entry)).size, 13);
    assert.equal(await pack.text(entry), 'at the bottom');
    // As it is after a journey.
    assert.equal(await pack.text(structuredClone(entry)), 'at the bottom');
    assert.equal(await pack.text(JSON.parse(JSON.stringify(entry))), 'at the bottom');
  }
  await assert.rejects(pack.readdir(file), { code: 'ERR_NOT_A_DIRECTORY' });
  await assert.rejects(pack.text(directory), { code: 'ERR_NOT_A_FILE' });
});

test('an entry can be written down, with its exact time', async () => {
  const entry = await pack.stat('executable');
  assert.equal(typeof entry?.mtimeNs, 'string');
  assert.equal(Number(BigInt(entry?.mtimeNs ?? 0)) / 1e6, entry?.mtimeMs);
  assert.deepEqual(JSON.parse(JSON.stringify(entry)), entry);
});

test('text, JSON and Blobs of files', async () => {
  assert.equal(await pack.text('link'), 'at the bottom');
  await assert.rejects(pack.json('link'), SyntaxError);
  const blob = await (await pack.open('link')).blob();
  assert.deepEqual([await blob.text(), blob.type], ['at the bottom', '']);
  const json = Buffer.from('{"a": 1}');
  const line = { relpath: 'a.json', offset: 0, payload_size: json.length, orig_size: json.length, compressed: false };
  const other = await openPack(container(json, [line]));
  assert.deepEqual(await other.json('a.json'), { a: 1 });
  assert.equal((await (await other.open('a.json')).blob()).type, 'application/json');
});

describe('what was passed in and does not work', () => {
  /** @param {any} options */
  const opened = (options) => openPack(`${server.origin}/a.pack`, options);

  test('a `fetch` of the program that is wrong is not called again', async () => {
    /** @type {((count: () => void) => any)[]} */
    const wrong = [
      (count) => () => (count(), undefined),
      (count) => async () => (count(), 5),
      (count) => async () => (count(), { status: 200 }),
      (count) => async () => (count(), { status: 206, headers: new Headers(), body: { pipe() {} } }),
      (count) => () => {
        count();
        throw new Error('no token');
      },
      (count) => async () => (count(), /** @type {any} */ (undefined).length),
      (count) => async () => (count(), /** @type {any} */ (5)()),
      (count) => async () => (count(), /** @type {any} */ (globalThis).eval('nowhere')),
      (count) => () => (count(), Promise.reject('a text')),
    ];
    for (const make of wrong) {
      let calls = 0;
      const error = await opened({ fetch: make(() => calls++) }).catch((/** @type {unknown} */ error) => error);
      assert.ok(error instanceof PackError && error.code === CODE, String(error));
      assert.match(error.message, /the `fetch` that was passed in/);
      assert.equal(calls, 1, String(make));
    }
  });

  test('a `fetch` whose network fails is', async () => {
    let calls = 0;
    const fetch = () => Promise.reject((calls++, new TypeError('fetch failed', { cause: new Error('gone') })));
    await assert.rejects(opened({ fetch, retries: 2, retryDelay: 0 }), { code: 'ERR_NETWORK' });
    assert.equal(calls, 3);
  });

  test('a source fails with a PackError, whose cause is its own', async () => {
    const size = (await readFile(KINDS)).length;
    const own = new RangeError('the tape is torn');
    const fails = () => {
      throw own;
    };
    for (const source of [{ size, read: fails }, { size, read: async () => fails() }, { size: fails, read: fails }, { size: Promise.reject(own), read: fails }]) {
      await assert.rejects(openPack(source), { name: 'PackError', code: 'ERR_IO', cause: own, message: /custom source: .* the tape is torn/ });
    }
    const mine = new PackError('ERR_FORBIDDEN', 'not for you');
    await assert.rejects(openPack({ size, read: () => Promise.reject(mine) }), mine);
    const reason = new Error('enough');
    const abort = new AbortController();
    /** @type {any} */
    const aborted = { size, read: () => (abort.abort(reason), Promise.reject(new Error('gave up'))) };
    await assert.rejects(openPack(aborted, { signal: abort.signal }), reason);
  });

  test('a cache is as good as none', async () => {
    const throws = () => {
      throw new Error('no');
    };
    for (const answer of [throws, () => undefined, async () => 'text', async () => ({}), () => null]) {
      const other = await openPack(KINDS, { cache: /** @type {any} */ ({ get: answer, put: answer }) });
      assert.equal(await other.text('link'), 'at the bottom');
      other.close();
    }
  });

  test('a folder that is none, or nobody may write to, is told at once', async () => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'file');
      await (await open(path, 'w')).close();
      for (const wrong of [path, join(path, 'below'), ...(process.platform === 'linux' ? ['/sys/kept'] : [])]) {
        assert.throws(() => folderCache(wrong), { name: 'PackError', code: CODE, message: /nothing can be kept in the folder .* \(E[A-Z]+: / }, wrong);
      }
      folderCache(join(folder, 'made', 'here'));
    });
  });

  test('a size', async () => {
    const { length } = await readFile(KINDS);
    for (const input of [KINDS, await readFile(KINDS), `${server.origin}/a.pack`]) {
      for (const size of [length - 1, length + 1]) {
        const message = new RegExp(`the option \`size\` says that the file has ${size} bytes, but it has ${length}`);
        await assert.rejects(openPack(input, { size }), { code: CODE, message });
      }
    }
    // Where the server hides what it is.
    const hidden = openPack({ size: 1000, read: async (/** @type {number} */ at, /** @type {number} */ count) => (await readFile(KINDS)).subarray(at, at + count) }, { size: 1000 });
    await assert.rejects(hidden, { code: 'ERR_NOT_A_PACK', message: /the option `size`, 1000, is not its length/ });
  });
});

describe('what is no pack', () => {
  /** @param {string | Uint8Array} head @param {RegExp} message */
  const refused = (head, message) => assert.rejects(openPack(Buffer.from(head)), { code: 'ERR_NOT_A_PACK', message });

  test('says what it may be', async () => {
    await refused('\n<!DOCTYPE html>\n<p>Not found', /a page of HTML: .* Check the address/);
    await refused('<html lang="de">', /a page of HTML/);
    await refused('version https://git-lfs.github.com/spec/v1\noid', /git lfs pull/);
    await refused('', /It is empty/);
    await refused('something', /It may be a pack that was cut short/);
    const tar = Buffer.alloc(512);
    tar.write('ustar', 257);
    await refused(tar, /like a tar archive/);
    await refused(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), /like a zstd file/);
  });

  test('a pack that was cut short says so, whatever it begins with', async () => {
    for (const name of ['compressed', 'all-kinds']) {
      const whole = await readFile(testFile(`golden/${name}.pack`));
      for (const part of [0.3, 0.6]) await refused(whole.subarray(0, whole.length * part), /a pack that was cut short/);
    }
    await refused(Buffer.from([0x1f, 0x8b, 8, 0]), /like a gzip file: it is one, or a pack that was cut short/);
  });

  test('addresses of other kinds are not paths', async () => {
    for (const address of ['ftp://a.test/a.pack', 's3://bucket/a.pack', 'GS://bucket/a.pack', new URL('ftp://a.test/a.pack')]) {
      const { protocol } = new URL(address);
      await assert.rejects(openPack(address), { code: CODE, message: new RegExp(`${protocol} is not read here`) }, String(address));
    }
    await assert.rejects(openPack('c:/a.pack'), { code: 'ERR_NOT_FOUND' });
  });

  test('a server that has no such name', async () => {
    const cause = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    const fetch = () => Promise.reject(new TypeError('fetch failed', { cause }));
    await assert.rejects(openPack('https://none.example/a', { fetch }), { code: 'ERR_NETWORK', message: /no server of the name none\.example .*Check the address/ });
  });
});
