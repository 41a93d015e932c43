import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostAddr } from '../../base/brand.ts';
import { wideIndex } from '../../cpu/code-host.ts';
import { EXIT, STATE, TLS, WIDE_HIGH, WIDE_LOW } from '../../cpu/sandbox/layout.ts';
import type { SandboxPages } from '../../mm/page-host.ts';
import { sharedNativeHost } from './testing/shared-native-host.ts';

const { code, pages } = sharedNativeHost();
const PAGE = 4096;
const memory = code.code;
/** Far from where the cache of other tests in this process puts its units. */
let next = memory.sizeBytes - 1024 * 1024;

const le = (value: number, bytes: number) =>
  Array.from({ length: bytes }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 255n));

/** Puts code at the next free place; returns its host address. */
function place(...parts: (readonly number[] | { jump: HostAddr })[]): HostAddr {
  const start = memory.executable + next;
  for (const part of parts) {
    const bytes = 'jump' in part ? [] : part;
    memory.bytes.set(bytes, next);
    next += bytes.length;
    if (!('jump' in part)) continue;
    memory.bytes.set([0xe9, ...le(part.jump - (memory.executable + next + 5), 4)], next);
    next += 5;
  }
  return start as HostAddr;
}

const exit = (kind: number) => ({ jump: code.stubs.exits[kind] as HostAddr });
/** mov fs:[slot], register (encoding number). */
const storeSlot = (slot: keyof typeof TLS, register: number) => [
  ...[0x64, 0x48 | ((register >> 3) << 2), 0x89, 4 | ((register & 7) << 3), 0x25],
  ...le(code.tlsDisplacement + TLS[slot].offset, 4),
];

function sandbox(): SandboxPages {
  const made = pages.createSandbox();
  assert.ok(typeof made === 'object');
  assert.equal(made.mapAnonymous(0x400000, 16 * PAGE, 3), 0);
  return made;
}

function state(space: SandboxPages, entry: HostAddr) {
  const block = code.createState();
  block.u64[STATE.entry / 8] = BigInt(entry - code.code.executable);
  block.u64[STATE.sandboxBase / 8] = BigInt(space.base);
  block.i32[STATE.mxcsr / 4] = 0x1f80;
  block.i32[STATE.rflags / 4] = 0x202;
  const empty = code.allocate(PAGE);
  block.u64[STATE.wideTable / 8] = BigInt(empty.address);
  return block;
}

test('enter() brings registers, flags, vectors and masks in and out unchanged', () => {
  using space = sandbox();
  using s = state(space, place(exit(EXIT.emulate)));
  // With RSP not canonical, as below, the kernel cannot return from a page fault (IRET raises #GP).
  assert.equal(code.enter(s), EXIT.emulate);
  for (let n = 0; n < 16; n++)
    s.u64[n] = (0x0123_4567_89ab_cdefn * BigInt(n + 3)) & (2n ** 64n - 1n);
  // Canonical: no interrupt can return to another RSP.
  s.u64[4] = 0xffff_8123_4567_89abn;
  for (let i = 0; i < 2048; i++) s.u8[STATE.vectors + i] = i * 7 + (i >> 8);
  for (let i = 0; i < 64; i++) s.u8[STATE.masks + i] = i * 5 + 1;
  s.u8[STATE.wideVectors] = WIDE_LOW | WIDE_HIGH;
  s.i32[STATE.mxcsr / 4] = 0x5fa1;
  const before = s.u8.slice();
  for (const flags of [0x202, 0xed7, 0x246, 0xa02, 0x602, 0x293]) {
    s.i32[STATE.rflags / 4] = flags;
    assert.equal(code.enter(s), EXIT.emulate);
    assert.equal(s.i32[STATE.rflags / 4], flags);
    assert.deepEqual(s.u8.subarray(0, 128), before.subarray(0, 128));
    assert.deepEqual(s.u8.subarray(STATE.vectors), before.subarray(STATE.vectors));
    assert.equal(s.i32[STATE.mxcsr / 4], 0x5fa1);
  }
});

test('parts of vectors that are zero come and go, and nothing of others is left in them', () => {
  if ((code.xcr0 & 0xe0) !== 0xe0) return;
  using space = sandbox();
  const nothing = place(exit(EXIT.emulate));
  /** VPTERNLOGD zmm[n], zmm[n], zmm[n], imm8: all ones (0xff) or zero (0). */
  const fill = (n: number, imm8: number) => [
    ...[0x62, [0xf3, 0x53, 0xa3, 0x03][n >> 3] as number, ((~n & 15) << 3) | 5],
    ...[n < 16 ? 0x48 : 0x40, 0x25, 0xc0 | ((n & 7) * 9), imm8],
  ];
  using other = state(space, nothing);
  other.u8.fill(0xff, STATE.vectors, STATE.vectors + 2048);
  other.u8[STATE.wideVectors] = WIDE_LOW | WIDE_HIGH;
  using s = state(space, nothing);
  const run = (entry: HostAddr) => {
    assert.equal(code.enter(other), EXIT.emulate);
    s.i32[STATE.entry / 4] = entry - code.code.executable;
    assert.equal(code.enter(s), EXIT.emulate);
  };
  const expected = new Uint8Array(2048);
  for (const n of [0, 1, 2, 3, 5, 8, 15, 16, 17, 23, 24, 31]) {
    const wide = n < 16 ? WIDE_LOW : WIDE_HIGH;
    for (const [imm8, flags] of [
      [0xff, wide],
      [0, 0],
    ] as const) {
      run(place(fill(n, imm8), exit(EXIT.emulate)));
      expected.fill(imm8, 64 * n, 64 * n + 64);
      assert.deepEqual(s.u8.subarray(STATE.vectors, STATE.vectors + 2048), expected, `${n}`);
      assert.equal(s.u8[STATE.wideVectors], flags, `zmm${n}`);
      run(nothing);
      assert.deepEqual(s.u8.subarray(STATE.vectors, STATE.vectors + 2048), expected, `${n}`);
    }
    // The lowest 128 bits alone leave the rest as it is.
    s.u8.fill(n + 1, STATE.vectors + 64 * (n & 15), STATE.vectors + 64 * (n & 15) + 16);
    expected.fill(n + 1, 64 * (n & 15), 64 * (n & 15) + 16);
    run(nothing);
    assert.deepEqual(s.u8.subarray(STATE.vectors, STATE.vectors + 2048), expected);
    assert.equal(s.u8[STATE.wideVectors], 0);
  }
});

test('code that was settled runs as before, and may still be written', () => {
  using space = sandbox();
  // mov r13d, 7
  const entry = place([0x41, 0xbd, ...le(7, 4)], exit(EXIT.emulate));
  using s = state(space, entry);
  code.settleCode(0, 2 ** 21);
  assert.equal(code.enter(s), EXIT.emulate);
  assert.equal(s.u64[13], 7n);
  memory.bytes[entry - memory.executable + 2] = 9;
  assert.equal(code.enter(s), EXIT.emulate);
  assert.equal(s.u64[13], 9n);
});

test('exit syscall sets RCX and R11 as the instruction does', () => {
  using space = sandbox();
  using s = state(space, place(storeSlot('exitRip', 3), exit(EXIT.syscall)));
  s.u64[3] = 0x401234n;
  s.i32[STATE.rflags / 4] = 0x247;
  assert.equal(code.enter(s), EXIT.syscall);
  assert.equal(s.u64[STATE.rip / 8], 0x401234n);
  assert.equal(s.u64[1], 0x401234n);
  assert.equal(s.u64[11], 0x247n);
});

test('a fault with an RSP that is not canonical keeps the RSP, and the host alive', () => {
  using space = sandbox();
  // mov gs:[ebx], rax
  using s = state(space, place([0x65, 0x67, 0x48, 0x89, 0x03]));
  for (const rsp of [0x8000_0000_0000n, 0xdead_beef_dead_beefn, 0xffff_7fff_ffff_fff8n]) {
    s.u64[3] = 0x50_0008n;
    s.u64[4] = rsp;
    assert.equal(code.enter(s), EXIT.fault);
    assert.equal(s.u64[STATE.hostRsp / 8], rsp);
  }
});

test('a fault reports host RIP, address, error code and the exact registers', () => {
  using space = sandbox();
  // mov r13d, 0x77; mov gs:[ebx], rax
  const entry = place([0x41, 0xbd, 0x77, 0, 0, 0], [0x65, 0x67, 0x48, 0x89, 0x03]);
  using s = state(space, entry);
  s.u64[3] = 0xdead_0050_0008n;
  s.u64[4] = 0xffff_ffff_ffff_fff0n;
  assert.equal(code.enter(s), EXIT.fault);
  assert.equal(Number(s.u64[STATE.hostRip / 8]), entry + 6);
  assert.equal(Number(s.u64[STATE.faultAddress / 8]) - space.base, 0x500008);
  assert.equal(s.i32[STATE.signal / 4], 11);
  assert.equal(s.u64[STATE.trapNumber / 8], 14n);
  assert.equal(s.u64[STATE.errorCode / 8], 6n);
  assert.equal(s.u64[13], 0x77n);
  assert.equal(s.u64[4], 0xffff_ffff_ffff_fff0n);
});

test('divide errors, ud2 and int3-free traps carry their signals', () => {
  using space = sandbox();
  // xor ecx,ecx; div ecx
  using s = state(space, place([0x31, 0xc9, 0xf7, 0xf1]));
  assert.equal(code.enter(s), EXIT.fault);
  assert.equal(s.i32[STATE.signal / 4], 8);
  s.u64[STATE.entry / 8] = BigInt(place([0x0f, 0x0b]) - code.code.executable);
  assert.equal(code.enter(s), EXIT.fault);
  assert.equal(s.i32[STATE.signal / 4], 4);
});

test('the tick leaves a loop at an instruction boundary', () => {
  using space = sandbox();
  // inc rax; inc rbx; jmp back
  const entry = place([0x48, 0xff, 0xc0, 0x48, 0xff, 0xc3, 0xeb, 0xf8]);
  using s = state(space, entry);
  code.setTick(1000);
  let ticks = 0;
  while (ticks < 5) {
    const kind = code.enter(s);
    if (kind === EXIT.tickBeforeEntry) continue;
    assert.equal(kind, EXIT.tick);
    ticks++;
    const offset = Number(s.u64[STATE.hostRip / 8]) - entry;
    const ahead = s.u64[0]! - s.u64[3]!;
    assert.equal(ahead, offset === 3 ? 1n : 0n);
    assert.ok([0, 3, 6].includes(offset));
    s.u64[STATE.entry / 8] = s.u64[STATE.hostRip / 8]! - BigInt(code.code.executable);
  }
  code.setTick(0);
});

test('miss finds an entry in the wide table and keeps flags and registers', () => {
  using space = sandbox();
  const target = 0x401000;
  const mask = 255;
  const wide = code.allocate((mask + 1 + 8) * 16);
  const view = new DataView(wide.bytes.buffer, wide.bytes.byteOffset);
  const landing = place(exit(EXIT.emulate));
  const at = wideIndex(target, mask) + 3; // a colliding neighbour
  view.setBigUint64(16 * at, BigInt(target), true);
  view.setBigUint64(16 * at + 8, BigInt(landing), true);
  // mov fs:[spill0], rcx; mov ecx, edx; jmp miss
  const tail = { jump: code.stubs.miss };
  using s = state(space, place(storeSlot('spill', 1), [0x48, 0x89, 0xd1], tail));
  s.u64[STATE.wideTable / 8] = BigInt(wide.address);
  s.u64[STATE.wideMask / 8] = BigInt(mask);
  for (const flags of [0x202, 0xad7, 0x256]) {
    s.i32[STATE.rflags / 4] = flags;
    s.u64[0] = 0xaaaan;
    s.u64[1] = 0x5555n;
    s.u64[2] = BigInt(target);
    assert.equal(code.enter(s), EXIT.emulate);
    assert.deepEqual([s.u64[0], s.u64[1], s.u64[2]], [0xaaaan, 0x5555n, BigInt(target)]);
    assert.equal(s.i32[STATE.rflags / 4], flags);
    s.u64[2] = 0x1_0000_0000n + BigInt(target);
    assert.equal(code.enter(s), EXIT.indirect);
    assert.equal(s.u64[STATE.rip / 8], 0x1_0000_0000n + BigInt(target));
    assert.equal(s.u64[1], 0x5555n);
    assert.equal(s.i32[STATE.rflags / 4], flags);
  }
});

test('a full x87 stack is kept for the guest and hidden from JavaScript', () => {
  using space = sandbox();
  const fld1 = [0xd9, 0xe8];
  const setUsed = [0x64, 0xc6, 0x04, 0x25, ...le(code.tlsDisplacement + TLS.x87Used.offset, 4), 1];
  const full = place(setUsed, ...Array.from({ length: 8 }, () => fld1), exit(EXIT.emulate));
  using s = state(space, full);
  assert.equal(code.enter(s), EXIT.emulate);
  assert.equal(s.u8[STATE.x87Used], 1);
  // V8's remainder uses the x87 stack.
  assert.equal(
    [7.5, 3].reduce((a, b) => a % b),
    1.5,
  );
  assert.equal(s.u8[STATE.x87 + 4], 0xff); // abridged tag word: all eight in use
  // fstp qword gs:[0x400000], eight times: all there
  const pop = [0x65, 0x67, 0xdd, 0x1c, 0x25, ...le(0x400000, 4)];
  s.i32[STATE.entry / 4] =
    place(setUsed, ...Array.from({ length: 8 }, () => pop), exit(EXIT.emulate)) -
    code.code.executable;
  assert.equal(code.enter(s), EXIT.emulate);
  assert.equal(s.u8[STATE.x87 + 4], 0);
  const value = new Uint8Array(8);
  space.copyIn(0x400000, value);
  assert.equal(new DataView(value.buffer).getFloat64(0, true), 1);
});

test('lookup tables are read below the sandbox and come back clean', () => {
  using space = sandbox();
  const { missReturn, missJump } = code.stubs;
  const table = code.createTables(missReturn, missJump);
  table.mapBelow(space.base);
  table.setJump(0x1234, 0x7fff_1234_5678 as HostAddr);
  // mov rax, gs:[JUMP_TABLE_DISP + rbx*8]
  const disp = -(3 * 1024 * 1024 + 512 * 1024);
  using s = state(space, place([0x65, 0x48, 0x8b, 0x04, 0xdd, ...le(disp, 4)], exit(EXIT.emulate)));
  s.u64[3] = 0x1234n;
  assert.equal(code.enter(s), EXIT.emulate);
  assert.equal(s.u64[0], 0x7fff_1234_5678n);
  table[Symbol.dispose]();
  using again = code.createTables(missReturn, missJump);
  assert.ok(again.jumps.every((entry) => entry === BigInt(missJump)));
  assert.ok(again.returns.every((entry) => entry === BigInt(missReturn)));
});

interface WasmEngine {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: { f: (at: number) => number } };
}

test("V8's own traps still reach V8", () => {
  // (func (export "f") (param i32) (result i32) local.get 0  i32.load)
  const bytes = Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f, 3, 2, 1, 0],
    ...[5, 3, 1, 0, 1, 7, 5, 1, 1, 0x66, 0, 0, 10, 9, 1, 7, 0, 0x20, 0, 0x28, 2, 0, 0x0b],
  ]);
  // Without the DOM's types: WebAssembly is only known to them.
  const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: WasmEngine };
  const load = new wasm.Instance(new wasm.Module(bytes)).exports.f;
  assert.equal(load(0), 0);
  for (let n = 0; n < 100; n++) assert.throws(() => load(0x7fff_ffff), /out of bounds/);
});
