/**
 * What every reader must find in the packs of the folder `tests`: the same files, and the same JSON beside them, that
 * the native reader is held to. Runs in Node, in pages and in workers alike, and so does not use `node:assert`.
 */

/** @import { Entry, Pack, PackFile, OpenOptions, PackInput } from '../types/index.d.ts' */

/**
 * A place from which packs are read. Names of files are those in the folder `tests`.
 *
 * @typedef {object} Place
 * @property {(file: string, options?: OpenOptions) => Promise<Pack>} open
 * @property {(file: string) => PackInput} input
 * @property {(file: string) => Promise<any>} json
 */

/** Some bytes in the JSON: text, or hexadecimal digits where they are not UTF-8. @typedef {string | { hex: string }} Raw */

/** The packs of the old programs. */
export const OLD = [
  'plain.container',
  'gzip.container',
  'json-array.container',
  'json-object.container',
  'trailing-bytes.container',
  'unfinalized.container',
  'one-file.container',
  'plain.fpack',
];

/** Of a pack of many small files, one in so many is also read in parts; all are read as a whole. */
const SAMPLE = 60;

/** Longer files are read in parts in any case. */
/** Length of the longest path, in bytes. */
const LONGEST = 8192;
const LONG = 1000;

/**
 * @param {Place} place
 * @param {string} name of the golden pack, without `.pack`
 */
export async function checkGolden(place, name) {
  const expected = await place.json(`golden/${name}.json`);
  // The index of this one lies beside the payloads.
  const pack = await place.open(name === 'sidecar' ? 'golden/sidecar.pack.rpx' : `golden/${name}.pack`);
  const { info } = pack;
  if (name !== 'sidecar') same(info.fileSize, expected.file_len, `${name}: length`);
  same(info.root ?? null, expected.root_sha256, `${name}: root`);
  same(info.treeDigest ?? null, expected.tree_sha256, `${name}: tree digest`);
  const root = await pack.stat('');
  same((root?.kind === 'directory' ? root.treeDigest : undefined) ?? null, expected.tree_sha256, `${name}: tree digest of the root`);
  same(info.volumeCount, expected.volumes.length, `${name}: number of volumes`);
  // Those of merged packs may be very many, and are not listed.
  const listed = info.sections.some(({ tag }) => tag === 'vtab') ? [] : expected.volumes;
  same(info.volumes.map(({ name, size }) => ({ name, bytes: size })), listed.map(volumeOf), `${name}: volumes`);
  same(await pack.metadata(), expected.metadata, `${name}: metadata`);
  same(info.sections.map(({ tag, offset, length }) => ({ tag, offset, length })), (expected.sections ?? []).map(sectionOf), `${name}: sections`);
  for (const { tag, length, sha256 } of info.sections.filter(({ sha256 }) => sha256 !== undefined)) {
    const bytes = await pack.section(tag);
    same([bytes?.length, await digestOf(bytes ?? new Uint8Array())], [length, sha256], `${name}: section ${tag}`);
  }
  const { entries, files, symlinks, directories, bytes, storedBytes } = info;
  const totals = { entries, files, symlinks, directories, bytes, stored_bytes: storedBytes };
  same(totals, expected.totals, `${name}: totals`);

  const wanted = expected.entries.map(entryOf);
  await checkTree(pack, wanted, name);
  const contents = new Map(expected.entries.map((/** @type {any} */ e) => [textOf(e.path), e.content_sha256]));
  await checkContents(pack, wanted, contents, name);
  for (const entry of expected.entries) {
    const kept = await pack.attributes(textOf(entry.path));
    const pairs = (entry.attributes ?? []).map((/** @type {any} */ { name, hex }) => [textOf(name), hex]);
    same([...kept].map(([name, value]) => [name, hexOf(value)]), pairs, `${name}: attributes of ${textOf(entry.path)}`);
  }
  pack.close();
}

/**
 * @param {Place} place
 * @param {string} name one of `OLD`
 */
export async function checkOld(place, name) {
  const index = name === 'unfinalized.container' ? place.input(`fixtures/seed-formats/${name}.idx`) : undefined;
  const pack = await place.open(`fixtures/seed-formats/${name}`, { index });
  same(pack.info.format, name.endsWith('.fpack') ? 'fpack' : 'ctnrv1', `${name}: format`);
  /** @type {Record<string, { size: number, sha256: string }>} */
  const expected = await place.json('fixtures/seed-formats/expected.json');
  // The old packer of containers made slashes of backslashes.
  const paths = Object.entries(expected).map(([path, what]) => {
    return /** @type {const} */ ([name.endsWith('.fpack') ? path : path.replaceAll('\\', '/'), what]);
  });
  const found = await collect(pack.walk());
  const files = found.filter((entry) => entry.kind === 'file');
  const wanted = new Map(name === 'one-file.container' ? paths.filter(([path]) => path === files[0]?.path) : paths);
  same(files.map(({ path, size }) => `${path}: ${size}`).sort(), [...wanted].map(([p, { size }]) => `${p}: ${size}`).sort(), name);
  same(pack.info.files, wanted.size, `${name}: files`);
  await checkTree(pack, found, name);
  await checkContents(pack, found, new Map([...wanted].map(([path, { sha256 }]) => [path, sha256])), name);
  pack.close();
}

/**
 * Every way to ask for entries gives these.
 *
 * @param {Pack} pack
 * @param {Entry[]} wanted everything, in the order of the walk
 * @param {string} name
 */
async function checkTree(pack, wanted, name) {
  const found = await collect(pack.walk());
  same(found.length, wanted.length, `${name}: number of entries`);
  for (const [i, entry] of wanted.entries()) same(plain(found[i]), plain(entry), `${name}: walk, entry ${i}`);

  /** @type {Map<string, Entry[]>} */
  const directories = new Map([['', []]]);
  for (const entry of wanted) if (entry.kind === 'directory') directories.set(entry.path, []);
  for (const entry of wanted) directories.get(entry.path.split('/').slice(0, -1).join('/'))?.push(entry);
  for (const [path, children] of directories) {
    const where = `${name}: /${path}`;
    same((await pack.readdir(path)).map(plain), children.slice(0, 1000).map(plain), `${where}, readdir`);
    same((await collect(pack.list(path))).map(plain), children.map(plain), `${where}, list`);
    await checkChildren(pack, path, children, `${where}, children`);
    const middle = children[Math.floor(children.length / 2)];
    if (middle !== undefined) {
      const rest = children.slice(children.indexOf(middle) + 1).slice(0, 3);
      same((await pack.readdir(path, { after: middle.name, limit: 3 })).map(plain), rest.map(plain), `${where}, page`);
    }
    const below = wanted.filter((entry) => path === '' || entry.path.startsWith(`${path}/`));
    same((await collect(pack.walk(path))).map(plain), below.map(plain), `${where}, walk`);
  }
  for (const [i, entry] of wanted.entries()) {
    if (i % SAMPLE !== 0 && wanted.length > 20) continue;
    same(plain(await pack.lstat(entry.path)), plain(entry), `${name}: lstat ${entry.path}`);
    same(plain(await pack.lstat(`/${entry.path}/`)), plain(entry), `${name}: lstat with slashes ${entry.path}`);
    if (entry.kind !== 'symlink') same(plain(await pack.stat(entry.path)), plain(entry), `${name}: stat ${entry.path}`);
    // Of a path that is as long as can be there is no longer one.
    if (lengthOf(entry.path) < LONGEST) same(await pack.lstat(`${entry.path}\u{1}`), undefined, `${name}: something behind ${entry.path}`);
  }
  const link = wanted.find((entry) => entry.kind === 'symlink' && entry.path === 'link' && wanted.some((other) => other.path === entry.target));
  if (link?.kind === 'symlink') {
    same((await pack.stat(link.path))?.path, link.target, `${name}: a link leads to its target`);
    same(await pack.exists('link to nowhere'), false, `${name}: a link out of the pack`);
  }
}

/**
 * Any part of a directory, by position and by name.
 *
 * @param {Pack} pack
 * @param {string} path
 * @param {Entry[]} children
 * @param {string} where
 */
async function checkChildren(pack, path, children, where) {
  const total = children.length;
  for (const start of new Set([0, 1, total >> 1, total - 1, total, total + 1])) {
    for (const limit of [0, 3, Infinity]) {
      if (start < 0) continue;
      const found = await pack.children(path, { start, limit });
      same({ ...found, entries: found.entries.map(plain) }, expectedChildren(children, start, limit), `${where} from ${start}`);
    }
    const child = children[start];
    if (child === undefined) continue;
    const named = await pack.children(path, { start: child.name, limit: 2 });
    same({ ...named, entries: named.entries.map(plain) }, expectedChildren(children, start, 2), `${where} from ${child.name}`);
    // A name that is not there stands for the place where it would be.
    same(await pack.children(path, { start: `${child.name}\0`, limit: 0 }), expectedChildren(children, start + 1, 0), `${where} behind ${child.name}`);
  }
}

/** @param {Entry[]} children @param {number} start @param {number} limit */
function expectedChildren(children, start, limit) {
  const from = Math.min(start, children.length);
  return { total: children.length, start: from, entries: children.slice(from, from + limit).map(plain) };
}

/**
 * Every way to read the files gives these contents.
 *
 * @param {Pack} pack
 * @param {Entry[]} entries
 * @param {Map<string, string>} digests of the contents, by path
 * @param {string} name
 */
async function checkContents(pack, entries, digests, name) {
  const files = entries.filter((entry) => entry.kind === 'file' && entry.unreadable === undefined);
  let number = 0;
  for await (const { entry, bytes: content, error } of pack.readMany(files)) {
    if (error !== undefined) throw error;
    const where = `${name}: ${entry.path}`;
    same(entry.path, files[number]?.path, `${where}, order of readMany`);
    same(await digestOf(content), digests.get(entry.path), `${where}, readMany`);
    same(content.length, entry.size, `${where}, size`);
    if (number++ % SAMPLE === 0 || entry.size > LONG || files.length < 20) {
      await checkFile(await pack.open(entry.path), content, where);
      equal(await pack.readFile(entry.path), content, `${where}, readFile`);
    }
  }
  same(number, files.length, `${name}: files of readMany`);
}

/**
 * @param {PackFile} file
 * @param {Uint8Array} content
 * @param {string} where
 */
async function checkFile(file, content, where) {
  const { size } = file;
  equal(await file.bytes(), content, `${where}, bytes`);
  equal(new Uint8Array(await file.arrayBuffer()), content, `${where}, arrayBuffer`);
  same(await file.text(), new TextDecoder().decode(content), `${where}, text`);
  equal(await joined(file.stream()), content, `${where}, stream`);
  const block = 256 * 1024;
  const middle = Math.floor(size / 2);
  /** @type {[number?, number?][]} */
  const parts = [[0, 1], [1, 3], [-1], [-7, -2], [middle, middle + 1], [middle], [size], [5, 2], [0, size + 9]];
  if (size > block) parts.push([block - 1, block + 1], [block, 2 * block], [1, size - 1]);
  for (const [start, end] of parts) {
    const part = file.slice(start, end);
    // A Blob cuts in the same way.
    const wanted = content.slice(start, end);
    same(part.size, wanted.length, `${where}, size of ${start} to ${end}`);
    equal(await part.bytes(), wanted, `${where}, bytes ${start} to ${end}`);
    equal(await joined(part.stream()), wanted, `${where}, stream of ${start} to ${end}`);
  }
  equal(await file.slice(2, -1).slice(1, 4).bytes(), content.slice(2, -1).slice(1, 4), `${where}, part of a part`);
}

/** @param {{ name: Raw, bytes: number }} json */
function volumeOf({ name, bytes }) {
  return { name: textOf(name), bytes };
}

/** @param {any} json one entry of the JSON @returns {Entry} */
function entryOf(json) {
  const path = textOf(json.path);
  /** @type {any} */
  const entry = { path, name: path.slice(path.lastIndexOf('/') + 1), kind: json.kind, size: json.size, storedSize: json.stored_size };
  if (json.mode !== undefined) entry.mode = json.mode;
  if (json.mtime !== undefined) entry.mtimeNs = json.mtime;
  if (json.uid !== undefined) [entry.uid, entry.gid] = [json.uid, json.gid];
  if (json.kind === 'file') {
    Object.assign(entry, { codec: json.codec, volume: json.volume, offset: json.offset, sha256: json.sha256 ?? undefined });
    Object.assign(entry, { originalSha256: json.orig_sha256, hardLink: json.hard_link, sparse: json.sparse });
    if (json.dictionary !== undefined) entry.dictionary = json.dictionary;
    const codec = json.codec_number;
    const message = `codec ${codec} is unknown`;
    if (codec !== undefined) entry.unreadable = { code: 'ERR_UNSUPPORTED', message };
    const table = json.block_table;
    if (table !== undefined) entry.blocks = { offset: table.offset, sha256: table.sha256, blockLog2: table.block_log2 };
  } else if (json.kind === 'directory') {
    Object.assign(entry, { size: json.bytes, storedSize: json.stored_bytes, files: json.files, directories: json.directories });
    entry.treeDigest = json.tree_sha256 ?? undefined;
  } else {
    entry.target = textOf(json.target);
    entry.size = entry.storedSize = lengthOf(json.target);
  }
  const block = json.attribute_block;
  if (block !== undefined) entry.attributes = { offset: block.offset, length: block.bytes, sha256: block.sha256 };
  return entry;
}

/**
 * An entry to compare: milliseconds are checked against the nanoseconds, and left out.
 *
 * @param {Entry | undefined} entry
 */
function plain(entry) {
  if (entry === undefined) return undefined;
  const { mtimeMs, ...rest } = entry;
  if (mtimeMs !== undefined) {
    const off = Math.abs(mtimeMs - Number(rest.mtimeNs) / 1e6);
    if (!(off < 0.001)) throw new Error(`${entry.path}: ${mtimeMs} ms are not ${rest.mtimeNs} ns`);
  }
  return rest;
}

/** @param {Raw} raw @returns {string} as the package shows it: a lone surrogate for each byte that is not UTF-8 */
function textOf(raw) {
  if (typeof raw === 'string') return raw;
  const bytes = bytesOf(raw);
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((n) => characterOf(bytes.subarray(at, at + n)) !== undefined);
    text += length === undefined ? String.fromCharCode(0xdc00 + (bytes[at] ?? 0)) : characterOf(bytes.subarray(at, at + length));
    at += length ?? 1;
  }
  return text;
}

/** @param {Uint8Array} bytes @returns {string | undefined} */
function characterOf(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** @param {Raw} raw */
function lengthOf(raw) {
  return typeof raw === 'string' ? new TextEncoder().encode(raw).length : raw.hex.length / 2;
}

/** @param {any} json */
function sectionOf({ tag, offset, bytes }) {
  return { tag, offset, length: bytes };
}

/** @param {Uint8Array} bytes */
function hexOf(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {{ hex: string }} raw */
function bytesOf({ hex }) {
  return Uint8Array.from(hex.match(/../g) ?? [], (digits) => parseInt(digits, 16));
}

/** @template T @param {AsyncIterable<T>} items */
async function collect(items) {
  /** @type {T[]} */
  const all = [];
  for await (const item of items) all.push(item);
  return all;
}

/** @param {ReadableStream<Uint8Array>} stream */
async function joined(stream) {
  const reader = stream.getReader();
  const pieces = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
  }
  return new Uint8Array(await new Blob(/** @type {BlobPart[]} */ (pieces)).arrayBuffer());
}

/** @param {Uint8Array} bytes @returns {Promise<string>} */
export async function digestOf(bytes) {
  return hexOf(new Uint8Array(await crypto.subtle.digest('SHA-256', /** @type {BufferSource} */ (bytes))));
}

/** @param {unknown} found @param {unknown} wanted @param {string} what */
function same(found, wanted, what) {
  const [a, b] = [canonical(found), canonical(wanted)];
  if (a !== b) throw new Error(`${what}: found ${a}, not ${b}`);
}

/** @param {Uint8Array} found @param {Uint8Array} wanted @param {string} what */
function equal(found, wanted, what) {
  const at = wanted.findIndex((byte, i) => byte !== found[i]);
  if (at < 0 && found.length === wanted.length) return;
  throw new Error(`${what}: ${found.length} bytes found, ${wanted.length} expected; the first that differs is at ${at}`);
}

/** @param {unknown} value @returns {string} */
function canonical(value) {
  return String(
    JSON.stringify(value, (_, inner) => {
      if (typeof inner === 'bigint') return `${inner}n`;
      if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
      return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
    }),
  );
}
