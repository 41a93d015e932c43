import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { hmacSha256, isSameDigest, sha256 } from './sha256.ts';

const bytes = (length: number) => Uint8Array.from({ length }, (_, n) => n * 31 + (n >> 8));
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');

test('digests are those of node:crypto, in any parts', () => {
  for (const length of [0, 1, 55, 56, 63, 64, 65, 1000, 70_000]) {
    const data = bytes(length);
    const expected = createHash('sha256').update(data).digest('hex');
    assert.equal(hex(sha256(data)), expected);
    const middle = length >> 1;
    const parts = [data.subarray(0, middle), new Uint8Array(), data.subarray(middle)];
    assert.equal(hex(sha256(...parts)), expected);
  }
});

test('HMACs are those of node:crypto, for every length of the key', () => {
  for (let length = 0; length <= 64; length++) {
    const expected = createHmac('sha256', bytes(length)).update('head').update(bytes(100));
    const given = hmacSha256(bytes(length), Buffer.from('head'), bytes(100));
    assert.equal(hex(given), expected.digest('hex'));
  }
  assert.throws(() => hmacSha256(bytes(65)), RangeError);
});

test('digests are the same only when every byte and the length are', () => {
  const one = sha256(bytes(5));
  assert.ok(isSameDigest(one, one.slice()));
  for (let n = 0; n < 32; n++) {
    const other = one.slice();
    other[n]! ^= 1 << (n & 7);
    assert.ok(!isSameDigest(one, other));
  }
  assert.ok(!isSameDigest(one, one.subarray(0, 31)));
  assert.ok(!isSameDigest(new Uint8Array(31), new Uint8Array(32)));
});
