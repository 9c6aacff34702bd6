/** Which module knows of which: `lib` stands on its own, each of its folders on those before it, and nothing in a circle. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { circle, importsOf } from '../../reader/test/imports.js';

const all = await importsOf(fileURLToPath(new URL('../src/', import.meta.url)));

/** The folders of `lib`, from the ground up. */
const FOLDERS = ['page', 'words', 'format', 'pack', 'map', 'state'];

test('lib imports nothing from above, and its folders only what is below them', () => {
  const lib = [...all].filter(([module]) => module.startsWith('lib/'));
  assert.deepEqual(new Set(lib.map(([module]) => module.split('/')[1])), new Set(FOLDERS));
  for (const [module, targets] of lib) {
    const floor = FOLDERS.indexOf(module.split('/')[1] ?? '');
    for (const target of targets.filter((target) => /^(\.\.|lib|ui|preview|App)\b/.test(target))) {
      const [top, folder = ''] = target.split('/');
      assert.ok(top === 'lib' && FOLDERS.indexOf(folder) >= 0 && FOLDERS.indexOf(folder) <= floor, `${module} imports ${target}`);
    }
  }
});

test('there is no circle', () => {
  // But for a component that is made of itself.
  const others = new Map([...all].map(([module, targets]) => [module, targets.filter((target) => target !== module)]));
  assert.deepEqual(circle(others), []);
});

test('the parts of the page know of the package only what everybody may', () => {
  for (const [module, targets] of all) {
    for (const target of targets) assert.ok(!target.startsWith('../'), `${module} imports ${target}`);
    for (const target of targets.filter((target) => target.startsWith('rangepack'))) {
      assert.match(target, /^rangepack(\/respond)?$/, module);
    }
  }
});
