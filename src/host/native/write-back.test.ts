import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MIN_BYTES, WriteBack } from './write-back.ts';

/** A disk that takes a call in so many ms, and a writer that makes a MiB in 1 ms. */
function writeMiB(count: number, callMs: number, writeBack?: WriteBack) {
  let now = 0;
  const asked: number[] = [];
  const start = (_fd: number, offset: number) => {
    asked.push(offset >> 20);
    now += callMs;
  };
  const one = writeBack ?? new WriteBack(3, start, () => now);
  for (let i = 0; i < count; i++) {
    now += 1;
    one.wrote(i << 20, 1 << 20);
  }
  return { asked, now, one };
}

test('write-back begins when there is much since the last barrier', () => {
  const few = MIN_BYTES >> 20;
  const { asked, one } = writeMiB(few + 3, 0);
  assert.deepEqual(asked, [few - 1, few, few + 1, few + 2]);
  one.settled();
  writeMiB(few - 1, 0, one);
  assert.equal(asked.length, 4);
});

test('a slow disk makes a writer wait for little of its time', () => {
  const { now } = writeMiB(1000, 50);
  assert.ok(now < 1000 * 1.6, `${now} ms`);
  assert.ok(now > 1000, 'it was asked all the same');
});
