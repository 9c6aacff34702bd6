import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { PackError } from '../src/errors.js';
import { httpSource } from '../src/sources/http.js';
import { forget } from '../src/sources/http-open.js';
import { browserFetch } from './browser-fetch.js';
import { startRangeServer } from './range-server.js';
import { heldTimers, until } from './until.js';

/** @import { HttpOptions } from '../src/sources/http-connection.js' */
/** @import { ErrorCode } from '../src/error-codes.js' */

const data = bytesOf(300_000);
const small = data.slice(0, 1000);
const TAIL = 65_536;
const tail = data.subarray(-TAIL);

/** @type {import('./range-server.js').RangeServer} */
let server;
before(async () => {
  const huge = { size: 2 ** 45, read: (/** @type {number} */ at, /** @type {number} */ n) => pattern(at, n) };
  server = await startRangeServer({
    files: { '/a': data, '/small': small, '/empty': new Uint8Array(0), '/huge': huge },
  });
});
after(() => server.close());
beforeEach(forget);

/** @param {number} length */
function bytesOf(length) {
  const block = (/** @type {number} */ i) => createHash('sha256').update(String(i)).digest();
  return new Uint8Array(Buffer.concat(Array.from({ length: Math.ceil(length / 32) }, (_, i) => block(i))).subarray(0, length));
}

const period = Uint8Array.from({ length: 251 + 65_536 }, (_, i) => i % 251);
/** @param {number} at @param {number} n at most 65,536 */
function pattern(at, n) {
  return period.subarray(at % 251, (at % 251) + n);
}

// Every source gets an address of its own, so that the server counts anew.
let number = 0;
/** @param {string} path @param {HttpOptions} [options] */
function open(path, options) {
  const address = `${server.origin}${path}${path.includes('?') ? '&' : '?'}n=${number++}`;
  const since = server.log.length;
  const source = httpSource(address, { retryDelay: 1, ...options });
  const log = () => server.log.slice(since).map(({ method, range }) => `${method} ${range ?? '-'}`);
  return { source, log, address };
}

/** A page of another origin. @param {string} path @param {HttpOptions} [options] */
function openFromPage(path, options) {
  const origin = 'https://page.example';
  return open(path, { origin, fetch: browserFetch(origin), ...options });
}

/** @param {Promise<unknown>} promise @param {ErrorCode} code @param {RegExp} [message] */
async function rejects(promise, code, message = /^http/) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof PackError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

/** @param {Uint8Array} actual @param {Uint8Array} expected */
function same(actual, expected) {
  assert.equal(Buffer.compare(actual, expected), 0, `${actual.length} bytes differ from the ${expected.length} expected`);
}

describe('opening', () => {
  test('takes one request with a suffix range', async () => {
    const { source, log } = open('/a');
    assert.equal(source.size, undefined);
    const { size, bytes } = await source.tail(TAIL);
    assert.equal(size, data.length);
    same(bytes, tail);
    assert.deepEqual(log(), [`GET bytes=-${TAIL}`]);
    assert.deepEqual(source.metrics, { requests: 1, bytes: TAIL });
    same((await source.tail(10)).bytes, data.subarray(-10));
  });

  test('of a file shorter than the tail gives all of it', async () => {
    const { source, log } = open('/small');
    assert.deepEqual(await source.tail(TAIL), { size: 1000, bytes: small });
    assert.equal(log().length, 1);
  });

  test('of an empty file', async () => {
    const { source } = open('/empty');
    assert.deepEqual(await source.tail(TAIL), { size: 0, bytes: new Uint8Array(0) });
  });

  test('works beyond 32 bits', async () => {
    const { source } = open('/huge');
    same((await source.tail(100)).bytes, pattern(2 ** 45 - 100, 100));
    same(await source.read(2 ** 40 + 3, 100), pattern(2 ** 40 + 3, 100));
  });

  for (const suffix of ['no', '416']) {
    test(`where suffix ranges are not known (${suffix}) takes the size from the refusal`, async () => {
      const { source, log } = open(`/a?suffix=${suffix}`, { wholeLimit: 1000 });
      same((await source.tail(1000)).bytes, data.subarray(-1000));
      assert.deepEqual(log(), ['GET bytes=-1000', `GET bytes=${data.length - 1000}-${data.length - 1}`]);
    });
  }

  test('with the size given needs no suffix range', async () => {
    const { source, log } = open('/a', { size: data.length });
    same((await source.tail(1000)).bytes, data.subarray(-1000));
    assert.deepEqual(log(), [`GET bytes=${data.length - 1000}-${data.length - 1}`]);
  });

  test('with a wrong size given says so', async () => {
    await rejects(open('/a', { size: 299_999 }).source.tail(1000), 'ERR_ARGUMENT', /`size` says that the file has 299999 bytes, but it has 300000/);
  });

  test('again after the tail broke off reads it by its place', async () => {
    const { source, log } = open('/a?reset=100&times=1');
    same((await source.tail(1000)).bytes, data.subarray(-1000));
    assert.equal(log().length, 2);
  });

  test('with a tail of 0 bytes finds the size', async () => {
    assert.deepEqual(await open('/a').source.tail(0), { size: data.length, bytes: new Uint8Array(0) });
  });
});

describe('opening from another origin', () => {
  test('takes HEAD and a plain range, without a preflight', async () => {
    const { source, log } = openFromPage('/a?cors=plain');
    same((await source.tail(1000)).bytes, data.subarray(-1000));
    assert.deepEqual(log(), ['HEAD bytes=0-', 'GET bytes=299000-299999']);
  });

  test('asks for the first byte where HEAD is refused, and remembers that', async () => {
    const range = 'GET bytes=299000-299999';
    const first = openFromPage('/a?head=403');
    same((await first.source.tail(1000)).bytes, data.subarray(-1000));
    assert.deepEqual(first.log(), ['HEAD bytes=0-', 'GET bytes=0-0', range]);
    const second = openFromPage('/a?head=403');
    await second.source.tail(1000);
    assert.deepEqual(second.log(), ['GET bytes=0-0', range]);
  });

  test('is one request with the size given', async () => {
    const { source, log } = openFromPage('/a?cors=plain&head=403', { size: data.length });
    same((await source.tail(1000)).bytes, data.subarray(-1000));
    assert.equal(log().length, 1);
  });

  test('with headers that make the browser ask first takes the suffix range', async () => {
    const { source, log } = openFromPage('/a', { headers: { Authorization: 'Bearer x' } });
    same((await source.tail(1000)).bytes, data.subarray(-1000));
    assert.deepEqual(log(), ['OPTIONS -', 'GET bytes=-1000']);
    assert.equal(server.log.at(-1)?.headers.authorization, 'Bearer x');
  });

  test('says what to do where the size cannot be learned', async () => {
    const { source } = openFromPage('/a?cors=plain&head=403');
    await rejects(source.tail(1000), 'ERR_NO_SIZE', /Access-Control-Expose-Headers.*option `size`/);
  });

  test('learns the size of a short file from what comes, in the last resort', async () => {
    /** @type {typeof fetch} */
    const hiding = async (url, init) => {
      const { body, status, headers } = await fetch(url, init);
      return new Response(body, { status, headers: { 'Content-Length': headers.get('Content-Length') ?? '' } });
    };
    const { source, log } = openFromPage('/small?head=403', { fetch: hiding });
    assert.deepEqual(await source.tail(TAIL), { size: 1000, bytes: small });
    assert.deepEqual(log(), ['HEAD bytes=0-', 'GET bytes=0-0', `GET bytes=-${TAIL}`]);
  });

  test('without headers for CORS names them', async () => {
    const { source, log } = openFromPage('/a?cors=no');
    await rejects(source.tail(1000), 'ERR_CORS', /Access-Control-Allow-Origin/);
    assert.ok(log().length <= 5, 'no long series of tries');
  });

  test('without headers for CORS, the size given', async () => {
    const { source, log } = openFromPage('/a?cors=no', { size: data.length });
    await rejects(source.tail(1000), 'ERR_CORS');
    assert.equal(log().length, 2);
  });

  test('a broken connection later on is not taken for CORS', async () => {
    const { source } = openFromPage('/a?reset=0&skip=2', { retries: 1 });
    await source.tail(1000);
    await rejects(source.read(0, 10), 'ERR_NETWORK');
  });
});

describe('reading', () => {
  test('gives exactly the bytes', async () => {
    const { source } = open('/a');
    await source.tail(10);
    for (const [at, n] of /** @type {const} */ ([[0, 1], [0, 300_000], [299_999, 1], [12_345, 70_000], [5, 0]])) {
      same(await source.read(at, n), data.subarray(at, at + n));
    }
  });

  test('streams pieces as they come', async () => {
    const { source, log } = open('/a');
    const pieces = [];
    for await (const piece of source.stream(1000, 200_000)) pieces.push(piece);
    same(Buffer.concat(pieces), data.subarray(1000, 201_000));
    assert.ok(pieces.length > 1);
    assert.equal(log().length, 1);
  });

  test('a stream that is left early ends its request', async () => {
    const { source } = open('/huge');
    for await (const piece of source.stream(0, 2 ** 40)) {
      assert.ok(piece.length > 0);
      break;
    }
    assert.ok(source.metrics.bytes < 2 ** 24);
  });

  test('refuses ranges that cannot be', async () => {
    const { source, log } = open('/a', { size: data.length });
    await rejects(source.read(-1, 5), 'ERR_ARGUMENT');
    await rejects(source.read(0, 1.5), 'ERR_ARGUMENT');
    await rejects(source.read(299_999, 2), 'ERR_RANGE_NOT_SATISFIABLE', /ends at 300000/);
    assert.deepEqual(log(), []);
    await rejects(open('/a').source.read(300_000, 2), 'ERR_RANGE_NOT_SATISFIABLE');
  });

  test('follows redirects anew each time', async () => {
    const { source, log } = open('/a?redirect=1');
    await source.tail(10);
    same(await source.read(0, 10), data.subarray(0, 10));
    assert.equal(log().length, 4);
  });

  test('sends headers and credentials', async () => {
    /** @type {RequestInit[]} */
    const inits = [];
    const { source } = open('/a', {
      headers: { 'X-Key': 'k' },
      credentials: 'include',
      fetch: (url, init) => (inits.push(init ?? {}), fetch(url, init)),
    });
    await source.read(0, 10);
    assert.equal(inits[0]?.credentials, 'include');
    assert.equal(server.log.at(-1)?.headers['x-key'], 'k');
    assert.equal(server.log.at(-1)?.headers['accept-encoding'], 'identity');
  });
});

describe('refusals', () => {
  for (const [status, code] of /** @type {[number, ErrorCode][]} */ ([
    [401, 'ERR_FORBIDDEN'],
    [403, 'ERR_FORBIDDEN'],
    [404, 'ERR_NOT_FOUND'],
    [410, 'ERR_NOT_FOUND'],
    [400, 'ERR_STATUS'],
    [204, 'ERR_STATUS'],
  ])) {
    test(`${status} is final`, async () => {
      const { source, log } = open(`/a?status=${status}`);
      await rejects(source.read(0, 10), code, new RegExp(String(status)));
      assert.equal(log().length, 1);
    });
  }

  for (const [status, code] of /** @type {[number, ErrorCode][]} */ ([
    [429, 'ERR_TOO_MANY_REQUESTS'],
    [500, 'ERR_SERVER'],
    [503, 'ERR_SERVER'],
    [408, 'ERR_SERVER'],
  ])) {
    test(`${status} is tried again, five times in all`, async () => {
      const { source, log } = open(`/a?status=${status}`);
      await assert.rejects(source.read(7, 10), { code, status, offset: 7, length: 10 });
      assert.equal(log().length, 5);
      const passing = open(`/a?status=${status}&times=2`);
      same((await passing.source.tail(10)).bytes, data.subarray(-10));
      assert.equal(passing.log().length, 3);
    });
  }

  test('Retry-After is respected', async (t) => {
    const waits = heldTimers(t, 7000);
    const { source, log } = open('/a?status=429&times=1&retry-after=7');
    const reading = source.read(0, 10);
    await until(() => waits.count === 1, 'the pause that the server asks for');
    assert.equal(log().length, 1);
    waits.fire();
    await reading;
    assert.equal(log().length, 2);
  });

  test('a size that the server hides, and that is wrong', async () => {
    for (const [size, code] of /** @type {const} */ ([[data.length + 10, 'ERR_SHORT_BODY'], [data.length + 5000, 'ERR_RANGE_NOT_SATISFIABLE']])) {
      const { source } = openFromPage('/a?cors=plain', { size, retries: 0 });
      const message = new RegExp(`Perhaps the option \`size\`, ${size}, is wrong`);
      await rejects(source.tail(1000), code, message);
    }
  });

  test('addresses that cannot be', () => {
    const code = 'ERR_ARGUMENT';
    assert.throws(() => httpSource('ftp://example.org/a'), { code });
    assert.throws(() => httpSource('a.pack'), { code });
    assert.throws(() => httpSource('https://me:secret@example.org/a'), (/** @type {Error} */ error) => {
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  });

  test('no secret of an address gets into an error', async () => {
    const { source } = open('/none?X-Amz-Signature=secret#fragment');
    const error = await source.read(0, 1).catch((reason) => reason);
    assert.equal(error.url, `${server.origin}/none?…`);
    assert.doesNotMatch(JSON.stringify(error) + error.message + error.stack, /secret|Amz/);
  });
});

describe('a server that ignores ranges', () => {
  test('sends the whole file once when it is small', async () => {
    const { source, log } = open('/a?ranges=no');
    assert.equal((await source.tail(TAIL)).size, data.length);
    same(await source.read(5, 100), data.subarray(5, 105));
    same((await source.tail(10)).bytes, data.subarray(-10));
    assert.equal(log().length, 1);
  });

  test('does so once for reads side by side', async () => {
    const { source, log } = open('/a?ranges=no', { size: data.length });
    const all = await Promise.all([0, 1000, 2000].map((at) => source.read(at, 1000)));
    same(Buffer.concat(all), data.subarray(0, 3000));
    assert.ok(log().length <= 3);
    assert.ok(source.metrics.bytes < data.length + 3 * 70_000, 'the others were cancelled');
  });

  test('and compresses gives the right bytes all the same', async () => {
    const { source } = open('/a?ranges=no&gzip=1');
    same((await source.tail(1000)).bytes, data.subarray(-1000));
  });

  for (const [what, query] of [['declared', ''], ['not declared', '&length=no']]) {
    test(`is refused when the file is large (${what})`, async () => {
      const { source } = open(`/a?ranges=no${query}`, { wholeLimit: 100_000 });
      await rejects(source.tail(TAIL), 'ERR_RANGE_IGNORED', /Accept-Ranges/);
      const read = open(`/huge?ranges=no${query}`);
      await rejects(read.source.read(0, 10), 'ERR_RANGE_IGNORED');
      assert.equal(read.log().length, 1);
      assert.ok(read.source.metrics.bytes < 18 * 1024 * 1024);
    });
  }

  test('the whole file is checked against the range', async () => {
    await rejects(open('/small?ranges=no').source.read(990, 20), 'ERR_RANGE_NOT_SATISFIABLE');
  });
});

describe('answers that are wrong', () => {
  test('a body that ends early is completed past the cache', async () => {
    /** @type {(RequestCache | undefined)[]} */
    const modes = [];
    const { source, log } = open('/a?short=300&times=1', { fetch: (url, init) => (modes.push(init?.cache), fetch(url, init)) });
    same(await source.read(100, 1000), data.subarray(100, 1100));
    assert.deepEqual(log(), ['GET bytes=100-1099', 'GET bytes=800-1099']);
    assert.deepEqual(modes, [undefined, 'no-store']);
  });

  test('a body that always ends early is an error', async () => {
    const { source, log } = open('/a?short=300');
    await rejects(source.read(0, 300), 'ERR_SHORT_BODY');
    assert.equal(log().length, 5);
  });

  test('a short tail is read again', async () => {
    const { source } = open('/a?short=300&times=1');
    same((await source.tail(1000)).bytes, data.subarray(-1000));
  });

  test('other bytes than those asked for', async () => {
    const { source, log } = open('/a?shift=5');
    await rejects(source.read(0, 300), 'ERR_CONTENT_RANGE', /bytes 5 to 304 when 0 to 299/);
    assert.equal(log().length, 2);
    same(await open('/a?shift=5&times=1').source.read(0, 300), data.subarray(0, 300));
  });

  test('more bytes than those asked for', async () => {
    const lying = async () => new Response(new Uint8Array(11), { status: 206 });
    await rejects(httpSource('https://example.org/a', { fetch: lying }).read(0, 10), 'ERR_CONTENT_RANGE');
  });

  test('a suffix range taken for one from the beginning', async () => {
    const { origin } = server;
    /** @type {typeof fetch} */
    const confused = (url, init) => {
      const headers = new Headers(init?.headers);
      headers.set('Range', (headers.get('Range') ?? '').replace('=-', '=0-'));
      return fetch(url, { ...init, headers });
    };
    same((await httpSource(`${origin}/a`, { fetch: confused }).tail(1000)).bytes, data.subarray(-1000));
  });

  test('ranges compressed on the fly', async () => {
    const { source, log } = open('/a?gzip=1');
    await rejects(source.read(0, 300), 'ERR_CONTENT_ENCODING', /compression off/);
    assert.equal(log().length, 1);
    await rejects(open('/a?gzip=1').source.tail(300), 'ERR_CONTENT_ENCODING');
  });
});

describe('a file that is replaced', () => {
  for (const query of ['', '&etag=no', '&modified=no', '&etag=weak']) {
    test(`is noticed (change=1${query})`, async () => {
      const { source, address } = open(`/a?change=1${query}`);
      await source.tail(10);
      await rejects(source.read(0, 10), 'ERR_CHANGED', /Open it again/);
      const modes = new Set();
      const again = httpSource(address, { fetch: (url, init) => (modes.add(init?.cache), fetch(url, init)) });
      await again.tail(10);
      await again.read(0, 10);
      assert.deepEqual([...modes], ['no-cache'], 'the next one does not trust the HTTP cache');
    });
  }

  test('by a longer one without validators', async () => {
    server.files.set('/grows', data.slice(0, 5000));
    const { source } = open('/grows?etag=no&modified=no');
    await source.tail(10);
    server.files.set('/grows', data.slice(0, 5001));
    await rejects(source.read(0, 10), 'ERR_CHANGED', /5001 bytes instead of 5000/);
    server.files.set('/grows', data.slice(0, 50));
    await rejects(source.read(100, 10), 'ERR_CHANGED');
  });

  test('weak entity tags decide nothing', async () => {
    const { source } = open('/a?etag=weak');
    await source.tail(10);
    same(await source.read(0, 10), data.subarray(0, 10));
  });
});

describe('connections that fail', () => {
  test('one that breaks is resumed where it broke', async () => {
    const { source, log } = open('/a?reset=70000&times=2');
    same(await source.read(0, 200_000), data.subarray(0, 200_000));
    assert.equal(log().length, 3);
    assert.match(log()[1] ?? '', /^GET bytes=[1-9]\d*-199999$/);
    assert.equal(source.metrics.bytes, 200_000);
  });

  test('one that always breaks is given up', async () => {
    const { source, log } = open('/a?reset=0');
    await rejects(source.read(0, 10), 'ERR_NETWORK');
    assert.equal(log().length, 5);
  });

  test('one that stalls is given up and resumed', async (t) => {
    const patience = heldTimers(t, 12_345);
    const { source, log } = open('/a?stall=1000&times=1', { timeout: 12_345 });
    const reading = source.read(0, 5000);
    await until(() => source.metrics.bytes === 1000 && patience.count === 1, 'the reader to wait for more');
    patience.fire();
    same(await reading, data.subarray(0, 5000));
    assert.deepEqual(log(), ['GET bytes=0-4999', 'GET bytes=1000-4999']);
  });

  test('one that always stalls', async () => {
    await rejects(open('/a?stall=0', { timeout: 40, retries: 1 }).source.read(0, 10), 'ERR_TIMEOUT', /0.04 s/);
    await rejects(open('/a?latency=5000', { timeout: 40, retries: 0 }).source.tail(10), 'ERR_TIMEOUT');
  });

  test('a slow reader is no stall', async (t) => {
    const patience = heldTimers(t, 12_345);
    const { source, log } = open('/a', { timeout: 12_345 });
    let length = 0;
    for await (const piece of source.stream(0, 300_000)) {
      assert.equal(patience.count, 0, 'no clock runs while the reader takes its time');
      length += piece.length;
    }
    assert.equal(length, 300_000);
    assert.equal(log().length, 1);
  });

  test('no server, no such host', async () => {
    const gone = await startRangeServer({});
    await gone.close();
    await rejects(httpSource(`${gone.origin}/a`, { retryDelay: 1 }).tail(10), 'ERR_NETWORK', /ECONNREFUSED/);
    const cause = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    let calls = 0;
    const unknown = async () => {
      calls++;
      throw new TypeError('fetch failed', { cause });
    };
    await rejects(httpSource('http://none.example/a', { fetch: unknown }).read(0, 10), 'ERR_NETWORK', /ENOTFOUND/);
    assert.equal(calls, 1);
  });

  test('no network at all', async () => {
    const had = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
    Object.defineProperty(globalThis, 'navigator', { value: { onLine: false }, configurable: true });
    try {
      const fails = () => Promise.reject(new TypeError('Failed to fetch'));
      const source = httpSource('https://example.org/a', { fetch: fails, origin: 'https://page.example' });
      await rejects(source.tail(10), 'ERR_OFFLINE');
      assert.equal(source.metrics.requests, 1);
    } finally {
      if (had === undefined) Reflect.deleteProperty(globalThis, 'navigator');
      else Object.defineProperty(globalThis, 'navigator', had);
    }
  });

  test('a fetch that gives up on its own', async () => {
    const fails = () => Promise.reject(new DOMException('no', 'AbortError'));
    await rejects(httpSource('https://example.org/a', { fetch: fails }).read(0, 10), 'ERR_ABORTED');
  });
});

describe('aborting', () => {
  test('before anything was sent', async () => {
    const { source, log } = open('/a');
    const reason = new Error('enough');
    await assert.rejects(source.read(0, 10, { signal: AbortSignal.abort(reason) }), reason);
    await assert.rejects(source.tail(10, { signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.deepEqual(log(), []);
  });

  test('while waiting for bytes ends the request', async () => {
    const { source } = open('/a?stall=10');
    const abort = new AbortController();
    const reason = new Error('enough');
    await assert.rejects(async () => {
      for await (const piece of source.stream(0, 1000, { signal: abort.signal })) {
        assert.equal(piece.length, 10);
        abort.abort(reason);
      }
    }, reason);
  });

  test('while waiting for another try', async () => {
    const abort = new AbortController();
    const { source } = open('/a?status=503', {
      retryDelay: 100_000,
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        setTimeout(() => abort.abort(), 1);
        return response;
      },
    });
    await assert.rejects(source.tail(10, { signal: abort.signal }), { name: 'AbortError' });
    assert.equal(source.metrics.requests, 1);
  });

  test('a fetch that does not heed its signal', async () => {
    const abort = new AbortController();
    const { source } = open('/a', { fetch: () => new Promise(() => setTimeout(() => abort.abort(), 1)) });
    await assert.rejects(source.read(0, 10, { signal: abort.signal }), { name: 'AbortError' });
  });

  test('one reader of the whole file does not stop another', async () => {
    const { source, log } = open('/a?ranges=no', { size: data.length });
    const release = server.hold();
    const abort = new AbortController();
    const first = source.read(0, 10, { signal: abort.signal });
    const second = source.read(10, 10);
    await until(() => log().length === 2, 'both requests');
    abort.abort();
    await assert.rejects(first, { name: 'AbortError' });
    release();
    same(await second, data.subarray(10, 20));
  });
});
