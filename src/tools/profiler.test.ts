import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostAddr } from '../base/brand.ts';
import { EXIT } from '../cpu/sandbox/layout.ts';
import type { SyscallDispatcher } from '../kernel/kernel.ts';
import type { GuestCpu } from '../kernel/platform.ts';
import type { Task } from '../kernel/task.ts';
import type { AddressSpace, Area } from '../mm/address-space.ts';
import { cpuProfile } from './cpuprofile.ts';
import { PerfMap } from './perf-map.ts';
import { Profiler } from './profiler.ts';
import { SmallProgram } from './testing/small-program.ts';

const MODULE_AT = 0x7000_0000;
const JIT_AT = 0x2000_0000;
const STACK_AT = 0x1000_0000;
const MS = 1_000_000;

/** Two functions of 16 bytes, mapped at MODULE_AT + offset in the file. */
function program(): Uint8Array {
  const made = new SmallProgram();
  for (const name of ['main', 'leaf'])
    made.add(name, (a) => {
      for (let n = 0; n < 16; n++) a.emit('nop');
    });
  return made.file();
}

const FILE = program();
const MAIN = MODULE_AT + 0x1000;
const LEAF = MAIN + 16;

function space(stack: Readonly<Record<number, number>>): AddressSpace {
  const file = {
    ...{ path: new TextEncoder().encode('/bin/small'), deviceMajor: 1, deviceMinor: 2, inode: 3 },
    size: () => FILE.length,
    readAt(offset: number, target: Uint8Array): number {
      const piece = FILE.subarray(offset, offset + target.length);
      target.set(piece);
      return piece.length;
    },
  };
  const areas = [
    { start: MODULE_AT, end: MODULE_AT + 0x2000, prot: 5, file, fileOffset: 0, label: '' },
    { start: JIT_AT, end: JIT_AT + 0x2000, prot: 7, file: undefined, fileOffset: 0, label: '' },
  ] as unknown as Area[];
  return {
    areaAt: (addr: number) => areas.find(({ start, end }) => addr >= start && addr < end),
    permits: () => true,
    readU64: (addr: number) => stack[addr],
  } as unknown as AddressSpace;
}

function cpuAt(rip: number, rsp: number, rbp: number): GuestCpu {
  const gprHalves = new Int32Array(32);
  gprHalves[8] = rsp;
  gprHalves[10] = rbp;
  return { rip, gprHalves } as unknown as GuestCpu;
}

/** main called leaf, by frame pointers. */
const CALLS = { [STACK_AT + 32]: 0, [STACK_AT + 40]: MAIN + 8 };
const inLeaf = (): GuestCpu => cpuAt(LEAF + 4, STACK_AT, STACK_AT + 32);

function profiled() {
  let now = 0;
  const where = space(CALLS);
  const task = {
    ...{ comm: new TextEncoder().encode('small\0\0'), group: { pid: 7 }, state: 0 },
    ...{ cpu: inLeaf(), space: where, syscallNumber: 39 },
  } as unknown as Task;
  const profiler = new Profiler(
    () => now,
    () => task,
  );
  const pass = (ms: number): void => {
    now += ms * MS;
  };
  return { profiler, pass, task, where };
}

test('samples are counted by calls, the kernel below its caller', (t) => {
  const { profiler, pass, task, where } = profiled();
  const calls = profiler.watch({ dispatch: () => 7, finished: () => undefined });
  pass(6);
  profiler.begin();
  pass(4);
  profiler.ticked(inLeaf(), where, true);
  pass(3);
  profiler.ticked(cpuAt(MAIN, STACK_AT, 0), where, true);
  pass(2);
  assert.equal(calls.dispatch(task), 7);
  profiler.ticked(inLeaf(), where, false);
  pass(1);
  profiler.left(EXIT.emulate);
  profiler.left(EXIT.tickBeforeEntry);
  profiler.ticked(inLeaf(), where, false);
  pass(5);
  profiler.ticked(cpuAt(JIT_AT + 0x1234, STACK_AT, STACK_AT + 32), where, true);
  profiler.finish();
  const golden = new URL('./testing/golden/profile.cpuprofile', import.meta.url).pathname;
  t.assert.fileSnapshot(cpuProfile(profiler), golden);
});

test('a stack that makes no sense ends, and does not loop', () => {
  const { profiler, pass } = profiled();
  const rbp = STACK_AT + 32;
  for (const stack of [
    { [rbp]: rbp, [rbp + 8]: MAIN + 8 },
    { [rbp]: STACK_AT, [rbp + 8]: MAIN + 8 },
    { [rbp]: 0, [rbp + 8]: 0xffff_ffff_0000 },
    { [rbp + 8]: 12 },
  ]) {
    pass(1);
    profiler.ticked(inLeaf(), space(stack), true);
  }
  const [first] = profiler.root.children.values();
  const names = [...(first?.children.values() ?? [])].map(({ name }) => name);
  assert.deepEqual(names, ['main', 'leaf']);
});

test('watch() hands every call and every end on', () => {
  const { profiler, task } = profiled();
  const seen: unknown[] = [];
  const inner: SyscallDispatcher = {
    dispatch: (one) => seen.push('dispatch', one),
    finished: (...args) => seen.push('finished', ...args),
  };
  const outer = profiler.watch(inner);
  outer.dispatch(task);
  outer.finished(task, -4);
  assert.deepEqual(seen, ['dispatch', task, 'finished', task, -4]);
});

test('a perf map has a line for each stretch of a function', () => {
  const at = 0x7f00_0000_0000;
  const map = new PerfMap({
    code: { bytes: new Uint8Array(0), executable: at as HostAddr, sizeBytes: 0x10000 },
    codeStart: 0x4000,
    stubs: {
      exits: { [EXIT.link]: (at + 0x100) as HostAddr },
      miss: (at + 0x180) as HostAddr,
      missReturn: (at + 0x200) as HostAddr,
      missJump: (at + 0x240) as HostAddr,
    },
  });
  const unit = {
    ...{ rip: MAIN, bytes: new Uint8Array(80) },
    leaders: Uint32Array.of(LEAF, 48, MAIN, 32, MAIN + 1, 40, JIT_AT, 64),
  };
  map.add(space({}), { unit, offset: 0x4000 } as unknown as Parameters<PerfMap['add']>[1]);
  assert.deepEqual(map.lines, [
    '7f0000000000 100 stub:entry',
    '7f0000000100 80 stub:exit link',
    '7f0000000180 80 stub:miss',
    '7f0000000200 40 stub:missReturn',
    '7f0000000240 3dc0 stub:missJump',
    '7f0000004000 30 guest:main [small]',
    '7f0000004030 10 guest:leaf [small]',
    '7f0000004040 10 guest:0x20000000',
  ]);
});
