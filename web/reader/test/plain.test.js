/** Plain files are told of in a shorter way when they are looked up: what comes is what a walk gives. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPack } from '../src/node/index.js';
import { inTemporaryFolder, rangepack } from './packs.js';

/** Seconds since 1970, as `touch` takes them. */
const TIMES = ['-1.5', '0', '0.000000001', '0.999999999', '1', '1.000000001', '499162500', '1700000000.123456789', '9223372036.854775807'];
/** None of them is another one, though some look so. */
const NAMES = ['a', 'ü', '\u{fffd}', '\u{feff}', '\u{1f600}', 'with space', 'quoted"\\', '\n'];

for (const options of [[], ['--compress'], ['--compress=zstd', '--dict', 'auto'], ['--owner']]) {
  test(`a file that is looked up is that of the walk: ${options.join(' ') || 'stored'}`, () =>
    inTemporaryFolder(async (folder) => {
      const tree = join(folder, 'tree');
      await mkdir(join(tree, 'deep/er'), { recursive: true });
      for (const name of NAMES) await writeFile(join(tree, 'deep/er', name), `the file ${name}`);
      await writeFile(Buffer.concat([Buffer.from(`${tree}/`), Buffer.of(0xff, 0x61)]), 'not text');
      for (const [at, time] of TIMES.entries()) {
        await writeFile(join(tree, `t${at}`), 'all work and no play '.repeat(at * 100));
        execFileSync('touch', ['-d', `@${time}`, join(tree, `t${at}`)]);
      }
      // Many that are alike, for dictionaries; one with a table of blocks.
      for (let i = 0; i < 300; i++) await writeFile(join(tree, `r${i}.json`), JSON.stringify({ id: i, name: `record ${i}`, tags: ['a', 'b', i % 7] }));
      await writeFile(join(tree, 'large'), new Uint8Array(5 << 20).fill(7));
      const file = join(folder, 'tree.pack');
      await rangepack(['pack', '--quiet', ...options, tree, file]);
      const pack = await openPack(file);
      let count = 0;
      for await (const entry of pack.walk()) {
        assert.deepEqual(await pack.lstat(entry.path), entry);
        assert.deepEqual(Object.keys((await pack.stat(entry.path)) ?? {}), Object.keys(entry));
        count++;
      }
      assert.equal(count, 2 + NAMES.length + 1 + TIMES.length + 300 + 1);
      // What has no place in UTF-8 is asked for as U+FFFD; the path of what is found is its own.
      for (const lone of ['\ud800', '\udc00']) assert.equal((await pack.stat(`deep/er/${lone}`))?.path, 'deep/er/\u{fffd}');
      assert.equal(await pack.stat('\u{feff}'), undefined);
      pack.close();
    }));
}
