import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { ElfListing } from './listing.ts';
import { listingText } from './listing-text.ts';
import { CODE_AT, everyRewrite } from './testing/small-program.ts';

const file = everyRewrite();
const listing = new ElfListing(file, 'small');
const golden = new URL('./testing/golden/', import.meta.url).pathname;
const plain = { serializers: [(value: unknown) => `${value}\n`] };

test('every rewrite is listed with its name, its targets by symbol, what a tick restores', (t) => {
  const found = listing.list(listing.find('_start'));
  const text = listingText(found, { withRestarts: true });
  t.assert.fileSnapshot(text, `${golden}every-rewrite.txt`, plain);
});

test('the listing covers every translated byte once, in order', () => {
  for (const name of ['_start', 'leaf']) {
    const found = listing.list(listing.find(name));
    for (const unit of found.units) {
      let at = 0;
      for (const { host } of unit.parts)
        for (const { offset, bytes } of host) {
          assert.equal(offset, at);
          at += (bytes.length + 1) / 3;
        }
      assert.equal(at, unit.hostBytes);
    }
  }
});

test('a function is found by name, by any address in it, and as the entry point', () => {
  const start = listing.find('_start');
  assert.deepEqual(listing.find('0x401003'), start);
  assert.deepEqual(listing.find(undefined), start);
  assert.equal(start.start, CODE_AT);
  for (const where of ['main', '0x400000', '0x', '0xfffffffff'])
    assert.throws(() => listing.find(where), { code: 'CLOISTER_USAGE' }, where);
});

test('a stripped file is listed by address', () => {
  const stripped = new ElfListing(everyRewrite(true), 'small');
  const found = stripped.list(stripped.find('0x401000'));
  assert.equal(found.name, '0x401000');
  assert.ok(found.instructions > 10);
});

test('what no ELF file is, or is damaged, is refused or listed, never a crash', () => {
  assert.throws(() => new ElfListing(new Uint8Array(100), 'x'), { code: 'CLOISTER_USAGE' });
  const random = new SeededRandom(7);
  for (let n = 0; n < 60; n++) {
    const damaged = file.slice();
    for (let k = 0; k < 8; k++) {
      const at = random.below(4) === 0 ? random.below(120) : 0x1000 + random.below(700);
      damaged[at] = random.below(256);
    }
    try {
      const one = new ElfListing(damaged, 'x');
      one.list(one.find(undefined));
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'CLOISTER_USAGE', `case ${n}: ${error}`);
    }
  }
});
