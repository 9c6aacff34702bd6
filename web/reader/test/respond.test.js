/** Files of real packs as answers to requests. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { openPack, setWasm } from '../src/node/index.js';
import { decodePath, respond } from '../src/respond.js';
import { inTemporaryFolder, rangepack } from './packs.js';
import { testFile } from './places.js';
import { startRangeServer } from './range-server.js';

const MODIFIED = new Date('2024-05-06T07:08:09.500Z');
const LARGE = Uint8Array.from({ length: 5_000_000 }, (_, i) => (i * 31) >> 8);
const FILES = {
  'index.html': '<h1>top</h1>',
  'empty.bin': '',
  'large.bin': LARGE,
  'plain.txt': 'hello world',
  'drawing.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
  'page.xhtml': '<html xmlns="http://www.w3.org/1999/xhtml"/>',
  'feed.xml': '<feed/>',
  'app.js': 'let app',
  'strange & 100%/ä?#: x/index.html': 'strange',
  'sub/index.html': '<h1>sub</h1>',
  'bare/one.css': 'a{}',
  unnamed: 'what am I',
};
const bytesOf = async (/** @type {Response} */ response) => new Uint8Array(await response.arrayBuffer());
const sha256 = (/** @type {string | Uint8Array} */ bytes) => createHash('sha256').update(bytes).digest('hex');

/** @type {import('./range-server.js').RangeServer} */
let server;
/** @type {Awaited<ReturnType<typeof openPack>>} */
let pack;
/** @type {Uint8Array} */
let packed;
before(async () => {
  // As where nothing may be compiled while a program runs.
  const modules = { packs: 'rangepack_bg.wasm', legacy: 'rangepack-legacy_bg.wasm', zip: 'rangepack-zip_bg.wasm', zstd: 'rangepack-zstd_bg.wasm' };
  setWasm(async (which) => WebAssembly.compile(await readFile(new URL(`../wasm/${modules[which]}`, import.meta.url))));
  packed = await inTemporaryFolder(async (folder) => {
    const site = join(folder, 'site');
    for (const [path, content] of Object.entries(FILES)) {
      await mkdir(join(site, path, '..'), { recursive: true });
      await writeFile(join(site, path), content);
      await utimes(join(site, path), MODIFIED, MODIFIED);
    }
    await symlink('plain.txt', join(site, 'link.css'));
    await symlink('sub', join(site, 'linked'));
    await symlink('nowhere', join(site, 'dangling'));
    await rangepack(['pack', '--quiet', '--compress', '--index-format', 'paged', site, join(folder, 'site.pack')]);
    return readFile(join(folder, 'site.pack'));
  });
  server = await startRangeServer({ files: { '/site.pack': packed } });
  pack = await openPack(packed);
});
after(() => server?.close());

/** @param {string} path @param {RequestInit & { trusted?: boolean }} [options] */
function ask(path, { trusted, ...init } = {}) {
  return respond(pack, path, new Request('https://host.test/mount/whatever?q=1', init), trusted === undefined ? {} : { trusted });
}
/** @param {string} path @param {Record<string, string>} headers */
const askWith = (path, headers) => ask(path, { headers });

describe('the whole file', () => {
  test('with what is known of it', async () => {
    const response = await ask('plain.txt');
    assert.equal(response.status, 200);
    assert.deepEqual(Object.fromEntries(response.headers), {
      'accept-ranges': 'bytes',
      'content-length': '11',
      'content-type': 'text/plain; charset=utf-8',
      etag: `"${sha256('hello world')}"`,
      'last-modified': 'Mon, 06 May 2024 07:08:09 GMT',
      vary: 'Sec-Fetch-Dest',
      'x-content-type-options': 'nosniff',
    });
    assert.equal(await response.text(), 'hello world');
  });

  test('compressed or not, large or empty', async () => {
    assert.equal((await pack.open('large.bin')).entry.codec, 'gzip');
    const large = await ask('large.bin');
    assert.equal(large.headers.get('etag'), `"${sha256(LARGE)}"`, 'the digest of the content, not of what is stored');
    assert.equal(sha256(await bytesOf(large)), sha256(LARGE));
    const empty = await ask('empty.bin');
    assert.equal(empty.headers.get('content-length'), '0');
    assert.equal(await empty.text(), '');
  });

  test('HEAD: the same without a body, and without reading any', async () => {
    const remote = await openPack(`${server.origin}/site.pack`);
    await respond(remote, 'plain.txt', new Request('https://host.test/', { method: 'HEAD' }));
    const { bytes } = remote.metrics;
    const request = new Request('https://host.test/', { method: 'HEAD', headers: { Range: 'bytes=0-5' } });
    const response = await respond(remote, 'large.bin', request);
    assert.equal(response.status, 200, 'ranges are for GET');
    assert.equal(response.headers.get('content-length'), '5000000');
    assert.equal(response.body, null);
    assert.equal(remote.metrics.bytes, bytes);
    assert.equal((await ask('nothing', { method: 'HEAD' })).body, null);
    remote.close();
  });

  test('other methods are refused', async () => {
    const response = await ask('plain.txt', { method: 'POST', body: 'x' });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get('allow'), 'GET, HEAD');
  });

  test('types: by the name that was asked for, then by that of the file', async () => {
    const types = /** @type {const} */ ({
      'unnamed': 'application/octet-stream',
      'link.css': 'text/css; charset=utf-8',
      'sub/': 'text/html',
      'drawing.svg': 'image/svg+xml',
    });
    for (const [path, type] of Object.entries(types)) assert.equal((await ask(path)).headers.get('content-type'), type, path);
  });

  test('of an old container without digests: no tag, all else', async () => {
    const old = await openPack(testFile('fixtures/seed-formats/plain.fpack'));
    const entry = (await old.readdir('')).find(({ kind, size }) => kind === 'file' && size > 3) ?? assert.fail('no file');
    const response = await respond(old, entry.path, new Request('https://host.test/', { headers: { Range: 'bytes=1-2' } }));
    assert.equal(response.status, 206);
    assert.equal(response.headers.get('etag'), null);
    assert.deepEqual(await bytesOf(response), (await old.readFile(entry)).slice(1, 3));
    old.close();
  });
});

describe('ranges', () => {
  const cases = /** @type {const} */ ([
    ['bytes=0-4', 206, 'hello', 'bytes 0-4/11'],
    ['bytes=6-', 206, 'world', 'bytes 6-10/11'],
    ['bytes=6-9999999999999999999999', 206, 'world', 'bytes 6-10/11'],
    ['bytes=-3', 206, 'rld', 'bytes 8-10/11'],
    ['bytes=-99', 206, 'hello world', 'bytes 0-10/11'],
    ['bytes=11-', 416, undefined, 'bytes */11'],
    ['bytes=-0', 416, undefined, 'bytes */11'],
    ['bytes=0-1,3-4', 200, 'hello world', null],
    ['bytes=4-2', 200, 'hello world', null],
    ['bytes=-', 200, 'hello world', null],
    ['lines=0-4', 200, 'hello world', null],
    ['bytes=a-4', 200, 'hello world', null],
  ]);
  for (const [range, status, body, contentRange] of cases) {
    test(`${range}: ${status}`, async () => {
      const response = await askWith('plain.txt', { Range: range });
      assert.equal(response.status, status);
      assert.equal(response.headers.get('content-range'), contentRange);
      const text = await response.text();
      if (body === undefined) return;
      assert.equal(text, body);
      assert.equal(response.headers.get('content-length'), String(body.length));
    });
  }

  test('of an empty file: none', async () => {
    const response = await askWith('empty.bin', { Range: 'bytes=0-' });
    assert.deepEqual([response.status, response.headers.get('content-range')], [416, 'bytes */0']);
  });

  test('a part of a large file is fetched without the rest', async () => {
    const remote = await openPack(`${server.origin}/site.pack`);
    const request = new Request('https://host.test/', { headers: { Range: 'bytes=4000000-4000099' } });
    const response = await respond(remote, 'large.bin', request);
    assert.deepEqual(await bytesOf(response), LARGE.slice(4_000_000, 4_000_100));
    const stored = (await remote.stat('large.bin'))?.storedSize ?? 0;
    assert.ok(remote.metrics.bytes < 100 * 1024 + stored / 8, `${remote.metrics.bytes} bytes of a file of ${stored}`);
    remote.close();
  });

  test('If-Range: the part only of what is known', async () => {
    const Range = 'bytes=0-4';
    const etag = `"${sha256('hello world')}"`;
    for (const [condition, status] of /** @type {const} */ ([
      [etag, 206],
      ['Mon, 06 May 2024 07:08:09 GMT', 206],
      [`W/${etag}`, 200],
      ['"other"', 200],
      ['Mon, 06 May 2024 07:08:10 GMT', 200],
    ])) {
      assert.equal((await askWith('plain.txt', { Range, 'If-Range': condition })).status, status, condition);
    }
  });
});

test('what the asker has already is not sent again', async () => {
  const etag = `"${sha256('hello world')}"`;
  const since = 'Mon, 06 May 2024 07:08:09 GMT';
  for (const [headers, status] of /** @type {[Record<string, string>, number][]} */ ([
    [{ 'If-None-Match': etag }, 304],
    [{ 'If-None-Match': `"other", W/${etag}` }, 304],
    [{ 'If-None-Match': '*' }, 304],
    [{ 'If-None-Match': '"other"' }, 200],
    [{ 'If-None-Match': '"other"', 'If-Modified-Since': since }, 200],
    [{ 'If-Modified-Since': since }, 304],
    [{ 'If-Modified-Since': 'Mon, 06 May 2024 07:08:08 GMT' }, 200],
    [{ 'If-Modified-Since': 'yesterday' }, 200],
  ])) {
    const response = await askWith('plain.txt', headers);
    assert.equal(response.status, status, JSON.stringify(headers));
    if (status === 304) assert.deepEqual([response.headers.get('etag'), response.body], [etag, null]);
  }
});

describe('directories', () => {
  test('answer with their index', async () => {
    for (const [path, body] of [['', 'top'], ['/', 'top'], ['sub/', 'sub'], ['/sub/', 'sub'], ['linked/', 'sub']]) {
      assert.equal(await (await ask(path ?? '')).text(), `<h1>${body}</h1>`);
    }
  });

  test('are asked for with a slash, wherever the pack is mounted', async () => {
    for (const path of ['sub', 'strange & 100%/ä?#: x']) {
      const response = await ask(path);
      assert.equal(response.status, 301);
      const address = `https://host.test/a/${path.split('/').map(encodeURIComponent).join('/')}`;
      const url = new URL(response.headers.get('location') ?? '', address);
      assert.equal(url.search, '?q=1');
      assert.equal(decodePath(url.pathname), `/a/${path}/`);
    }
  });

  test('without an index, and files with a slash, are not there', async () => {
    for (const path of ['bare/', 'plain.txt/', 'nothing', 'sub/nothing', 'dangling', '../x', 'a\0b']) {
      const response = await ask(path);
      assert.equal(response.status, 404, path);
      assert.ok((await response.text()).length > 5);
    }
  });
});

test('documents of strangers have an origin of their own, unless they are trusted', async () => {
  for (const path of ['index.html', '', 'drawing.svg', 'page.xhtml', 'feed.xml']) {
    const policy = (await ask(path)).headers.get('content-security-policy') ?? '';
    const [directive, ...rights] = policy.split(' ');
    assert.equal(directive, 'sandbox', path);
    for (const right of rights) assert.ok(!/same-origin|top-navigation|escape/.test(right), right);
    assert.equal((await ask(path, { trusted: true })).headers.get('content-security-policy'), null);
    const { headers } = await ask(path, { headers: { 'If-None-Match': '*' } });
    assert.match(headers.get('content-security-policy') ?? '', /^sandbox/);
  }
  for (const path of ['plain.txt', 'large.bin']) assert.equal((await ask(path)).headers.get('content-security-policy'), null);
});

describe('what would run in the page that asks', () => {
  /** Node takes the header, which browsers keep to themselves. @param {string} use @param {boolean} [trusted] @param {string} [method] */
  const by = (use, trusted = false, method = 'GET') => ask('app.js', { method, headers: { 'Sec-Fetch-Dest': use }, trusted });

  test('is refused, unless it is trusted', async () => {
    for (const use of ['script', 'worker', 'sharedworker', 'serviceworker', 'audioworklet', 'paintworklet', 'xslt']) {
      const refused = await by(use);
      assert.equal(refused.status, 403, use);
      assert.equal(refused.headers.get('vary'), 'Sec-Fetch-Dest');
      assert.ok(!(await refused.text()).includes('let'), use);
      assert.equal((await by(use, false, 'HEAD')).status, 403, use);
      const own = await by(use, true);
      assert.deepEqual([own.status, await own.text(), own.headers.get('vary')], [200, 'let app', null], use);
    }
  });

  test('all else is not', async () => {
    for (const use of ['', 'empty', 'document', 'iframe', 'image', 'video', 'style', 'json']) {
      const { status, headers } = await by(use);
      assert.deepEqual([status, headers.get('vary')], [200, 'Sec-Fetch-Dest'], use);
    }
  });

  test('is told from the request of a browser as well, or said', async () => {
    const request = new Request('https://host.test/app.js');
    assert.equal((await respond(pack, 'app.js', request, { destination: 'worker' })).status, 403);
    assert.equal((await respond(pack, 'app.js', request, { destination: '' })).status, 200);
    Object.defineProperty(request, 'destination', { value: 'script' });
    assert.equal((await respond(pack, 'app.js', request)).status, 403);
    assert.equal((await respond(pack, 'app.js', request, { destination: '' })).status, 403, 'nothing said');
  });
});

describe('a pack that cannot be read', () => {
  test('is a bad gateway, with the reason', async () => {
    /** @type {string[]} */
    const errors = [];
    const options = { onError: (/** @type {{ code: string }} */ { code }) => void errors.push(code) };
    const request = new Request('https://host.test/');
    const missing = await respond(openPack(`${server.origin}/nothing.pack?secret=1`), 'a', request, options);
    assert.equal(missing.status, 502);
    const words = await missing.text();
    assert.match(words, /^ERR_NOT_FOUND: /);
    assert.ok(!words.includes('secret'));
    const closed = await openPack(packed);
    closed.close();
    assert.equal((await respond(closed, 'plain.txt', request, options)).status, 503);
    assert.deepEqual(errors, ['ERR_NOT_FOUND', 'ERR_CLOSED']);
  });

  test('damaged content: an error before the first byte, a break behind it', async () => {
    /** @param {number} at of the stored bytes @param {string} path */
    const damaged = async (path, at) => {
      const copy = Uint8Array.from(packed);
      const { offset = 0 } = (await pack.open(path)).entry;
      copy[offset + at] = (copy[offset + at] ?? 0) ^ 255;
      return openPack(copy);
    };
    const request = new Request('https://host.test/');
    const whole = await respond(await damaged('plain.txt', 3), 'plain.txt', request);
    assert.equal(whole.status, 502);
    assert.match(await whole.text(), /^ERR_CORRUPT: .*plain\.txt/);

    const { storedSize = 0 } = (await pack.stat('large.bin')) ?? {};
    /** @type {string[]} */
    const errors = [];
    const onError = (/** @type {{ code: string }} */ { code }) => void errors.push(code);
    const late = await respond(await damaged('large.bin', storedSize - 2000), 'large.bin', request, { onError });
    assert.equal(late.status, 200);
    await assert.rejects(bytesOf(late), { code: 'ERR_CORRUPT' });
    assert.deepEqual(errors, ['ERR_CORRUPT']);
  });
});

describe('giving up', () => {
  const size = 40_000_000;
  /** @type {Uint8Array} */
  let big;
  before(async () => {
    big = await inTemporaryFolder(async (folder) => {
      await mkdir(join(folder, 'big'));
      await writeFile(join(folder, 'big/big.bin'), new Uint8Array(size));
      await rangepack(['pack', '--quiet', '--index-format', 'paged', join(folder, 'big'), join(folder, 'big.pack')]);
      return readFile(join(folder, 'big.pack'));
    });
  });

  /** @param {(bytes: number) => void} count */
  const open = (count) =>
    openPack({
      size: big.length,
      read: async (/** @type {number} */ offset, /** @type {number} */ length) => {
        count(length);
        return big.subarray(offset, offset + length);
      },
    });

  test('the body: nothing more is fetched', async () => {
    let bytes = 0;
    const opened = await open((length) => (bytes += length));
    const response = await respond(opened, 'big.bin', new Request('https://host.test/'));
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    assert.ok(bytes < size / 4, `${bytes} bytes`);
    opened.close();
  });

  test('the request: the reason of its signal', async () => {
    let bytes = 0;
    const opened = await open((length) => (bytes += length));
    const abort = new AbortController();
    const request = new Request('https://host.test/', { signal: abort.signal });
    const reader = (await respond(opened, 'big.bin', request)).body?.getReader();
    await reader?.read();
    abort.abort(new Error('enough'));
    const rest = async () => {
      while (!(await reader?.read())?.done);
    };
    await assert.rejects(rest(), /enough/);
    assert.ok(bytes < size / 4, `${bytes} bytes`);
    await assert.rejects(respond(opened, 'big.bin', request), /enough/);
    opened.close();
  });
});

test('addresses become paths, whatever is in them', () => {
  for (const [pathname, path] of [
    ['cats/1%202.jpg', 'cats/1 2.jpg'],
    ['%C3%A4/ä', 'ä/ä'],
    ['%ff%FE', '\udcff\udcfe'],
    ['100%/%2/%zz', '100%/%2/%zz'],
    ['%E2%82', '\udce2\udc82'],
    ['', ''],
  ]) {
    assert.equal(decodePath(pathname ?? ''), path);
  }
});

test('behind a server of Node', async () => {
  const http = createServer(async ({ method = 'GET', url = '/', headers }, outgoing) => {
    const address = new URL(url, 'http://host.test');
    const request = new Request(address, { method, headers: /** @type {Record<string, string>} */ (headers) });
    const response = await respond(pack, decodePath(address.pathname), request);
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    if (response.body === null) outgoing.end();
    else Readable.fromWeb(/** @type {import('node:stream/web').ReadableStream} */ (response.body)).pipe(outgoing);
  });
  await new Promise((done) => http.listen(0, '127.0.0.1', () => done(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address());
  try {
    const part = await fetch(`http://127.0.0.1:${port}/large.bin`, { headers: { Range: 'bytes=1000000-3999999' } });
    assert.equal(part.status, 206);
    assert.equal(sha256(await bytesOf(part)), sha256(LARGE.slice(1_000_000, 4_000_000)));
    const moved = await fetch(`http://127.0.0.1:${port}/sub`);
    assert.deepEqual([moved.url, await moved.text()], [`http://127.0.0.1:${port}/sub/`, '<h1>sub</h1>']);
  } finally {
    http.closeAllConnections();
    http.close();
  }
});
