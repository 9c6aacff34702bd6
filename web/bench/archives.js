/**
 * Makes the archives that are compared: the same files under the same names, as a pack, a zip and a PMTiles file.
 */

import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32, gzipSync } from 'node:zlib';

/** Files of a directory, as in ImageNet. */
const CLASS = 1000;

/** Entries of a leaf directory of PMTiles. */
const LEAF = 4096;

/**
 * @param {number} index
 * @returns {string} such as train/n01440000/n01440000_17.JPEG
 */
export function nameOf(index) {
  const directory = `n${String(1_440_000 + 7 * Math.floor(index / CLASS)).padStart(8, '0')}`;
  return `train/${directory}/${directory}_${index % CLASS}.JPEG`;
}

/**
 * @param {number} index
 * @returns {Buffer} about 1 KiB that no compression makes shorter, the same each time
 */
export function contentOf(index) {
  const bytes = Buffer.allocUnsafe(1024 + (index % 64) * 4);
  let state = Math.imul(index + 1, 0x9e3779b1) | 1;
  for (let at = 0; at < bytes.length; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state, at);
  }
  return bytes;
}

/**
 * @param {string} folder where they stay for the next time
 * @param {number} count of files
 * @param {string} rangepack the path of the native command
 * @returns {Promise<Record<'pack' | 'zip' | 'pmtiles', string>>} their names in the folder
 */
export async function makeArchives(folder, count, rangepack) {
  await mkdir(folder, { recursive: true });
  /** @type {[string, (path: string) => Promise<void>][]} */
  const makers = [
    [`${count}.pack`, (path) => makePack(path, count, rangepack)],
    [`${count}.zip`, (path) => makeZip(path, count)],
    [`${count}.pmtiles`, (path) => makePmtiles(path, count)],
  ];
  for (const [name, make] of makers) {
    const path = join(folder, name);
    if (await access(path).then(() => true, () => false)) continue;
    console.error(`making ${path}`);
    await make(`${path}.new`);
    await rename(`${path}.new`, path);
  }
  return { pack: `${count}.pack`, zip: `${count}.zip`, pmtiles: `${count}.pmtiles` };
}

/**
 * @param {string} path
 * @param {number} count
 * @param {string} rangepack
 */
async function makePack(path, count, rangepack) {
  const tree = `${path}.tree`;
  for (let from = 0; from < count; from += CLASS) {
    await mkdir(join(tree, nameOf(from), '..'), { recursive: true });
    const some = Array.from({ length: Math.min(CLASS, count - from) }, (_, i) => from + i);
    await Promise.all(some.map((index) => writeFile(join(tree, nameOf(index)), contentOf(index))));
  }
  // Without the trailer for the old programs: the others have one index, too.
  await promisify(execFile)(rangepack, ['pack', '--quiet', '--index-format', 'paged', tree, path]);
  await rm(tree, { recursive: true });
}

/** A file that is written from its beginning. */
class Output {
  #stream;
  length = 0;

  /** @param {string} path */
  constructor(path) {
    this.#stream = createWriteStream(path, { highWaterMark: 1024 * 1024 });
  }

  /** @param {Buffer[]} pieces */
  async write(...pieces) {
    let more = true;
    for (const piece of pieces) {
      this.length += piece.length;
      more = this.#stream.write(piece);
    }
    if (!more) await new Promise((done) => this.#stream.once('drain', done));
  }

  async close() {
    await new Promise((done, failed) => this.#stream.on('error', failed).end(done));
  }
}

/**
 * Stored files; what does not fit into the old fields is written as ZIP64.
 *
 * @param {string} path
 * @param {number} count
 */
async function makeZip(path, count) {
  const out = new Output(path);
  const NONE = 0xffffffff;
  /** @type {Buffer[]} */
  const central = [];
  for (let index = 0; index < count; index++) {
    const [name, content] = [Buffer.from(nameOf(index)), contentOf(index)];
    const offset = out.length;
    // From the version needed to the length of the name: the same in both headers.
    const fields = Buffer.alloc(24);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(0x800, 2); // names are UTF-8
    fields.writeUInt16LE(0x21, 8); // 1 January 1980
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(content.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(name.length, 22);
    await out.write(Buffer.from('PK\x03\x04'), fields, Buffer.alloc(2), name, content);

    const isFar = offset >= NONE;
    const rest = Buffer.alloc(16);
    rest.writeUInt16LE(isFar ? 12 : 0, 0);
    rest.writeUInt32LE(isFar ? NONE : offset, 12);
    const extra = Buffer.alloc(isFar ? 12 : 0);
    if (isFar) {
      extra.writeUInt16LE(1, 0);
      extra.writeUInt16LE(8, 2);
      extra.writeBigUInt64LE(BigInt(offset), 4);
    }
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\0', 'latin1'), fields, rest, name, extra]));
  }
  const start = out.length;
  for (let at = 0; at < central.length; at += 1000) await out.write(Buffer.concat(central.slice(at, at + 1000)));
  const length = out.length - start;
  const isLarge = count >= 0xffff || start >= NONE;
  if (isLarge) {
    const [end, locator] = [Buffer.alloc(56), Buffer.alloc(20)];
    end.write('PK\x06\x06', 'latin1');
    end.writeBigUInt64LE(44n, 4);
    end.writeUInt16LE(45, 12);
    end.writeUInt16LE(45, 14);
    [count, count, length, start].forEach((value, i) => end.writeBigUInt64LE(BigInt(value), 24 + 8 * i));
    locator.write('PK\x06\x07', 'latin1');
    locator.writeBigUInt64LE(BigInt(out.length), 8);
    locator.writeUInt32LE(1, 16);
    await out.write(end, locator);
  }
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(Math.min(count, 0xffff), 8);
  end.writeUInt16LE(Math.min(count, 0xffff), 10);
  end.writeUInt32LE(isLarge ? NONE : length, 12);
  end.writeUInt32LE(isLarge ? NONE : start, 16);
  await out.write(end);
  await out.close();
}

/**
 * PMTiles version 3. Its keys are numbers, so the names are not in it.
 *
 * @param {string} path
 * @param {number} count
 */
async function makePmtiles(path, count) {
  /** @type {Buffer[]} */
  const leaves = [];
  /** @type {Tile[]} */
  let top = [];
  let data = 0;
  let reached = 0;
  for (let from = 0; from < count; from += LEAF) {
    const tiles = [];
    for (let id = from; id < Math.min(from + LEAF, count); id++) {
      const { length } = contentOf(id);
      tiles.push({ id, run: 1, length, offset: data });
      data += length;
    }
    if (count <= LEAF) {
      top = tiles;
      break;
    }
    const leaf = gzipSync(directory(tiles));
    leaves.push(leaf);
    top.push({ id: from, run: 0, length: leaf.length, offset: reached });
    reached += leaf.length;
  }
  const root = gzipSync(directory(top));
  const metadata = gzipSync('{}');
  const header = Buffer.alloc(127);
  header.write('PMTiles\x03', 'latin1');
  let offset = 127;
  [root.length, metadata.length, reached, data].forEach((length, i) => {
    header.writeBigUInt64LE(BigInt(offset), 8 + 16 * i);
    header.writeBigUInt64LE(BigInt(length), 16 + 16 * i);
    offset += length;
  });
  [0, 1, 2].forEach((i) => header.writeBigUInt64LE(BigInt(count), 72 + 8 * i));
  // Clustered; directories are gzip; tiles are not compressed, and of an unknown type; levels 0 to 10.
  [1, 2, 1, 0, 0, 10].forEach((value, i) => header.writeUInt8(value, 96 + i));
  const out = new Output(path);
  await out.write(header, root, metadata, ...leaves);
  for (let id = 0; id < count; id++) await out.write(contentOf(id));
  await out.close();
}

/** @typedef {{ id: number, run: number, length: number, offset: number }} Tile */

/** @param {Tile[]} tiles */
function directory(tiles) {
  /** @type {number[]} */
  const bytes = [];
  /** @param {number} value */
  const varint = (value) => {
    for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
    bytes.push(value);
  };
  varint(tiles.length);
  tiles.forEach(({ id }, i) => varint(id - (tiles[i - 1]?.id ?? 0)));
  tiles.forEach(({ run }) => varint(run));
  tiles.forEach(({ length }) => varint(length));
  tiles.forEach(({ offset }, i) => {
    const before = tiles[i - 1];
    varint(before !== undefined && before.offset + before.length === offset ? 0 : offset + 1);
  });
  return Buffer.from(bytes);
}
