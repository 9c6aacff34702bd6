/**
 * What bundlers make of the package: a page and a program for Node each. Where one leaves the WebAssembly behind, the error
 * says what to do, and `rangepack/inline` needs none.
 */

import assert from 'node:assert/strict';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startChromium, titleOf } from './chromium.js';
import { FOUND, LEFT_BEHIND, TO_PAGE, html, makeProject, program, run, tool, toolModule, without } from './project.js';

/** @type {string} the user's project */
let project;
/** @type {import('playwright-core').Browser} */
let browser;

before(async () => {
  project = await makeProject();
  browser = await startChromium();
  for (const [name, from] of [['plain', 'rangepack'], ['inline', 'rangepack/inline']]) {
    await writeFile(join(project, `page-${name}.js`), program("'/public/'", TO_PAGE, from));
    await writeFile(join(project, `node-${name}.js`), program("'public/'", 'console.log', from));
  }
});
after(async () => {
  await browser?.close();
  if (project !== undefined) await rm(project, { recursive: true, force: true });
});

/**
 * Bundles `entry` into `folder` as `bundle.js`.
 * @typedef {(entry: string, folder: string, target: 'page' | 'node') => Promise<unknown>} Bundle
 */

/**
 * @param {string} bundler
 * @param {Bundle} bundle
 * @param {Record<'page' | 'node', boolean>} brings whether it brings the WebAssembly
 * @param {(folder: string, file: string) => Promise<{ stdout: string }>} [start] a program
 */
function tryBundler(bundler, bundle, brings, start = (folder, file) => run(process.execPath, [join(folder, file)], project)) {
  describe(bundler, { skip: without(bundler) }, () => {
    for (const name of ['plain', 'inline']) {
      const right = (/** @type {'page' | 'node'} */ target) => name === 'inline' || brings[target];
      /** @param {string} said @param {'page' | 'node'} target */
      const check = (said, target) => (right(target) ? assert.equal(said, FOUND) : assert.match(said, LEFT_BEHIND));

      test(`a page, ${name}`, async () => {
        const folder = join(project, `${bundler}-page-${name}`);
        await bundle(join(project, `page-${name}.js`), folder, 'page');
        await cp(join(project, 'public'), join(folder, 'public'), { recursive: true });
        await writeFile(join(folder, 'index.html'), html('<script type="module" src="/bundle.js"></script>'));
        check(await titleOf(browser, folder, '/index.html', { complains: !right('page') }), 'page');
      });

      test(`a program, ${name}`, async () => {
        const folder = join(project, `${bundler}-node-${name}`);
        await bundle(join(project, `node-${name}.js`), folder, 'node');
        check((await start(folder, 'bundle.js')).stdout.trim(), 'node');
      });
    }
  });
}

tryBundler(
  'esbuild',
  async (entry, folder, target) => {
    const platform = target === 'page' ? 'browser' : 'node';
    await run(tool('esbuild'), [entry, '--bundle', '--format=esm', `--platform=${platform}`, `--outfile=${folder}/bundle.js`, '--log-level=error'], project);
  },
  { page: false, node: false },
);

tryBundler(
  'bun',
  async (entry, folder, target) => {
    const runtime = target === 'page' ? 'browser' : 'node';
    await run(tool('bun'), ['build', entry, `--target=${runtime}`, `--outfile=${folder}/bundle.js`], project);
  },
  { page: false, node: false },
);

tryBundler(
  'webpack',
  async (entry, folder, target) => {
    const { default: webpack } = await toolModule('webpack');
    const output = { path: folder, filename: 'bundle.js', module: true, chunkFormat: 'module' };
    const options = { mode: 'development', devtool: false, context: project, entry, output, experiments: { outputModule: true } };
    await new Promise((done, failed) => {
      webpack({ ...options, target: target === 'page' ? 'web' : 'node20' }, (/** @type {any} */ error, /** @type {any} */ stats) => {
        if (error ?? stats.hasErrors()) failed(error ?? new Error(stats.toString('errors-only')));
        else done(undefined);
      });
    });
  },
  { page: true, node: true },
);

tryBundler(
  'rollup',
  async (entry, folder, target) => {
    const { rollup } = await toolModule('rollup');
    const { default: resolve } = await toolModule('@rollup/plugin-node-resolve');
    const options = target === 'page' ? { browser: true } : { exportConditions: ['node'] };
    const bundle = await rollup({ input: entry, plugins: [resolve(options)], external: /^node:/ });
    await bundle.write({ dir: folder, entryFileNames: 'bundle.js', format: 'es' });
    await bundle.close();
  },
  { page: false, node: false },
);

describe('vite', () => {
  for (const name of ['plain', 'inline']) {
    for (const target of ['page', 'node']) {
      test(`${target}, ${name}`, async () => {
        const { build } = await import('vite');
        const folder = join(project, `vite-${target}-${name}`);
        const input = join(project, `${target}-${name}.js`);
        const rollupOptions = { input, output: { entryFileNames: 'bundle.js' } };
        const common = { root: project, configFile: /** @type {false} */ (false), logLevel: /** @type {const} */ ('error'), publicDir: /** @type {false} */ (false) };
        const ssr = target === 'node' ? { ssr: { noExternal: ['rangepack'] } } : {};
        await build({ ...common, ...ssr, build: { target: 'es2022', outDir: folder, ssr: target === 'node', rollupOptions } });
        if (target === 'page') {
          await cp(join(project, 'public'), join(folder, 'public'), { recursive: true });
          await writeFile(join(folder, 'index.html'), html('<script type="module" src="/bundle.js"></script>'));
          assert.equal(await titleOf(browser, folder, '/index.html'), FOUND);
          return;
        }
        const { stdout } = await run(process.execPath, [join(folder, 'bundle.js')], project);
        if (name === 'inline') assert.equal(stdout.trim(), FOUND);
        else assert.match(stdout.trim(), LEFT_BEHIND);
      });
    }
  }
});

test('one executable of bun', { skip: without('bun') }, async () => {
  for (const [name, wanted] of /** @type {const} */ ([['plain', LEFT_BEHIND], ['inline', new RegExp(`^${FOUND}$`)]])) {
    const executable = join(project, `program-${name}`);
    await run(tool('bun'), ['build', '--compile', join(project, `node-${name}.js`), '--outfile', executable], project);
    const { stdout } = await run(executable, [], project);
    assert.match(stdout.trim(), wanted);
    await rm(executable);
  }
});
