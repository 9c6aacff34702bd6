/**
 * Files of a pack as answers to HTTP requests: for service workers, and for servers that speak Fetch.
 */

import { PackError } from './errors.js';
import { nameBytes, nameText } from './names.js';
import { ARGUMENTS, checkArgument, checkOptions } from './options.js';
import { isDocument, typeOf } from './types.js';

/** @import { Pack, PackFile } from '../types/index.d.ts' */
/** @import { ErrorCode } from './error-codes.js' */
/** @import { RespondOptions } from '../types/respond.d.ts' */

/**
 * What has a status of its own. All else that is wrong with a pack, or with getting at it, is a bad gateway.
 *
 * @type {ReadonlyMap<ErrorCode, number>}
 */
const STATUS = new Map([
  ['ERR_NO_ENTRY', 404],
  ['ERR_BAD_PATH', 404],
  ['ERR_CLOSED', 503],
  ['ERR_OFFLINE', 503],
  ['ERR_TOO_MANY_REQUESTS', 503],
  ['ERR_TIMEOUT', 504],
]);

/** @type {readonly (keyof RespondOptions)[]} */
const OPTIONS = ['trusted', 'destination', 'onError'];

/**
 * A document of strangers gets an origin of its own: it may do what any foreign page may, but it is not the page that
 * it lies beside. So `allow-same-origin`, and what leads out of the sandbox or to the top, must never stand here.
 */
const SANDBOX = 'sandbox allow-scripts allow-forms allow-popups allow-downloads';

/** So that no cache answers for a script with what it has from something else. */
const VARY = { Vary: 'Sec-Fetch-Dest' };

/**
 * What browsers ask for in order to run it in the page that asks, whose origin it then has. A sandbox is for documents;
 * nothing keeps a script apart. Modules of JSON run nothing.
 */
const RUNS = /^(script|xslt)$|(worker|worklet)$/;

/**
 * @param {Pack | PromiseLike<Pack>} pack
 * @param {string} path
 * @param {Request} request
 * @param {RespondOptions} [options]
 * @returns {Promise<Response>}
 */
export async function respond(pack, path, request, options = {}) {
  checkOptions(options, OPTIONS);
  checkArgument('the path', path, ARGUMENTS.text);
  const { trusted = false, destination, onError } = options;
  const isHead = request.method === 'HEAD';
  if (!isHead && request.method !== 'GET') {
    return text(405, 'Only GET and HEAD are answered here.', isHead, { Allow: 'GET, HEAD' });
  }
  // Browsers write the header on the way to a server; what a service worker sees does not have it yet.
  const use = destination || request.destination || request.headers.get('Sec-Fetch-Dest') || '';
  if (!trusted && RUNS.test(use)) return text(403, 'Contents of this pack may not run in other pages.', isHead, VARY);
  const { signal } = request;
  try {
    const opened = await pack;
    const found = await find(opened, path, signal);
    if (found === undefined) return text(404, 'There is no such file in the pack.', isHead);
    if (found === 'directory') {
      const location = `./${encodeName(path.slice(path.lastIndexOf('/') + 1))}/${new URL(request.url).search}`;
      return text(301, 'This is a directory.', isHead, { Location: location });
    }
    return await answer(found, request, trusted, onError);
  } catch (error) {
    if (!(error instanceof PackError)) throw error;
    onError?.(error);
    return text(STATUS.get(error.code) ?? 502, `${error.code}: ${error.message}`, isHead);
  }
}

/**
 * @param {string} pathname part of an address
 * @returns {string} the path that it stands for
 */
export function decodePath(pathname) {
  const bytes = nameBytes(pathname);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const escaped = bytes[at] === 0x25 && /^[0-9a-f]{2}$/i.exec(String.fromCharCode(...bytes.subarray(at + 1, at + 3)));
    bytes[length++] = escaped ? Number.parseInt(escaped[0], 16) : /** @type {number} */ (bytes[at]);
    if (escaped) at += 2;
  }
  return nameText(bytes.subarray(0, length));
}

/** @param {string} name @returns {string} the same in an address */
function encodeName(name) {
  // Letters and digits stay; anything else may as well be escaped, and bytes that are no text must be.
  const encoded = [...nameBytes(name)].map((byte) => {
    const char = String.fromCharCode(byte);
    return /[\w.~-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  return encoded.join('');
}

/**
 * @param {Pack} pack
 * @param {string} path
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<{ file: PackFile, type: string } | 'directory' | undefined>} `'directory'`: without the slash that
 *   links in its index need
 */
async function find(pack, path, signal) {
  const inside = path === '' || path.endsWith('/');
  const entry = await pack.stat(path, { signal });
  if (entry?.kind === 'directory') {
    if (!inside) return 'directory';
    const index = await pack.stat(`${entry.path}/index.html`, { signal });
    return index?.kind === 'file' ? { file: await pack.open(index.path, { signal }), type: 'text/html' } : undefined;
  }
  if (entry?.kind !== 'file' || inside) return undefined;
  const file = await pack.open(entry.path, { signal });
  // A link may lead to a name that says less.
  return { file, type: typeOf(path.slice(path.lastIndexOf('/') + 1)) || file.type };
}

/**
 * @param {{ file: PackFile, type: string }} found
 * @param {Request} request
 * @param {boolean} trusted
 * @param {RespondOptions['onError']} onError
 * @returns {Promise<Response>}
 */
async function answer({ file, type }, request, trusted, onError) {
  const { size, entry } = file;
  const headers = new Headers({
    'Accept-Ranges': 'bytes',
    'Content-Type': withCharset(type) || 'application/octet-stream',
    'X-Content-Type-Options': 'nosniff',
    ...(trusted ? {} : VARY),
  });
  if (!trusted && isDocument(type)) headers.set('Content-Security-Policy', SANDBOX);
  const digest = entry.originalSha256 ?? entry.sha256;
  const etag = digest === undefined ? undefined : `"${digest}"`;
  if (etag !== undefined) headers.set('ETag', etag);
  if (entry.mtimeMs !== undefined) headers.set('Last-Modified', new Date(entry.mtimeMs).toUTCString());

  if (isKnown(request.headers, etag, entry.mtimeMs)) return new Response(null, { status: 304, headers });
  const isHead = request.method === 'HEAD';
  const range = isHead || !isSame(request.headers.get('If-Range'), headers) ? undefined : parseRange(request.headers.get('Range'), size);
  if (range === 'beyond') {
    return text(416, `The file has ${size} bytes.`, false, { 'Accept-Ranges': 'bytes', 'Content-Range': `bytes */${size}` });
  }
  const [start, end] = range ?? [0, size];
  headers.set('Content-Length', String(end - start));
  if (range !== undefined) headers.set('Content-Range', `bytes ${start}-${end - 1}/${size}`);
  const body = isHead ? null : await begun(file.slice(start, end).stream({ signal: request.signal }), onError);
  return new Response(body, { status: range === undefined ? 200 : 206, headers });
}

/**
 * Waits for the first piece, so that what cannot be read is an error and not an answer that breaks off.
 *
 * @param {ReadableStream<Uint8Array>} stream
 * @param {RespondOptions['onError']} onError
 * @returns {Promise<ReadableStream<Uint8Array>>}
 */
async function begun(stream, onError) {
  const reader = stream.getReader();
  /** @type {ReadableStreamReadResult<Uint8Array> | undefined} */
  let first = await reader.read();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = first ?? (await reader.read());
        first = undefined;
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        if (error instanceof PackError) onError?.(error);
        throw error;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/**
 * @param {Headers} asked
 * @param {string | undefined} etag
 * @param {number | undefined} mtimeMs
 * @returns {boolean} whether the asker has it already
 */
function isKnown(asked, etag, mtimeMs) {
  const tags = asked.get('If-None-Match');
  if (tags !== null) {
    const known = tags.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
    return known.includes('*') || (etag !== undefined && known.includes(etag));
  }
  const since = Date.parse(asked.get('If-Modified-Since') ?? '');
  return mtimeMs !== undefined && Math.floor(mtimeMs / 1000) * 1000 <= since;
}

/**
 * @param {string | null} condition `If-Range`
 * @param {Headers} headers
 * @returns {boolean} whether a part would fit what the asker has
 */
function isSame(condition, headers) {
  return condition === null || condition === headers.get('ETag') || condition === headers.get('Last-Modified');
}

/**
 * @param {string | null} header
 * @param {number} size
 * @returns {[number, number] | 'beyond' | undefined} first byte and the one behind the last; undefined: the whole file,
 *   for several ranges at once as well
 */
function parseRange(header, size) {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec((header ?? '').replaceAll(' ', '')) ?? [];
  if (first === '') {
    if (last === '') return undefined;
    const length = Math.min(Number(last), size);
    return length === 0 ? 'beyond' : [size - length, size];
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  return start < size ? [start, last === '' ? size : Math.min(Number(last) + 1, size)] : 'beyond';
}

/** Pages say for themselves how they are written; other text is taken for UTF-8. @param {string} type */
function withCharset(type) {
  return type.startsWith('text/') && !isDocument(type) ? `${type}; charset=utf-8` : type;
}

/**
 * @param {number} status
 * @param {string} message
 * @param {boolean} isHead
 * @param {Record<string, string>} [headers]
 */
function text(status, message, isHead, headers = {}) {
  const always = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };
  return new Response(isHead ? null : `${message}\n`, { status, headers: { ...always, ...headers } });
}
