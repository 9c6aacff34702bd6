/**
 * The package as users get it: packed by npm, installed into an empty project, run by Node, by a bundler's output, and
 * by a page without a bundler.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startChromium } from './chromium.js';
import { testFile } from './places.js';
import { startRangeServer } from './range-server.js';
import { PATIENCE } from './until.js';

const PACKAGE = fileURLToPath(new URL('../', import.meta.url));
const PACKS = ['golden/compressed.pack', 'golden/ndjson-only.pack'];

/** @type {string} the user's project */
let project;
/** @type {import('playwright-core').Browser} */
let browser;

before(async () => {
  project = await mkdtemp(join(tmpdir(), 'rangepack-project-'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', project], PACKAGE);
  const [{ filename }] = JSON.parse(stdout);
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${filename}`], project);
  await mkdir(join(project, 'public'));
  for (const pack of PACKS) await cp(testFile(pack), join(project, 'public', pack.replace('golden/', '')));
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  if (project !== undefined) await rm(project, { recursive: true, force: true });
});

/** @param {string} command @param {string[]} args @param {string} cwd */
function run(command, args, cwd) {
  return promisify(execFile)(command, args, { cwd, maxBuffer: 1 << 26 });
}

/**
 * A program of this user. It needs both modules.
 *
 * @param {string} where the packs lie, an expression
 * @param {string} say a function that takes what it found
 */
const program = (where, say) => `
import { openPack } from 'rangepack';
const found = [];
for (const name of ['compressed.pack', 'ndjson-only.pack']) {
  const pack = await openPack(${where} + name);
  let bytes = 0;
  for await (const { bytes: content } of pack.readMany(pack.walk())) bytes += content.length;
  found.push(pack.info.format + ' ' + (bytes === pack.info.bytes && bytes > 100));
  pack.close();
}
${say}(found.join());
`;
const FOUND = 'paged true,ctnr true';
const TO_PAGE = '((text) => { document.title = text; })';
/** @param {string} script */
const html = (script) => `<!doctype html><link rel="icon" href="data:,">${script}`;

/**
 * @param {string} folder served
 * @param {string} path of the page
 * @returns {Promise<string>} its title, once it has one
 */
async function titleOf(folder, path) {
  const server = await startRangeServer({ folder });
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  /** @type {string[]} */
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => errors.push(message.text()));
  try {
    await page.goto(`${server.origin}${path}`);
    await page.waitForFunction(() => document.title !== '', undefined, { timeout: PATIENCE }).catch(() => {});
    assert.deepEqual(errors, []);
    const missing = server.log.filter(({ status }) => status >= 400).map((entry) => entry.path);
    assert.deepEqual(missing, []);
    return await page.title();
  } finally {
    await page.close();
    await server.close();
  }
}

test('holds what it needs, and no tests', async () => {
  const installed = join(project, 'node_modules/rangepack');
  const names = await readdir(installed);
  for (const name of ['src', 'wasm', 'types', 'package.json']) assert.ok(names.includes(name), name);
  assert.ok(!names.includes('test'));
  const { dependencies = {} } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  assert.deepEqual(dependencies, {});
});

test('runs in Node', async () => {
  await writeFile(join(project, 'script.js'), program('"public/"', 'console.log'));
  const { stdout, stderr } = await run(process.execPath, ['script.js'], project);
  assert.deepEqual({ stdout, stderr }, { stdout: `${FOUND}\n`, stderr: '' });
});

test('runs from a page without a bundler, in a module worker as well', async () => {
  const map = JSON.stringify({ imports: { rangepack: '/node_modules/rangepack/src/index.js' } });
  const head = `<script type="importmap">${map}</script>`;
  await writeFile(join(project, 'plain.html'), html(`${head}<script type="module">${program("'/public/'", TO_PAGE)}</script>`));
  assert.equal(await titleOf(project, '/plain.html'), FOUND);

  // Workers know no import maps.
  const byPath = program("'/public/'", 'postMessage').replace("'rangepack'", "'/node_modules/rangepack/src/index.js'");
  await writeFile(join(project, 'worker.js'), byPath);
  const start = `const worker = new Worker('/worker.js', { type: 'module' });
    worker.onmessage = ({ data }) => { document.title = data; };
    worker.onerror = () => { document.title = 'failed'; };`;
  await writeFile(join(project, 'worker.html'), html(`<script type="module">${start}</script>`));
  assert.equal(await titleOf(project, '/worker.html'), FOUND);
});

test('runs from what Vite makes of it, in a worker as well', async () => {
  const { build } = await import('vite');
  await writeFile(join(project, 'main.js'), program("'/'", TO_PAGE));
  await writeFile(join(project, 'vite-worker.js'), program("'/'", 'postMessage'));
  const start = `const worker = new Worker(new URL('./vite-worker.js', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }) => { document.title = data; };`;
  await writeFile(join(project, 'start.js'), start);
  await writeFile(join(project, 'index.html'), html('<script type="module" src="/main.js"></script>'));
  await writeFile(join(project, 'threaded.html'), html('<script type="module" src="/start.js"></script>'));
  const input = [join(project, 'index.html'), join(project, 'threaded.html')];
  const common = { root: project, configFile: /** @type {false} */ (false), logLevel: /** @type {const} */ ('error') };
  await build({ ...common, worker: { format: 'es' }, build: { target: 'es2022', rollupOptions: { input } } });
  assert.equal(await titleOf(join(project, 'dist'), '/index.html'), FOUND);
  assert.equal(await titleOf(join(project, 'dist'), '/threaded.html'), FOUND);
});

const TYPED = `
import { openPack, PackError, cacheStorageCache } from 'rangepack';
import type { Entry, ErrorCode, Pack, PackFile } from 'rangepack';
import { fsOf } from 'rangepack/fs';
import { folderCache } from 'rangepack/node';
import { mount } from 'rangepack/mount';
import { decodePath, respond } from 'rangepack/respond';

export const answer = (pack: Pack, request: Request): Promise<Response> =>
  respond(pack, decodePath(new URL(request.url).pathname), request, { onError: ({ code }) => console.error(code) });
export const site: Promise<string> = mount('site.pack', { scope: 'docs/' });

export async function main(signal: AbortSignal): Promise<number> {
  const pack: Pack = await openPack('photos.pack', { signal, cache: folderCache('kept'), root: 'a'.repeat(64) });
  const names: string[] = [];
  for await (const entry of pack.walk('cats', { signal })) {
    if (entry.kind === 'file' && entry.sha256 !== undefined && entry.unsupported === undefined) names.push(entry.path);
  }
  const said: Record<string, string> = await pack.metadata({ signal });
  names.push(said['source'] ?? pack.info.treeDigest ?? pack.info.volumes[0]?.name ?? '');
  const first: Entry[] = await pack.readdir('', { limit: 1 });
  names.push(...first.map(({ name }) => name));
  const { total, start, entries } = await pack.children('cats', { start: 'felix.jpg', limit: 10, signal });
  if (start < total) names.push(...entries.map(({ name }) => name));
  // @ts-expect-error there may be nothing at that path
  (await pack.stat('cats')).size;
  const file: PackFile = await pack.open('cats/felix.jpg');
  const reader = file.slice(-10).stream().getReader();
  const { value } = await reader.read();
  for await (const { path, bytes, error } of pack.readMany(names)) names.push(error === undefined ? path + bytes.length : error.code);
  pack.close();
  return value?.length ?? 0;
}

export function viaCallbacks(pack: Pack): void {
  const fs = fsOf(pack);
  fs.readFile('/a', 'utf8', (error, text) => console.log(error?.code, text.trim()));
  fs.readFile('/a', (error, content) => console.log(content.readUInt8(0)));
  fs.readdir('/', { withFileTypes: true }, (error, entries) => entries.map((entry) => entry.isFile()));
  fs.readdir('/', 'utf8', (error, names) => names.map((name) => name.length));
  fs.stat('/a', { bigint: true }, (error, stats) => console.log(stats.mtimeNs + 1n));
}

export function codeOf(error: unknown): ErrorCode | undefined {
  return error instanceof PackError ? error.code : undefined;
}

// @ts-expect-error there is no such code
export const isNonsense = (error: PackError) => error.code === 'ERR_NONSENSE';

// @ts-expect-error a number is no pack
export const wrong = () => openPack(5, { cache: cacheStorageCache() });
`;

test('has types that a strict program can use', async () => {
  await writeFile(join(project, 'program.ts'), TYPED);
  const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
  const types = fileURLToPath(new URL('../../node_modules/@types', import.meta.url));
  for (const module of ['NodeNext', 'Preserve']) {
    const resolution = module === 'NodeNext' ? 'NodeNext' : 'Bundler';
    const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'ES2022', '--lib', 'ES2023,DOM,DOM.Iterable,DOM.AsyncIterable'];
    const where = ['--module', module, '--moduleResolution', resolution, '--types', 'node', '--typeRoots', types];
    const done = await run(process.execPath, [tsc, ...options, ...where, 'program.ts'], project).catch((error) => error);
    assert.equal(done.stdout, '', module);
  }
});
