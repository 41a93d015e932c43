import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MREMAP } from '../abi/mman.ts';
import type { AddressSpace } from './address-space.ts';
import { fork, testSpaces } from './testing/spaces.ts';

const PAGE = 4096;
const RW = 3;
const PAGES = 48;
/** Pages that are written: the run between the first and the last ones is long. */
const [FROM, TO] = [4, 40];
const { create } = testSpaces();

function write(space: AddressSpace, at: number, value: number): void {
  for (let n = FROM; n < TO; n++) assert.equal(space.writeU32(at + n * PAGE, value + n), 0);
}

function holds(space: AddressSpace, at: number, value: number): void {
  for (let n = 0; n < PAGES; n++) {
    const expected = n < FROM || n >= TO ? 0 : value + n;
    assert.equal(space.readU32(at + n * PAGE), expected, `page ${n}`);
  }
}

test('children keep what a parent wrote before each fork, though memory for it is used again', () => {
  using parent = create();
  const at = parent.map({ addr: 0, length: PAGES * PAGE, prot: RW });
  const living: AddressSpace[] = [];
  for (let round = 1; round <= 12; round++) {
    write(parent, at, 1000 * round);
    const child = fork(parent);
    write(parent, at, 7);
    holds(child, at, 1000 * round);
    if (round % 3 === 0) living.push(child);
    else {
      for (const n of [0, FROM, TO - 1]) child.writeU32(at + n * PAGE, 9);
      child[Symbol.dispose]();
    }
  }
  for (const [n, child] of living.entries()) {
    holds(child, at, 3000 * (n + 1));
    child.writeU32(at + FROM * PAGE, 1);
    using grandchild = fork(child);
    assert.equal(grandchild.readU32(at + FROM * PAGE), 1);
    assert.equal(grandchild.readU32(at + (FROM + 1) * PAGE), 3000 * (n + 1) + FROM + 1);
  }
  for (const child of living) child[Symbol.dispose]();
  holds(parent, at, 7);
});

test('memory that grows after a fork begins with zeros', () => {
  using parent = create();
  const addr = 0x2000_0000;
  const at = parent.map({ addr, length: 20 * PAGE, prot: RW, fixed: true });
  const other = parent.map({ addr: addr + 2 ** 24, length: 20 * PAGE, prot: RW, fixed: true });
  for (let n = 0; n < 20; n++) {
    parent.writeU32(at + n * PAGE, 1);
    parent.writeU32(other + n * PAGE, 2);
  }
  using child = fork(parent);
  using grandchild = fork(child);
  for (const space of [child, grandchild]) {
    assert.equal(space.remap(at, 20 * PAGE, 30 * PAGE, MREMAP.MREMAP_MAYMOVE, 0), at);
    for (let n = 0; n < 30; n++) assert.equal(space.readU32(at + n * PAGE), n < 20 ? 1 : 0);
    assert.equal(space.readU32(other), 2);
  }
});

test('a stack that grows after a fork begins with zeros', () => {
  using parent = create();
  const top = 0x3000_0000;
  const size = 32 * PAGE;
  parent.map({ addr: top - size, length: size, prot: RW, fixed: true, growsDown: true });
  for (let n = 1; n <= 32; n++) parent.writeU32(top - n * PAGE, n);
  {
    using child = fork(parent);
    assert.equal(child.writeU32(top - 40 * PAGE, 5), 0);
    using grandchild = fork(child);
    for (const space of [child, grandchild]) {
      assert.equal(space.readU32(top - 40 * PAGE), 5);
      assert.equal(space.readU32(top - 36 * PAGE), 0);
      assert.equal(space.readU32(top - 32 * PAGE), 32);
    }
  }
  assert.equal(parent.readU32(top - 32 * PAGE), 32);
});

test('a child has what its parent wrote and closed, and may only read it, place after place', () => {
  using parent = create();
  const at = parent.map({ addr: 0, length: 8 * PAGE, prot: RW });
  for (let round = 1; round <= 5; round++) {
    assert.equal(parent.protect(at + PAGE, 2 * PAGE, RW), 0);
    parent.writeU32(at + PAGE, round);
    assert.equal(parent.protect(at + PAGE, 2 * PAGE, 1), 0);
    using child = fork(parent);
    assert.deepEqual(
      [0, 1, 2, 3].map((n) => child.readU32(at + n * PAGE)),
      [0, round, 0, 0],
    );
    assert.equal(child.pages.copyOut(at + PAGE, Uint8Array.of(1)), 0, 'closed');
    assert.equal(child.writeU32(at, 7), 0);
    assert.equal(child.protect(at + PAGE, PAGE, round % 2 === 0 ? RW : 1), 0);
    if (round % 2 === 0) assert.equal(child.writeU32(at + PAGE, 8), 0);
  }
});
