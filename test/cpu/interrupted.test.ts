/**
 * A tick may come at every instruction of a translation. A breakpoint takes its place here, at each
 * host instruction in turn: the program must end as it does when nothing interrupts it, and give
 * as many single-step traps.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { StateBlock } from '../../src/cpu/code-host.ts';
import { EXIT, type ExitKind, STATE } from '../../src/cpu/sandbox/layout.ts';
import { sharedNativeHost } from '../../src/host/native/testing/shared-native-host.ts';
import { RUN } from '../../src/kernel/platform.ts';
import type { AddressSpace } from '../../src/mm/address-space.ts';
import { createAddressSpaces } from '../../src/mm/space-context.ts';
import { TranslatedPlatform } from '../../src/platform/platform.ts';
import { TRAP_TRACE } from '../../src/platform/signals.ts';
import { DECODE_OK, decode } from '../../src/x86/decode.ts';
import { compile } from '../support/toolchain.ts';

const SOURCE = fileURLToPath(new URL('interrupted.s', import.meta.url));
const CODE = 0x400000;
const DATA = CODE + 4096;
const STACK = 0x7000_0000;
const PAGE = 4096;
const INT3 = 0xcc;
const TRAP_BREAKPOINT = 3;
/** All units of the program lie in so much of code memory. */
const SEARCHED = 1 << 16;

const TF = 0x100;
/** More host instructions than the translation of one instruction has. */
const LONGEST_STEP = 60;

/** Where the next run is interrupted, once: an offset of code memory. */
let armed = -1;
/** While stepping: which host instruction of each step's unit is interrupted, once; -1: none. */
let armedInStep = -1;
/** Where the last step was interrupted. */
let interruptedStep = -1n;
const host = sharedNativeHost();
const enter = host.code.enter.bind(host.code);
host.code.enter = (state: StateBlock): ExitKind => {
  if (armedInStep >= 0) armStep(state);
  if (armed < 0) return enter(state);
  const { bytes, executable } = host.code.code;
  const at = armed;
  const before = bytes[at]!;
  bytes[at] = INT3;
  const kind = enter(state);
  bytes[at] = before;
  if (armedInStep >= 0) armed = -1;
  const { i32, u64 } = state;
  const hostRip = BigInt(executable + at);
  const isIt = kind === EXIT.fault && i32[STATE.trapNumber / 4] === TRAP_BREAKPOINT;
  if (!isIt || u64[STATE.hostRip / 8] !== hostRip + 1n) return kind;
  armed = -1;
  u64[STATE.hostRip / 8] = hostRip;
  return EXIT.tick;
};

/** Arms the host instruction `armedInStep` of the unit that is about to run, if it has so many. */
function armStep({ i32, u64 }: StateBlock): void {
  const entry = i32[STATE.entry / 4]!;
  const rip = u64[STATE.rip / 8]!;
  if (rip === interruptedStep) {
    interruptedStep = -1n;
    return;
  }
  const placed = platform.cache.unitAt(entry);
  assert.ok(placed, 'a step runs a unit');
  const at = instructionsFrom(entry, placed.offset + placed.unit.bytes.length)[armedInStep];
  if (at === undefined) return;
  armed = at;
  interruptedStep = rip;
}

const platform = new TranslatedPlatform(host.code, { log: () => undefined });
const spaces = createAddressSpaces(host.pages, undefined);

interface End {
  readonly registers: readonly bigint[];
  readonly flags: number;
  readonly calls: readonly string[];
  readonly memory: string;
}

/** A program in memory; `shared`: its code checks itself each time. */
function load(program: Uint8Array, shared: boolean): AddressSpace {
  const space = spaces.create();
  assert.ok(typeof space === 'object');
  space.map({ addr: CODE, length: PAGE, prot: 7, fixed: true, shared });
  space.map({ addr: DATA, length: PAGE, prot: 3, fixed: true });
  space.map({ addr: STACK, length: PAGE, prot: 3, fixed: true });
  space.copyOut(CODE, program.subarray(0, PAGE));
  platform.adopt(space);
  return space;
}

/**
 * Runs from the start, over data as they were at first, until a fault.
 * @param steps - Where single-step traps are told; without it nothing steps.
 */
function run(space: AddressSpace, program: Uint8Array, steps?: string[]): End {
  space.copyOut(DATA, program.subarray(PAGE));
  space.copyOut(STACK, new Uint8Array(PAGE));
  using cpu = platform.createCpu();
  cpu.reset();
  cpu.rip = CODE;
  cpu.gprs[4] = BigInt(STACK + PAGE - 64);
  const calls: string[] = [];
  for (;;) {
    if (steps) cpu.rflags |= TF;
    const exit = platform.run(cpu, space);
    if (exit === RUN.fault && cpu.fault.code === TRAP_TRACE) {
      steps?.push(cpu.rip.toString(16));
      continue;
    }
    if (exit === RUN.fault) break;
    if (exit !== RUN.syscall) continue;
    const number = cpu.gprs[0]!;
    calls.push(`${number} before ${cpu.rip.toString(16)}`);
    assert.ok(calls.length < 100, 'the program does not end');
    cpu.gprs[0] = 3n * number + cpu.gprs[7]!;
  }
  const { signal, code } = cpu.fault;
  calls.push(`signal ${signal}, ${code} at ${cpu.rip.toString(16)}`);
  const memory = [DATA, STACK].map((at) => {
    const page = new Uint8Array(PAGE);
    space.copyIn(at, page);
    return Buffer.from(page).toString('hex');
  });
  return { registers: [...cpu.gprs], flags: cpu.rflags, calls, memory: memory.join() };
}

/** Offsets in code memory of all host instructions of the units of `space` that are placed now. */
function hostInstructions(from: number): number[] {
  const found: number[] = [];
  for (let offset = from; offset < from + SEARCHED; ) {
    const placed = platform.cache.unitAt(offset);
    if (!placed || placed.offset !== offset) {
      offset++;
      continue;
    }
    const end = offset + placed.unit.bytes.length;
    found.push(...instructionsFrom(offset, end));
    offset = end;
  }
  return found;
}

function instructionsFrom(offset: number, end: number): number[] {
  const { bytes } = host.code.code;
  const found: number[] = [];
  while (offset < end) {
    const result = decode(bytes, offset, end);
    assert.ok(result.status === DECODE_OK, 'a unit can be decoded');
    found.push(offset);
    offset += result.instruction.length;
  }
  return found;
}

function assemble(): Uint8Array {
  const flags = ['-nostdlib', '-static', '-Wl,--oformat=binary'];
  return readFileSync(compile([SOURCE], [...flags, `-Wl,-Ttext=0x${CODE.toString(16)}`]));
}

for (const shared of [false, true])
  test(`a tick at any host instruction changes nothing${shared ? ', in self-checking code' : ''}`, () => {
    const program = assemble();
    const space = load(program, shared);
    const expected = run(space, program);
    assert.match(expected.calls.join(), /^39 before 40[^,]*,257 .*,60 .*,signal 5, 128 at/);
    assert.deepEqual(run(space, program), expected);
    let hits = 0;
    for (const at of hostInstructions(host.code.codeStart)) {
      armed = at;
      const given = run(space, program);
      if (armed < 0) hits++;
      armed = -1;
      assert.deepEqual(given, expected, `interrupted at ${at.toString(16)}`);
    }
    assert.ok(hits > 200, `${hits} interruptions`);
    platform.release(space);
    space[Symbol.dispose]();
  });

test('a tick at any host instruction of a single step loses no trap', () => {
  const program = assemble();
  const space = load(program, false);
  const steps: string[] = [];
  const expected = run(space, program, steps);
  assert.ok(steps.length > 100, `${steps.length} steps`);
  for (let nth = 0; nth < LONGEST_STEP; nth++) {
    armedInStep = nth;
    interruptedStep = -1n;
    const given: string[] = [];
    try {
      assert.deepEqual(run(space, program, given), expected);
    } finally {
      armedInStep = -1;
      armed = -1;
    }
    assert.deepEqual(given, steps, `interrupted at host instruction ${nth} of each`);
  }
  platform.release(space);
  space[Symbol.dispose]();
});
