import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NativeContext } from './context.ts';
import { NativeEntropy } from './entropy.ts';

/** A kernel that counts bytes up. */
function counting(): { readonly native: NativeContext; readonly bounce: Uint8Array } {
  const bounce = new Uint8Array(4096);
  let next = 0;
  const getrandom = (_target: number, length: number): number => {
    assert.ok(length > 0 && length <= 256);
    for (let n = 0; n < length; n++) bounce[n] = next++ & 255;
    return length;
  };
  const native = { bounce, bounceAddress: 4096, sys: { getrandom } };
  return { native: native as unknown as NativeContext, bounce };
}

test('fill() gives every byte of the kernel once, and leaves none behind', () => {
  const { native, bounce } = counting();
  const entropy = new NativeEntropy(native);
  const target = new Uint8Array(1000);
  entropy.fill(target.subarray(0, 0));
  entropy.fill(target.subarray(0, 300));
  entropy.fill(target.subarray(300));
  assert.deepEqual(
    target,
    Uint8Array.from({ length: 1000 }, (_, n) => n & 255),
  );
  assert.ok(bounce.every((byte) => byte === 0));
});

test('fill() asks once for many small pieces, and gives no byte twice', () => {
  const { native, bounce } = counting();
  const entropy = new NativeEntropy(native);
  const given = Array.from({ length: 37 }, () => {
    const piece = new Uint8Array(7);
    entropy.fill(piece);
    return [...piece];
  });
  // 36 pieces of the first 256 bytes; the rest of those is too short for one more.
  const first = Array.from({ length: 252 }, (_, n) => n);
  assert.deepEqual(given.flat(), [...first, 0, 1, 2, 3, 4, 5, 6]);
  assert.ok(bounce.every((byte) => byte === 0));
});

test('fill() fails loudly where the kernel gives less', () => {
  const native = {
    bounce: new Uint8Array(4096),
    bounceAddress: 4096,
    sys: { getrandom: () => -38 },
  };
  const entropy = new NativeEntropy(native as unknown as NativeContext);
  assert.throws(() => entropy.fill(new Uint8Array(8)), /getrandom/);
});
