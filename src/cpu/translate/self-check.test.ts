import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import { EXIT } from '../sandbox/layout.ts';
import { CodeVerifier } from '../verify/verifier.ts';
import { Translator } from './translate.ts';
import { LINK_INTS, RELOC_INTS, type Unit } from './unit.ts';

const TLS = -1408;
const BASE = 0x401000;
const EXITS = 0x100;
const limits = { maxInstructions: 100, isEntry: () => false };

/** The unit at `at` of two pages of `code`; pages from `checkedFrom` on are written all the time. */
function translate(code: readonly number[], at = 0, checkedFrom = 0, live: number[] = []): Unit {
  const memory = new Uint8Array(8192);
  memory.set(code, at);
  const made = new Translator(TLS).translate(
    {
      fetchPage(page, target) {
        const n = page - BASE / 4096;
        if (n !== 0 && n !== 1) return false;
        target.set(memory.subarray(4096 * n, 4096 * (n + 1)));
        return true;
      },
      isSelfChecking: (page) => page - BASE / 4096 >= checkedFrom,
      hasLiveImmediate: (rip) => live.includes(rip - BASE),
    },
    BASE + at,
    limits,
  );
  assert.ok(made);
  return made;
}

function ranges(unit: Unit): number[] {
  return [...unit.ranges].map((value, n) => (n % 2 === 0 ? value - BASE : value));
}

/** Placed, so that every exit is a registered place. */
function verify(unit: Unit) {
  const bytes = unit.bytes.slice();
  const view = new DataView(bytes.buffer);
  const placement = 0x10000;
  const { relocs } = unit;
  for (let n = 0; n < relocs.length; n += RELOC_INTS)
    view.setInt32(relocs[n]!, EXITS + relocs[n + 1]! - (placement + relocs[n]! + 4), true);
  return new CodeVerifier().verifyUnit(bytes, {
    placement,
    tlsDisplacement: TLS,
    isTarget: (offset) => offset >= EXITS && offset < EXITS + 32,
  });
}

test('a unit on written pages ends behind a store and has one entry', () => {
  // xor eax, eax; inc eax; mov [rdi], eax; inc eax; ret
  const unit = translate([0x31, 0xc0, 0xff, 0xc0, 0x89, 0x07, 0xff, 0xc0, 0xc3]);
  assert.equal(unit.selfChecking, true);
  assert.deepEqual(ranges(unit), [0, 6]);
  assert.deepEqual([...unit.leaders, ...unit.returns], []);
  assert.equal(unit.links.length, LINK_INTS);
  assert.equal(unit.links[0]! - BASE, 6);
  assert.ok(unit.relocs.some((target, n) => n % RELOC_INTS === 1 && target === EXIT.stale));
});

test('the code verifier accepts the check of every length', () => {
  for (let length = 1; length < 24; length++) {
    const unit = translate([...new Array(length).fill(0xf9), 0xc3]);
    assert.deepEqual(ranges(unit), [0, Math.min(length + 1, 24)]);
    const verdict = verify(unit);
    assert.ok(verdict.ok, JSON.stringify(verdict));
    assert.ok((verdict.starts[unit.entryAt >> 5]! >> (unit.entryAt & 31)) & 1);
  }
});

test('push, call, string and read-modify-write instructions end it, loads and branches do not', () => {
  const ends: number[][] = [
    [0x50],
    [0xe8, 0xfb, 0xff, 0xff, 0xff],
    [0xf3, 0xa4],
    [0xff, 0x07],
    [0x0f, 0xb0, 0x0f],
    [0x66, 0x0f, 0x7f, 0x07],
    [0xc8, 8, 0, 0],
    [0x8f, 0x07],
    [0x0f, 0x05],
  ];
  for (const code of ends)
    assert.deepEqual(ranges(translate([...code, 0x90, 0xc3])), [0, code.length], `${code}`);
  for (const code of [[0x8b, 0x07], [0x58], [0x75, 0xfe], [0x8d, 0x07], [0xc9]])
    assert.deepEqual(ranges(translate([...code, 0x90, 0xc3])), [0, code.length + 2], `${code}`);
});

test('x87 instructions behind a branch inside the unit are marked again', () => {
  // fld1; je +2; fchs; fchs; ret
  assert.ok(verify(translate([0xd9, 0xe8, 0x74, 2, 0xd9, 0xe0, 0xd9, 0xe0, 0xc3])).ok);
  // fld1; fchs; jne -4; ret
  assert.ok(verify(translate([0xd9, 0xe8, 0xd9, 0xe0, 0x75, 0xfc, 0xc3])).ok);
  // fchs; jmp -4
  assert.ok(verify(translate([0xd9, 0xe0, 0xeb, 0xfc])).ok);
});

test('whatever bytes are translated, the code verifier accepts it', () => {
  // Branches into the middle of others, x87 there, and what ends a unit: as data among code decodes.
  const pieces = [
    ...[
      [0xd9, 0xe0],
      [0xd9, 0xfe],
      [0x0f, 0x77],
      [0xdc, 0x40, 0x08],
      [0x0f, 0x6f, 0x07],
    ],
    ...[[0x48, 0x8b, 0x0d, 0xd9, 0xfe, 0xff, 0xff], [0xf6, 0x48, 0x8b, 0x0d], [0x90], [0xcc]],
    ...[[0xe8, 0, 0, 0, 0], [0xc3], [0xf3, 0xa4], [0x0f, 0x05], [0xff, 0x27]],
    ...[[0x74], [0xeb], [0xe2]],
  ];
  const random = new SeededRandom(7);
  for (let n = 0; n < 3000; n++) {
    const code: number[] = [];
    while (code.length < 60) {
      const piece = [...(pieces[random.below(pieces.length)] as number[])];
      if (piece[0] === 0x74 || piece[0] === 0xeb || piece[0] === 0xe2)
        piece[1] = (random.below(80) - 40) & 0xff;
      if (random.below(20) === 0) piece[random.below(piece.length)] = random.below(256);
      code.push(...piece);
    }
    const unit = translate(code, 64, random.below(4) === 0 ? 0 : 2);
    const verdict = verify(unit);
    assert.ok(verdict.ok, `${Buffer.from(code).toString('hex')}: ${JSON.stringify(verdict)}`);
  }
});

test('a unit that does not check itself ends before pages that need it', () => {
  // nops into the next page
  const unit = translate(new Array(12).fill(0xf9), 4096 - 8, 1);
  assert.equal(unit.selfChecking, true, 'an instruction there might cross');
  const before = translate(new Array(32).fill(0xf9), 4096 - 24, 1);
  assert.equal(before.selfChecking, false);
  assert.deepEqual(ranges(before), [4096 - 24, 24]);
  assert.deepEqual([...before.pages], [BASE / 4096]);
});

test('a live immediate is left out of the comparison, and loaded', () => {
  // mov eax, imm32; mov r9, imm64; mov rdx, simm32; add eax, imm32; ret
  const code = [
    ...[0xb8, 1, 2, 3, 4],
    ...[0x49, 0xb9, 1, 2, 3, 4, 5, 6, 7, 8],
    ...[0x48, 0xc7, 0xc2, 1, 2, 3, 4],
    ...[0x05, 1, 2, 3, 4, 0xc3],
  ];
  const unit = translate(code, 0, 0, [0, 5, 15, 22]);
  assert.equal(unit.hasLiveImmediates, true);
  assert.deepEqual(ranges(unit), [0, 1, 5, 2, 15, 3, 22, 6]);
  assert.ok(verify(unit).ok);
  assert.equal(translate(code).hasLiveImmediates, false);
});
