import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT, type ExitKind, STATE } from '../../cpu/sandbox/layout.ts';
import { codePlacer } from './testing/placed-code.ts';
import { sharedNativeHost } from './testing/shared-native-host.ts';

const { code, pages } = sharedNativeHost();
const PAGE = 4096;
const WORD = 0x400000;
const memory = code.code;
const place = codePlacer(code, memory.sizeBytes - 3 * 1024 * 1024);

/** lock inc dword gs:[0x400000]; dec ebx; jne: EBX times */
const COUNT = place(
  [0xf0, 0x65, 0xff, 4, 0x25, 0, 0, 0x40, 0, 0xff, 0xcb, 0x75, 0xf3],
  EXIT.emulate,
);
const LOOP = place([0xeb, 0xfe], EXIT.emulate);
/** mov eax, gs:[0x100000]: nothing is there. */
const WILD = place([0x65, 0x8b, 4, 0x25, 0, 0, 0x10, 0], EXIT.emulate);

const space = pages.createSandbox();
assert.ok(typeof space === 'object');
assert.equal(space.mapAnonymous(WORD, PAGE, 3), 0);

/** A thread of the process that enters at `entry` with EBX. */
function thread(entry: number, ebx = 0) {
  assert.ok(typeof space === 'object');
  const state = code.createState();
  state.u64[STATE.sandboxBase / 8] = BigInt(space.base);
  state.i32[STATE.mxcsr / 4] = 0x1f80;
  state.i32[STATE.rflags / 4] = 0x202;
  state.i32[STATE.gprs / 4 + 6] = ebx;
  state.u64[STATE.entry / 8] = BigInt(entry);
  return state;
}

function counted(): number {
  const bytes = new Uint8Array(4);
  assert.ok(typeof space === 'object');
  space.copyIn(WORD, bytes);
  return new DataView(bytes.buffer).getUint32(0, true);
}

const runner = code.createRunner();

test('two threads of a guest run at once, atomically', () => {
  assert.ok(runner);
  const EACH = 2_000_000;
  const before = counted();
  runner.start(thread(COUNT, EACH));
  const own = thread(COUNT, EACH);
  let kind = code.enterBeside(own);
  // The other may be through first.
  while (kind !== EXIT.emulate) {
    assert.ok(kind === EXIT.tick || kind === EXIT.tickBeforeEntry, `${kind}`);
    code.sawRunners();
    if (kind === EXIT.tick)
      own.u64[STATE.entry / 8] = own.u64[STATE.hostRip / 8]! - BigInt(memory.executable);
    kind = code.enterBeside(own);
  }
  while (runner.isRunning) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  assert.equal(runner.exitKind, EXIT.emulate);
  assert.equal(counted() - before, 2 * EACH);
});

test('who leaves ticks the one that has the kernel out of its guest', () => {
  assert.ok(runner);
  for (let n = 0; n < 200; n++) {
    code.sawRunners();
    runner.start(thread(WILD));
    // The tick of the round before may come in this one, before the runner has left; what has left since it
    // was seen last ends the entry, so nobody waits in the loop.
    while (runner.isRunning) {
      const kind = code.enterBeside(thread(LOOP));
      assert.ok(kind === EXIT.tick || kind === EXIT.tickBeforeEntry, `${kind}`);
    }
    assert.equal(runner.exitKind, EXIT.fault);
  }
});

test('a runner is halted wherever it is', () => {
  assert.ok(runner);
  for (let n = 0; n < 500; n++) {
    const state = thread(LOOP);
    runner.start(state);
    for (let wait = (n * 37) % 3000; wait > 0; wait--) code.sawRunners();
    runner.halt();
    assert.equal(runner.isRunning, false);
    const kind: ExitKind = runner.exitKind;
    assert.ok(kind === EXIT.tick || kind === EXIT.tickBeforeEntry, `${kind}`);
  }
});
