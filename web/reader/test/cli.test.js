import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { copyFile, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { escaped, knowsUnicode, parseSize, printable, size, thousands, time } from '../src/node/cli/format.js';
import { startRangeServer } from './range-server.js';

const tests = fileURLToPath(new URL('../../../tests/', import.meta.url));
const golden = join(tests, 'golden');
const script = fileURLToPath(new URL('../src/node/cli.js', import.meta.url));

/** @type {import('./range-server.js').RangeServer} */
let server;
/** @type {string} where an index lies without its container */
let alone;
before(async () => {
  server = await startRangeServer({ folder: golden, files: { '/large.bin': new Uint8Array(17 << 20) } });
  alone = await mkdtemp(join(tmpdir(), 'rangepack-'));
  await copyFile(join(golden, 'sidecar.pack.rpx'), join(alone, 'index'));
});
after(async () => {
  await server.close();
  await rm(alone, { recursive: true });
});

/**
 * @param {string[]} args
 * @returns {Promise<{ exit: number | null, out: string, bytes: Buffer, err: string }>}
 */
function run(...args) {
  return new Promise((done) => {
    const child = execFile(process.execPath, [script, ...args], { encoding: 'buffer', cwd: golden }, (_, out, err) => {
      done({ exit: child.exitCode, out: out.toString(), bytes: out, err: err.toString() });
    });
  });
}

const LISTING = `\
-rw-r--r--       24 B       24 B  2023-11-14T22:13:20Z  CTNRv1__
-rw-r--r--       11 B       11 B  2024-02-29T12:00:00Z  back\\slash
drwx------        0 B        0 B  2024-02-29T12:00:00Z  empty directory/  (0 files)
-rw-r--r--        0 B        0 B  2023-11-14T22:13:20Z  empty file
-rwxr-xr-x       10 B       10 B  2024-02-29T12:00:00Z  executable
lrwxrwxrwx          -          -  2024-02-29T12:00:00Z  link -> nested/deep/file
`;

describe('ls', () => {
  test('looks like that of the native command', async () => {
    const { exit, out, err } = await run('ls', '-l', 'all-kinds.pack');
    assert.deepEqual([exit, err], [0, '']);
    assert.ok(out.startsWith(LISTING), out);
    assert.match(out, /^drwxr-xr-x {7}24 B {7}24 B {2}2023-11-14T22:13:20Z {2}nested-too\/ {2}\(1 file\)$/m);
    assert.equal((await run('ls', 'all-kinds.pack', 'nested')).out, 'deep\nsibling\n');
    assert.equal((await run('ls', '-0', 'all-kinds.pack', 'nested/')).out, 'deep\0sibling\0');
    assert.equal((await run('ls', '-r', 'all-kinds.pack', 'nested')).out, 'nested/deep\nnested/sibling\nnested/deep/file\nnested/deep/link\n');
    assert.equal((await run('ls', 'all-kinds.pack', 'link', 'nested-too')).out, 'link\nnested-too/x\n');
    const exact = await run('ls', '-lb', 'stored-blocks.pack');
    assert.equal(exact.out, '-rw-r--r--           262244           262244  2023-11-14T22:13:20Z  large\n');
  });

  test('writes names as they are', async () => {
    const { bytes } = await run('ls', 'all-kinds.pack');
    assert.ok(bytes.includes(Buffer.from('6e6f7420fffe205554462d380a', 'hex')));
  });

  for (const name of ['all-kinds', 'compressed', 'two-levels', 'owners']) {
    test(`says everything in JSON that is known of ${name}`, async () => {
      const { out } = await run('ls', '-R', '--json', `${name}.pack`);
      const found = out.trim().split('\n').map((line) => JSON.parse(line));
      const { entries } = JSON.parse(await readFile(join(golden, `${name}.json`), 'utf8'));
      assert.equal(found.length, entries.length);
      for (const [i, entry] of entries.entries()) {
        const { path, path_hex, kind, mode, size, sha256, mtime } = found[i];
        assert.deepEqual(path_hex === undefined ? path : { hex: path_hex }, entry.path);
        const bits = mode === undefined ? undefined : Number.parseInt(mode, 8);
        assert.deepEqual([kind, bits, size, sha256], [entry.kind, entry.mode, entry.size, entry.sha256]);
        if (mtime === undefined) assert.equal(entry.mtime, undefined);
        if (mtime === undefined) continue;
        const [whole, fraction = ''] = mtime.slice(0, -1).split('.');
        assert.equal(String(BigInt(Date.parse(`${whole}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))), entry.mtime);
      }
    });
  }
});

describe('cat', () => {
  test('prints content', async () => {
    const { out, exit } = await run('cat', 'all-kinds.pack', 'nested/deep/file', 'link');
    assert.deepEqual([exit, out], [0, 'at the bottom'.repeat(2)]);
    assert.equal((await run('cat', 'all-kinds.pack', 'link', '--offset', '3', '--length', '3')).out, 'the');
    const { bytes } = await run('cat', 'stored-blocks.pack', 'large');
    assert.deepEqual(bytes, (await readFile(join(golden, 'stored-blocks.pack'))).subarray(0, 262_244));
  });

  test('goes on after a file that is missing', async () => {
    const { exit, out, err } = await run('cat', 'all-kinds.pack', 'no', 'nested', 'link');
    assert.deepEqual([exit, out], [1, 'at the bottom']);
    assert.match(err, /^rangepack: error: all-kinds\.pack: no: there is no such entry in the pack\nhint: .*\n.*nested.*\nhint: .*\n$/);
  });

  test('prints no damaged byte', async () => {
    const damaged = join(tests, 'hostile', 'payload-digest-wrong.pack');
    const names = (await run('ls', '-R', damaged)).out.trim().split('\n');
    const printed = await run('cat', damaged, ...names);
    assert.equal(printed.exit, 1);
    assert.match(printed.err, /digest/);
  });

  test('takes a closed pipe for the end', async () => {
    const child = spawn(process.execPath, [script, 'ls', '-lR', 'two-levels.pack'], { cwd: golden });
    child.stdout.destroy();
    let said = '';
    child.stderr.on('data', (text) => (said += text));
    const exit = await new Promise((done) => child.on('close', done));
    assert.deepEqual([exit, said], [0, '']);
  });
});

/** @param {...string} args @returns {Promise<{ exit: number | null, out: string }>} of the native command */
async function native(...args) {
  const command = process.env.RANGEPACK ?? '';
  return new Promise((done) => {
    const child = execFile(command, args, { cwd: golden }, (_, out) => done({ exit: child.exitCode, out }));
  });
}

describe('the output is that of the native command', { skip: process.env.RANGEPACK === undefined && 'RANGEPACK does not name it' }, () => {
  const names = ['all-kinds', 'attributes', 'compressed', 'metadata', 'two-generations', 'two-levels', 'unknown-codec', 'unknown-parts', 'volumes'];
  for (const name of names) {
    test(name, async () => {
      const pack = `${name}.pack`;
      for (const options of ['info', 'ls', 'ls -lR', 'ls -lRb', 'ls -Rd', 'ls -Rf0', 'ls -R --json']) {
        const [command = '', ...rest] = options.split(' ');
        const [ours, theirs] = await Promise.all([run(command, ...rest, pack), native(command, ...rest, pack)]);
        assert.deepEqual([ours.exit, ours.out], [theirs.exit, theirs.out], options);
      }
      const [ours, theirs] = await Promise.all([run('info', '--json', pack), native('info', '--json', pack)]);
      assert.deepEqual(JSON.parse(ours.out), JSON.parse(theirs.out));
    });
  }

  test('a part of a file', async () => {
    const args = ['cat', 'stored-blocks.pack', 'large', '--offset', '4k', '--length', '4KiB'];
    const [ours, theirs] = await Promise.all([run(...args), native(...args)]);
    assert.equal(ours.bytes.length, 4096);
    assert.equal(ours.out, theirs.out);
  });
});

test('info', async () => {
  const { out } = await run('info', 'compressed.pack');
  const expected = `compressed.pack
  format    Rangepack 1, also readable as a CTNRv1 container
  root      3ae8b57490453b7d941be36c35814ffd71487b999632272af29b68381fd6491b
  tree      8955f72a51cddece3462c40be525de472c27733e9cbd2dfccb8941e342129d5c
  length    24.0 KiB (24558 bytes)
  entries   4 files
  content   1.2 MiB (1228859 bytes)
  stored    43.1 KiB (44171 bytes), 3.6% of the content
  payloads  21.7 KiB (22251 bytes), identical ones once
  index     839 B, 209.8 bytes an entry
  trailer   1.4 KiB (1468 bytes) of NDJSON, for the old programs
`;
  assert.equal(out, expected);
  const { root, entries, files, file_len, format } = JSON.parse((await run('info', '--json', 'all-kinds.pack')).out);
  assert.deepEqual([format, entries, files, file_len, root.length], ['rangepack', 19, 15, 5448, 64]);
  assert.match((await run('info', join(tests, 'hostile', 'v1-dotdot.pack'))).out, /note {6}1 entry that no pack may hold/);
});

describe('packs on a server', () => {
  test('are read by ranges, and -v tells which', async () => {
    server.log.length = 0;
    const { exit, out, err } = await run('ls', '-v', `${server.origin}/two-levels.pack`, 'train');
    assert.deepEqual([exit, out], [0, 'n01440000\nn01440001\nn01440002\n']);
    const lines = err.trim().split('\n');
    assert.match(lines[0] ?? '', /^GET bytes=-102400 → 206, \d+ ms$/);
    assert.equal(lines.length, server.log.length + 1);
    assert.match(lines.at(-1) ?? '', new RegExp(`^${server.log.length} requests?, \\d+.* KiB$`));
  });

  test('get the headers', async () => {
    server.log.length = 0;
    await run('info', '--header', 'Authorization: Bearer x', '--header', 'X-Two:2', `${server.origin}/empty.pack`);
    const { headers } = server.log[0] ?? {};
    assert.deepEqual([headers?.authorization, headers?.['x-two']], ['Bearer x', '2']);
  });

  test('are kept in a folder', async () => {
    const cache = await mkdtemp(join(tmpdir(), 'rangepack-'));
    try {
      const args = ['cat', '--cache', cache, `${server.origin}/two-levels.pack`, 'train/n01440000/n01440000_7.JPEG'];
      const first = await run(...args);
      const requests = server.log.length;
      const second = await run(...args);
      assert.equal(first.exit, 0);
      assert.ok(first.bytes.length > 0);
      assert.deepEqual(second.bytes, first.bytes);
      assert.equal(server.log.length - requests, 1);
      assert.ok((await readdir(cache)).length > 0);
    } finally {
      await rm(cache, { recursive: true });
    }
  });

  test('that are not there are trouble', async () => {
    const { exit, err } = await run('ls', `${server.origin}/no.pack`);
    assert.equal(exit, 2);
    assert.match(err, /^rangepack: error: http:.*no\.pack: /);
  });
});

test('roots', async () => {
  const root = '3ae8b57490453b7d941be36c35814ffd71487b999632272af29b68381fd6491b';
  assert.equal((await run('info', '--root', root.toUpperCase(), 'compressed.pack')).exit, 0);
  const wrong = await run('info', '--root', root, 'all-kinds.pack');
  assert.equal(wrong.exit, 1);
  assert.match(wrong.err, /hint: `rangepack info` shows/);
  assert.equal((await run('info', '--root', '12', 'all-kinds.pack')).exit, 2);
});

test('an index beside a container is found, if there is no other', async () => {
  const { exit, out, err } = await run('ls', join(tests, 'fixtures/seed-formats/unfinalized.container'));
  assert.equal(exit, 0, err);
  assert.ok(out.length > 0);
  assert.match(err, /not finalized/);
  // The one that is looked for is not what an error speaks of.
  const none = await run('ls', join(tests, 'hostile/nothing.pack'));
  assert.equal(none.exit, 1);
  assert.doesNotMatch(none.err, /nothing\.pack\.idx/);
});

test('errors speak of no option that the command does not have', async () => {
  const whole = await run('ls', `${server.origin}/large.bin?ranges=no`);
  assert.equal(whole.exit, 2);
  assert.match(whole.err, /ignores the header Range/);
  const volume = await run('cat', join(alone, 'index'), 'a');
  assert.match(volume.err, /its files lie in .*\nhint: put that file beside/);
  const none = await run('ls', `${server.origin}/all-kinds.json`);
  for (const { err } of [whole, volume, none]) assert.doesNotMatch(err, /wholeLimit|volumes|`index`|`size`/);
  const user = await run('ls', 'https://me:secret@a.test/a.pack');
  assert.doesNotMatch(user.err, /secret|headers:/);
});

test('an index of its own', async () => {
  const seeds = join(tests, 'fixtures', 'seed-formats');
  const files = await readdir(seeds, { recursive: true });
  const index = files.find((file) => file.endsWith('.idx'));
  assert.ok(index !== undefined, files.join(' '));
  const { exit, out } = await run('ls', '-R', '--index', join(seeds, index), join(seeds, index.slice(0, -4)));
  assert.equal(exit, 0);
  assert.ok(out.length > 0);
});

test('usage', async () => {
  const help = await run('--help');
  assert.equal(help.exit, 0);
  for (const command of ['ls', 'cat', 'info']) {
    assert.match(help.out, new RegExp(`^  ${command} `, 'm'));
    const { exit, out } = await run(command, '--help');
    assert.equal(exit, 0);
    for (const option of ['index', 'root', 'header', 'cache', 'verbose', 'help', 'version']) assert.ok(out.includes(`--${option}`));
    assert.ok(out.split('\n').every((line) => line.length <= 120));
  }
  assert.equal((await run('help')).out, help.out);
  assert.equal((await run('help', 'ls')).out, (await run('ls', '-h')).out);
  const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  assert.equal((await run('-V')).out, `rangepack ${version}\n`);
  for (const offset of [['--offset', '-3'], ['--offset=-3']]) {
    assert.match((await run('cat', 'all-kinds.pack', 'link', ...offset)).err, /--offset is a number of bytes, like .*, not -3\n/);
  }
  const bad = [[], ['frobnicate'], ['help', 'frobnicate'], ['ls'], ['cat', 'x.pack'], ['info', 'x.pack', 'y'], ['ls', '--frob'], ['toString'], ['ls', '-lb', '--json', 'x'], ['ls', '-df', 'x'], ['ls', '-b', 'x']];
  for (const args of [...bad, ['ls', '--header', 'nothing', 'x'], ['cat', 'all-kinds.pack', 'link', '--offset', 'x']]) {
    const { exit, out, err } = await run(...args);
    assert.deepEqual([exit, out], [2, ''], args.join(' '));
    assert.match(err, /^rangepack: error: .+\nhint: .+\n$/);
  }
  assert.equal((await run('ls', 'no such file')).exit, 2);
  assert.equal((await run('ls', join(tests, 'hostile', 'nothing.pack'))).exit, 1);
});

test('what people read', () => {
  const sizes = ['0', '4096', '4k', '4 KiB', '1M', '2gb', '12B', '1T', '', 'k', '1.5k', '-1', '9999999T', '1x'];
  const bytes = [0, 4096, 4096, 4096, 2 ** 20, 2 ** 31, 12, 2 ** 40, undefined, undefined, undefined, undefined, undefined, undefined];
  assert.deepEqual(sizes.map(parseSize), bytes);
  assert.deepEqual([0, 1023, 1024, 1280, 100 * 1024, 2 ** 20 - 1].map(size), ['0 B', '1023 B', '1.0 KiB', '1.2 KiB', '100 KiB', '1.0 MiB']);
  assert.deepEqual([0, 999, 1000, 1234567].map((number) => thousands(number, true)), ['0', '999', '1\u202f000', '1\u202f234\u202f567']);
  assert.equal(thousands(1234567, false), '1234567');
  assert.deepEqual([{ LANG: 'de_DE.UTF-8' }, { LC_ALL: 'C', LANG: 'de_DE.UTF-8' }].map(knowsUnicode), [true, false]);
  assert.equal(time(1_000_000_000_250_000_000n), '2001-09-09T01:46:40Z');
  assert.equal(time(1_000_000_000_250_000_000n, true), '2001-09-09T01:46:40.25Z');
  assert.equal(time(-1n, true), '1969-12-31T23:59:59.999999999Z');
  assert.equal(escaped('a\u001b[2J\n\\é\u202e\udcff💀'), 'a\\u{1b}[2J\\n\\\\é\\u{202e}\\xff💀');
  assert.equal(printable('a\\b\u001b[2J'), 'a\\b\\u{1b}[2J');
});

test('what packs say of themselves gives terminals no orders', () => {
  const told = printable('\u001b]0;evil\u0007 \u009b31m \u202egnp.exe \u2066');
  assert.equal(told, '\\u{1b}]0;evil\\u{7} \\u{9b}31m \\u{202e}gnp.exe \\u{2066}');
});
