import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from './random.ts';

test('SeededRandom repeats its stream for a seed and differs for another', () => {
  const a = new SeededRandom(7);
  const b = new SeededRandom(7);
  const c = new SeededRandom(8);
  const left = Array.from({ length: 100 }, () => a.uint32());
  assert.deepEqual(
    left,
    Array.from({ length: 100 }, () => b.uint32()),
  );
  assert.notDeepEqual(
    left,
    Array.from({ length: 100 }, () => c.uint32()),
  );
});

test('below() stays in range and reaches both ends', () => {
  const random = new SeededRandom(1);
  const seen = new Set(Array.from({ length: 1000 }, () => random.below(5)));
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4]);
});
