/**
 * Runs a command beside a server of the folder `tests` that misbehaves when it is asked to:
 *
 *   node reader-wasm/tests/serve.js cargo test …
 *
 * What the tests need to know of it is in variables.
 */

import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { startRangeServer } from '../../web/reader/test/range-server.js';

const tests = new URL('../../tests/', import.meta.url);
/** @type {Record<string, Uint8Array>} */
const files = {};
for (const folder of ['golden', 'hostile']) {
  for (const name of await readdir(new URL(folder, tests))) {
    files[`/${folder}/${name}`] = new Uint8Array(await readFile(new URL(`${folder}/${name}`, tests)));
  }
}
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
