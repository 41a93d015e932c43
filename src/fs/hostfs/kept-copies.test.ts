import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeptCopies } from './kept-copies.ts';
import type { PageCopy } from './page-copy.ts';

function copy() {
  const made = {
    isDisposed: false,
    [Symbol.dispose]() {
      made.isDisposed = true;
    },
  };
  return made as typeof made & PageCopy;
}

test('a copy comes back once, for the content that it was made from', () => {
  using kept = new KeptCopies();
  const file = {};
  const first = copy();
  kept.keep(file, first, 'a', 100);
  assert.equal(kept.take(file, 'a'), first);
  assert.equal(first.isDisposed, false);
  assert.equal(kept.take(file, 'a'), undefined);
  for (const stamp of ['b', undefined]) {
    const other = copy();
    kept.keep(file, other, 'a', 100);
    assert.equal(kept.take(file, stamp), undefined);
    assert.ok(other.isDisposed, `${stamp}`);
  }
});

test('few copies and few bytes are kept: those given up last', () => {
  using kept = new KeptCopies();
  const copies = Array.from({ length: 40 }, copy);
  for (const one of copies) kept.keep(one, one, 'a', 1);
  assert.deepEqual(
    copies.map(({ isDisposed }) => isDisposed),
    copies.map((_, n) => n < 8),
  );
  const large = copy();
  kept.keep(large, large, 'a', 32 * 2 ** 20);
  assert.ok(copies.every(({ isDisposed }) => isDisposed));
  const tooLarge = copy();
  kept.keep(tooLarge, tooLarge, 'a', 32 * 2 ** 20 + 1);
  assert.ok(large.isDisposed && tooLarge.isDisposed);
});
