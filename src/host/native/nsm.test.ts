import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openNsm } from './nsm.ts';

test('openNsm() reaches the ioctl: a device that is no NSM answers ENOTTY (25)', () => {
  using device = openNsm('/dev/null');
  assert.throws(() => device.request(new Uint8Array(10)), /errno 25/);
});

test('openNsm() throws where there is no device', () => {
  assert.throws(() => openNsm('/dev/no-such-nsm'), /ENOENT/);
});
