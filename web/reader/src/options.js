/**
 * What callers give: every option and argument is looked at here, before anything is done with it.
 */

import { PackError } from './errors.js';
import { isCount } from './sources/source.js';

/** @import { Entry } from '../types/index.d.ts' */

/** Of calls that take nothing else. @type {readonly string[]} */
export const READ = ['signal'];

/** What something must be, in words, and whether it is. @typedef {[expected: string, fits: (value: any) => boolean]} Check */

/** @type {Check} */
const FUNCTION = ['a function', (value) => typeof value === 'function'];
/** @type {Check} */
const TEXT = ['a string', (value) => typeof value === 'string'];
/** @type {Check} */
const COUNT = ['an integer from 0 to 2^53-1', isCount];
/** @type {Check} */
const DURATION = ['a number of milliseconds, 0 or more', isAmount];
/** @type {Check} */
const ADDRESS = ['a string or a URL', (value) => typeof value === 'string' || value instanceof URL];
/** @type {Check} whatever a pack can lie in; which of these, the environment knows */
const INPUT = ['an address, a Blob, bytes or the like', (value) => typeof value === 'string' || isObject(value)];

/**
 * Every option that there is: a name means the same everywhere.
 *
 * @type {{ readonly [name: string]: Check }}
 */
const CHECKS = {
  signal: ['an AbortSignal', (value) => isObject(value) && typeof value.aborted === 'boolean' && hasMethods(value, ['addEventListener'])],
  // How packs are opened.
  root: ['a SHA-256 of 64 hexadecimal digits', (value) => typeof value === 'string' && /^[0-9a-f]{64}$/i.test(value)],
  headers: ['Headers, an object of strings, or an array of pairs', areHeaders],
  fetch: FUNCTION,
  credentials: ["'omit', 'same-origin' or 'include'", (value) => ['omit', 'same-origin', 'include'].includes(value)],
  cacheBytes: COUNT,
  concurrency: ['an integer from 1 on', (value) => isCount(value) && value >= 1],
  retries: COUNT,
  retryDelay: DURATION,
  timeout: DURATION,
  leastSpeed: ['a number of bytes a second, 0 or more', isAmount],
  size: COUNT,
  wholeLimit: COUNT,
  index: INPUT,
  volumes: [
    'the address of a folder, or an object of addresses, Blobs, bytes or the like',
    (value) => typeof value === 'string' || (isObject(value) && Object.values(value).every(INPUT[1])),
  ],
  cache: ['an object with `get` and `put`, as folderCache() or cacheStorageCache() makes it', (value) => hasMethods(value, ['get', 'put'])],
  onProgress: FUNCTION,
  // How directories are listed.
  after: TEXT,
  limit: ['an integer from 0 to 2^53-1, or Infinity', (value) => isCount(value) || value === Infinity],
  start: ['an integer from 0 to 2^53-1, or a name', (value) => isCount(value) || typeof value === 'string'],
  targets: ['true or false', (value) => typeof value === 'boolean'],
  // Caches.
  name: TEXT,
  maxBytes: ['a number of bytes, 0 or more', isAmount],
  storage: ['a CacheStorage', (value) => hasMethods(value, ['open'])],
  // Sites and answers.
  worker: ADDRESS,
  scope: ADDRESS,
  trusted: ['true or false', (value) => typeof value === 'boolean'],
  destination: TEXT,
  onError: FUNCTION,
};

/**
 * Refuses an option that nobody knows (it is a mistake, and its neighbours may be as well), and one that is something else
 * than it must be. `undefined` is as good as none.
 *
 * @param {unknown} options
 * @param {readonly string[]} known
 */
export function checkOptions(options, known) {
  if (!isObject(options)) throw wrong('the options', `an object with ${known.join(', ')}`, shown(options));
  for (const name in options) {
    const check = known.includes(name) ? CHECKS[name] : undefined;
    if (check === undefined) {
      throw new PackError('ERR_ARGUMENT', `there is no option \`${name}\` here; there are ${known.join(', ')}`);
    }
    const value = Reflect.get(options, name);
    if (value === undefined || check[1](value)) continue;
    // What was meant to be a header may be a secret.
    const given = name === 'headers' && typeof value === 'string' ? 'a string' : shown(value);
    throw wrong(`the option \`${name}\``, check[0], given);
  }
}

/** What calls take besides options. */
export const ARGUMENTS = Object.freeze({
  /** @type {Check} */
  path: ['a path (a string) or an entry', (value) => typeof value === 'string' || isEntry(value)],
  /** @type {Check} a text would be taken for the list of its characters */
  paths: ['an array, or anything else that gives paths and entries one by one', (value) => isObject(value) && (Symbol.iterator in value || Symbol.asyncIterator in value)],
  text: TEXT,
  address: ADDRESS,
  function: FUNCTION,
});

/**
 * @param {string} what is looked at
 * @param {unknown} value
 * @param {Check} check
 */
export function checkArgument(what, value, [expected, fits]) {
  if (!fits(value)) throw wrong(what, expected, shown(value));
}

/**
 * @param {unknown} given a path, or an entry
 * @returns {string} the path
 */
export function pathOf(given) {
  checkArgument('the path', given, ARGUMENTS.path);
  return typeof given === 'string' ? given : /** @type {Entry} */ (given).path;
}

/**
 * @param {string} what
 * @param {string} expected
 * @param {string} given
 */
function wrong(what, expected, given) {
  return new PackError('ERR_ARGUMENT', `${what} must be ${expected}, not ${given}`);
}

/**
 * @param {unknown} value
 * @returns {string} short, and without what may be a secret inside of it
 */
export function shown(value) {
  if (typeof value === 'string') return JSON.stringify(value.length > 50 ? `${value.slice(0, 50)}…` : value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `${value}n`;
  if (Array.isArray(value)) return 'an array';
  if (!isObject(value)) return String(value);
  const { name } = value.constructor ?? {};
  return typeof name === 'string' && name !== '' && name !== 'Object' ? `an object of the class ${name}` : 'an object';
}

/** @param {unknown} value @returns {value is Record<PropertyKey, any>} */
function isObject(value) {
  return typeof value === 'object' && value !== null;
}

/** @param {unknown} value @param {string[]} names */
export function hasMethods(value, names) {
  return isObject(value) && names.every((name) => typeof value[name] === 'function');
}

/** @param {unknown} value whether it may be a number of bytes or milliseconds, and as many as one likes */
function isAmount(value) {
  return typeof value === 'number' && value >= 0;
}

/** @param {unknown} value */
function isEntry(value) {
  return isObject(value) && typeof value.path === 'string' && typeof value.kind === 'string' && typeof value.size === 'number';
}

/** @param {unknown} value every request takes them anew, so what gives them only once is none */
function areHeaders(value) {
  if (!isObject(value) || hasMethods(value, ['next'])) return false;
  try {
    void new Headers(/** @type {HeadersInit} */ (value));
    return true;
  } catch {
    return false;
  }
}
