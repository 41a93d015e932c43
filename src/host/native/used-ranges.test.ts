import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UsedRanges } from './used-ranges.ts';

const MIB = 1024 * 1024;
const range = fc.tuple(fc.nat(4000), fc.integer({ min: 1, max: 40 }));

test('used ranges cover everything that was added, in few pieces', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 60 }), (added) => {
      const used = new UsedRanges();
      for (const [start, length] of added) used.add(start * MIB, (start + length) * MIB);
      assert.ok(used.ranges.length <= 16);
      const isCovered = (at: number) => used.ranges.some((r) => r.start <= at && at < r.end);
      for (const [start, length] of added) {
        assert.ok(isCovered(start * MIB));
        assert.ok(isCovered((start + length) * MIB - 1));
        assert.ok(isCovered((start + length / 2) * MIB));
      }
      const low = Math.min(...added.map(([start]) => start * MIB));
      const high = Math.max(...added.map(([start, length]) => (start + length) * MIB));
      for (const { start, end } of used.ranges) assert.ok(start >= low && end <= high);
    }),
    { numRuns: 200 },
  );
});

test('a sandbox with a large range is not small', () => {
  const used = new UsedRanges();
  assert.ok(used.isSmall);
  used.add(0, 1025 * MIB);
  assert.ok(!used.isSmall);
});
