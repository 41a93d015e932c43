import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import { AddressMap } from './address-map.ts';

test('behaves as a Map does, over growth, removal and reuse', () => {
  const random = new SeededRandom(3);
  const map = new AddressMap();
  const model = new Map<number, number>();
  for (let n = 0; n < 60_000; n++) {
    // Few addresses, so that they come back; multiples of 4096, so that hashes are put to the test.
    const address = 0x10000 + random.below(3000) * 4096 * 16;
    if (random.below(3) === 0) {
      map.delete(address);
      model.delete(address);
    } else {
      map.set(address, n);
      model.set(address, n);
    }
    const asked = 0x10000 + random.below(3000) * 4096 * 16;
    assert.equal(map.get(asked), model.get(asked));
    assert.equal(map.has(asked), model.has(asked));
    if (n % 20_000 === 19_999) {
      map.clear();
      model.clear();
    }
  }
});

test('addresses above 2 GiB are kept, those that no guest has are not', () => {
  const map = new AddressMap();
  map.set(0xfffe_f000, 7);
  assert.equal(map.get(0xfffe_f000), 7);
  map.set(0x40_1000, 9);
  for (const address of [0, 0xffff_ffff, 0x1_0040_1000, -1, 0.5, Number.NaN]) {
    map.set(address, 1);
    assert.equal(map.get(address), undefined);
    map.delete(address);
  }
  assert.equal(map.get(0x40_1000), 9);
});
