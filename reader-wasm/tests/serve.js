/**
 * Runs a command beside a server of the folder `tests` that misbehaves when it is asked to:
 *
 *   node reader-wasm/tests/serve.js cargo test …
 *
 * What the tests need to know of it is in variables.
 */

import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openPack } from '../../web/reader/src/node/index.js';
import { inTemporaryFolder, rangepack } from '../../web/reader/test/packs.js';
import { startRangeServer } from '../../web/reader/test/range-server.js';

const tests = new URL('../../tests/', import.meta.url);
/** @type {Record<string, Uint8Array>} */
const files = {};
for (const folder of ['golden', 'hostile']) {
  for (const name of await readdir(new URL(folder, tests))) {
    files[`/${folder}/${name}`] = new Uint8Array(await readFile(new URL(`${folder}/${name}`, tests)));
  }
}
// Records with a dictionary, and a large file without; the same with a dictionary that is damaged.
const learnt = await inTemporaryFolder(async (folder) => {
  await mkdir(join(folder, 'tree'));
  for (let number = 0; number < 1200; number++) {
    const record = { number, kind: 'record', owner: { name: `user ${number % 7}`, active: number % 2 === 0 }, tags: ['alpha', 'beta', number * 31], by: 'a reviewer' };
    await writeFile(join(folder, `tree/${number}.json`), JSON.stringify(record));
  }
  await writeFile(join(folder, 'tree/large.txt'), Array.from({ length: 60_000 }, (_, line) => `line ${line}\n`).join(''));
  await rangepack(['pack', '--quiet', '--compress=zstd', '--dict=4k', join(folder, 'tree'), join(folder, 'learnt.pack')]);
  return new Uint8Array(await readFile(join(folder, 'learnt.pack')));
});
const list = (await openPack(learnt)).info.sections.find(({ tag }) => tag === 'dict');
const place = Number(new DataView(learnt.buffer).getBigUint64((list?.offset ?? 0) + 8, true));
files['/zstd/learnt.pack'] = learnt;
files['/zstd/damaged.pack'] = learnt.map((byte, at) => (at === place + 100 ? byte ^ 1 : byte));
/** @param {string} folder */
const packs = (folder) =>
  Object.keys(files)
    .filter((path) => path.startsWith(`/${folder}/`) && /\.(pack|fpack|container)$/.test(path))
    .map((path) => path.slice(folder.length + 2))
    .join(' ');

const server = await startRangeServer({ files });
const [program = 'cargo', ...parameters] = process.argv.slice(2);
const variables = { RANGEPACK_SERVER: server.origin, RANGEPACK_GOLDEN: packs('golden'), RANGEPACK_HOSTILE: packs('hostile') };
const child = spawn(program, parameters, { stdio: 'inherit', env: { ...process.env, ...variables } });
child.on('error', (error) => {
  console.error(`${program}: ${error.message}`);
  process.exit(2);
});
child.on('exit', (code) => process.exit(code ?? 1));
