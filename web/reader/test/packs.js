/**
 * Large packs for the tests, made by the native command. Their payloads need not lie on any disk.
 */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { REPOSITORY } from './places.js';

/** @import { Virtual } from './range-server.js' */

/** One line of the index that lies beside a container. @typedef {{ path: string, size: number, sha256: string }} Line */

/**
 * Runs the native command: the one that the variable RANGEPACK names, or the one that cargo builds.
 *
 * @param {string[]} args
 */
export async function rangepack(args) {
  const { RANGEPACK } = process.env;
  const [command, before] =
    RANGEPACK === undefined ? ['cargo', ['run', '--quiet', '--locked', '--package', 'rangepack-cli', '--']] : [RANGEPACK, []];
  await promisify(execFile)(command, [...before, ...args], { cwd: REPOSITORY });
}

/**
 * @template T
 * @param {(folder: string) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function inTemporaryFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), 'rangepack-test-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Makes a pack whose payloads are holes in the file; who wants bytes there writes them, or serves others.
 *
 * @param {string} target
 * @param {Iterable<Line>} lines the files, one behind the other
 * @param {Uint8Array} [last] the content of the last one, which has to be there if its digest is known: it shows whose
 *   index this is
 */
export async function finalizeSparse(target, lines, last = new Uint8Array()) {
  let offset = 0;
  function* text() {
    let chunk = '';
    for (const { path, size, sha256 } of lines) {
      const line = { relpath: path, offset, payload_size: size, orig_size: size, sha256, compressed: false, mode: 0o644, mtime: 1.7e9 };
      chunk += `${JSON.stringify(line)}\n`;
      offset += size;
      if (chunk.length > 1 << 20) {
        yield chunk;
        chunk = '';
      }
    }
    yield chunk;
  }
  await pipeline(Readable.from(text()), createWriteStream(`${target}.idx`));
  const file = await open(target, 'w');
  await file.truncate(offset);
  await file.write(last, 0, last.length, offset - last.length);
  await file.close();
  await rangepack(['finalize', '--quiet', '--remove-index', '--index-format', 'paged', target]);
}

const KINDS = 1000;
const contents = Array.from({ length: KINDS }, (_, kind) => new Uint8Array(20_000 + kind).fill(1 + (kind % 255)));
const starts = contents.reduce((sums, { length }) => [...sums, (sums.at(-1) ?? 0) + length], [0]);
const ROUND = /** @type {number} */ (starts.at(-1));

/** @param {number} number of a file of `photos` @returns {Uint8Array} */
export function photo(number) {
  return /** @type {Uint8Array} */ (contents[number % KINDS]);
}

/** @param {number} directory @param {number} number of a file */
export function photoPath(directory, number) {
  const name = `n${String(1_440_764 + directory * 7919).padStart(8, '0')}`;
  return `train/${name}/${name}_${String(number).padStart(7, '0')}.JPEG`;
}

/**
 * A pack of many photos of about 20 KB, in the order of their numbers. Its payloads are made when they are asked for;
 * only the index is held in memory.
 *
 * @param {number} files
 * @param {number} [inEach] so many in each directory
 * @returns {Promise<Virtual>} the pack, to be served
 */
export async function photos(files, inEach = 1000) {
  function* lines() {
    const digests = contents.map((content) => createHash('sha256').update(content).digest('hex'));

    for (let number = 0; number < files; number++) {
      const sha256 = /** @type {string} */ (digests[number % KINDS]);
      yield { path: photoPath(Math.floor(number / inEach), number), size: photo(number).length, sha256 };
    }
  }
  const end = Math.floor(files / KINDS) * ROUND + /** @type {number} */ (starts[files % KINDS]);
  const index = await madeOnce(`photos-${files}-${inEach}`, () =>
    inTemporaryFolder(async (folder) => {
      const target = join(folder, 'photos.pack');
      await finalizeSparse(target, lines(), photo(files - 1));
      return partOf(target, end);
    }),
  );

  /** @param {number} offset @param {number} length */
  function read(offset, length) {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const position = offset + at;
      const within = position % ROUND;
      const kind = starts.findLastIndex((start) => start <= within);
      const payload = photo(kind).subarray(within - /** @type {number} */ (starts[kind]));
      const source = position < end ? payload.subarray(0, end - position) : index.subarray(position - end);
      const part = source.subarray(0, length - at);
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }
  return { size: end + index.length, read };
}

/**
 * What takes the command long is kept beside it, for other tests: until the command, or this file, is another one.
 *
 * @param {string} name
 * @param {() => Promise<Uint8Array>} make
 * @returns {Promise<Uint8Array>}
 */
async function madeOnce(name, make) {
  const { RANGEPACK } = process.env;
  if (RANGEPACK === undefined) return make();
  const { size, mtimeMs } = await stat(RANGEPACK);
  const key = createHash('sha256').update(`${size} ${mtimeMs}`).update(await readFile(new URL(import.meta.url))).digest('hex').slice(0, 16);
  const folder = join(dirname(RANGEPACK), 'packs-of-tests');
  const path = join(folder, `${name}.${key}`);
  const kept = await readFile(path).catch(() => undefined);
  if (kept !== undefined) return kept;
  const made = await make();
  try {
    await mkdir(folder, { recursive: true });
    for (const old of await readdir(folder)) if (!old.includes(`.${key}`)) await rm(join(folder, old), { force: true });
    // Complete under its name, or not there, however many make it at once.
    const partial = `${path}.${process.pid}`;
    await writeFile(partial, made);
    await rename(partial, path);
  } catch {
    // Where nothing can be kept it is made again.
  }
  return made;
}

/**
 * @param {string} path
 * @param {number} start
 * @returns {Promise<Uint8Array>} all of the file from there on
 */
async function partOf(path, start) {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = new Uint8Array(size - start);
    await file.read(bytes, 0, bytes.length, start);
    return bytes;
  } finally {
    await file.close();
  }
}

/**
 * A container in the old format: payload, magic, length, index.
 *
 * @param {Buffer} payload
 * @param {object[]} lines
 */
export function container(payload, lines) {
  const index = Buffer.from(JSON.stringify(lines));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(index.length));
  return Buffer.concat([payload, Buffer.from('CTNRv1__'), length, index]);
}
