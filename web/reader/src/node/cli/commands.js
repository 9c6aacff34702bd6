/**
 * `ls`, `cat` and `info`.
 */

import { PackError } from '../../errors.js';
import { count, escaped, exactSize, fixed, jsonName, mode, printable, size, thousands, time } from './format.js';
import { complain } from './output.js';
import { exitOf, hintOf, wordsOf } from './exit.js';

/** @import { Entry, Info, Pack } from '../../../types/index.d.ts' */
/** @import { Output } from './output.js' */

/**
 * @typedef {object} ListFlags
 * @property {boolean} [recursive]
 * @property {boolean} [long]
 * @property {boolean} [bytes]
 * @property {boolean} [directories-only]
 * @property {boolean} [files-only]
 * @property {boolean} [json]
 * @property {boolean} [null]
 */

/**
 * @param {Pack} pack
 * @param {string[]} paths
 * @param {ListFlags} flags
 * @param {Output} out
 * @returns {Promise<number>} the exit code
 */
export function ls(pack, paths, flags, out) {
  const whole = Boolean(flags.recursive || flags.json || paths.length > 1);
  const leftOut = flags['directories-only'] ? ['file', 'symlink'] : flags['files-only'] ? ['directory'] : [];
  const told = { targets: Boolean(flags.long || flags.json) };
  let exit = 0;
  /** @param {Entry} entry @param {boolean} whole */
  const show = async (entry, whole) => {
    if (leftOut.includes(entry.kind)) return;
    await out.write(...line(entry, whole, flags, out));
    if (entry.unreadable === undefined || entry.unreadable.code === 'ERR_UNSUPPORTED') return;
    await out.flush();
    complain(`${entry.path}: ${entry.unreadable.message}`);
    exit = 1;
  };
  const missing = each(paths.length === 0 ? [''] : paths, out, async (path) => {
    const found = await pack.stat(path);
    if (found?.kind === 'directory') {
      const entries = flags.recursive ? pack.walk(found.path, told) : pack.list(found.path, told);
      for await (const entry of entries) await show(entry, whole);
      return;
    }
    // A file, or a link that may lead nowhere: the link itself.
    const entry = (await pack.lstat(path)) ?? found;
    if (entry === undefined) throw noEntry(path);
    await show(entry, true);
  });
  return missing.then((missing) => Math.max(missing, exit));
}

/** @param {string} path */
const noEntry = (path) => new PackError('ERR_NO_ENTRY', `${path}: there is no such entry in the pack`);

/**
 * Goes on with the others when one path is missing or its bytes are bad.
 *
 * @param {string[]} paths
 * @param {Output} out
 * @param {(path: string) => Promise<void>} work
 */
async function each(paths, out, work) {
  let exit = 0;
  for (const path of paths) {
    try {
      await work(path);
    } catch (error) {
      if (exitOf(error) !== 1) throw error;
      await out.flush();
      complain(wordsOf(error), hintOf(error));
      exit = 1;
    }
  }
  return exit;
}

/**
 * @param {Entry} entry
 * @param {boolean} whole
 * @param {ListFlags} flags
 * @param {Output} out
 * @returns {(string | Uint8Array)[]}
 */
function line(entry, whole, { json, long, bytes, null: nul }, out) {
  if (json) return [JSON.stringify(record(entry)), '\n'];
  const name = out.name(whole ? entry.path : entry.name);
  const end = nul ? '\0' : '\n';
  if (!long) return [name, end];
  const kind = entry.kind === 'directory' ? 'd' : entry.kind === 'symlink' ? 'l' : '-';
  const width = bytes ? 15 : 9;
  /** @param {number} value */
  const shown = (value) => (kind === 'l' ? '-' : bytes ? thousands(value) : size(value)).padStart(width);
  const when = entry.mtimeNs === undefined ? '-' : time(BigInt(entry.mtimeNs));
  const more = entry.attributes === undefined ? ' ' : '+';
  const row = `${mode(kind, entry.mode)}${more} ${shown(entry.size)}  ${shown(entry.storedSize)}  ${when.padEnd(20)}  `;
  if (entry.kind === 'symlink' && entry.target !== undefined) return [row, name, ' -> ', out.name(entry.target), end];
  if (entry.kind === 'directory') return [row, name, `/  (${count(entry.files ?? 0, 'file')})`, end];
  return [row, name, end];
}

/**
 * What `--json` says of an entry; the keys are those of the native command.
 *
 * @param {Entry} entry
 */
function record(entry) {
  const [path, path_hex] = jsonName(entry.path);
  return {
    path,
    path_hex,
    kind: entry.kind,
    ...recordOfKind(entry),
    mode: entry.mode?.toString(8).padStart(4, '0'),
    mtime: entry.mtimeNs === undefined ? undefined : time(BigInt(entry.mtimeNs), true),
    uid: entry.uid,
    gid: entry.gid,
    tree_sha256: entry.kind === 'directory' ? entry.treeDigest : undefined,
    attribute_bytes: entry.attributes?.length,
    attribute_sha256: entry.attributes?.sha256,
  };
}

/** @param {Entry} entry */
function recordOfKind(entry) {
  if (entry.kind === 'file') {
    return {
      size: entry.size,
      stored_size: entry.storedSize,
      offset: entry.offset,
      codec: entry.codec,
      volume: entry.volume || undefined,
      sha256: entry.sha256,
      original_sha256: entry.originalSha256,
      hard_link: entry.hardLink,
      sparse: entry.sparse,
    };
  }
  if (entry.kind === 'directory') {
    const { files, directories, size: bytes, storedSize: stored_bytes } = entry;
    return { totals: { files, directories, bytes, stored_bytes } };
  }
  const [link_target, link_target_hex] = entry.target === undefined ? [] : jsonName(entry.target);
  return { link_target, link_target_hex };
}

/**
 * @param {Pack} pack
 * @param {string[]} paths
 * @param {{ offset?: number, length?: number }} part
 * @param {Output} out
 */
export function cat(pack, paths, { offset = 0, length = Infinity }, out) {
  return each(paths, out, async (path) => {
    const file = await pack.open(path);
    const part = file.slice(offset, Math.min(offset + length, file.size));
    // In pieces: what is written is not held.
    for await (const piece of part.stream()) await out.write(piece);
  });
}

/**
 * @param {Pack} pack
 * @param {string} name
 * @param {{ json?: boolean }} flags
 * @param {Output} out
 */
export async function info(pack, name, { json }, out) {
  const { info } = pack;
  const told = { ...summary(info), metadata: await pack.metadata(), notes: notes(info) };
  if (json) {
    const { format, ...rest } = told;
    await out.write(JSON.stringify({ format, path: name, ...rest }), '\n');
    return 0;
  }
  /** @param {string} label @param {string | Uint8Array} value */
  const row = (label, value) => out.write(`  ${label.padEnd(9)} `, value, '\n');
  await out.write(out.name(name), '\n');
  await row('format', formatName(told));
  if (told.root !== null) await row('root', told.root);
  if (told.tree !== null) await row('tree', told.tree);
  await row('length', exactSize(told.file_len));
  const links = told.symlinks > 0 ? ` (${count(told.symlinks, 'link')})` : '';
  const present = [
    ...(told.files > 0 ? [count(told.files, 'file') + links] : []),
    ...(told.directories > 0 ? [count(told.directories, 'directory')] : []),
  ];
  await row('entries', present.join(', ') || 'none');
  await row('content', exactSize(told.bytes));
  if (told.stored_bytes !== told.bytes) {
    const share = fixed((told.bytes === 0 ? 1 : told.stored_bytes / told.bytes) * 100, 1);
    await row('stored', `${exactSize(told.stored_bytes)}, ${share}% of the content`);
  }
  if (told.payload_bytes !== null && told.payload_bytes < told.stored_bytes) {
    await row('payloads', `${exactSize(told.payload_bytes)}, identical ones once`);
  }
  if (told.index !== null) {
    const { bytes, bytes_per_entry: each, pages, page_size, hash_bytes } = told.index;
    const inPages = pages > 0 ? `, in ${count(pages, 'page')} of ${page_size / 1024} KiB` : '';
    const hash = hash_bytes > 0 ? ` and a hash section of ${size(hash_bytes)}` : '';
    await row('index', `${size(bytes)}, ${fixed(each, 1)} bytes an entry${inPages}${hash}`);
  }
  if (told.trailer_bytes !== null) await row('trailer', `${exactSize(told.trailer_bytes)} of NDJSON, for the old programs`);
  const dictionaries = told.sections.find(({ tag }) => tag === 'dict');
  if (dictionaries !== undefined) await row('zstd', count(Math.floor(dictionaries.bytes / 48), 'dictionary'));
  for (const volume of told.volumes) await row('volume', `${volume.name}: ${exactSize(volume.bytes)}`);
  for (const { tag, bytes, sha256, known } of told.sections) {
    if (tag === 'prev') await row('earlier', sha256 ?? '');
    else if (!known) await row('section', `${tag}: ${exactSize(bytes)}, unknown to this version`);
  }
  for (const [key, value] of Object.entries(told.metadata)) await row('meta', printable(`${key}: ${value}`));
  for (const note of told.notes) await row('note', note);
  return 0;
}

/** Magic and length in front of an NDJSON trailer, in bytes. */
const TRAILER_HEADER = 16;

/**
 * What `info` tells, with the keys of the native command.
 *
 * @param {Info} info
 */
function summary(info) {
  const { format, root, treeDigest, fileSize, entries, symlinks, directories, bytes, storedBytes, volumes, sections } = info;
  const isPaged = format === 'rangepack';
  const section = (/** @type {string} */ tag) => sections.find((section) => section.tag === tag) ?? { offset: 0, length: 0 };
  const [data, trailer] = [section('data'), section('ctnr')];
  const payloadEnd = data.offset + data.length;
  const trailerBytes = trailer.length > 0 ? trailer.length + TRAILER_HEADER : 0;
  // Pages, root page and footer: what is neither payload nor trailer.
  const indexBytes = Math.max(fileSize - payloadEnd - trailerBytes, 0);
  return {
    format,
    file_len: fileSize,
    root: root ?? null,
    entries,
    files: info.files,
    directories,
    symlinks,
    bytes,
    stored_bytes: storedBytes,
    payload_bytes: isPaged && volumes.length === 0 ? payloadEnd : null,
    index: isPaged
      ? {
          page_size: info.pageSize,
          pages: info.indexBytes / info.pageSize,
          bytes: indexBytes,
          bytes_per_entry: indexBytes / Math.max(entries, 1),
          hash_bytes: section('hash').length,
        }
      : null,
    trailer_bytes: isPaged && trailerBytes > 0 ? trailerBytes : null,
    volumes: volumes.map((volume) => ({ name: escaped(volume.name), bytes: volume.size })),
    tree: treeDigest ?? null,
    sections: sections.map(({ tag, offset, length, sha256, known }) => {
      return { tag: escaped(tag), offset, bytes: length, sha256: sha256 ?? null, known };
    }),
  };
}

/** @param {ReturnType<typeof summary>} told */
function formatName({ format, sections, volumes, trailer_bytes }) {
  if (format === 'ctnrv1') return 'CTNRv1 container, its index read into memory; nothing vouches for that';
  if (format === 'fpack') return "FilePacker's .fpack, which has no check sums";
  if (sections.some(({ tag }) => tag === 'vtab')) return 'Rangepack 1, merged: an index of other packs';
  if (volumes.length > 0) return 'Rangepack 1, an index beside its container';
  return trailer_bytes === null ? 'Rangepack 1' : 'Rangepack 1, also readable as a CTNRv1 container';
}

/**
 * @param {Info} info
 * @returns {string[]} what is strange about an old container
 */
export function notes({ badLines, refused, lostNames, misfit, unfinished }) {
  const lines = [];
  if (badLines > 0) lines.push(`${count(badLines, 'line')} of the index cannot be read`);
  if (refused > 0) lines.push(`${count(refused, 'entry')} that no pack may hold, or that a later one replaced, not shown`);
  if (misfit) {
    lines.push(
      'the last payload that is named does not end where the trailer begins: is that the index of a container that was packed ' +
        'as a file into this one, whose own index is lost?',
    );
  }
  if (lostNames > 0) lines.push(`${count(lostNames, 'name')} cut off when it was made`);
  if (unfinished) lines.push('not finalized: its index lies beside it');
  return lines;
}
