/**
 * The package as users get it: packed by npm, installed into an empty project, run by Node, by a bundler's output, and
 * by a page without a bundler.
 */

import assert from 'node:assert/strict';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startChromium, titleOf } from './chromium.js';
import { FOUND, TO_PAGE, html, makeProject, program, run } from './project.js';

/** @type {string} the user's project */
let project;
/** @type {import('playwright-core').Browser} */
let browser;

before(async () => {
  project = await makeProject();
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  if (project !== undefined) await rm(project, { recursive: true, force: true });
});

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
  assert.equal(await titleOf(browser, project, '/plain.html'), FOUND);

  // Workers know no import maps.
  const byPath = program("'/public/'", 'postMessage').replace("'rangepack'", "'/node_modules/rangepack/src/index.js'");
  await writeFile(join(project, 'worker.js'), byPath);
  const start = `const worker = new Worker('/worker.js', { type: 'module' });
    worker.onmessage = ({ data }) => { document.title = data; };
    worker.onerror = () => { document.title = 'failed'; };`;
  await writeFile(join(project, 'worker.html'), html(`<script type="module">${start}</script>`));
  assert.equal(await titleOf(browser, project, '/worker.html'), FOUND);
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
  assert.equal(await titleOf(browser, join(project, 'dist'), '/index.html'), FOUND);
  assert.equal(await titleOf(browser, join(project, 'dist'), '/threaded.html'), FOUND);
});
