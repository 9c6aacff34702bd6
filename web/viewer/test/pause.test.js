/** Long work in steps. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.js';

const { inSteps } = await load('page/pause');

/** @param {number} count */
async function* numbers(count) {
  for (let i = 0; i < count; i++) yield i;
}

test('looks at everything in order, and lets others have their turn', async () => {
  /** @type {number[]} */
  const seen = [];
  /** @type {number[]} */
  const pauses = [];
  let turns = 0;
  const others = setInterval(() => turns++, 0);
  await inSteps(numbers(7000), new AbortController().signal, (/** @type {number} */ i) => void seen.push(i), () => pauses.push(seen.length));
  clearInterval(others);
  assert.deepEqual(seen, Array.from({ length: 7000 }, (_, i) => i));
  assert.deepEqual(pauses, [2000, 4000, 6000]);
  assert.ok(turns > 0);
});

test('ends when it is enough', async () => {
  let seen = 0;
  await inSteps(numbers(Infinity), new AbortController().signal, () => (++seen === 2500 ? 'enough' : undefined), () => {});
  assert.equal(seen, 2500);
});

test('ends with its signal, after a pause at the latest', async () => {
  const abort = new AbortController();
  let seen = 0;
  const going = inSteps(numbers(Infinity), abort.signal, () => void seen++, () => abort.abort(new Error('away')));
  await assert.rejects(going, /away/);
  assert.equal(seen, 2000);
});
