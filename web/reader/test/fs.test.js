import fastGlob from 'fast-glob';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { constants as os } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
// @ts-expect-error: it comes without types
import handler from 'serve-handler';
import { fsOf } from '../src/node/fs.js';
import { nameBytes, nameText } from '../src/names.js';
import { PackError, openPack } from '../src/node/index.js';
import { container } from './packs.js';

/** @import { Pack } from '../types/index.d.ts' */
/** @import { FileSystemAdapter } from 'fast-glob' */
/** @import { Dirent, Stats } from 'node:fs' */
/** @import { Callback, PackFs } from '../types/fs.d.ts' */

/** @param {string} name */
const golden = (name) => fileURLToPath(new URL(`../../../tests/golden/${name}.pack`, import.meta.url));

/** @type {Pack[]} */
const packs = [];
/** @param {string} name */
async function mount(name) {
  const pack = await openPack(golden(name));
  packs.push(pack);
  return fsOf(pack);
}
/** @type {PackFs} */
let fs;
before(async () => (fs = await mount('all-kinds')));
after(() => packs.forEach((pack) => pack.close()));

/**
 * @param {Promise<unknown>} promise
 * @param {'ENOENT' | 'ENOTDIR' | 'EISDIR' | 'EROFS' | 'EINVAL' | 'EBADF' | 'EACCES' | 'EIO'} code
 * @param {string} syscall
 * @param {string} [path]
 */
async function refused(promise, code, syscall, path) {
  await assert.rejects(promise, (/** @type {NodeJS.ErrnoException} */ error) => {
    assert.deepEqual([error.code, error.syscall, error.path], [code, syscall, path]);
    assert.equal(error.errno, -os.errno[code]);
    assert.ok(error.message.startsWith(`${code}: `) && error.message.includes(syscall), error.message);
    return true;
  });
}

describe('readFile', () => {
  test('gives a Buffer, or a string', async () => {
    const buffer = await fs.readFile('/nested/deep/file');
    assert.ok(Buffer.isBuffer(buffer));
    assert.equal(buffer.length, 13);
    assert.equal(await fs.readFile('nested/deep/file', 'utf8'), buffer.toString());
    assert.equal(await fs.readFile('link', { encoding: 'hex' }), buffer.toString('hex'));
    assert.equal((await fs.readFile('empty file')).length, 0);
    assert.equal(await fs.readFile(new URL('file:///nested/../link'), 'utf8'), buffer.toString());
  });

  test('fails like Node', async () => {
    await refused(fs.readFile('/nothing'), 'ENOENT', 'open', '/nothing');
    await refused(fs.readFile(''), 'ENOENT', 'open', '');
    await refused(fs.readFile('/link to nowhere'), 'ENOENT', 'open', '/link to nowhere');
    await refused(fs.readFile('/executable/x'), 'ENOTDIR', 'open', '/executable/x');
    await refused(fs.readFile('/executable/'), 'ENOTDIR', 'open', '/executable/');
    await refused(fs.readFile('/nested'), 'EISDIR', 'read', '/nested');
    await assert.rejects(fs.readFile('a\0b'), { code: 'ERR_INVALID_ARG_VALUE' });
    const signal = AbortSignal.abort();
    await assert.rejects(fs.readFile('link', { signal }), { name: 'AbortError', code: 'ABORT_ERR' });
  });
});

test('stat', async () => {
  const stats = await fs.stat('/executable');
  assert.equal(stats.isFile(), true);
  assert.equal(stats.isDirectory(), false);
  assert.equal(stats.mode, constants.S_IFREG | 0o755);
  assert.equal(stats.size, 10);
  assert.equal(stats.nlink, 1);
  assert.equal(stats.mtime.toISOString(), '2024-02-29T12:00:00.123Z');
  assert.ok(Math.abs(stats.mtimeMs - 1709208000123.4568) < 0.01);
  const exact = await fs.stat('/executable', { bigint: true });
  assert.equal(exact.mtimeNs, 1709208000123456793n);
  assert.equal(exact.mtimeMs, 1709208000123n);
  assert.equal(exact.size, 10n);
  assert.equal(exact.ino, BigInt(stats.ino));

  const directory = await fs.stat('/nested/');
  assert.equal(directory.isDirectory(), true);
  assert.equal(directory.mode & constants.S_IFMT, constants.S_IFDIR);
  assert.equal((await fs.stat('/')).isDirectory(), true);
  assert.equal((await fs.stat('/link')).ino, (await fs.stat('/nested/deep/file')).ino);
  assert.notEqual(directory.ino, stats.ino);
  // Every field and method that Node's own have.
  const real = await (await import('node:fs/promises')).stat(golden('empty'));
  for (const key of ['dev', 'rdev', 'blksize', 'ino', 'size', 'blocks', 'atimeMs', 'mtimeMs', 'ctimeMs', 'birthtimeMs', 'mtime']) {
    assert.equal(typeof Reflect.get(stats, key), typeof Reflect.get(real, key), key);
  }
});

test('lstat, readlink, realpath', async () => {
  const link = await fs.lstat('link');
  assert.equal(link.isSymbolicLink(), true);
  assert.equal(link.size, 'nested/deep/file'.length);
  assert.equal((await fs.lstat('nested/../link')).isSymbolicLink(), true);
  assert.equal((await fs.lstat('nested/..')).isDirectory(), true);
  assert.equal((await fs.lstat('nested/deep/link')).isSymbolicLink(), true);
  assert.equal(await fs.readlink('/link'), 'nested/deep/file');
  assert.deepEqual(await fs.readlink('/nested/deep/link', /** @type {BufferEncoding} */ ('buffer')), Buffer.from('not \xff UTF-8', 'latin1'));
  assert.equal(await fs.realpath('link'), '/nested/deep/file');
  assert.equal(await fs.realpath('.'), '/');
  await refused(fs.readlink('/nested'), 'EINVAL', 'readlink', '/nested');
  await refused(fs.realpath('/link to nowhere'), 'ENOENT', 'realpath', '/link to nowhere');
  await refused(fs.lstat('/executable/x'), 'ENOTDIR', 'lstat', '/executable/x');
});

test('access', async () => {
  await fs.access('/link');
  await fs.access('/executable', constants.R_OK | constants.X_OK);
  await fs.access('/nested', constants.X_OK);
  await refused(fs.access('/quote"s', constants.X_OK), 'EACCES', 'access', '/quote"s');
  await refused(fs.access('/link', constants.W_OK), 'EROFS', 'access', '/link');
  await refused(fs.access('/no'), 'ENOENT', 'access', '/no');
});

describe('readdir', () => {
  test('gives names', async () => {
    assert.deepEqual(await fs.readdir('/nested'), ['deep', 'sibling']);
    assert.deepEqual(await fs.readdir('nested', 'utf8'), ['deep', 'sibling']);
    assert.deepEqual(await fs.readdir('/empty directory'), []);
    assert.deepEqual(await fs.readdir('nested', { recursive: true }), ['deep', 'sibling', 'deep/file', 'deep/link']);
    assert.equal((await fs.readdir('/')).length, 14);
    assert.equal((await fs.readdir('.', { recursive: true })).length, 19);
    const buffers = await fs.readdir('/', 'buffer');
    const odd = buffers.find((name) => name.includes(0xff));
    assert.deepEqual(odd, Buffer.from('6e6f7420fffe205554462d38', 'hex'));
    assert.equal((await fs.readFile(/** @type {Buffer} */ (odd))).length, 19);
  });

  test('gives entries', async () => {
    const entries = await fs.readdir('/nested', { withFileTypes: true, recursive: true });
    assert.deepEqual(
      entries.map((entry) => [entry.parentPath, entry.name, entry.isDirectory(), entry.isFile(), entry.isSymbolicLink()]),
      [
        ['/nested', 'deep', true, false, false],
        ['/nested', 'sibling', false, true, false],
        ['/nested/deep', 'file', false, true, false],
        ['/nested/deep', 'link', false, false, true],
      ],
    );
    const top = await fs.readdir('/', { withFileTypes: true, recursive: true });
    assert.ok(top.some((entry) => entry.parentPath === '/nested' && entry.name === 'sibling'));
  });

  test('lists more than a page', async () => {
    const many = await mount('two-levels');
    assert.equal((await many.readdir('train', { recursive: true })).length, 1203);
    assert.equal((await many.readdir('/train/n01440001')).length, 400);
  });

  test('fails like Node', async () => {
    await refused(fs.readdir('/executable'), 'ENOTDIR', 'scandir', '/executable');
    await refused(fs.readdir('/no'), 'ENOENT', 'scandir', '/no');
  });
});

test('opendir', async () => {
  const names = [];
  for await (const entry of await fs.opendir('/nested')) names.push(entry.name);
  assert.deepEqual(names, ['deep', 'sibling']);
  const directory = await fs.opendir('/nested');
  assert.equal((await directory.read())?.name, 'deep');
  assert.equal((await directory.read())?.name, 'sibling');
  assert.equal(await directory.read(), null);
  await directory.close();
  await refused(fs.opendir('/executable'), 'ENOTDIR', 'opendir', '/executable');
});

describe('open', () => {
  for (const [pack, path] of /** @type {const} */ ([
    ['all-kinds', 'link'],
    ['stored-blocks', 'large'],
    ['compressed', 'large'],
  ])) {
    test(`reads ${path} of ${pack} as a file on disk is read`, async () => {
      const mounted = await mount(pack);
      const content = await mounted.readFile(path);
      const handle = await mounted.open(path);
      assert.equal((await handle.stat()).size, content.length);
      // One after the other, the position moves.
      const buffer = Buffer.alloc(content.length);
      let at = 0;
      for (;;) {
        const { bytesRead } = await handle.read(buffer, at, Math.min(100_000, buffer.length - at), null);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      assert.equal(Buffer.compare(buffer, content), 0);
      // Anywhere, and it does not.
      const some = await handle.read({ buffer: Buffer.alloc(8), offset: 2, length: 4, position: 3 });
      assert.equal(some.bytesRead, 4);
      assert.deepEqual(some.buffer.subarray(2, 6), content.subarray(3, 7));
      assert.equal((await handle.read(Buffer.alloc(4), 0, 4, content.length + 5)).bytesRead, 0);
      assert.equal((await handle.read(Buffer.alloc(9), 0, 9, content.length - 2)).bytesRead, 2);
      assert.equal(Buffer.compare(await handle.readFile(), content), 0);
      assert.equal(await text(handle.createReadStream({ encoding: 'latin1' })), content.toString('latin1'));
      await refused(handle.read(Buffer.alloc(4), 2, 4), 'EINVAL', 'read', path);
      await handle.close();
      await refused(handle.read(Buffer.alloc(4)), 'EBADF', 'read');
    });
  }

  test('closes at the end of its block', async () => {
    const handle = await fs.open('link', 'r');
    await handle[Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]();
    await refused(handle.stat(), 'EBADF', 'fstat');
  });

  test('refuses to write', async () => {
    for (const flags of ['w', 'a', 'r+', constants.O_RDWR]) await refused(fs.open('link', flags), 'EROFS', 'open', 'link');
    await fs.open('link', constants.O_RDONLY);
    await refused(fs.open('/nested'), 'EISDIR', 'read', '/nested');
  });
});

test('links on the way are followed', async () => {
  const none = { offset: 0, payload_size: 0, orig_size: 0, compressed: false };
  const content = Buffer.from('content');
  const sha256 = createHash('sha256').update(content).digest('hex');
  const pack = await openPack(
    container(content, [
      { ...none, relpath: 'a/b/file', payload_size: 7, orig_size: 7, sha256 },
      { ...none, relpath: 'a/b/link', entry_type: 'symlink', link_target: 'file' },
      { ...none, relpath: 'to-b', entry_type: 'symlink', link_target: 'a/b' },
      { ...none, relpath: 'around', entry_type: 'symlink', link_target: 'around' },
    ]),
  );
  packs.push(pack);
  const linked = fsOf(pack);
  assert.equal(await linked.readFile('/to-b/link', 'utf8'), 'content');
  assert.equal((await linked.lstat('/to-b')).isSymbolicLink(), true);
  assert.equal((await linked.lstat('/to-b/')).isDirectory(), true);
  assert.equal((await linked.lstat('/to-b/link')).isSymbolicLink(), true);
  assert.equal((await linked.lstat('/to-b/..')).ino, (await linked.stat('/a')).ino);
  assert.equal(await linked.readlink('/to-b/link'), 'file');
  assert.equal(await linked.realpath('/to-b/link'), '/a/b/file');
  assert.deepEqual(await linked.readdir('/to-b', { recursive: true }), ['file', 'link']);
  await refused(linked.lstat('/to-b/no'), 'ENOENT', 'lstat', '/to-b/no');
  await refused(linked.lstat('/to-b/file/x'), 'ENOTDIR', 'lstat', '/to-b/file/x');
  await refused(linked.stat('/around'), 'ENOENT', 'stat', '/around');
});

test('of a damaged or changing file without a block table nothing is given out', async () => {
  const content = Buffer.alloc(9 * 1024 * 1024, 'some text ');
  const size = content.length;
  const sha256 = createHash('sha256').update(content).digest('hex');
  const line = { relpath: 'long', offset: 0, payload_size: size, orig_size: size, sha256, compressed: false };
  const whole = container(content, [line]);
  // Damaged near the end, always or from the second time on that its part is asked for.
  for (const from of [0, 1]) {
    let times = 0;
    const pack = await openPack({
      size: whole.length,
      read: (/** @type {number} */ at, /** @type {number} */ count) => {
        const part = whole.slice(at, at + count);
        const place = 8 * 1024 * 1024 - at;
        if (place >= 0 && place < count && times++ >= from) part.set([~(part[place] ?? 0)], place);
        return part;
      },
    });
    packs.push(pack);
    times = 0;
    let length = 0;
    const all = async () => {
      for await (const piece of (await pack.open('long')).stream()) {
        assert.equal(Buffer.compare(piece, content.subarray(length, length + piece.length)), 0);
        length += piece.length;
      }
    };
    await assert.rejects(all, { code: 'ERR_CORRUPT', message: /long/ });
    assert.ok(from === 1 ? length <= 8 * 1024 * 1024 : length === 0, `${length} bytes`);
  }
});

test('long files without a block table are read in two passes, one of which verifies them', async () => {
  const content = Buffer.alloc(9 * 1024 * 1024, (await readFile(golden('two-levels'))).subarray(0, 9973));
  const size = content.length;
  const sha256 = createHash('sha256').update(content).digest('hex');
  const line = { relpath: 'long', offset: 0, payload_size: size, orig_size: size, sha256, compressed: false };
  const whole = container(content, [line]);
  let fetched = 0;
  const pack = await openPack({
    size: whole.length,
    read: (/** @type {number} */ at, /** @type {number} */ count) => {
      fetched += count;
      return whole.subarray(at, at + count);
    },
  });
  packs.push(pack);
  const handle = await fsOf(pack).open('long');
  const piece = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < size; at += piece.length) {
    const { bytesRead } = await handle.read(piece, 0, piece.length, at);
    assert.equal(bytesRead, piece.length);
    assert.equal(Buffer.compare(piece, content.subarray(at, at + piece.length)), 0);
  }
  assert.ok(fetched < 2 * size + 200_000, `${fetched} bytes`);
  // Going back takes no other first pass.
  await handle.read(piece, 0, 10, 5);
  assert.ok(fetched < 3 * size + 200_000, `${fetched} bytes`);
  assert.deepEqual(piece.subarray(0, 10), content.subarray(5, 15));
  await handle.close();
});

describe('createReadStream', () => {
  test('gives a part', async () => {
    const mounted = await mount('stored-blocks');
    const content = await mounted.readFile('large');
    const stream = mounted.createReadStream('/large', { start: 1000, end: 200_999, highWaterMark: 10_000 });
    assert.equal(stream.path, '/large');
    const pieces = [];
    for await (const piece of stream) {
      assert.ok(piece.length <= 10_000);
      pieces.push(piece);
    }
    assert.equal(Buffer.compare(Buffer.concat(pieces), content.subarray(1000, 201_000)), 0);
    assert.equal(stream.bytesRead, 200_000);
    assert.equal(await text(mounted.createReadStream('large', { start: content.length + 7 })), '');
    assert.throws(() => mounted.createReadStream('large', { start: -1 }), { code: 'ERR_OUT_OF_RANGE' });
  });

  test('fails like Node', async () => {
    await refused(text(fs.createReadStream('/no')), 'ENOENT', 'open', '/no');
    await refused(text(fs.createReadStream('/nested')), 'EISDIR', 'read', '/nested');
    const signal = AbortSignal.abort();
    await assert.rejects(text(fs.createReadStream('link', { signal })), { name: 'AbortError' });
  });
});

test('everything that writes is refused', async () => {
  const writes = /** @type {Record<string, (...given: string[]) => Promise<void>>} */ (/** @type {unknown} */ (fs));
  for (const name of ['appendFile', 'mkdir', 'rm', 'rename', 'unlink', 'utimes', 'writeFile', 'symlink', 'chmod']) {
    const refusal = writes[name]?.('/x', 'y') ?? Promise.resolve();
    await refused(refusal, 'EROFS', /File$/.test(name) ? 'open' : name, '/x');
  }
});

test('errors of the pack are the cause', async () => {
  const damaged = fileURLToPath(new URL('../../../tests/hostile/payload-digest-wrong.pack', import.meta.url));
  const pack = await openPack(damaged);
  const broken = fsOf(pack);
  const names = await broken.readdir('/', { recursive: true, withFileTypes: true });
  /** @type {NodeJS.ErrnoException[]} */
  const errors = [];
  for (const { name, parentPath } of names.filter((entry) => entry.isFile())) {
    await broken.readFile(`${parentPath}/${name}`).catch((error) => errors.push(error));
  }
  const [error] = errors;
  assert.equal(error?.code, 'EIO');
  assert.ok(error?.cause instanceof PackError);
  assert.equal(error.cause.code, 'ERR_CORRUPT');
  assert.match(error.message, /digest/);
  pack.close();
  await refused(broken.stat('/x'), 'EBADF', 'stat', '/x');
});

test('functions take callbacks, too', async () => {
  const stats = await promisify((/** @type {Callback<Stats>} */ done) => fs.stat('/executable', done))();
  assert.equal(stats.size, 10);
  const names = await promisify((/** @type {Callback<Dirent[]>} */ done) => fs.readdir('/nested', { withFileTypes: true }, done))();
  assert.equal(names.length, 2);
  await assert.rejects(promisify((/** @type {Callback<Buffer>} */ done) => fs.readFile('/no', done))(), { code: 'ENOENT' });
  assert.equal(await fs.promises.readFile('/link', 'utf8'), await fs.readFile('link', 'utf8'));
});

test('fast-glob finds files', async () => {
  const options = { fs: /** @type {Partial<FileSystemAdapter>} */ (fs), cwd: '/', stats: false };
  assert.deepEqual((await fastGlob('**/{file,sibling,x}', options)).sort(), ['nested-too/x', 'nested/deep/file', 'nested/sibling']);
  assert.deepEqual(await fastGlob('nested/**', { ...options, onlyDirectories: true }), ['nested/deep']);
  const withStats = await fastGlob('exec*', { ...options, stats: true });
  assert.equal(withStats[0]?.stats?.size, 10);
  assert.deepEqual(await fastGlob('*.txt', options), ['ünïcödé 中文 😀.txt']);
});

test('serve-handler serves a pack', async () => {
  const mounted = await mount('stored-blocks');
  const content = await mounted.readFile('large');
  const server = createServer((request, response) => {
    void handler(request, response, { public: '/', directoryListing: true }, mounted);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', () => done(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const origin = `http://127.0.0.1:${port}`;
  try {
    const whole = await fetch(`${origin}/large`);
    assert.equal(whole.headers.get('content-length'), String(content.length));
    assert.equal(Buffer.compare(Buffer.from(await whole.arrayBuffer()), content), 0);
    const part = await fetch(`${origin}/large`, { headers: { Range: 'bytes=100-299' } });
    assert.equal(part.status, 206);
    assert.equal(Buffer.compare(Buffer.from(await part.arrayBuffer()), content.subarray(100, 300)), 0);
    assert.equal((await fetch(`${origin}/nothing`)).status, 404);
    assert.match(await (await fetch(`${origin}/`)).text(), /large/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('names that are not UTF-8 survive', () => {
  for (const bytes of [[0xff, 0xfe], [0x61, 0xf0, 0x9f, 0x92, 0x80, 0x80], [0xe2, 0x82], [0xed, 0xb2, 0x80], [0xef, 0xbb, 0xbf, 0x61]]) {
    assert.deepEqual([...nameBytes(nameText(Uint8Array.from(bytes)))], bytes);
  }
  assert.equal(nameText(Uint8Array.of(0x61, 0xff)), 'a\udcff');
  assert.equal(nameText(nameBytes('é 😀')), 'é 😀');
});
