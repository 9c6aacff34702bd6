import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ERROR_CODES } from '../src/error-codes.js';
import { openPack } from '../src/node/index.js';
import { startRangeServer } from './range-server.js';

const folder = fileURLToPath(new URL('..', import.meta.url));
const readme = await readFile(join(folder, 'README.md'), 'utf8');

/** Stands for what only pages and workers have, and tells what an example did with it. */
const PAGE = `
const elements = [];
const listeners = {};
globalThis.document = {
  createElement: (name) => ({ name }),
  body: {
    append: (...some) => elements.push(...some),
    addEventListener: (name, listener) => (listeners[name] = listener),
  },
};
globalThis.self = globalThis;
// Node's own does not read files, where the package lies for this test.
const realFetch = fetch;
globalThis.fetch = async (address, options) => {
  if (!String(address).startsWith('file:')) return realFetch(address, options);
  const { readFile } = await import('node:fs/promises');
  return new Response(await readFile(address), { headers: { 'Content-Type': 'application/wasm' } });
};
globalThis.image = {};
globalThis.shown = 0;
globalThis.show = async () => { shown++; };
const posted = [];
globalThis.postMessage = (message) => posted.push(message);
`;

/** @type {Record<string, string>} what is done with an example that has run, and what that prints */
const AFTERWARDS = {
  page: `console.log(elements[0].name, elements[0].src.startsWith('blob:')); // → img true`,
  drop: `
    const { readFile } = await import('node:fs/promises');
    const file = new Blob([await readFile(GOLDEN)]);
    listeners.dragover({ preventDefault() {} });
    await listeners.drop({ preventDefault() {}, dataTransfer: { files: [file] } });
    console.log(elements.length, elements[0]); // → 2408 train`,
  worker: `
    await self.onmessage({ data: 'train/n01440000/n01440000_1.JPEG' });
    console.log(posted[0].bytes.length > 0); // → true`,
  project: `
    console.log(image.src.startsWith('blob:'), part.length > 0, shown); // → true true 400`,
  cache: `
    const puts = [];
    const put = (key, bytes) => puts[puts.push(cache.put(key, bytes)) - 1];
    const first = await openPack('https://example.org/imagenet.pack', { cache: { get: async () => undefined, put } });
    await first.readFile('train/n01440002/n01440002_2.JPEG');
    await Promise.all(puts);
    const again = await openPack('https://example.org/imagenet.pack', { cache });
    await again.readFile('train/n01440002/n01440002_2.JPEG');
    console.log(again.metrics.requests); // → 1`,
};

/** @type {string} */
let temporary;
/** @type {import('./range-server.js').RangeServer} */
let server;
const golden = fileURLToPath(new URL('../../../tests/golden/two-levels.pack', import.meta.url));
before(async () => {
  // Inside the package, so that its own name and its dependencies are found.
  temporary = await mkdtemp(join(folder, 'test', 'readme-'));
  const wasm = join(folder, 'wasm');
  const modules = (await readdir(wasm)).filter((name) => name.endsWith('.wasm'));
  const read = modules.map(async (name) => [`/static/${name}`, await readFile(join(wasm, name))]);
  const files = Object.fromEntries([...(await Promise.all(read)), ['/imagenet.pack', await readFile(golden)]]);
  server = await startRangeServer({ files });
});
after(async () => {
  await server.close();
  await rm(temporary, { recursive: true });
});

/** That of the project's own page, with names that the pack of this test has. */
const [, projectExample = ''] = /```js\n([\s\S]*?)```/.exec(await readFile(join(folder, '..', '..', 'README.md'), 'utf8')) ?? [];
const project = projectExample
  .replace('photos.pack', 'imagenet.pack')
  .replace('cats/1.jpg', 'train/n01440000/n01440000_1.JPEG')
  .replaceAll("'cats'", "'train/n01440000'");

describe('every example runs', () => {
  const examples = [...readme.matchAll(/<!-- example: (\w+) -->\n```(js|html)\n([\s\S]*?)```/g)];
  for (const [, name = '', language, body = ''] of [...examples, ['', 'project', 'js', project]]) {
    test(name, async () => {
      const script = language === 'js' ? body : (/<script type="module">([\s\S]*)<\/script>/.exec(body)?.[1] ?? '');
      const code = `${script}\n{${(AFTERWARDS[name] ?? '').replace('GOLDEN', JSON.stringify(golden))}\n}`;
      const path = join(temporary, `${name}.mjs`);
      const replaced = code
        .replaceAll('https://example.org', server.origin)
        .replaceAll("'./rangepack/", `'${pathToFileURL(folder).href}`);
      const imports = [...replaced.matchAll(/^\s*import .*;$/gm)].map(([line]) => line).join('\n');
      await writeFile(path, `${imports}\n${PAGE}\n${replaced.replaceAll(/^\s*import .*;$/gm, '')}`);
      /** @type {{ out: string, err: string }} */
      const { out, err } = await new Promise((done) => {
        execFile(process.execPath, [path], { cwd: temporary }, (_, out, err) => done({ out, err }));
      });
      assert.equal(err, '');
      // What is printed stands behind the arrows; the project's page shows none.
      if (name === 'project') {
        assert.equal(out.split('\n').at(-2), 'true true 400');
        return;
      }
      const expected = [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, text]) => text);
      assert.deepEqual(out.split('\n').slice(0, -1), expected);
      assert.ok(expected.length > 0, 'an example that shows nothing proves nothing');
    });
  }

  test('none is left out', () => {
    const all = [...readme.matchAll(/^```(js|html)$/gm)];
    // Those that make a site are run by the test of mounting.
    const mounting = [...readme.matchAll(/<!-- mounting: /g)];
    assert.equal(all.length, examples.length + mounting.length);
    assert.ok(examples.length >= 9);
  });
});

test('the table of errors holds all codes, and their meanings', () => {
  const rows = [...readme.matchAll(/^\| `(ERR_\w+)` \| (.*) \|$/gm)].map(([, code = '', meaning]) => [code, meaning]);
  assert.deepEqual(Object.fromEntries(rows), ERROR_CODES);
  assert.equal(rows.length, Object.keys(ERROR_CODES).length);
});

test('the table of options holds all that openPack takes', async () => {
  const [, table = ''] = /^### Options\n([\s\S]*?)^¹/m.exec(readme) ?? [];
  const rows = [...table.matchAll(/^\| `(\w+)` \|.*\|$/gm)].map(([, name]) => name);
  const nonsense = /** @type {any} */ ({ nonsense: 1 });
  const { message } = await openPack('none', nonsense).catch((error) => error);
  assert.deepEqual(rows.sort(), message.split('there are ')[1].split(', ').sort());
});

test('files that the readme names are there', async () => {
  for (const [, path = ''] of readme.matchAll(/\]\((types\/[^)]+)\)/g)) await readFile(join(folder, path));
  for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) {
    const copy = await readFile(join(folder, name), 'utf8');
    assert.equal(copy, await readFile(join(folder, '..', '..', name), 'utf8'));
  }
});

test('the package holds what it exports, and no tests', async () => {
  const listed = await new Promise((done, failed) => {
    execFile('npm', ['pack', '--dry-run', '--json'], { cwd: folder, shell: process.platform === 'win32' }, (error, out) => {
      if (error === null) done(out);
      else failed(error);
    });
  });
  /** @type {{ path: string }[]} */
  const packed = JSON.parse(/** @type {string} */ (listed))[0].files;
  const paths = new Set(packed.map(({ path }) => path));
  const { exports, bin } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  /** @param {unknown} value @returns {string[]} */
  const targets = (value) => (typeof value === 'string' ? [value] : Object.values(/** @type {object} */ (value)).flatMap(targets));
  for (const target of [...targets(exports), ...targets(bin), './README.md', './LICENSE-MIT', './LICENSE-APACHE']) {
    assert.ok(paths.has(target.replace('./', '')), target);
  }
  assert.ok(![...paths].some((path) => path.startsWith('test/')));
});
