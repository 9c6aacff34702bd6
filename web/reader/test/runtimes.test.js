/** Deno, Bun and Cloudflare's workers: the same package, unbundled where they take it so. */

import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FOUND, makeProject, program, run, tool, toolModule, without } from './project.js';
import { startRangeServer } from './range-server.js';
import { testFile } from './places.js';

/** @type {string} the user's project */
let project;
/** @type {import('./range-server.js').RangeServer} */
let server;
before(async () => {
  project = await makeProject();
  server = await startRangeServer({ folder: testFile('golden') });
});
after(async () => {
  await server?.close();
  if (project !== undefined) await rm(project, { recursive: true, force: true });
});

for (const [runtime, options] of /** @type {const} */ ([['bun', ['run']], ['deno', ['run', '--quiet', '--no-check', '--allow-all']]])) {
  test(`${runtime} reads packs on disk and on servers`, { skip: without(runtime) }, async () => {
    for (const where of ["'public/'", `'${server.origin}/'`]) {
      await writeFile(join(project, 'script.js'), program(where, 'console.log'));
      const { stdout, stderr } = await run(tool(runtime), [...options, 'script.js'], project);
      assert.deepEqual({ stdout, stderr }, { stdout: `${FOUND}\n`, stderr: '' });
    }
  });
}

const WORKER = `
import packs from './rangepack.wasm';
import { openPack, setWasm } from './rangepack/src/index.js';
import { respond } from './rangepack/src/respond.js';
setWasm(() => packs);
let pack;
export default {
  async fetch(request, { ORIGIN }) {
    const { pathname } = new URL(request.url);
    try {
      pack ??= await openPack(ORIGIN + '/stored-blocks.pack');
      if (pathname === '/names') return new Response((await pack.readdir('')).map(({ name }) => name).join());
      if (pathname === '/spent') return new Response(String(pack.metrics.requests));
      return await respond(pack, pathname.slice(1), request);
    } catch (error) {
      return new Response(String(error), { status: 500 });
    }
  },
};
`;

test("in Cloudflare's workers one opened pack serves every request", { skip: without('miniflare') }, async () => {
  const { Log, LogLevel, Miniflare } = await toolModule('miniflare');
  await writeFile(join(project, 'worker.js'), WORKER);
  const installed = join(project, 'node_modules/rangepack');
  /** @type {object[]} */
  const modules = [
    { type: 'ESModule', path: 'worker.js', contents: WORKER },
    { type: 'CompiledWasm', path: 'rangepack.wasm', contents: await readFile(join(installed, 'wasm/rangepack_bg.wasm')) },
  ];
  const { importsOf } = await import('./imports.js');
  for (const name of (await importsOf(join(installed, 'src'))).keys()) {
    if (name.startsWith('node/') || name === 'inline.js') continue;
    modules.push({ type: 'ESModule', path: `rangepack/src/${name}`, contents: await readFile(join(installed, 'src', name), 'utf8') });
  }
  for (const name of ['rangepack.js', 'rangepack-legacy.js', 'rangepack-zip.js', 'rangepack-zstd.js']) {
    modules.push({ type: 'ESModule', path: `rangepack/wasm/${name}`, contents: await readFile(join(installed, 'wasm', name), 'utf8') });
  }
  const worker = new Miniflare({
    modules,
    compatibilityDate: '2025-09-01',
    bindings: { ORIGIN: server.origin },
    log: new Log(LogLevel.NONE),
  });
  try {
    const ask = async (/** @type {string} */ path, /** @type {object} */ init) => worker.dispatchFetch(`http://worker.test/${path}`, init);
    const large = (await readFile(testFile('golden/stored-blocks.pack'))).subarray(0, 262_244);
    assert.equal(await (await ask('names', {})).text(), 'large');
    for (let round = 0; round < 3; round++) {
      const part = await ask('large', { headers: { Range: 'bytes=100-199' } });
      assert.equal(part.status, 206);
      assert.deepEqual(Buffer.from(await part.arrayBuffer()), large.subarray(100, 200));
      const whole = await ask('large', {});
      assert.deepEqual(Buffer.from(await whole.arrayBuffer()), large);
    }
    // Many at once, some of which nobody reads to their end.
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask('large', {})));
    for (const [at, answer] of answers.entries()) {
      if (at % 3 === 0) await answer.body.cancel();
      else assert.deepEqual(Buffer.from(await answer.arrayBuffer()), large);
    }
    assert.deepEqual(Buffer.from(await (await ask('large', {})).arrayBuffer()), large);
  } finally {
    await worker.dispose();
  }
});
