/**
 * A user's project: the package as npm packs it, installed into an empty folder, and the tools that one may have there.
 */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { testFile } from './places.js';

const PACKAGE = fileURLToPath(new URL('../', import.meta.url));
const TOOLS = fileURLToPath(new URL('../../tools/', import.meta.url));
const PACKS = ['golden/compressed.pack', 'golden/ndjson-only.pack'];

/** @param {string} command @param {string[]} args @param {string} cwd */
export function run(command, args, cwd) {
  return promisify(execFile)(command, args, { cwd, maxBuffer: 1 << 26 });
}

/** @returns {Promise<string>} the folder; packs lie in `public` */
export async function makeProject() {
  const project = await mkdtemp(join(tmpdir(), 'rangepack-project-'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', project], PACKAGE);
  const [{ filename }] = JSON.parse(stdout);
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${filename}`], project);
  await mkdir(join(project, 'public'));
  for (const pack of PACKS) await cp(testFile(pack), join(project, 'public', pack.replace('golden/', '')));
  return project;
}

/**
 * A program of this user. It needs both modules.
 *
 * @param {string} where the packs lie, an expression
 * @param {string} say a function that takes what it found, or the error's code and message
 * @param {string} [from] what is imported
 */
export const program = (where, say, from = 'rangepack') => `
import { openPack } from '${from}';
const found = [];
try {
  for (const name of ['compressed.pack', 'ndjson-only.pack']) {
    const pack = await openPack(${where} + name);
    let bytes = 0;
    // Links come with the content of the file that they lead to.
    for await (const { path, entry, bytes: content } of pack.readMany(pack.walk())) if (entry?.path === path) bytes += content.length;
    found.push(pack.info.format + ' ' + (bytes === pack.info.bytes && bytes > 100));
    pack.close();
  }
  ${say}(found.join());
} catch (error) {
  ${say}(error.name + ' ' + error.code + ': ' + error.message);
}
`;
export const FOUND = 'rangepack true,ctnrv1 true';
export const TO_PAGE = '((text) => { document.title = text; })';
/** What a program says whose bundler left the WebAssembly behind. */
export const LEFT_BEHIND = /^PackError ERR_WASM: .*setWasm.*rangepack\/inline/s;

/** @param {string} script */
export const html = (script) => `<!doctype html><link rel="icon" href="data:,">${script}`;

/** @param {string} name @returns {string} a command that a tool brings */
export const tool = (name) => join(TOOLS, 'node_modules/.bin', name);

/** @param {string} name of a package @returns {Promise<any>} a tool, as a module */
export async function toolModule(name) {
  return import(pathToFileURL(createRequire(join(TOOLS, 'package.json')).resolve(name)).href);
}

/** @param {string} name of a package @returns {string | false} why a test of it is skipped */
export const without = (name) => !existsSync(join(TOOLS, 'node_modules', name)) && `${name} is not installed: npm ci --prefix web/tools`;
