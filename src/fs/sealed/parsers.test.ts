import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import { decodeRecord, encodeRecord } from './l5-files/inode-record.ts';
import { mutate, parserTargets } from './testing/parser-fuzz.ts';

test('no input makes a parser of the volume throw or run away', () => {
  const random = new SeededRandom(99);
  for (const { name, seed, parse } of parserTargets())
    for (let i = 0; i < 2000; i++) {
      const bytes = mutate(seed, random);
      assert.doesNotThrow(() => parse(bytes), `${name} ${i}`);
    }
});

test('what is encoded decodes to the same', () => {
  for (const { name, seed, parse } of parserTargets())
    if (name !== 'superblock') assert.notEqual(parse(seed), undefined, name);
});

test('times beyond what a number holds are kept within it, odd nanoseconds are refused', () => {
  const times = [2 ** 63, 1, -(2 ** 63), 2, 3, 4, 5, 6];
  const base = { mode: 0, nlink: 1, uid: 0, gid: 0, rdev: 0, size: 0, cellBlocks: 0 };
  const bytes = encodeRecord({ ...base, times, inline: undefined });
  const { MAX_SAFE_INTEGER: max, MIN_SAFE_INTEGER: min } = Number;
  assert.deepEqual(decodeRecord(bytes)?.times, [max, 1, min, 2, 3, 4, 5, 6]);
  // Found by fuzzing: the largest of 64 bits was rounded up, and written as the smallest.
  bytes.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], 40);
  const record = decodeRecord(bytes);
  assert.ok(record !== undefined);
  assert.deepEqual(decodeRecord(encodeRecord(record)), record);
  bytes.set([0, 0xca, 0x9a, 0x3b], 48);
  assert.equal(decodeRecord(bytes), undefined);
});
