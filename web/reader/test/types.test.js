/** The types: strict programs compile, with the oldest and the newest compiler, and with nothing but the language. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run, tool } from './project.js';

const MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url));
const PACKAGE = fileURLToPath(new URL('../', import.meta.url));

/** @type {string} */
let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rangepack-types-'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await mkdir(join(folder, 'node_modules/rangepack'), { recursive: true });
  for (const part of ['package.json', 'types', 'src']) {
    await cp(join(PACKAGE, part), join(folder, 'node_modules/rangepack', part), { recursive: true });
  }
  await symlink(join(MODULES, '@types'), join(folder, 'node_modules/@types'));
  for (const name of ['fast-glob', 'undici-types', '@nodelib', 'micromatch']) {
    await symlink(join(MODULES, name), join(folder, 'node_modules', name));
  }
});
after(() => rm(folder, { recursive: true, force: true }));

const COMPILERS = { 'TypeScript 5.9': join(MODULES, '.bin/tsc'), 'TypeScript 7': tool('tsc') };

/**
 * Files that are compiled at once share what takes longest: reading the types of Node and of browsers.
 *
 * @param {string} compiler @param {Record<string, string>} files @param {string[]} options @returns {Promise<string>} what it says
 */
async function compiled(compiler, files, options) {
  for (const [name, code] of Object.entries(files)) await writeFile(join(folder, name), code);
  const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'ES2022'];
  const done = await run(compiler, [...strict, ...options, ...Object.keys(files)], folder).catch((error) => error);
  return done.stdout + done.stderr;
}

const NODE = ['--module', 'NodeNext', '--types', 'node'];
const PAGE = ['--module', 'Preserve', '--moduleResolution', 'Bundler', '--typeRoots', 'none'];
const DOM = ['--lib', 'ES2023,DOM,DOM.Iterable,DOM.AsyncIterable'];

const CALLS = `
import { openPack, PackError, cacheStorageCache, setWasm } from 'rangepack';
import type { Cache, Entry, ErrorCode, OpenOptions, Pack, PackFile } from 'rangepack';
import { mount } from 'rangepack/mount';
import { decodePath } from 'rangepack/respond';

export const site: Promise<string> = mount('site.pack', { scope: 'docs/' });
export const path: string = decodePath('a%20b');

export async function main(): Promise<number> {
  const pack: Pack = await openPack('photos.pack', { cache: cacheStorageCache(), root: 'a'.repeat(64), headers: { a: 'b' } });
  const names: string[] = [];
  for await (const entry of pack.walk('cats')) {
    if (entry.kind === 'file' && entry.sha256 !== undefined && entry.unreadable === undefined) names.push(entry.path);
  }
  const said: Record<string, string> = await pack.metadata();
  names.push(said['source'] ?? pack.info.treeDigest ?? pack.info.volumes[0]?.name ?? pack.info.sections[0]?.tag ?? '');
  const first: Entry[] = await pack.readdir('', { limit: 1 });
  names.push(...first.map(({ name }) => name));
  const { total, start, entries } = await pack.children('cats', { start: 'felix.jpg', limit: 10 });
  if (start < total) names.push(...entries.map(({ name }) => name));
  for (const entry of first) {
    names.push(entry.mtimeNs ?? '', ...(await pack.readdir(entry)).map(({ name }) => name), await pack.text(entry));
    for await (const { path } of pack.walk(entry)) names.push(path);
    for await (const { path } of pack.list(entry)) names.push(path);
    if (await pack.exists(entry)) names.push((await pack.lstat(entry))?.name ?? '', (await pack.open(entry)).name);
    const { total } = await pack.children(entry);
    const parsed: unknown = await pack.json(entry);
    names.push(JSON.stringify([total, parsed, entry, await pack.readdir()]));
  }
  // @ts-expect-error it gives bytes
  (await pack.readFile('a', 'utf8')).trim();
  // @ts-expect-error there may be nothing at that path
  (await pack.stat('cats')).size;
  const file: PackFile = await pack.open('cats/felix.jpg');
  names.push(file.entry.codec ?? '', file.slice(-10).type);
  for (const [name, value] of await pack.attributes('cats')) names.push(name + value.length);
  for await (const { path, bytes, error } of pack.readMany(pack.walk())) names.push(error === undefined ? path + bytes.length : error.code);
  pack.close();
  return names.length;
}

/** Whoever has options that may be absent hands them on as they are. */
export async function handedOn(pack: Pack, signal: AbortSignal | undefined, limit?: number, cache?: Cache): Promise<unknown> {
  const options: OpenOptions = { signal, cache, root: undefined, headers: undefined, fetch: undefined, timeout: limit, size: limit, index: undefined };
  await openPack('photos.pack', options);
  await mount('site.pack', { scope: undefined, root: undefined, worker: undefined });
  await (await pack.open('a', { signal })).bytes({ signal });
  cacheStorageCache({ name: undefined, maxBytes: limit });
  return pack.readdir('', { signal, limit, after: undefined }).then(() => pack.children('', { signal, start: limit, limit }));
}

/** Its kind tells what an entry has. */
export function tell(entry: Entry): string | number | undefined {
  // @ts-expect-error only links have one
  entry.target;
  switch (entry.kind) {
    case 'file':
      return entry.sha256;
    case 'directory':
      return entry.files;
    case 'symlink':
      return entry.target;
  }
}

setWasm(() => new ArrayBuffer(8));
setWasm(async () => new Uint8Array(8));

export function codeOf(error: unknown): ErrorCode | undefined {
  return error instanceof PackError ? error.code : undefined;
}
// @ts-expect-error there is no such code
export const isNonsense = (error: PackError) => error.code === 'ERR_NONSENSE';
`;

const OF_THE_WEB = `
// @ts-expect-error a number is no pack
export const wrong = () => openPack(5);
// @ts-expect-error a typing mistake
export const misspelt = () => openPack('a.pack', { timout: 3 });
export async function disposed(signal: AbortSignal): Promise<Blob> {
  await using pack = await openPack(new URL('https://a.test/photos.pack'), { signal, fetch, headers: new Headers() });
  using other = await openPack(new Blob([]));
  await other.exists('');
  const file = await pack.open('a', { signal });
  const { value } = await file.stream().getReader().read();
  const piece: number = value?.length ?? 0;
  await new Response(file.stream()).text();
  const image: string = URL.createObjectURL(await file.blob());
  return new Blob([image, await pack.readFile('a'), await file.bytes(), await file.arrayBuffer(), String(piece)]);
}
setWasm((which) => new URL('https://a.test/' + which));
setWasm(() => fetch('https://a.test/'));
`;

const OF_NODE = `
import { fsOf } from 'rangepack/fs';
import { folderCache } from 'rangepack';
import { folderCache as ofInline, openPack as inlined } from 'rangepack/inline';
import { open, readFile } from 'node:fs/promises';
import { folderCache as ofNode, openPack as openNode } from 'rangepack/node';
export const handles = async () => {
  const handle = await open('a.pack');
  await openPack(handle, { cache: folderCache('kept', { maxBytes: undefined }) });
  await inlined(handle, { cache: ofInline('kept') });
  return openNode(handle, { cache: ofNode('kept') });
};
export const bytes = async () => openPack(await readFile('a.pack'));
setWasm((which) => readFile(which));
export function viaCallbacks(pack: Pack): void {
  const fs = fsOf(pack);
  fs.readFile('/a', 'utf8', (error, text) => console.log(error?.code, text.trim()));
  fs.readFile('/a', (error, content) => console.log(content.readUInt8(0)));
  fs.readdir('/', { withFileTypes: true }, (error, entries) => entries.map((entry) => entry.isFile()));
  fs.readdir('/', 'utf8', (error, names) => names.map((name) => name.length));
  fs.stat('/a', { bigint: true }, (error, stats) => console.log(stats.mtimeNs + 1n));
}
`;

/** Without Node's own types. */
const ALONE_IN_NODE = `
import { folderCache } from 'rangepack';
import type { OpenFile } from 'rangepack';
export const handle = (file: OpenFile) => openPack(file, { cache: folderCache('kept') });
`;

const OF_WORKERS = `
import { respond } from 'rangepack/respond';
setWasm(async (which) => WebAssembly.compile(new Uint8Array(which.length)));
export const answer = (pack: Pack, request: Request): Promise<Response> =>
  respond(pack, decodePath(new URL(request.url).pathname), request, { onError: ({ code }) => console.error(code) });
`;

const readme = await readFile(join(PACKAGE, 'README.md'), 'utf8');
const project = await readFile(join(PACKAGE, '../../README.md'), 'utf8');

for (const [name, compiler] of Object.entries(COMPILERS)) {
  describe(name, { skip: !existsSync(compiler) && `${name} is not installed: npm ci --prefix web/tools` }, () => {
    // The package's own declarations are checked as well.
    test('with nothing but the language', async () => {
      assert.equal(await compiled(compiler, { 'alone.ts': CALLS }, [...PAGE, '--lib', 'ES2023']), '');
    });
    test('for pages', async () => {
      const lib = ['--lib', 'ES2023,ESNext.Disposable,DOM,DOM.Iterable,DOM.AsyncIterable'];
      assert.equal(await compiled(compiler, { 'page.ts': CALLS + OF_THE_WEB + OF_WORKERS }, [...PAGE, ...lib]), '');
    });
    test('for Node, without the DOM', async () => {
      assert.equal(await compiled(compiler, { 'node.ts': CALLS + OF_THE_WEB + OF_NODE }, [...NODE, '--lib', 'ES2023']), '');
    });
    test('for Node, without its types', async () => {
      assert.equal(await compiled(compiler, { 'bare.ts': CALLS + ALONE_IN_NODE }, ['--module', 'NodeNext', '--typeRoots', 'none', '--lib', 'ES2023']), '');
    });
    test("the READMEs' own lines", async () => {
      const examples = [...readme.matchAll(/<!-- example: (\w+) -->\n```(?:js|html)\n([\s\S]*?)```/g)].map(([, name, body = '']) => [name, body]);
      examples.push(['project', /```js\n([\s\S]*?)```/.exec(project)?.[1] ?? '']);
      assert.ok(examples.length > 9);
      const files = examples.map(([name, body = '']) => {
        const script = /<script type="module">([\s\S]*)<\/script>/.exec(body)?.[1] ?? body;
        const code = script.replace("'./rangepack/src/index.js'", "'rangepack'");
        const given = name === 'project' ? 'declare const image: HTMLImageElement; declare function show(...what: unknown[]): Promise<void>;' : '';
        return [`${name}.ts`, `${code}\n${given}`];
      });
      // Each is a module of its own, also without an import.
      assert.equal(await compiled(compiler, Object.fromEntries(files), [...NODE, ...DOM, '--moduleDetection', 'force']), '');
    });
  });
}
