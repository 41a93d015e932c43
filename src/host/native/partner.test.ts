import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT, type ExitKind, STATE } from '../../cpu/sandbox/layout.ts';
import { codePlacer } from './testing/placed-code.ts';
import { sharedNativeHost } from './testing/shared-native-host.ts';

const { code, pages } = sharedNativeHost();
const PAGE = 4096;
const memory = code.code;
const place = codePlacer(code, memory.sizeBytes - 2 * 1024 * 1024);

/** mov rax, fs:0 (the thread); mov ebx, gs:[0x400000] */
const WHO = place(
  [0x64, 0x48, 0x8b, 4, 0x25, 0, 0, 0, 0, 0x65, 0x8b, 0x1c, 0x25, 0, 0, 0x40, 0],
  EXIT.emulate,
);
const LOOP = place([0xeb, 0xfe], EXIT.emulate);
/** mov eax, gs:[0x100000]: nothing is there. */
const WILD = place([0x65, 0x8b, 4, 0x25, 0, 0, 0x10, 0], EXIT.emulate);

/** A process whose first word is `word`. */
function process(word: number) {
  const space = pages.createSandbox();
  assert.ok(typeof space === 'object');
  assert.equal(space.mapAnonymous(0x400000, PAGE, 3), 0);
  space.copyOut(0x400000, Uint8Array.of(word, 0, 0, 0));
  const state = code.createState();
  state.u64[STATE.sandboxBase / 8] = BigInt(space.base);
  state.i32[STATE.mxcsr / 4] = 0x1f80;
  state.i32[STATE.rflags / 4] = 0x202;
  return {
    enter(entry: number): ExitKind {
      state.u64[STATE.entry / 8] = BigInt(entry);
      return code.enter(state);
    },
    /** The host thread that it runs on; it finds its own memory wherever that is. */
    thread(): bigint {
      assert.equal(this.enter(WHO), EXIT.emulate);
      assert.equal(state.i32[STATE.gprs / 4 + 6], word);
      return state.u64[STATE.gprs / 8]!;
    },
  };
}

test('two that take turns get a thread each, three share them', () => {
  const [one, two, three] = [process(1), process(2), process(3)];
  for (let n = 0; n < 100; n++) [one.thread(), two.thread()];
  const threads = new Set([one.thread(), two.thread()]);
  assert.equal(threads.size, 2);
  for (let n = 0; n < 200; n++)
    for (const each of [one, two, three]) assert.ok(threads.has(each.thread()));
});

test('one that runs alone runs here', () => {
  const [one, two] = [process(4), process(5)];
  for (let n = 0; n < 1100; n++) one.thread();
  const here = one.thread();
  for (let n = 0; n < 100; n++) [one.thread(), two.thread()];
  const [first, second] = [one.thread(), two.thread()];
  assert.notEqual(first, second);
  const away = first === here ? two : one;
  for (let n = 0; n < 1100; n++) away.thread();
  assert.equal(away.thread(), here);
});

test('faults and ticks leave the other thread as they leave this one', () => {
  const [one, two] = [process(6), process(7)];
  for (let n = 0; n < 100; n++) [one.thread(), two.thread()];
  assert.notEqual(one.thread(), two.thread());
  code.setTick(1000);
  for (let n = 0; n < 5; n++)
    for (const each of [one, two]) {
      // A tick may be due when it enters, or come right behind.
      let kind = each.enter(WILD);
      while (kind === EXIT.tickBeforeEntry || kind === EXIT.tick) kind = each.enter(WILD);
      assert.equal(kind, EXIT.fault);
      kind = each.enter(LOOP);
      while (kind === EXIT.tickBeforeEntry) kind = each.enter(LOOP);
      assert.equal(kind, EXIT.tick);
    }
  code.setTick(0);
});
