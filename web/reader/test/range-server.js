/**
 * An HTTP server for tests that can misbehave in every way that we know of. No dependencies.
 *
 *   node test/range-server.js DIR PORT     serves the files of a directory
 *
 * How it behaves is said in the query of the address, so that one server does for all tests:
 *
 *   ranges=no        ignores Range: 200 and the whole file
 *   suffix=no        ignores suffix ranges (bytes=-5) only; suffix=416 refuses them
 *   length=no        no Content-Length (chunked)
 *   short=N          the body ends N bytes early, as if that were all
 *   shift=N          Content-Range is wrong by N
 *   reset=N          the connection breaks after N bytes of the body
 *   stall=N          nothing more comes after N bytes of the body
 *   status=S         this status; retry-after=V adds the header Retry-After
 *   head=S           status for HEAD
 *   change=N         after N requests the file is another one: other bytes, ETag and Last-Modified (not for a folder's)
 *   etag=no          no ETag; etag=weak: a weak one that is different each time; modified=no: no Last-Modified
 *   gzip=1           every body is compressed on the fly, ranges too
 *   redirect=1       302 to the same address without this
 *   latency=MS       every answer comes so much later
 *   cors=no          no headers for CORS; cors=plain: only Access-Control-Allow-Origin; cors=full: preflights are
 *                    allowed and headers exposed; cors=expose: headers exposed, but preflights refused. (Default: full)
 *   skip=N times=M   short, shift, reset, stall and status apply only to requests N+1 to N+M with this address
 *
 * Every request is logged. Nothing here is random.
 *
 * With `RANGEPACK_SLOW=MS` in the environment every answer of every server of the tests comes so much later, and what pages of
 * the viewer tell their workers, too: a test that passes only because things are fast fails then.
 */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join, resolve, sep } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { typeOf } from '../src/types.js';

/** @import { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http' */

/**
 * A file that need not exist: its bytes are made when they are asked for, at most 64 KiB at a time.
 * @typedef {{ size: number, read: (offset: number, length: number) => Uint8Array }} Virtual
 */

/**
 * @typedef {object} Served
 * @property {number} size
 * @property {string} etag
 * @property {number} modified milliseconds since 1970
 * @property {(start: number, end: number) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>} pieces
 */

/**
 * @typedef {object} Logged
 * @property {string} method
 * @property {string} path with the query
 * @property {string | undefined} range
 * @property {IncomingHttpHeaders} headers
 * @property {number} status
 * @property {number} bytes of the body that were sent, before compression
 */

/**
 * @typedef {object} RangeServer
 * @property {string} origin such as http://127.0.0.1:40000
 * @property {Logged[]} log
 * @property {Map<string, Uint8Array | Virtual>} files by path, such as '/a.pack'; may be changed at any time
 * @property {() => () => void} hold from now on answers wait, until the function that this gives is called
 * @property {() => Promise<void>} close
 */

const PIECE = 64 * 1024;

/** Milliseconds by which every answer is late. */
export const SLOW = Number(process.env.RANGEPACK_SLOW ?? 0);

/**
 * @param {object} options
 * @param {Record<string, Uint8Array | Virtual>} [options.files] by path
 * @param {string} [options.folder] where all other paths lie
 * @param {number} [options.port] 0: any
 * @returns {Promise<RangeServer>}
 */
export async function startRangeServer({ files = {}, folder, port = 0 }) {
  /** @type {RangeServer['files']} */
  const known = new Map(Object.entries(files));
  /** @type {Logged[]} */
  const log = [];
  /** @type {Map<string, number>} requests by address, preflights not counted */
  const counts = new Map();
  /** @type {Promise<unknown>} */
  let gate = Promise.resolve();

  const server = createServer(async (request, response) => {
    const { method = 'GET', url: path = '/', headers } = request;
    /** @type {Logged} */
    const entry = { method, path, range: headers.range, headers, status: 0, bytes: 0 };
    log.push(entry);
    try {
      await answer(request, response, entry);
    } catch {
      response.destroy(); // the client went away, or a file cannot be read
    }
  });

  /**
   * @param {IncomingMessage} request
   * @param {ServerResponse} response
   * @param {Logged} entry
   */
  async function answer(request, response, entry) {
    const url = new URL(entry.path, 'http://server');
    const query = url.searchParams;
    const isHead = entry.method === 'HEAD';
    const number = (/** @type {string} */ key) => Number(query.get(key) ?? 0);
    const end = (/** @type {number} */ status, body = '') => {
      entry.status = status;
      response.writeHead(status).end(isHead ? '' : body);
    };

    const allowed = setCors(request, response, query.get('cors') ?? 'full');
    if (entry.method === 'OPTIONS') return end(allowed ? 204 : 403);

    const count = (counts.get(entry.path) ?? 0) + 1;
    counts.set(entry.path, count);
    const isChosen = count > number('skip') && count <= number('skip') + (number('times') || Infinity);
    const defect = (/** @type {string} */ key) => (isChosen && query.has(key) ? number(key) : undefined);
    await gate;
    const late = SLOW + number('latency');
    if (late > 0) await wait(late, undefined, { ref: false });

    if (query.has('redirect')) {
      query.delete('redirect');
      response.setHeader('Location', url.pathname + url.search);
      return end(302);
    }
    const status = isHead && query.has('head') ? number('head') : defect('status');
    if (status !== undefined) {
      if (query.has('retry-after')) response.setHeader('Retry-After', query.get('retry-after') ?? '');
      return end(status, 'no');
    }

    const isSecond = query.has('change') && count > number('change');
    const file = memoryFile(known.get(url.pathname), isSecond) ?? (await diskFile(folder, url.pathname));
    if (file === undefined) return end(404, 'not found');
    response.setHeader('Accept-Ranges', 'bytes');
    const type = url.pathname.endsWith('/') ? 'text/html' : typeOf(url.pathname);
    response.setHeader('Content-Type', type || 'application/octet-stream');
    if (query.get('etag') === 'weak') response.setHeader('ETag', `W/"${count}"`);
    else if (query.get('etag') !== 'no') response.setHeader('ETag', file.etag);
    if (query.get('modified') !== 'no') response.setHeader('Last-Modified', new Date(file.modified).toUTCString());

    const header = query.get('ranges') === 'no' ? undefined : request.headers.range;
    const range = parseRange(header, file.size, query.get('suffix'));
    if (range === 'refused') {
      response.setHeader('Content-Range', `bytes */${file.size}`);
      return end(416, 'no such range');
    }
    let [from, to] = range ?? [0, file.size];
    if (range !== undefined) {
      const shift = defect('shift') ?? 0;
      response.setHeader('Content-Range', `bytes ${from + shift}-${to - 1 + shift}/${file.size}`);
    }
    response.statusCode = entry.status = range === undefined ? 200 : 206;
    if (query.has('gzip')) {
      response.setHeader('Content-Encoding', 'gzip');
      const pieces = [];
      for await (const piece of file.pieces(from, to)) pieces.push(piece);
      response.end(isHead ? '' : gzipSync(Buffer.concat(pieces)));
      return;
    }
    if (defect('short') === undefined && query.get('length') !== 'no') response.setHeader('Content-Length', to - from);
    if (isHead) return void response.end();

    to = Math.max(from, to - (defect('short') ?? 0));
    for await (const piece of file.pieces(from, Math.min(to, from + (defect('reset') ?? defect('stall') ?? Infinity)))) {
      entry.bytes += piece.length;
      await new Promise((done, failed) => response.write(piece, (error) => (error ? failed(error) : done(error))));
    }
    if (defect('reset') !== undefined) response.destroy();
    else if (defect('stall') === undefined) response.end();
    else response.flushHeaders();
  }

  await new Promise((done) => server.listen(port, '127.0.0.1', () => done(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    origin: `http://127.0.0.1:${address.port}`,
    log,
    files: known,
    hold() {
      /** @type {(value?: unknown) => void} */
      let release = () => {};
      gate = new Promise((done) => (release = done));
      return () => release();
    },
    async close() {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * @param {IncomingMessage} request
 * @param {ServerResponse} response
 * @param {string} mode
 * @returns {boolean} whether a preflight is granted
 */
function setCors(request, response, mode) {
  if (mode === 'no') return false;
  response.setHeader('Access-Control-Allow-Origin', '*');
  if (mode !== 'plain') response.setHeader('Access-Control-Expose-Headers', 'Content-Range, ETag');
  if (mode !== 'full') return false;
  response.setHeader('Access-Control-Allow-Headers', request.headers['access-control-request-headers'] ?? '*');
  return true;
}

/**
 * @param {string | undefined} header
 * @param {number} size
 * @param {string | null} suffix how suffix ranges are treated
 * @returns {[number, number] | 'refused' | undefined} first byte and the one behind the last; undefined: everything
 */
function parseRange(header, size, suffix) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  if (match[1] === '') {
    if (suffix === 'no') return undefined;
    const length = Math.min(Number(match[2]), size);
    return suffix === '416' || length === 0 ? 'refused' : [size - length, size];
  }
  const start = Number(match[1]);
  const end = match[2] === '' ? size : Math.min(Number(match[2]) + 1, size);
  return start < end ? [start, end] : 'refused';
}

/**
 * @param {Uint8Array | Virtual | undefined} file
 * @param {boolean} isSecond
 * @returns {Served | undefined}
 */
function memoryFile(file, isSecond) {
  if (file === undefined) return undefined;
  const isBytes = file instanceof Uint8Array;
  const read = isBytes ? (/** @type {number} */ at, /** @type {number} */ n) => file.subarray(at, at + n) : file.read;
  const size = isBytes ? file.length : file.size;
  return {
    size,
    etag: `"${isSecond ? 'second' : 'first'}-${size}"`,
    modified: isSecond ? 2e12 : 1e12,
    *pieces(start, end) {
      for (let at = start; at < end; at += PIECE) {
        const piece = read(at, Math.min(PIECE, end - at));
        yield isSecond ? piece.map((byte) => byte ^ 255) : piece;
      }
    },
  };
}

/**
 * @param {string | undefined} folder
 * @param {string} path
 * @returns {Promise<Served | undefined>}
 */
async function diskFile(folder, path) {
  if (folder === undefined) return undefined;
  const full = join(resolve(folder), decodeURIComponent(path));
  if (!full.startsWith(resolve(folder) + sep)) return undefined;
  const found = await stat(full).catch(() => undefined);
  if (found === undefined || !found.isFile()) return undefined;
  return {
    size: found.size,
    etag: `"${found.mtimeMs}-${found.size}"`,
    modified: found.mtimeMs,
    pieces: (start, end) => (start < end ? createReadStream(full, { start, end: end - 1 }) : []),
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [folder = '.', port = '8080'] = process.argv.slice(2);
  const { origin } = await startRangeServer({ folder, port: Number(port) });
  console.log(`${resolve(folder)} at ${origin}`);
}
