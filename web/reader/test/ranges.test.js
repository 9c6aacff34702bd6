import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ranges } from '../src/ranges.js';
import { numbers } from './numbers.js';

/** @import { ByteSource } from '../src/sources/source.js' */

const data = Uint8Array.from({ length: 10_000 }, (_, i) => (i * 31 + (i >> 8)) & 255);

/** A source whose requests are answered by hand. */
function manualSource() {
  /** @type {{ offset: number, length: number, signal: AbortSignal, answer: () => void, fail: (error: Error) => void }[]} */
  const requests = [];
  /** @type {ByteSource} */
  const source = {
    name: 'manual',
    size: data.length,
    metrics: { requests: 0, bytes: 0 },
    tail: () => Promise.reject(new Error('not used here')),
    read: (offset, length, { signal } = {}) =>
      new Promise((resolve, reject) => {
        assert.ok(signal);
        const answer = () => resolve(data.slice(offset, offset + length));
        requests.push({ offset, length, signal, answer, fail: reject });
      }),
  };
  const log = () => requests.map(({ offset, length }) => `${offset}+${length}`);
  /** @param {number} i */
  const request = (i) => requests[i] ?? assert.fail(`no request ${i}`);
  return { source, requests, request, log };
}

/** All that is under way without timers has happened. */
const settled = () => new Promise((done) => setImmediate(done));

/** @param {number} offset @param {number} length */
const at = (offset, length) => ({ offset, length });

describe('reads', () => {
  test('come in order, each in a buffer of its own', async () => {
    const { source, log, requests } = manualSource();
    const reading = new Ranges(source, { gap: 0 }).read([at(50, 10), at(0, 10), at(50, 10), at(55, 0)]);
    await settled();
    assert.deepEqual(log(), ['0+10', '50+10']);
    for (const { answer } of requests) answer();
    const all = await reading;
    assert.deepEqual(all, [data.slice(50, 60), data.slice(0, 10), data.slice(50, 60), new Uint8Array(0)]);
    assert.equal(new Set(all.map(({ buffer }) => buffer)).size, 4);
  });

  test('of nothing need no request', async () => {
    const { source, log } = manualSource();
    assert.deepEqual(await new Ranges(source).read([]), []);
    assert.deepEqual(await new Ranges(source).read([at(7, 0)]), [new Uint8Array(0)]);
    assert.deepEqual(log(), []);
  });

  test('of several callers in one go are merged', async () => {
    const { source, log, request } = manualSource();
    const ranges = new Ranges(source, { gap: 20 });
    const all = Promise.all([ranges.read([at(0, 10)]), ranges.read([at(30, 10)]), ranges.read([at(35, 20)])]);
    await settled();
    assert.deepEqual(log(), ['0+55']);
    request(0).answer();
    assert.deepEqual((await all).flat(), [data.slice(0, 10), data.slice(30, 40), data.slice(35, 55)]);
  });

  test('of what is under way wait for that', async () => {
    const { source, log, requests } = manualSource();
    const ranges = new Ranges(source, { gap: 0 });
    const first = ranges.read([at(100, 100)]);
    await settled();
    const second = Promise.all([ranges.read([at(100, 100)]), ranges.read([at(120, 5)]), ranges.read([at(150, 100)])]);
    await settled();
    assert.deepEqual(log(), ['100+100', '200+50']);
    for (const { answer } of requests) answer();
    assert.deepEqual(await first, [data.slice(100, 200)]);
    assert.deepEqual((await second).flat(), [data.slice(100, 200), data.slice(120, 125), data.slice(150, 250)]);
  });

  test('that wait for a free connection are merged and served oldest first', async () => {
    const { source, log, request } = manualSource();
    const ranges = new Ranges(source, { concurrency: 1, gap: 10 });
    const all = [ranges.read([at(5000, 10)])];
    await settled();
    all.push(ranges.read([at(8000, 10)]));
    await settled();
    all.push(ranges.read([at(0, 10)]));
    await settled();
    all.push(ranges.read([at(8015, 10)]));
    await settled();
    assert.deepEqual(log(), ['5000+10']);
    for (const i of [0, 1, 2]) {
      request(i).answer();
      await settled();
    }
    assert.deepEqual(log(), ['5000+10', '8000+25', '0+10']);
    await Promise.all(all);
  });

  test('that are too long are cut', async () => {
    const { source, log, requests } = manualSource();
    const reading = new Ranges(source, { maxRequest: 40, concurrency: 9 }).read([at(0, 100), at(100, 10)]);
    await settled();
    assert.deepEqual(log(), ['0+37', '37+37', '74+36']);
    for (const { answer } of requests.reverse()) answer();
    assert.deepEqual(await reading, [data.slice(0, 100), data.slice(100, 110)]);
  });

  test('that make no sense are refused', async () => {
    const { source } = manualSource();
    await assert.rejects(new Ranges(source).read([at(0, 1), at(-1, 1)]), { code: 'ERR_ARGUMENT' });
    assert.throws(() => new Ranges(source, { concurrency: 0 }), { code: 'ERR_ARGUMENT' });
    assert.throws(() => new Ranges(source, { maxRequest: 0 }), { code: 'ERR_ARGUMENT' });
  });
});

describe('a failure', () => {
  test('reaches all who wait for that request, and nobody else', async () => {
    const { source, request, log } = manualSource();
    const ranges = new Ranges(source, { gap: 0 });
    const first = ranges.read([at(0, 10), at(100, 10)]);
    const second = ranges.read([at(5, 5)]);
    const third = ranges.read([at(100, 10)]);
    await settled();
    const error = new Error('broken');
    request(0).fail(error);
    await assert.rejects(first, error);
    await assert.rejects(second, error);
    assert.equal(request(1).signal.aborted, false);
    request(1).answer();
    assert.deepEqual(await third, [data.slice(100, 110)]);
    const again = ranges.read([at(0, 10)]);
    await settled();
    request(2).answer();
    assert.deepEqual(await again, [data.slice(0, 10)]);
    assert.equal(log().length, 3);
  });

  test('drops the other requests of the call', async () => {
    const { source, request } = manualSource();
    const reading = new Ranges(source, { gap: 0 }).read([at(0, 10), at(100, 10)]);
    await settled();
    request(0).fail(new Error('broken'));
    await assert.rejects(reading, /broken/);
    assert.equal(request(1).signal.aborted, true);
  });

  test('of a source that throws at once', async () => {
    const { source } = manualSource();
    source.read = () => {
      throw new Error('at once');
    };
    await assert.rejects(new Ranges(source).read([at(0, 10)]), /at once/);
  });
});

describe('an abort', () => {
  test('ends the request only when nobody else waits for it', async () => {
    const { source, request } = manualSource();
    const ranges = new Ranges(source);
    const [one, two] = [new AbortController(), new AbortController()];
    const first = ranges.read([at(0, 10)], { signal: one.signal });
    const second = ranges.read([at(0, 10)], { signal: two.signal });
    await settled();
    const reason = new Error('enough');
    one.abort(reason);
    await assert.rejects(first, reason);
    assert.equal(request(0).signal.aborted, false);
    two.abort(reason);
    await assert.rejects(second, reason);
    assert.equal(request(0).signal.aborted, true);
  });

  test('leaves what another call waits for as well', async () => {
    const { source, request, log } = manualSource();
    const ranges = new Ranges(source, { concurrency: 1, gap: 0 });
    const abort = new AbortController();
    const first = ranges.read([at(0, 10)], { signal: abort.signal });
    await settled();
    const second = ranges.read([at(100, 10), at(0, 10)]);
    await settled();
    abort.abort();
    await assert.rejects(first, { name: 'AbortError' });
    await settled();
    // What both wanted stays under way.
    assert.deepEqual(log(), ['0+10']);
    request(0).answer();
    await settled();
    request(1).answer();
    assert.deepEqual(await second, [data.slice(100, 110), data.slice(0, 10)]);
  });

  test('of the only one starts the next request at once', async () => {
    const { source, request, log } = manualSource();
    const ranges = new Ranges(source, { concurrency: 1, gap: 0 });
    const abort = new AbortController();
    const first = ranges.read([at(0, 10)], { signal: abort.signal });
    const second = ranges.read([at(100, 10)]);
    await settled();
    assert.deepEqual(log(), ['0+10']);
    abort.abort();
    await assert.rejects(first, { name: 'AbortError' });
    await settled();
    assert.deepEqual(log(), ['0+10', '100+10']);
    request(1).answer();
    assert.deepEqual(await second, [data.slice(100, 110)]);
    const again = ranges.read([at(0, 10)]);
    await settled();
    request(2).answer();
    assert.deepEqual(await again, [data.slice(0, 10)]);
  });

  test('of one half of what comes leaves the other', async () => {
    const { source, request, log } = manualSource();
    const ranges = new Ranges(source, { concurrency: 1 });
    const abort = new AbortController();
    const first = ranges.read([at(0, 10)], { signal: abort.signal });
    await settled();
    const second = ranges.read([at(5, 10)]);
    abort.abort();
    await assert.rejects(first, { name: 'AbortError' });
    // What both wanted is still under way; what only the second wants is next.
    request(0).answer();
    await settled();
    request(1).answer();
    assert.deepEqual(await second, [data.slice(5, 15)]);
    assert.deepEqual(log(), ['0+10', '10+5']);
  });

  test('of what has not begun leaves no request', async () => {
    const { source, request, log } = manualSource();
    const ranges = new Ranges(source, { concurrency: 1, gap: 0 });
    const abort = new AbortController();
    const first = ranges.read([at(0, 10)]);
    await settled();
    const second = ranges.read([at(100, 10)], { signal: abort.signal });
    const third = ranges.read([at(200, 10)]);
    await settled();
    abort.abort();
    await assert.rejects(second, { name: 'AbortError' });
    request(0).answer();
    await first;
    await settled();
    request(1).answer();
    await third;
    assert.deepEqual(log(), ['0+10', '200+10']);
    await assert.rejects(ranges.read([at(0, 1)], { signal: abort.signal }), { name: 'AbortError' });
  });
});

test('anything, in any order: right bytes, nothing in flight twice, never too many', async () => {
  for (let seed = 1; seed <= 150; seed++) {
    const next = numbers(seed);
    const concurrency = 1 + next(4);
    const maxRequest = 1 + next(500);
    const { source } = manualSource();
    /** @type {{ offset: number, length: number, done: () => void }[]} */
    const flying = [];
    source.read = async (offset, length, { signal } = {}) => {
      assert.ok(length <= maxRequest);
      for (const other of flying) {
        assert.ok(offset + length <= other.offset || other.offset + other.length <= offset, 'in flight twice');
      }
      const flight = { offset, length, done: () => {} };
      const end = () => flying.splice(flying.indexOf(flight), 1);
      flying.push(flight);
      assert.ok(flying.length <= concurrency);
      await new Promise((resolve, reject) => {
        flight.done = () => (end(), resolve(undefined));
        signal?.addEventListener('abort', () => (end(), reject(signal.reason)));
      });
      return data.slice(offset, offset + length);
    };
    const ranges = new Ranges(source, { concurrency, maxRequest, gap: next(50) });
    const calls = Array.from({ length: 30 }, async () => {
      for (let hops = next(40); hops > 0; hops--) await null;
      const extents = Array.from({ length: next(5) }, () => at(next(2000), next(300)));
      const abort = new AbortController();
      const isAborted = next(4) === 0;
      const reading = ranges.read(extents, { signal: abort.signal });
      if (isAborted) for (let hops = next(60); hops >= 0; hops--) hops === 0 ? abort.abort('enough') : await null;
      const result = await reading.catch((error) => error);
      if (isAborted && result === 'enough') return;
      assert.deepEqual(result, extents.map(({ offset, length }) => data.slice(offset, offset + length)));
    });
    const all = Promise.all(calls);
    let isDone = false;
    all.finally(() => (isDone = true)).catch(() => {});
    while (!isDone) {
      flying[next(flying.length)]?.done();
      await settled();
    }
    await all;
  }
});

test('many reads with one signal hang one listener on it, and leave none', async () => {
  const { source, requests } = manualSource();
  const { signal } = new AbortController();
  const listeners = new Set();
  signal.addEventListener = (/** @type {string} */ _, /** @type {unknown} */ listener) => listeners.add(listener);
  signal.removeEventListener = (/** @type {string} */ _, /** @type {unknown} */ listener) => listeners.delete(listener);
  const ranges = new Ranges(source);
  const reads = Array.from({ length: 100 }, (_, i) => ranges.read([at(i * 10, 10)], { signal }));
  await settled();
  assert.equal(listeners.size, 1);
  for (const { answer } of requests) answer();
  await Promise.all(reads);
  assert.equal(listeners.size, 0);
});

test('closing fails what is under way and what comes later', async () => {
  const { source, request } = manualSource();
  const ranges = new Ranges(source, { concurrency: 1, gap: 0 });
  const reads = [ranges.read([at(0, 10)]), ranges.read([at(100, 10)])];
  await settled();
  const error = new Error('closed');
  ranges.close(error);
  for (const read of reads) await assert.rejects(read, error);
  assert.equal(request(0).signal.aborted, true);
  await assert.rejects(ranges.read([at(0, 10)]), error);
});
