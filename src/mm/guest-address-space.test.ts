import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  EACCES,
  EEXIST,
  EFAULT,
  EINVAL,
  EIO,
  ENAMETOOLONG,
  ENODEV,
  ENOMEM,
  EPERM,
} from '../abi/errno.table.ts';
import { MADV, MREMAP } from '../abi/mman.ts';
import type { AddressSpace } from './address-space.ts';
import type { MappedFile } from './mapped-file.ts';
import { createAddressSpaces } from './space-context.ts';
import { fork, testSpaces } from './testing/spaces.ts';

const PAGE = 4096;
const RW = 3;
const { host, create } = testSpaces();

const bytes = (text: string) => new TextEncoder().encode(text);
const byte = (space: AddressSpace, addr: number) => space.readU8(addr);

/** A file in memory: with a segment, or only with bytes to copy. */
function file(content: Uint8Array, withPages: boolean, key?: string): MappedFile {
  const segment = host.createSegment('test-file', Math.ceil(content.length / PAGE) * PAGE);
  assert.ok(typeof segment === 'object');
  segment.write(0, content);
  return {
    path: bytes('/file'),
    deviceMajor: 1,
    deviceMinor: 2,
    inode: 3,
    contentKey: key,
    size: () => content.length,
    pages: (offset) => (withPages ? { segment, offset } : undefined),
    readAt(offset, target) {
      const part = content.subarray(offset, offset + target.length);
      target.set(part);
      return part.length;
    },
    addReference: () => undefined,
    dropReference: () => undefined,
    noteSharedWrite: () => undefined,
    sync: () => 0,
  };
}

test('map() places, replaces and refuses as mmap(2) does', () => {
  using space = create();
  const at = space.map({ addr: 0, length: 3 * PAGE, prot: RW });
  assert.ok(at < 2 ** 31 && at % PAGE === 0, 'small data lies below 2 GiB');
  const large = space.map({ addr: 0, length: 64 * 2 ** 20, prot: RW });
  assert.ok(large >= 2 ** 31 && space.unmap(large, 64 * 2 ** 20) === 0, 'large data above');
  assert.equal(space.map({ addr: 0x10000, length: PAGE, prot: RW }), 0x10000);
  assert.equal(space.map({ addr: 0, length: 0, prot: RW }), -EINVAL);
  assert.equal(space.map({ addr: 0x1001, length: PAGE, prot: RW, fixed: true }), -EINVAL);
  assert.equal(space.map({ addr: 0x1000, length: PAGE, prot: RW, fixed: true }), -EPERM);
  assert.equal(space.map({ addr: 2 ** 32 - PAGE, length: PAGE, prot: 1, fixed: true }), -ENOMEM);
  assert.equal(space.map({ addr: 0, length: 2 ** 33, prot: 1 }), -ENOMEM);
  assert.equal(space.map({ addr: at, length: PAGE, prot: RW, noReplace: true }), -EEXIST);
  space.writeU32(at + PAGE, 77);
  assert.equal(space.map({ addr: at + PAGE, length: PAGE, prot: RW, fixed: true }), at + PAGE);
  assert.equal(space.readU32(at + PAGE), 0);
  assert.equal([...space.areas()].length, 2, 'equal neighbours are one area');
});

test('large areas lie where large pages fit, at whose multiples they are there at once', () => {
  using space = create();
  const large = 2 ** 21;
  const map = (length: number, more: object = {}) =>
    space.map({ addr: 0, length, prot: RW, ...more });
  map(PAGE);
  const addr = map(2 * large + PAGE);
  assert.equal(addr % large, 0);
  assert.equal(map(large) % large, 0);
  const present = new Uint8Array((2 * large) / PAGE + 1);
  const residentOf = (at: number) => {
    assert.equal(space.residency(at, 2 * large + PAGE, present), 0);
    return present.reduce((sum, one) => sum + (one & 1), 0);
  };
  // Two pages: the host has no large ones, or no room for them.
  assert.ok([2, present.length - 1].includes(residentOf(addr)));
  assert.equal(residentOf(map(2 * large + PAGE, { isSparse: true })), 0);
  assert.equal(residentOf(map(3 * large)), 0);
  assert.equal(byte(space, addr + large + 5), 0);
});

test('protect() and unmap() cut areas and take effect on copies', () => {
  using space = create();
  const at = space.map({ addr: 0, length: 4 * PAGE, prot: RW });
  assert.equal(space.copyOut(at + PAGE - 2, bytes('abcd')), 0);
  assert.equal(space.protect(at + PAGE, PAGE, 1), 0);
  assert.equal(space.copyOut(at + PAGE - 2, bytes('wxyz')), -EFAULT);
  assert.equal(byte(space, at + PAGE - 1), 'x'.charCodeAt(0), 'the part before the fault is there');
  assert.equal(space.copyOutPartial(at + PAGE - 2, bytes('1234')), 2);
  assert.equal(byte(space, at + PAGE), 'c'.charCodeAt(0));
  assert.equal(space.writeU32(at + PAGE, 1), -EFAULT);
  assert.equal(space.protect(at + 2 * PAGE, PAGE, 0), 0);
  assert.equal(space.readU32(at + 2 * PAGE), undefined);
  assert.equal(space.unmap(at + 2 * PAGE, PAGE), 0);
  assert.equal(space.protect(at, 4 * PAGE, RW), -ENOMEM);
  assert.equal(space.areaAt(at)?.prot, RW, 'what lies before the hole was changed');
  assert.equal(space.unmap(at + 1, PAGE), -EINVAL);
  assert.equal(space.unmap(at, 0), -EINVAL);
  assert.equal(space.permits(at, 2 * PAGE, RW), true);
  assert.equal(space.permits(at, 4 * PAGE, RW), false);
});

test('C strings and words are read across page ends', () => {
  using space = create();
  const at = space.map({ addr: 0, length: 2 * PAGE, prot: RW });
  space.protect(at + PAGE, PAGE, 1);
  space.copyOut(at + PAGE - 5, bytes('hello'));
  assert.deepEqual(space.readCString(at + PAGE - 5, 100), bytes('hello'));
  assert.equal(space.readCString(at + PAGE - 5, 5), -ENAMETOOLONG);
  space.unmap(at + PAGE, PAGE);
  assert.equal(space.readCString(at + PAGE - 5, 100), -EFAULT);
  assert.equal(space.readU64(at + PAGE - 4), undefined);
  space.writeU64(at, 2 ** 40 + 5);
  assert.equal(space.readU64(at), 2 ** 40 + 5);
  assert.equal(space.readBigU64(at), 2n ** 40n + 5n);
  space.writeU64(at + 8, -1);
  assert.equal(space.readBigU64(at + 8), 2n ** 64n - 1n);
  space.writeU16(at + 1, 0xabcd);
  assert.equal(space.readU16(at + 1), 0xabcd);
});

test('files: private copies, shared pages, ends of files', () => {
  using a = create();
  using b = create();
  for (const withPages of [true, false]) {
    const content = new Uint8Array(PAGE + 100).fill(7);
    const f = file(content, withPages, 'key');
    const at = a.map({ addr: 0, length: 3 * PAGE, prot: RW, file: f });
    assert.ok(at > 0);
    assert.ok(at < 2 ** 31, 'files that do not change are modules, below 2 GiB');
    assert.equal(byte(a, at + PAGE + 99), 7);
    assert.equal(byte(a, at + PAGE + 100), 0);
    assert.equal(byte(a, at + 2 * PAGE), undefined);
    assert.deepEqual(a.fault(at + 2 * PAGE, 'read', 0), { kind: 'signal', signal: 7, code: 2 });
    assert.equal(b.map({ addr: 0, length: 3 * PAGE, prot: 1, file: f }), at, 'the same base');
    a.writeU8(at, 9);
    assert.equal(byte(b, at), 7);
    b.unmap(at, 3 * PAGE);
    a.unmap(at, 3 * PAGE);
  }
  const shared = file(new Uint8Array(PAGE), true);
  const x = a.map({ addr: 0, length: PAGE, prot: RW, file: shared, shared: true });
  const y = b.map({ addr: 0, length: PAGE, prot: RW, file: shared, shared: true });
  a.writeU32(x, 1234);
  assert.equal(b.readU32(y), 1234);
  assert.deepEqual(a.sharedIdentity(x), b.sharedIdentity(y));
  const copied = file(new Uint8Array(PAGE), false);
  assert.equal(a.map({ addr: 0, length: PAGE, prot: RW, file: copied, shared: true }), -ENODEV);
  const readOnly = a.map({
    addr: 0,
    length: PAGE,
    prot: 1,
    file: shared,
    shared: true,
    maxProt: 1,
  });
  assert.equal(a.protect(readOnly, PAGE, RW), -EACCES);
});

test('brk() grows, shrinks, gives zeros again and stops at other areas', () => {
  using space = create();
  space.initBrk(0x500123);
  assert.equal(space.brk(0), 0x501000);
  assert.equal(space.brk(0x503010), 0x503010);
  space.writeU32(0x503000, 5);
  assert.equal(space.areaAt(0x503000)?.label, '[heap]');
  assert.equal(space.brk(0x502000), 0x502000);
  assert.equal(space.readU32(0x503000), undefined);
  assert.equal(space.brk(0x504000), 0x504000);
  assert.equal(space.readU32(0x503000), 0);
  space.map({ addr: 0x506000, length: PAGE, prot: 1, fixed: true });
  assert.equal(space.brk(0x508000), 0x504000);
  space.limitData = 0x4000;
  assert.equal(space.brk(0x506000), 0x504000);
});

test('fork() copies on write, at any size, again and again', () => {
  using parent = create();
  const small = parent.map({ addr: 0, length: 4 * PAGE, prot: RW });
  const large = parent.map({ addr: 0, length: 1 << 20, prot: RW });
  const shared = parent.map({ addr: 0, length: PAGE, prot: RW, shared: true });
  const hidden = parent.map({ addr: 0, length: PAGE, prot: RW });
  const f = file(new Uint8Array(2 * PAGE).fill(3), true, 'fork-key');
  const data = parent.map({ addr: 0, length: 2 * PAGE, prot: RW, file: f });
  for (const at of [small, large, shared, hidden, data]) parent.writeU32(at, 1);
  parent.protect(hidden, PAGE, 0);
  using child = fork(parent);
  for (const at of [small, large, shared, data]) assert.equal(child.readU32(at), 1);
  assert.equal(child.readU32(hidden), undefined);
  child.protect(hidden, PAGE, 1);
  assert.equal(child.readU32(hidden), 1);
  assert.equal(child.readU8(data + PAGE), 3);
  parent.writeU32(small, 2);
  parent.writeU32(large, 2);
  parent.writeU32(shared, 2);
  child.writeU32(data, 3);
  assert.deepEqual([child.readU32(small), child.readU32(large), child.readU32(shared)], [1, 1, 2]);
  assert.equal(parent.readU32(data), 1);
  using second = fork(parent);
  assert.deepEqual([second.readU32(small), second.readU32(large)], [2, 2]);
  using grandchild = fork(child);
  assert.deepEqual([grandchild.readU32(large), grandchild.readU32(data)], [1, 3]);
  const later = parent.map({ addr: 0, length: 1 << 20, prot: RW });
  parent.writeU32(later + PAGE, 8);
  using third = fork(parent);
  assert.equal(third.readU32(later + PAGE), 8);
  parent.writeU32(later + PAGE, 9);
  assert.equal(third.readU32(later + PAGE), 8);
});

test('many forks: what is copied again and again moves into a memfd, and stays right', () => {
  using space = create();
  const at = space.map({ addr: 0, length: 40 * PAGE, prot: RW });
  for (let n = 0; n < 40; n++) space.writeU32(at + n * PAGE, n);
  const children: AddressSpace[] = [];
  for (let n = 0; n < 12; n++) {
    space.writeU32(at + 4, n);
    if (n % 5 === 4) space.writeU32(at + 20 * PAGE, 1000 + n);
    const child = fork(space);
    children.push(child);
    child.writeU32(at + 8, 50 + n);
  }
  const runs = space.pages.privateRuns(at, 40 * PAGE);
  assert.ok(typeof runs === 'object');
  const copied = runs.reduce((sum, to, n) => (n % 2 ? sum + to - (runs[n - 1] as number) : sum), 0);
  assert.ok(copied < 10 * PAGE, `${copied / PAGE} pages are still copied by each fork`);
  for (const [n, child] of children.entries()) {
    assert.equal(child.readU32(at + 4), n);
    assert.equal(child.readU32(at + 8), 50 + n);
    assert.equal(child.readU32(at + 20 * PAGE), n < 4 ? 20 : n < 9 ? 1004 : 1009);
    assert.equal(child.readU32(at + 39 * PAGE), 39);
    child[Symbol.dispose]();
  }
  assert.equal(space.advise(at, 40 * PAGE, MADV.MADV_DONTNEED), 0);
  assert.equal(space.readU32(at + 39 * PAGE), 0);
});

test('a file that shrinks under a mapping faults the kernel, not the process', () => {
  using space = create();
  const segment = host.createSegment('shrinks', 2 * PAGE);
  assert.ok(typeof segment === 'object');
  let size = 2 * PAGE;
  const f: MappedFile = {
    ...file(new Uint8Array(PAGE), false),
    size: () => size,
    pages: (offset) => ({ segment, offset }),
  };
  for (const shared of [true, false]) {
    segment.resize(2 * PAGE);
    size = 2 * PAGE;
    const at = space.map({ addr: 0, length: 2 * PAGE, prot: RW, file: f, shared });
    assert.equal(space.readU32(at + PAGE), 0);
    segment.resize(PAGE);
    size = PAGE;
    assert.equal(space.readU32(at + PAGE), undefined);
    assert.equal(space.writeU32(at + PAGE, 1), -EFAULT);
    assert.equal(space.copyInPartial(at + PAGE - 8, new Uint8Array(16)), 8);
    assert.equal(space.readCString(at + PAGE, 10), -EFAULT);
    assert.deepEqual(space.fault(at + PAGE, 'read', 0), { kind: 'signal', signal: 7, code: 2 });
  }
});

test('MADV_DONTNEED gives zeros before and after a fork, and the file for files', () => {
  using space = create();
  const small = space.map({ addr: 0, length: PAGE, prot: RW });
  const large = space.map({ addr: 0, length: 1 << 20, prot: RW });
  const f = file(new Uint8Array(PAGE).fill(3), true, 'dontneed');
  const data = space.map({ addr: 0, length: PAGE, prot: RW, file: f });
  for (const round of [1, 2, 3]) {
    for (const at of [small, large, data]) space.writeU32(at, 1);
    if (round > 1) fork(space)[Symbol.dispose]();
    for (const at of [small, large, data])
      assert.equal(space.advise(at, PAGE, MADV.MADV_DONTNEED), 0);
    assert.deepEqual([space.readU32(small), space.readU32(large)], [0, 0]);
    assert.equal(space.readU32(data), 0x03030303);
  }
  assert.equal(space.advise(small + 1, PAGE, MADV.MADV_DONTNEED), -EINVAL);
  assert.equal(space.advise(small, PAGE, 999), -EINVAL);
  assert.equal(space.advise(0x20000, PAGE, MADV.MADV_DONTNEED), -ENOMEM);
});

test('MADV_WIPEONFORK and MADV_DONTFORK', () => {
  using space = create();
  const at = space.map({ addr: 0, length: 2 * PAGE, prot: RW });
  space.writeU32(at, 1);
  space.writeU32(at + PAGE, 1);
  space.advise(at, PAGE, MADV.MADV_WIPEONFORK);
  space.advise(at + PAGE, PAGE, MADV.MADV_DONTFORK);
  using child = fork(space);
  assert.equal(child.readU32(at), 0);
  assert.equal(child.readU32(at + PAGE), undefined);
});

test('remap() grows in place, moves, shrinks and duplicates', () => {
  using space = create();
  for (const length of [PAGE, 1 << 20]) {
    const at = space.map({ addr: 0, length: 2 * length, prot: RW });
    space.unmap(at + length, length);
    space.writeU32(at, 5);
    assert.equal(space.remap(at, length, 2 * length, 0, 0), at);
    space.writeU32(at + length, 6);
    const blocker = space.map({ addr: at + 2 * length, length: PAGE, prot: 1, fixed: true });
    assert.equal(space.remap(at, 2 * length, 4 * length, 0, 0), -ENOMEM);
    const moved = space.remap(at, 2 * length, 4 * length, MREMAP.MREMAP_MAYMOVE, 0);
    assert.ok(moved > 0 && moved !== at);
    assert.equal(space.readU32(at), undefined);
    assert.deepEqual([space.readU32(moved), space.readU32(moved + length)], [5, 6]);
    assert.equal(space.readU32(moved + 3 * length), 0);
    assert.equal(space.remap(moved, 4 * length, length, 0, 0), moved);
    assert.equal(space.readU32(moved + length), undefined);
    const to = 0x3000_0000;
    assert.equal(space.remap(moved, length, length, 3, to), to);
    assert.equal(space.readU32(to), 5);
    space.unmap(to, length);
    space.unmap(blocker, PAGE);
  }
  const shared = space.map({ addr: 0, length: PAGE, prot: RW, shared: true });
  const twin = space.remap(shared, 0, PAGE, MREMAP.MREMAP_MAYMOVE, 0);
  space.writeU32(shared, 9);
  assert.equal(space.readU32(twin), 9);
  assert.equal(space.remap(0x100000, PAGE, PAGE, 0, 0), -EFAULT);
  assert.equal(space.remap(shared, PAGE, 0, 0, 0), -EINVAL);
  assert.equal(space.remap(shared, PAGE, PAGE, 2, 0), -EINVAL);
});

test('a stack grows to its limit and not into its guard', () => {
  using space = create();
  const top = 0xf000_0000;
  const start = top - 4 * PAGE;
  space.map({ addr: start, length: 4 * PAGE, prot: RW, fixed: true, growsDown: true });
  space.limitStack = 1 << 20;
  assert.deepEqual(space.fault(start - 3 * PAGE, 'write', start - 3 * PAGE), { kind: 'handled' });
  assert.equal(space.writeU32(start - 3 * PAGE, 1), 0);
  assert.equal(space.copyOut(start - 40 * PAGE, bytes('kernel writes grow it, too')), 0);
  const below = top - (1 << 20) - PAGE;
  assert.deepEqual(space.fault(below, 'write', below), { kind: 'signal', signal: 11, code: 1 });
  assert.equal(space.writeU32(top - (1 << 20), 1), 0);
});

test('faults are told apart', () => {
  using space = create();
  const at = space.map({ addr: 0, length: PAGE, prot: 1 });
  assert.deepEqual(space.fault(at, 'write', 0), { kind: 'signal', signal: 11, code: 2 });
  assert.deepEqual(space.fault(at, 'execute', 0), { kind: 'signal', signal: 11, code: 2 });
  assert.deepEqual(space.fault(0, 'read', 0), { kind: 'signal', signal: 11, code: 1 });
  assert.deepEqual(space.fault(2 ** 40, 'read', 0), { kind: 'signal', signal: 11, code: 1 });
});

test('write-protected code is reported before the kernel writes, and survives mprotect and fork', () => {
  using space = create();
  const at = space.map({ addr: 0, length: 2 * PAGE, prot: 7 });
  const seen: number[] = [];
  space.codeObserver = {
    onCodeChanged: (_, addr) => {
      seen.push(addr);
    },
    onCodeMayDiffer: () => undefined,
  };
  assert.equal(space.setWriteProtect(at, PAGE, true), 0);
  assert.equal(space.isWriteProtected(at), true);
  assert.equal(space.pages.copyOut(at, bytes('x')), 0, 'the host page is read-only');
  space.protect(at, 2 * PAGE, 5);
  space.protect(at, 2 * PAGE, 7);
  assert.equal(space.pages.copyOut(at, bytes('x')), 0, 'still');
  using child = fork(space);
  assert.equal(child.pages.copyOut(at, bytes('x')), 0, 'in the child, too');
  seen.length = 0;
  assert.equal(space.writeU32(at, 1), 0);
  assert.deepEqual(seen, [at]);
  assert.equal(space.isWriteProtected(at), false);
  space.setWriteProtect(at, PAGE, true);
  space.protect(at, PAGE, RW);
  assert.deepEqual(seen, [at, at], 'without PROT_EXEC it is not code any more');
  assert.equal(space.pages.copyOut(at, bytes('x')), 1);
  space.protect(at, PAGE, 5);
  space.unmap(at, PAGE);
  assert.deepEqual(seen, [at, at, at]);
});

test('poke() and peek() reach pages that the guest may not touch', () => {
  using space = create();
  const at = space.map({ addr: 0, length: PAGE, prot: 5 });
  assert.equal(space.poke(at, bytes('code')), 0);
  space.protect(at, PAGE, 0);
  const got = new Uint8Array(4);
  assert.equal(space.copyIn(at, got), -EFAULT);
  assert.equal(space.peek(at, got), 0);
  assert.deepEqual(got, bytes('code'));
  assert.equal(space.copyIn(at, got), -EFAULT);
  assert.equal(space.poke(0x100000, bytes('x')), -EFAULT);
});

test('limits: address space, data, usage', () => {
  using space = create();
  space.limitAddressSpace = 16 * PAGE;
  assert.ok(space.map({ addr: 0, length: 10 * PAGE, prot: RW }) > 0);
  assert.equal(space.map({ addr: 0, length: 10 * PAGE, prot: RW }), -ENOMEM);
  assert.equal(space.usage().totalPages, 10);
  assert.equal(space.usage().dataPages, 10);
});

test('the budget of an instance counts what guests could fill, and gets all of it back', () => {
  const limited = createAddressSpaces(host, undefined, 1 << 20);
  const space = limited.create();
  assert.ok(typeof space === 'object');
  const { budget } = space;
  assert.equal(space.map({ addr: 0, length: 2 << 20, prot: RW }), -ENOMEM);
  const reserved = space.map({ addr: 0, length: 2 << 20, prot: 0 });
  assert.ok(reserved > 0, 'a reservation costs nothing');
  assert.equal(space.protect(reserved, 2 << 20, RW), -ENOMEM);
  assert.equal(space.protect(reserved, 512 << 10, RW), 0);
  const shared = space.map({ addr: 0, length: 64 << 10, prot: 1, shared: true });
  assert.equal(budget.chargedBytes, 576 << 10);
  const child = fork(space);
  assert.equal(budget.chargedBytes, 1152 << 10);
  space.unmap(shared, 64 << 10);
  assert.ok(space.remap(reserved, PAGE, 3 * PAGE, MREMAP.MREMAP_MAYMOVE, 0) > 0);
  space.initBrk(0x500000);
  space.brk(0x510000);
  assert.equal(budget.chargedBytes, space.chargedBytes() + (576 << 10));
  child[Symbol.dispose]();
  assert.equal(budget.chargedBytes, space.chargedBytes());
  space[Symbol.dispose]();
  assert.equal(budget.chargedBytes, 0);
});

test('sync() makes shared mappings durable with MS_SYNC only, and gives what the file answers', () => {
  using space = create();
  let syncs = 0;
  let answer = 0;
  const stored = {
    ...file(new Uint8Array(2 * PAGE), true),
    sync: () => {
      syncs++;
      return answer;
    },
  };
  const shared = space.map({ addr: 0, length: 2 * PAGE, prot: RW, file: stored, shared: true });
  const own = space.map({ addr: 0, length: PAGE, prot: RW, file: stored });
  const [ASYNC, SYNC] = [1, 4];
  assert.equal(space.sync(shared, 2 * PAGE, ASYNC), 0);
  assert.equal(space.sync(own, PAGE, SYNC), 0);
  assert.equal(syncs, 0);
  assert.equal(space.sync(shared, 2 * PAGE, SYNC), 0);
  assert.equal(syncs, 1);
  answer = -EIO;
  assert.equal(space.sync(shared, PAGE, SYNC), -EIO);
});
