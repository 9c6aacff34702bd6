import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ERROR_CODES } from '../src/error-codes.js';
import { PackError, displayUrl } from '../src/errors.js';
import { areSafelisted, contentLength, contentRange, differ, isCompressed, retryAfter, validators } from '../src/sources/http-headers.js';
import { isCrossOrigin, mayTryNext, openingSteps } from '../src/sources/http-open.js';
import { blamesCache, waitBeforeRetry } from '../src/sources/http-retry.js';

/** @import { ErrorCode } from '../src/error-codes.js' */

test('Content-Range', () => {
  const parse = (/** @type {string} */ text) => contentRange(new Headers({ 'Content-Range': text }));
  assert.deepEqual(parse('bytes 0-9/100'), { start: 0, end: 9, total: 100 });
  assert.deepEqual(parse('Bytes 5-5/*'), { start: 5, end: 5, total: undefined });
  assert.deepEqual(parse('bytes */100'), { start: undefined, end: undefined, total: 100 });
  for (const text of ['', 'bytes', 'bytes 9-0/100', 'bytes 0-100/100', 'bytes -5/100', 'items 0-9/100', 'bytes 0-9/99999999999999999999', 'bytes 0-9/1e3']) {
    assert.equal(parse(text), undefined, text);
  }
  assert.equal(contentRange(new Headers()), undefined);
});

test('Content-Length counts only what is not compressed', () => {
  assert.equal(contentLength(new Headers({ 'Content-Length': '12' })), 12);
  for (const text of ['', '-1', '1.5', '1e3', '0x10', '99999999999999999999', '12, 12']) {
    assert.equal(contentLength(new Headers({ 'Content-Length': text })), undefined, text);
  }
  assert.equal(contentLength(new Headers({ 'Content-Length': '12', 'Content-Encoding': 'br' })), undefined);
});

test('Content-Encoding that fetch would undo', () => {
  for (const [text, expected] of /** @type {const} */ ([['gzip', true], ['x-gzip', true], ['aws-chunked, ZSTD', true], ['identity', false], ['aws-chunked', false], ['', false]])) {
    assert.equal(isCompressed(new Headers({ 'Content-Encoding': text })), expected, text);
  }
});

test('versions', () => {
  const of = (/** @type {Record<string, string>} */ headers) => validators(new Headers(headers));
  const [a, b] = ['"a"', '"b"'];
  assert.ok(differ(of({ ETag: a }), of({ ETag: b })));
  assert.ok(!differ(of({ ETag: a }), of({ ETag: a, 'Last-Modified': 'x' })));
  assert.ok(!differ(of({ ETag: a }), of({})));
  assert.ok(!differ(of({ ETag: 'W/"a"' }), of({ ETag: 'W/"b"' })));
  assert.ok(differ(of({ ETag: 'W/"a"', 'Last-Modified': 'x' }), of({ ETag: a, 'Last-Modified': 'y' })));
  assert.ok(!differ(of({ ETag: a, 'Last-Modified': 'x' }), of({ ETag: a, 'Last-Modified': 'y' })));
});

test('Retry-After', () => {
  const parse = (/** @type {string} */ text) => retryAfter(new Headers({ 'Retry-After': text }), Date.parse('2024-01-01T00:00:00Z'));
  assert.equal(parse('7'), 7000);
  assert.equal(parse('Mon, 01 Jan 2024 00:00:09 GMT'), 9000);
  assert.equal(parse('Mon, 01 Jan 2001 00:00:09 GMT'), 0);
  assert.equal(parse('soon'), undefined);
  assert.equal(retryAfter(new Headers(), 0), undefined);
});

test('headers that a page may send without asking', () => {
  assert.ok(areSafelisted(new Headers()));
  assert.ok(areSafelisted(new Headers({ Accept: '*/*' })));
  assert.ok(!areSafelisted(new Headers({ Accept: '*/*', Authorization: 'x' })));
});

describe('opening', () => {
  test('is tried in the cheapest order', () => {
    const order = (/** @type {boolean} */ crossOrigin, /** @type {boolean} */ preflighted) => openingSteps({ crossOrigin, preflighted }).join();
    assert.equal(order(false, false), 'suffix,first-byte,head');
    assert.equal(order(false, true), 'suffix,first-byte,head');
    assert.equal(order(true, false), 'head,first-byte,suffix');
    assert.equal(order(true, true), 'suffix,first-byte,head');
    assert.deepEqual(openingSteps({ crossOrigin: true, preflighted: false, worked: 'suffix' }), ['suffix', 'head', 'first-byte']);
  });

  test('origins', () => {
    const url = new URL('https://a.example:8443/x');
    assert.equal(isCrossOrigin(undefined, url), false);
    assert.equal(isCrossOrigin('https://a.example:8443', url), false);
    assert.equal(isCrossOrigin('https://a.example', url), true);
    assert.equal(isCrossOrigin('null', url), true);
  });

  test('goes on only where another way may work', () => {
    const may = (/** @type {'head' | 'suffix'} */ step, /** @type {ErrorCode} */ code, inPage = false, status = 0) =>
      mayTryNext(step, new PackError(code, '', { status }), inPage);
    assert.ok(may('head', 'ERR_FORBIDDEN') && may('head', 'ERR_NOT_FOUND') && may('head', 'ERR_STATUS'));
    assert.ok(!may('suffix', 'ERR_FORBIDDEN') && !may('suffix', 'ERR_NOT_FOUND'));
    assert.ok(may('suffix', 'ERR_CORS', true) && may('suffix', 'ERR_NETWORK', true) && !may('suffix', 'ERR_NETWORK'));
    assert.ok(!may('head', 'ERR_TIMEOUT', true) && !may('head', 'ERR_OFFLINE', true));
    assert.ok(may('head', 'ERR_SERVER', false, 501) && !may('head', 'ERR_SERVER', false, 503));
  });
});

describe('another try', () => {
  const options = { retries: 4, base: 100 };
  /** @param {ErrorCode} code @param {import('../src/errors.js').Details} [details] */
  const error = (code, details) => new PackError(code, '', details);

  test('comes later each time, with jitter', () => {
    const waits = (/** @type {number} */ random) => [0, 1, 2, 3, 4].map((n) => waitBeforeRetry(error('ERR_NETWORK'), n, { ...options, random: () => random }));
    assert.deepEqual(waits(1), [100, 200, 400, 800, undefined]);
    assert.deepEqual(waits(0), [50, 100, 200, 400, undefined]);
    const late = waitBeforeRetry(error('ERR_SERVER', { status: 500 }), 40, { retries: 50, base: 100, random: () => 1 });
    assert.equal(late, 10_000);
  });

  test('waits as long as the server says, within reason', () => {
    assert.equal(waitBeforeRetry(error('ERR_SERVER', { status: 503, retryAfter: 7000 }), 3, options), 7000);
    assert.equal(waitBeforeRetry(error('ERR_TOO_MANY_REQUESTS', { retryAfter: 86_400_000 }), 0, options), 30_000);
  });

  test('is not made for what will not change', () => {
    const final = Object.keys(ERROR_CODES).filter((code) => waitBeforeRetry(error(/** @type {ErrorCode} */ (code)), 0, options) === undefined);
    const passing = Object.keys(ERROR_CODES).filter((code) => !final.includes(code));
    assert.deepEqual(passing.sort(), ['ERR_CONTENT_RANGE', 'ERR_CORS', 'ERR_NETWORK', 'ERR_SERVER', 'ERR_SHORT_BODY', 'ERR_TIMEOUT', 'ERR_TOO_MANY_REQUESTS']);
    assert.equal(waitBeforeRetry(error('ERR_SERVER', { status: 501 }), 0, options), undefined);
    assert.equal(waitBeforeRetry(error('ERR_CONTENT_RANGE'), 1, options), undefined);
    const cause = new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'CERT_HAS_EXPIRED' }) });
    assert.equal(waitBeforeRetry(error('ERR_NETWORK', { cause }), 0, options), undefined);
  });

  test('goes past the cache where that may be to blame', () => {
    assert.ok(blamesCache(error('ERR_SHORT_BODY')) && blamesCache(error('ERR_CONTENT_RANGE')) && !blamesCache(error('ERR_NETWORK')));
  });
});

test('errors show what is known, and no secrets', () => {
  const url = displayUrl(new URL('https://me:secret@a.example/x.pack?token=secret#secret'));
  assert.equal(url, 'https://a.example/x.pack?…');
  assert.equal(displayUrl(new URL('https://a.example/x.pack')), 'https://a.example/x.pack');
  const error = new PackError('ERR_SERVER', 'it failed.', { url, status: 500 });
  assert.equal(error.message, 'https://a.example/x.pack?…: it failed.');
  assert.deepEqual(Object.keys(error).sort(), ['code', 'name', 'status', 'url']);
});
