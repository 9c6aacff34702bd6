/** The list of error codes: the types are made of it, and every code is in it. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ERROR_CODES } from '../src/error-codes.js';
import { isErrorCode } from '../src/errors.js';

const folder = fileURLToPath(new URL('..', import.meta.url));

test('the public type is what `npm run types` makes of the list', async () => {
  const out = await mkdtemp(join(tmpdir(), 'rangepack-types-'));
  try {
    await promisify(execFile)('npm', ['run', '--silent', 'types', '--', '--outDir', out], { cwd: folder });
    const [made, kept] = await Promise.all([out, join(folder, 'types')].map((folder) => readFile(join(folder, 'error-codes.d.ts'), 'utf8')));
    assert.equal(kept, made);
  } finally {
    await rm(out, { recursive: true });
  }
});

test('every code that the WebAssembly modules give is in the list', async () => {
  const rust = fileURLToPath(new URL('../../../reader-wasm/src/', import.meta.url));
  const names = (await readdir(rust, { recursive: true })).filter((name) => name.endsWith('.rs'));
  const code = (await Promise.all(names.map((name) => readFile(join(rust, name), 'utf8')))).join('\n');
  const given = [...code.matchAll(/"(ERR_\w*)"/g)].map(([, name = '']) => name);
  assert.ok(new Set(given).size >= 7, `found only ${given.join()}`);
  for (const name of given) assert.ok(isErrorCode(name), name);
  // All of them are written out: who makes an error names its code, or takes it from the list of kinds above.
  const makers = [...code.matchAll(/(?<!fn )\berror\(\s*([^,\s)]+)/g)].map(([, first = '']) => first);
  assert.ok(makers.length >= 5);
  for (const first of makers) assert.match(first, /^("ERR_\w+"|&?code)$/);
  // The property itself is set in one place.
  assert.equal(code.match(/set\(&error, &keys\.code,/g)?.length, 1);
});

test('nobody can change the list', () => {
  assert.ok(Object.isFrozen(ERROR_CODES));
  for (const other of ['ERR_NONSENSE', 'toString', '', undefined, 5]) assert.equal(isErrorCode(other), false);
});
