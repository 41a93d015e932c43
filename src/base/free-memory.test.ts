import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeMemory } from './free-memory.ts';

test('freeMemory() gives back what is the whole of a buffer, and leaves parts alone', () => {
  const whole = new Uint8Array(100).fill(1);
  freeMemory(whole);
  assert.equal(whole.length, 0);
  // Once more, as for the empty array that several own.
  freeMemory(whole);
  const buffer = new ArrayBuffer(100);
  for (const part of [new Uint8Array(buffer, 1), new Uint8Array(buffer, 0, 99)]) freeMemory(part);
  assert.equal(buffer.byteLength, 100);
  const shared = new Uint8Array(new SharedArrayBuffer(8));
  freeMemory(shared);
  assert.equal(shared.length, 8);
});
