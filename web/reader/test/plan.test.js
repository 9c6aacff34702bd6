import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { planRequests, subtract, unite } from '../src/plan.js';
import { numbers } from './numbers.js';

/** @import { Extent } from '../src/plan.js' */

const SIZE = 400;

/** One boolean for each byte. @param {Extent[]} extents */
function bitmap(extents) {
  const bits = Array.from({ length: SIZE }, () => false);
  for (const { offset, length } of extents) bits.fill(true, offset, offset + length);
  return bits;
}

/** @param {Extent[]} extents */
function assertSortedApart(extents) {
  for (const [i, { offset, length }] of extents.entries()) {
    assert.ok(length > 0);
    const before = extents[i - 1];
    if (before !== undefined) assert.ok(before.offset + before.length <= offset);
  }
}

/** @param {(below: number) => number} next @param {number} most */
function someExtents(next, most) {
  return Array.from({ length: next(most) }, () => {
    const offset = next(SIZE);
    return { offset, length: next(Math.min(60, SIZE - offset) + 1) };
  });
}

describe('sets of extents, against bitmaps', () => {
  test('unite and subtract', () => {
    for (let seed = 1; seed <= 500; seed++) {
      const next = numbers(seed);
      const [a, b] = [someExtents(next, 12), someExtents(next, 12)];
      const united = unite(a);
      assertSortedApart(united);
      assert.deepEqual(bitmap(united), bitmap(a));
      const rest = subtract(united, unite(b));
      assertSortedApart(rest);
      const without = bitmap(b);
      assert.deepEqual(bitmap(rest), bitmap(a).map((bit, i) => bit && !without[i]));
    }
  });
});

describe('a plan', () => {
  test('covers all, overlaps nothing, keeps to gap and length', () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const next = numbers(seed);
      const wanted = someExtents(next, 20);
      const busy = someExtents(next, 4);
      const gap = next(30);
      const maxRequest = 1 + next(80);
      const plan = planRequests(wanted, { gap, maxRequest, busy });

      assertSortedApart(plan);
      const [want, isBusy, planned] = [bitmap(wanted), bitmap(busy), bitmap(plan)];
      let waste = 0;
      for (let i = 0; i < SIZE; i++) {
        if (want[i]) assert.ok(planned[i] || isBusy[i], `byte ${i} is missing`);
        assert.ok(!(planned[i] && isBusy[i]), `byte ${i} is fetched twice`);
        waste = planned[i] && !want[i] ? waste + 1 : 0;
        assert.ok(waste <= gap, `more than ${gap} unwanted bytes at ${i}`);
      }
      for (const { offset, length } of plan) {
        assert.ok(length <= maxRequest);
        assert.ok(want[offset] && want[offset + length - 1], 'no request begins or ends with unwanted bytes');
      }
    }
  });

  test('merges neighbours that are no further apart than the gap', () => {
    const wanted = [{ offset: 40, length: 10 }, { offset: 0, length: 10 }, { offset: 20, length: 10 }];
    const options = { gap: 10, maxRequest: 100 };
    assert.deepEqual(planRequests(wanted, options), [{ offset: 0, length: 50 }]);
    assert.equal(planRequests(wanted, { ...options, gap: 9 }).length, 3);
    assert.deepEqual(planRequests(wanted, { ...options, maxRequest: 30 }), [
      { offset: 0, length: 30 },
      { offset: 40, length: 10 },
    ]);
  });

  test('does not merge across what is under way', () => {
    const wanted = [{ offset: 0, length: 10 }, { offset: 14, length: 10 }];
    const options = { gap: 10, maxRequest: 100, busy: [{ offset: 11, length: 1 }] };
    assert.deepEqual(planRequests(wanted, options), wanted);
  });

  test('cuts what is too long into equal parts', () => {
    assert.deepEqual(planRequests([{ offset: 5, length: 9 }], { gap: 0, maxRequest: 4 }), [
      { offset: 5, length: 3 },
      { offset: 8, length: 3 },
      { offset: 11, length: 3 },
    ]);
  });

  test('is quick with many extents', () => {
    let looks = 0;
    const wanted = Array.from({ length: 200_000 }, (_, i) => ({
      get offset() {
        looks++;
        return ((i * 7919) % 200_000) * 100;
      },
      length: 10,
    }));
    assert.equal(planRequests(wanted, { gap: 10, maxRequest: 1000 }).length, 200_000);
    // Sorting takes some twenty comparisons of two for each; what is left is one pass.
    assert.ok(looks < 200_000 * 50, `${looks} looks`);
  });
});
