import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IntervalMap } from './interval-map.ts';
import { SeededRandom } from './random.ts';

interface Value {
  readonly id: number;
  /** Offset of the interval's start. */
  readonly offset: number;
}

const rules = {
  split: (value: Value, delta: number) => ({ id: value.id, offset: value.offset + delta }),
  joins: (left: Value, length: number, right: Value) =>
    left.id === right.id && left.offset + length === right.offset,
};

const SPACE = 64;

/** The same as an array of cells. */
class Model {
  readonly cells: (Value | undefined)[] = new Array(SPACE).fill(undefined);
  set(start: number, end: number, value: Value | undefined): void {
    for (let n = start; n < end; n++)
      this.cells[n] = value && { id: value.id, offset: value.offset + n - start };
  }
  gapBelow(low: number, high: number, length: number): number {
    for (let start = high - length; start >= low; start--)
      if (this.cells.slice(start, start + length).every((c) => c === undefined)) return start;
    return -1;
  }
}

function flatten(map: IntervalMap<Value>): (Value | undefined)[] {
  const cells: (Value | undefined)[] = new Array(SPACE).fill(undefined);
  let last = -1;
  for (const { start, end, value } of map) {
    assert.ok(start > last - 1 && start < end);
    last = end;
    for (let n = start; n < end; n++) cells[n] = { id: value.id, offset: value.offset + n - start };
  }
  return cells;
}

test('IntervalMap does what an array of cells does', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new SeededRandom(seed);
    const map = new IntervalMap<Value>(rules);
    const model = new Model();
    for (let step = 0; step < 60; step++) {
      const start = random.below(SPACE - 1);
      const end = start + 1 + random.below(Math.min(20, SPACE - start - 1) + 1 - 1 || 1);
      const value = { id: random.below(3), offset: random.below(4) === 0 ? 0 : start };
      map.remove(start, end);
      if (random.below(3) > 0) {
        map.insert(start, end, value);
        model.set(start, end, value);
      } else model.set(start, end, undefined);
      const one = map.findAfter(random.below(SPACE));
      const other = { id: random.below(3), offset: random.below(4) === 0 ? 0 : (one?.start ?? 0) };
      if (one && map.replace(one.start, one.end, other)) model.set(one.start, one.end, other);
      if (one) assert.equal(map.replace(one.start, one.end + 1, other), false);
      assert.deepEqual(flatten(map), model.cells, `seed ${seed} step ${step}`);
      const length = 1 + random.below(8);
      const low = random.below(20);
      // Often the same one: searches remember where the last one ended.
      const high = random.below(4) > 0 ? SPACE - 7 : 40 + random.below(SPACE - 40);
      assert.equal(map.findGapBelow(low, high, length), model.gapBelow(low, high, length));
      const at = random.below(SPACE);
      assert.equal(map.find(at)?.value.id, model.cells[at]?.id);
      assert.equal(
        map.isFree(low, high),
        model.cells.slice(low, high).every((c) => c === undefined),
      );
      const taken = model.cells.slice(low, high).filter((c) => c !== undefined).length;
      assert.equal(map.lengthIn(low, high), taken);
      assert.equal(
        map.covers(low, high, () => true),
        model.cells.slice(low, high).every((c) => c !== undefined),
      );
    }
  }
});

test('insert() joins neighbours that the rules allow and no others', () => {
  const map = new IntervalMap<Value>(rules);
  map.insert(0, 10, { id: 1, offset: 0 });
  map.insert(20, 30, { id: 1, offset: 20 });
  map.insert(10, 20, { id: 1, offset: 10 });
  assert.equal(map.size, 1);
  map.insert(30, 40, { id: 1, offset: 0 });
  assert.equal(map.size, 2);
  assert.throws(() => map.insert(5, 6, { id: 1, offset: 0 }));
});
