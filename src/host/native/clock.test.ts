import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeClock } from '../clock.ts';
import { sharedNativeHost } from './testing/shared-native-host.ts';

test('both clocks tell the same time and run forward', () => {
  const { clock: native } = sharedNativeHost();
  const millisecond = 1_000_000n;
  for (const read of ['realtimeNs', 'monotonicNs'] as const) {
    const before = nodeClock[read]();
    const inside = native[read]();
    const after = nodeClock[read]();
    assert.ok(before <= inside + 2n * millisecond && inside <= after + 2n * millisecond);
  }
  let last = native.monotonicNs();
  for (let n = 0; n < 1000; n++) {
    const now = native.monotonicNs();
    assert.ok(now >= last);
    last = now;
  }
});
