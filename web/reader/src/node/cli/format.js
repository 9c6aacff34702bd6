/**
 * Numbers, sizes, times, modes and names as people read them: the same as those of the native command.
 */

import { nameBytes } from '../../names.js';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** Whether thousands stand apart: where people read, in a locale that has the space. Programs read plain digits. */
const APART = Boolean(process.stdout.isTTY && process.stderr.isTTY) && knowsUnicode(process.env);

/**
 * @param {NodeJS.ProcessEnv} environment
 * @returns {boolean} whether the locale is one of Unicode
 */
export function knowsUnicode({ LC_ALL, LC_CTYPE, LANG }) {
  const locale = LC_ALL || LC_CTYPE || LANG;
  return locale ? /utf-?8/i.test(locale) : process.platform === 'win32';
}

/**
 * @param {number} number
 * @param {boolean} [apart]
 * @returns {string} on a terminal with its thousands apart, by a narrow space that no line is broken at
 */
export function thousands(number, apart = APART) {
  return apart ? String(number).replace(/\B(?=(\d{3})+$)/g, '\u202f') : String(number);
}

/**
 * @param {number} number
 * @param {string} thing
 * @returns {string} such as `1 file`, `2 directories`
 */
export function count(number, thing) {
  const things = number === 1 ? thing : thing.endsWith('y') ? `${thing.slice(0, -1)}ies` : `${thing}s`;
  return `${thousands(number)} ${things}`;
}

/**
 * @param {number} bytes
 * @returns {string} such as `812 B`, `1.2 KiB`, `34.0 MiB`, `120 GiB`
 */
export function size(bytes) {
  let [value, unit] = [bytes, 0];
  // 1023.7 KiB would be rounded to 1024 KiB.
  for (; value >= 1023.5 && unit + 1 < UNITS.length; unit++) value /= 1024;
  return `${fixed(value, unit === 0 || value >= 99.95 ? 0 : 1)} ${UNITS[unit]}`;
}

/**
 * @param {string} text such as `4096`, `4k`, `4KiB`, `1M`; each letter is a power of 1024
 * @returns {number | undefined} in bytes; undefined for what is none
 */
export function parseSize(text) {
  const [, digits, unit = ' '] = /^(\d+)\s*(?:([kmgt])(?:i?b)?|b)?$/i.exec(text) ?? [];
  const bytes = Number(digits) * 1024 ** ' kmgt'.indexOf(unit.toLowerCase());
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/**
 * @param {number} value
 * @param {0 | 1} digits behind the point
 * @returns {string} half to even, as Rust prints it
 */
export function fixed(value, digits) {
  const scaled = value * 10 ** digits;
  const below = Math.floor(scaled);
  const isHalf = scaled - below === 0.5;
  return ((isHalf ? below + (below % 2) : Math.round(scaled)) / 10 ** digits).toFixed(digits);
}

/**
 * @param {number} bytes
 * @returns {string} as people read it, and to the byte
 */
export function exactSize(bytes) {
  return bytes < 1024 ? count(bytes, 'byte') : `${size(bytes)} (${count(bytes, 'byte')})`;
}

/**
 * @param {bigint} nanoseconds since 1970
 * @param {boolean} [exact] with as many digits as it needs
 * @returns {string} such as `2026-11-21T03:38:19Z`, in UTC
 */
export function time(nanoseconds, exact = false) {
  const fraction = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = new Date(Number((nanoseconds - fraction) / 1_000_000n)).toISOString().slice(0, -5);
  const digits = exact ? String(fraction).padStart(9, '0').replace(/0+$/, '') : '';
  return digits === '' ? `${seconds}Z` : `${seconds}.${digits}Z`;
}

/**
 * @param {'-' | 'd' | 'l'} kind
 * @param {number | undefined} bits
 * @returns {string} such as `drwxr-xr-x`
 */
export function mode(kind, bits) {
  if (bits === undefined) return `${kind}?????????`;
  let text = kind;
  for (const [shift, special, letter] of /** @type {const} */ ([[6, 0o4000, 's'], [3, 0o2000, 's'], [0, 0o1000, 't']])) {
    const some = bits >> shift;
    text += (some & 4) !== 0 ? 'r' : '-';
    text += (some & 2) !== 0 ? 'w' : '-';
    const runs = (some & 1) !== 0;
    if ((bits & special) === 0) text += runs ? 'x' : '-';
    else text += runs ? letter : letter.toUpperCase();
  }
  return text;
}

/** Control characters, backslashes, line separators, and marks that make a name look like another one. */
// eslint-disable-next-line no-control-regex
const DANGEROUS = /[\u0000-\u001f\u007f-\u009f\\\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const SHORT = new Map([['\t', '\\t'], ['\r', '\\r'], ['\n', '\\n'], ['\\', '\\\\']]);

/** @param {string} character */
const spell = (character) => SHORT.get(character) ?? `\\u{${character.charCodeAt(0).toString(16)}}`;

/**
 * @param {string} name
 * @returns {string} so that a terminal can show it; bytes that are no UTF-8 as `\xff`
 */
export function escaped(name) {
  const spelt = name.replace(DANGEROUS, spell);
  return spelt.replace(/(?<![\ud800-\udbff])[\udc80-\udcff]/g, (byte) => `\\x${(byte.charCodeAt(0) - 0xdc00).toString(16)}`);
}

/**
 * @param {string} message
 * @returns {string} without control characters
 */
export function printable(message) {
  return message.replace(CONTROL, spell);
}

/**
 * @param {string} name
 * @returns {[string, string | undefined]} the name for JSON, and its bytes in hexadecimal digits if they are no UTF-8
 */
export function jsonName(name) {
  const bytes = nameBytes(name);
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  return [text, text === name ? undefined : Buffer.from(bytes).toString('hex')];
}
