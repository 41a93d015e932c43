import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WrittenPages } from './written-pages.ts';

test('a page checks itself after a few faults, at once when it stores into itself', () => {
  const written = new WrittenPages();
  assert.equal(written.noteFault(5, false), false);
  assert.equal(written.noteFault(6, false), false);
  assert.equal(written.noteFault(5, false), false);
  assert.equal(written.noteFault(5, false), true);
  assert.equal(written.isChecked(5), true);
  assert.equal(written.isChecked(6), false);
  assert.equal(written.noteFault(7, true), true);
});

test('a quiet page goes back, one fault brings it again, and it stays twice as long', () => {
  const written = new WrittenPages();
  const ticksUntilQuiet = (): number => {
    for (let n = 1; n < 10_000; n++) if (written.tick(1).includes(9)) return n;
    return -1;
  };
  written.noteFault(9, true);
  const first = ticksUntilQuiet();
  assert.ok(first > 0);
  assert.equal(written.isChecked(9), false);
  assert.equal(written.noteFault(9, false), true);
  assert.equal(ticksUntilQuiet(), 2 * first);
});

test('a change starts the time of quiet again', () => {
  const written = new WrittenPages();
  written.noteFault(9, true);
  for (let n = 0; n < 20; n++) assert.deepEqual(written.tick(1), []);
  written.noteChange(9);
  for (let n = 0; n < 20; n++) assert.deepEqual(written.tick(1), []);
  assert.equal(written.isChecked(9), true);
});

test('a page that stayed quiet for long starts afresh', () => {
  const written = new WrittenPages();
  written.noteFault(9, true);
  while (written.isChecked(9)) written.tick(1);
  for (let n = 0; n < 1000; n++) written.tick(1);
  assert.equal(written.noteFault(9, false), false);
  assert.equal(written.noteFault(9, false), false);
  assert.equal(written.noteFault(9, false), true);
});

test('code memory counts as rewritten after it was closed and opened a few times with code in it', () => {
  const written = new WrittenPages();
  // A program that makes its code once, piece by piece, drops none.
  for (let n = 0; n < 100; n++) written.noteOpened();
  assert.equal(written.isRewritten, false);
  for (let n = 0; n < 7; n++) {
    written.noteDropped();
    written.noteOpened();
    written.noteOpened();
  }
  assert.equal(written.isRewritten, false);
  written.noteDropped();
  written.noteDropped();
  assert.equal(written.isRewritten, false);
  written.noteOpened();
  assert.equal(written.isRewritten, true);
});
