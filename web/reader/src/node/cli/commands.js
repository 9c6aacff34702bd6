/**
 * `ls`, `cat` and `info`.
 */

import { PackError } from '../../errors.js';
import { count, escaped, exactSize, fixed, jsonName, mode, printable, size, thousands, time } from './format.js';
import { complain } from './output.js';
import { exitOf, hintOf } from './exit.js';

/** @import { Entry, Info } from '../../../types/index.d.ts' */
/** @import { Pack } from '../../pack.js' */
/** @import { Output } from './output.js' */

/**
 * @typedef {object} ListFlags
 * @property {boolean} [recursive]
 * @property {boolean} [long]
 * @property {boolean} [bytes]
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
  return each(paths.length === 0 ? [''] : paths, out, async (path) => {
    const found = await pack.stat(path);
    if (found?.kind === 'directory') {
      for await (const entry of flags.recursive ? pack.walk(found.path) : pack.list(found.path)) {
        await out.write(...line(entry, whole, flags, out));
      }
      return;
    }
    // A file, or a link that may lead nowhere: the link itself.
    const entry = (await pack.lstat(path)) ?? found;
    if (entry === undefined) throw noEntry(path);
    await out.write(...line(entry, true, flags, out));
  });
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
      complain(/** @type {Error} */ (error).message, hintOf(error));
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
  const when = entry.mtimeNs === undefined ? '-' : time(entry.mtimeNs);
  const row = `${mode(kind, entry.mode)}  ${shown(entry.size)}  ${shown(entry.storedSize)}  ${when.padEnd(20)}  `;
  if (entry.target !== undefined) return [row, name, ' -> ', out.name(entry.target), end];
  if (kind === 'd') return [row, name, `/  (${count(entry.files ?? 0, 'file')})`, end];
  return [row, name, end];
}

/**
 * What `--json` says of an entry; the keys are those of the native command.
 *
 * @param {Entry} entry
 */
function record(entry) {
  const [path, path_hex] = jsonName(entry.path);
  const [link_target, link_target_hex] = entry.target === undefined ? [] : jsonName(entry.target);
  const { files, directories, size: bytes, storedSize: stored_bytes } = entry;
  const isFile = entry.kind === 'file';
  return {
    path,
    path_hex,
    kind: entry.kind,
    size: isFile ? entry.size : undefined,
    stored_size: isFile ? entry.storedSize : undefined,
    offset: entry.offset,
    codec: entry.codec,
    volume: entry.volume || undefined,
    sha256: entry.sha256,
    original_sha256: entry.originalSha256,
    hard_link: entry.hardLink,
    sparse: entry.sparse,
    link_target,
    link_target_hex,
    totals: files !== undefined ? { files, directories, bytes, stored_bytes } : undefined,
    mode: entry.mode?.toString(8).padStart(4, '0'),
    mtime: entry.mtimeNs === undefined ? undefined : time(entry.mtimeNs, true),
    uid: entry.uid,
    gid: entry.gid,
    tree_sha256: entry.treeDigest,
  };
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
  const { format, root, treeDigest, fileSize, symlinks, directories, bytes, storedBytes, volumes } = info;
  const { files } = info;
  if (json) {
    const all = { format, path: name, file_len: fileSize, root: root ?? null, entries: info.entries, files };
    const rest = { directories, symlinks, bytes, stored_bytes: storedBytes, notes: notes(info) };
    const kept = volumes.map((volume) => ({ name: escaped(volume.name), bytes: volume.size }));
    const told = { volumes: kept, tree: treeDigest ?? null, metadata: await pack.metadata() };
    await out.write(JSON.stringify({ ...all, ...rest, ...told }), '\n');
    return 0;
  }
  /** @param {string} label @param {string | Uint8Array} value */
  const row = (label, value) => out.write(`  ${label.padEnd(9)} `, value, '\n');
  await out.write(out.name(name), '\n');
  await row('format', formatName(info));
  if (root !== undefined) await row('root', root);
  if (treeDigest !== undefined) await row('tree', treeDigest);
  await row('length', exactSize(fileSize));
  const links = symlinks > 0 ? ` (${count(symlinks, 'link')})` : '';
  const present = [
    ...(files > 0 ? [count(files, 'file') + links] : []),
    ...(directories > 0 ? [count(directories, 'directory')] : []),
  ];
  await row('entries', present.join(', ') || 'none');
  await row('content', exactSize(bytes));
  if (storedBytes !== bytes) {
    const share = fixed((bytes === 0 ? 1 : storedBytes / bytes) * 100, 1);
    await row('stored', `${exactSize(storedBytes)}, ${share}% of the content`);
  }
  for (const volume of volumes) await row('volume', `${escaped(volume.name)}: ${exactSize(volume.size)}`);
  for (const [key, value] of Object.entries(await pack.metadata())) await row('meta', printable(`${key}: ${value}`));
  for (const note of notes(info)) await row('note', note);
  return 0;
}

/** @param {Info} info */
function formatName({ format, volumes }) {
  if (format === 'ctnrv1') return 'CTNRv1 container, its index read into memory; nothing vouches for that';
  if (format === 'fpack') return "FilePacker's .fpack, which has no check sums";
  return volumes.length > 0 ? 'Rangepack 1, an index beside its container' : 'Rangepack 1';
}

/**
 * @param {Info} info
 * @returns {string[]} what is strange about an old container
 */
export function notes({ badLines, refused, lostNames, unfinished }) {
  const lines = [];
  if (badLines > 0) lines.push(`${count(badLines, 'line')} of the index cannot be read`);
  if (refused > 0) lines.push(`${count(refused, 'entry')} with names that no pack may hold, not shown`);
  if (lostNames > 0) lines.push(`${count(lostNames, 'name')} cut off when it was made`);
  if (unfinished) lines.push('not finalized: its index lies beside it');
  return lines;
}
