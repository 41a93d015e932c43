import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CodeHost } from '../cpu/code-host.ts';
import { EXIT, type ExitKind, STATE } from '../cpu/sandbox/layout.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { Beside, GO_ON } from './beside.ts';
import { BrokenTranslation } from './broken-translation.ts';
import type { TranslatedCpu } from './guest-cpu.ts';
import type { SpaceState } from './space.ts';

const RIP = STATE.rip / 4;

/** One runner, which leaves when it is told to, or at a tick when it is halted. */
function fakes() {
  const runner = {
    isRunning: false,
    exitKind: EXIT.tick as ExitKind,
    start: () => {
      runner.isRunning = true;
    },
    halt: () => {
      if (runner.isRunning) runner.leave(EXIT.tick);
    },
    leave: (kind: ExitKind) => {
      runner.isRunning = false;
      runner.exitKind = kind;
    },
  };
  const runners = [runner];
  const host = { createRunner: () => runners.pop(), sawRunners: () => 0 };
  const log: string[] = [];
  const known = { space: { pages: { base: 0x1000 } } } as unknown as SpaceState;
  const beside = new Beside(host as unknown as CodeHost, {
    prepare: () => known,
    makeExact: (cpu) => {
      log.push('exact');
      if (cpu.rip === 13) throw new BrokenTranslation('nowhere');
    },
    linkTarget: (cpu) => (cpu.rip === 13 ? undefined : 77),
    left: (kind) => log.push(`left ${kind}`),
  });
  const i32 = new Int32Array(4096);
  i32[RIP + 1] = -1;
  const cpu = { left: 0, rip: 5, state: { i32 } } as unknown as TranslatedCpu;
  return { beside, runner, cpu, log, space: {} as AddressSpace, i32 };
}

test('there is room for as many guests as the host gives threads', () => {
  const { beside, runner, cpu, space } = fakes();
  assert.equal(beside.start(cpu, space), false);
  assert.equal(beside.grow(2), false);
  assert.ok(beside.hasRoom);
  assert.ok(beside.start(cpu, space));
  assert.ok(beside.isBusy && !beside.hasRoom);
  assert.equal(beside.takeReturned(), undefined);
  runner.leave(EXIT.syscall);
  assert.equal(beside.takeReturned(), cpu);
  assert.equal(beside.takeReturned(), undefined);
  assert.ok(!beside.isBusy && beside.hasRoom);
});

test('what a guest left for is settled when it is seen', () => {
  for (const [kind, rip, left] of [
    [EXIT.syscall, 5, EXIT.syscall],
    [EXIT.indirect, 5, EXIT.indirect],
    [EXIT.tick, 5, 0],
    [EXIT.tickBeforeEntry, 5, 0],
    [EXIT.fault, 5, GO_ON],
    [EXIT.link, 77, GO_ON],
  ] as const) {
    const { beside, runner, cpu, space, i32 } = fakes();
    beside.grow(1);
    beside.start(cpu, space);
    runner.leave(kind);
    assert.equal(beside.takeReturned(), cpu);
    assert.deepEqual([cpu.left, cpu.rip], [left, rip], `${kind}`);
    assert.equal(i32[RIP + 1], kind === EXIT.indirect ? -1 : 0);
  }
});

test('a guest whose translation is broken is left to the kernel, which goes on', () => {
  for (const kind of [EXIT.tick, EXIT.fault, EXIT.link]) {
    const { beside, runner, cpu, space } = fakes();
    beside.grow(1);
    cpu.rip = 13;
    beside.start(cpu, space);
    runner.leave(kind);
    assert.equal(beside.takeReturned(), cpu);
    const kinds: readonly number[] = [0, GO_ON, ...Object.values(EXIT)];
    assert.ok(!kinds.includes(cpu.left), `${cpu.left}`);
  }
});

test('halted guests come back, those of another sandbox run on, a recalled one does not come', () => {
  const { beside, runner, cpu, log, space } = fakes();
  beside.grow(1);
  beside.start(cpu, space);
  beside.haltIn(0x2000);
  assert.ok(runner.isRunning && !beside.hasHalted);
  beside.haltIn(0x1000);
  assert.ok(!runner.isRunning && beside.hasHalted);
  assert.deepEqual(log, [`left ${EXIT.tick}`, 'exact']);
  assert.equal(beside.takeReturned(), cpu);
  assert.equal(beside.hasHalted, false);
  beside.start(cpu, space);
  beside.recall(cpu);
  assert.equal(beside.takeReturned(), undefined);
  assert.deepEqual(beside.counts, { turns: 2, halts: 2 });
});
