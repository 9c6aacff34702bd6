/**
 * Paths of a pack in addresses. Names that are not UTF-8 hold the lone surrogates U+DC80 to U+DCFF for their bytes, as
 * the package gives them; an address holds the bytes themselves.
 */

const encoder = new TextEncoder();

/** A path as the fragment of an address, without the `#`: `/cats/1%202.jpg`. */
export function encodePath(path: string): string {
  return '/' + path.split('/').map(encodeName).join('/');
}

function encodeName(name: string): string {
  let encoded = '';
  for (const char of name) {
    const code = char.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) encoded += percent(code - 0xdc00);
    else if (code >= 0xd800 && code <= 0xdfff) encoded += encodeURIComponent('\ufffd');
    else encoded += encodeURIComponent(char);
  }
  return encoded;
}

const percent = (byte: number) => '%' + byte.toString(16).toUpperCase().padStart(2, '0');

/** The path that a fragment stands for; anything a person may have typed is taken. */
export function decodePath(fragment: string): string {
  const parts = fragment.replace(/^#/, '').split('/').map(decodeName);
  return parts.filter((part) => part !== '').join('/');
}

function decodeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return fromBytes(bytesOf(name));
  }
}

function bytesOf(name: string): Uint8Array {
  const bytes: number[] = [];
  for (const part of name.match(/%[0-9a-f]{2}|[^%]+|%/gi) ?? []) {
    if (/^%[0-9a-f]{2}$/i.test(part)) bytes.push(Number.parseInt(part.slice(1), 16));
    else bytes.push(...encoder.encode(part));
  }
  return Uint8Array.from(bytes);
}

function fromBytes(bytes: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((count) => {
      try {
        return at + count <= bytes.length && decoder.decode(bytes.subarray(at, at + count)) !== '';
      } catch {
        return false;
      }
    });
    text += length === undefined ? String.fromCharCode(0xdc00 + (bytes[at] ?? 0)) : decoder.decode(bytes.subarray(at, at + length));
    at += length ?? 1;
  }
  return text;
}

/** Which name comes first in a pack, where they stand in the order of their bytes: less than 0, 0 or more. */
export function compareNames(a: string, b: string): number {
  // That of UTF-16 is another one only where there are surrogates.
  if (!/[\ud800-\udfff]/.test(a) && !/[\ud800-\udfff]/.test(b)) return a < b ? -1 : Number(a > b);
  const [left, right] = [bytesOf(encodeName(a)), bytesOf(encodeName(b))];
  const at = left.findIndex((byte, i) => byte !== right[i]);
  return at < 0 ? left.length - right.length : (left[at] ?? 0) - (right[at] ?? -1);
}

/** The directory that a path lies in; '' is the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

/** The last name of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** A name as it may be shown: bytes that are no text, and characters that turn or hide text, are made visible. */
export function shown(name: string): string {
  // eslint-disable-next-line no-control-regex
  return name.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/gu, '\ufffd');
}

/** The bytes of a path with names that are no text; undefined where the path is text. */
export function pathBytes(path: string): Uint8Array | undefined {
  return /[\ud800-\udfff]/u.test(path) ? bytesOf(path.split('/').map(encodeName).join('/')) : undefined;
}
