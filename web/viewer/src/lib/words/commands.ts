/** Commands to copy. Names of a pack are hostile to shells too: everything is quoted. */

import type { Entry } from 'rangepack';

/** One word for a POSIX shell, whatever is in it. Bytes that are no text cannot be pasted as such. */
export function quoted(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text) && !text.startsWith('-')) return text;
  if (/[\u0000-\u001f\u007f\ud800-\udfff]/u.test(text)) {
    return `$'${text.replace(/[\u0000-\u001f\u007f'\\\ud800-\udfff]/gu, escaped)}'`;
  }
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function escaped(char: string): string {
  const code = char.charCodeAt(0);
  const byte = code >= 0xdc80 && code <= 0xdcff ? code - 0xdc00 : code & 0xff;
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}

/** `rangepack cat`, for a pack at an address, or in the folder one is in; with the address of an index beside it. */
export function catCommand(pack: string, entry: Entry, index?: string): string {
  const options = index === undefined ? '' : `--index ${quoted(index)} `;
  // A path that begins with a dash would be an option.
  return `rangepack cat ${options}-- ${quoted(pack)} ${quoted(entry.path)}`;
}

/**
 * The payload as stored, taken out of the pack by one range, and decoded. Undefined where that is not one range of this file, or
 * takes more than it: a dictionary, or a program for raw deflate streams.
 */
export function curlCommand(url: string, entry: Entry): string | undefined {
  if (entry.kind !== 'file') return undefined;
  const { offset, storedSize, volume, codec, dictionary } = entry;
  if (offset === undefined || (volume ?? 0) !== 0 || storedSize === 0 || dictionary !== undefined || codec === 'deflate') return undefined;
  const command = `curl -r ${offset}-${offset + storedSize - 1} ${quoted(url)}`;
  if (codec === 'zstd') return `${command} | zstd -d`;
  return codec === 'gzip' ? `${command} | gunzip` : command;
}
