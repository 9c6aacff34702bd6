/** Which module knows of which: what only Node can run stands under `node/`, and nothing imports in a circle. */

import assert from 'node:assert/strict';
import { builtinModules } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { circle, importsOf } from './imports.js';

const imports = await importsOf(fileURLToPath(new URL('../src/', import.meta.url)));
const ofNode = (/** @type {string} */ name) => name.startsWith('node/');

test('what pages and workers load needs nothing of Node', () => {
  const others = [...imports].filter(([module]) => !ofNode(module));
  assert.ok(others.length > 20 && others.length < imports.size);
  for (const [module, targets] of others) {
    const wrong = targets.filter((target) => ofNode(target) || target.startsWith('node:') || builtinModules.includes(target));
    assert.deepEqual(wrong, [], module);
  }
});

test('there is no dependency, and no circle', () => {
  for (const [module, targets] of imports) {
    assert.deepEqual(targets.filter((target) => !/^(node:|\.\.\/(types|wasm)\/)|\.js$/.test(target)), [], module);
  }
  assert.deepEqual(circle(imports), []);
});
