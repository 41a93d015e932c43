/** Neighbours share translations: what one does to its code must never show in the other. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedNativeHost } from '../../src/host/native/testing/shared-native-host.ts';
import { RUN } from '../../src/kernel/platform.ts';
import type { AddressSpace } from '../../src/mm/address-space.ts';
import type { MappedFile } from '../../src/mm/mapped-file.ts';
import { createAddressSpaces } from '../../src/mm/space-context.ts';
import { TranslatedPlatform } from '../../src/platform/platform.ts';

const PAGE = 4096;
const RX = 5;
const RW = 3;
const host = sharedNativeHost();
const platform = new TranslatedPlatform(host.code, { log: () => undefined });
const spaces = createAddressSpaces(host.pages, undefined);
const CODE = 0x400000;
const STACK = 0x7000_0000;

/** mov eax, n; syscall */
const answering = (n: number) => Uint8Array.from([0xb8, n, 0, 0, 0, 0x0f, 0x05]);

function codeFile(n: number, version: string): MappedFile {
  const segment = host.pages.createSegment('code', PAGE);
  assert.ok(typeof segment === 'object');
  segment.write(0, answering(n));
  return {
    path: new Uint8Array(0),
    deviceMajor: 0,
    deviceMinor: 0,
    inode: 1,
    contentKey: version,
    size: () => PAGE,
    pages: (offset) => ({ segment, offset }),
    readAt: () => 0,
    addReference: () => undefined,
    dropReference: () => undefined,
    noteSharedWrite: () => undefined,
    sync: () => 0,
  };
}

function program(file: MappedFile | undefined, n = 0): AddressSpace {
  const space = spaces.create();
  assert.ok(typeof space === 'object');
  const prot = file ? RX : 7;
  space.map({ addr: CODE, length: PAGE, prot, fixed: true, file });
  if (!file) space.copyOut(CODE, answering(n));
  space.map({ addr: STACK, length: PAGE, prot: RW, fixed: true });
  platform.adopt(space);
  return space;
}

/** The number that the code at CODE puts into rax; or the signal of its fault. */
function answer(space: AddressSpace): number | string {
  using cpu = platform.createCpu();
  cpu.reset();
  cpu.rip = CODE;
  cpu.gprs[4] = BigInt(STACK + PAGE - 64);
  for (;;) {
    const exit = platform.run(cpu, space);
    if (exit === RUN.syscall) return Number(cpu.gprs[0]);
    if (exit === RUN.fault) return `signal ${cpu.fault.signal}`;
  }
}

function fork(space: AddressSpace): AddressSpace {
  const child = space.fork();
  assert.ok(typeof child === 'object');
  platform.adopt(child, space);
  return child;
}

function end(...all: AddressSpace[]): void {
  for (const space of all) {
    platform.release(space);
    space[Symbol.dispose]();
  }
}

/** Ways to have other code at CODE: what a program may do. */
const CHANGES: Readonly<Record<string, (space: AddressSpace) => void>> = {
  'mprotect and write': (space) => {
    space.protect(CODE, PAGE, RW);
    space.copyOut(CODE, answering(77));
    space.protect(CODE, PAGE, RX);
  },
  'make writable and executable, then write': (space) => {
    space.protect(CODE, PAGE, 7);
    space.copyOut(CODE, answering(77));
  },
  'map over it': (space) => {
    space.map({ addr: CODE, length: PAGE, prot: 7, fixed: true });
    space.copyOut(CODE, answering(77));
  },
  'unmap and map again': (space) => {
    space.unmap(CODE, PAGE);
    space.map({ addr: CODE, length: PAGE, prot: RX, fixed: true, file: codeFile(77, 'v77') });
  },
  'poke, as a debugger does': (space) => {
    space.poke(CODE, answering(77));
  },
};

for (const [name, change] of Object.entries(CHANGES))
  for (const kind of ['fork', 'fork of a program with writable code', 'same file'])
    test(`${name}: the neighbour goes on with its own code (${kind})`, () => {
      const file = codeFile(5, `${name} ${kind}`);
      const first = kind.includes('writable') ? program(undefined, 5) : program(file);
      assert.equal(answer(first), 5);
      const second = kind === 'same file' ? program(file) : fork(first);
      assert.equal(answer(second), 5);
      change(second);
      assert.equal(answer(second), 77);
      assert.equal(answer(first), 5);
      change(first);
      assert.equal(answer(first), 77);
      assert.equal(answer(second), 77);
      end(first, second);
    });

test('code that is gone faults in the one, not in the other', () => {
  const file = codeFile(6, 'gone');
  const first = program(file);
  const second = program(file);
  const third = fork(second);
  for (const space of [first, second, third]) assert.equal(answer(space), 6);
  second.unmap(CODE, PAGE);
  assert.equal(answer(second), 'signal 11');
  third.protect(CODE, PAGE, 1);
  assert.equal(answer(third), 'signal 11');
  assert.equal(answer(first), 6);
  third.protect(CODE, PAGE, RX);
  assert.equal(answer(third), 6);
  end(first, second, third);
});

test('a newer version of a file is another program', () => {
  const first = program(codeFile(8, 'version 1'));
  const second = program(codeFile(9, 'version 2'));
  for (let n = 0; n < 3; n++) assert.deepEqual([answer(first), answer(second)], [8, 9]);
  end(first, second);
});

test('code written after a fork stays with its writer', () => {
  const first = program(undefined, 5);
  assert.equal(answer(first), 5);
  const child = fork(first);
  child.copyOut(CODE, answering(11));
  assert.equal(answer(child), 11);
  assert.equal(answer(first), 5);
  first.copyOut(CODE, answering(12));
  assert.deepEqual([answer(first), answer(child)], [12, 11]);
  end(first, child);
});
