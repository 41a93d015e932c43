import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { DWARF_RBP, DWARF_RIP, DWARF_RSP, FrameTable } from './frames.ts';
import type { ProgramHeader } from './program.ts';

const AT = 0x1000;
const CODE = 0x5000;
const PLT = 0x6000;
const EH_FRAME = AT + 0x40;
/** zR, code alignment 1, data alignment -8, return address 16; CFA rsp+8, return address at CFA-8. */
const COMMON = [1, 0x7a, 0x52, 0, 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1];
/** push rbp; mov rbp,rsp; …; a way out in between; …; leave; ret */
const FUNCTION = [
  ...[0x41, 0x0e, 16, 0x86, 2],
  ...[0x43, 0x0d, 6],
  ...[0x0a, 0x4a, 0x0c, 7, 8, 0xc6],
  ...[0x41, 0x0b],
];
const LINKAGE = [0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22];
const OUTERMOST = [0x07, 16];

const headers: ProgramHeader[] = [
  { type: 1, flags: 4, offset: AT, vaddr: AT, fileBytes: 0x200, memoryBytes: 0x200, align: 4096 },
  { type: 0x6474e550, flags: 4, offset: AT, vaddr: AT, fileBytes: 0x40, memoryBytes: 0, align: 4 },
];

function file(functions: readonly (readonly [number, number, readonly number[]])[]): Uint8Array {
  const bytes = new Uint8Array(AT + 0x200);
  const view = new DataView(bytes.buffer);
  bytes.set([1, 0x1b, 0x03, 0x3b], AT);
  view.setUint32(AT + 8, functions.length, true);
  let at = EH_FRAME;
  const record = (pointer: number, body: readonly number[]): void => {
    view.setUint32(at, 4 + body.length, true);
    view.setUint32(at + 4, pointer, true);
    bytes.set(body, at + 8);
    at += 8 + body.length;
  };
  record(0, COMMON);
  for (const [n, [start, size, program]] of functions.entries()) {
    view.setInt32(AT + 12 + 8 * n, start - AT, true);
    view.setInt32(AT + 16 + 8 * n, at - AT, true);
    const place = at + 8;
    record(at + 4 - EH_FRAME, [0, 0, 0, 0, 0, 0, 0, 0, 0, ...program]);
    view.setInt32(place, start - place, true);
    view.setInt32(place + 4, size, true);
  }
  return bytes;
}

const FILE = file([
  [CODE, 32, FUNCTION],
  [CODE + 64, 16, OUTERMOST],
  [PLT, 32, LINKAGE],
]);

test('ruleAt() gives where the caller is, instruction by instruction', () => {
  const table = new FrameTable(FILE, headers);
  const at = (address: number) => {
    const rule = table.ruleAt(address);
    return rule && [rule.cfaRegister, rule.cfaOffset, rule.saved.get(DWARF_RBP)];
  };
  assert.deepEqual(at(CODE), [DWARF_RSP, 8, undefined]);
  assert.deepEqual(at(CODE + 1), [DWARF_RSP, 16, -16]);
  assert.deepEqual(at(CODE + 4), [DWARF_RBP, 16, -16]);
  assert.deepEqual(at(CODE + 14), [DWARF_RSP, 8, undefined]);
  assert.deepEqual(at(CODE + 15), [DWARF_RBP, 16, -16]);
  assert.equal(table.ruleAt(CODE + 4)?.saved.get(DWARF_RIP), -8);
  assert.equal(at(CODE - 1), undefined);
  assert.equal(at(CODE + 32), undefined);
});

test('an outermost frame has no caller; a linkage table pushes once', () => {
  const table = new FrameTable(FILE, headers);
  assert.equal(table.ruleAt(CODE + 64), undefined);
  assert.equal(table.ruleAt(PLT + 10)?.cfaOffset, 8);
  assert.equal(table.ruleAt(PLT + 11)?.cfaOffset, 16);
});

test('damaged information gives no rule, or another, never an exception', () => {
  const random = new SeededRandom(3);
  for (let n = 0; n < 5000; n++) {
    const damaged = FILE.slice();
    for (let k = 0; k < 4; k++) damaged[AT + random.below(0xf0)] = random.below(256);
    const table = new FrameTable(damaged, headers);
    for (const address of [CODE, CODE + 20, CODE + 70, PLT + 12]) table.ruleAt(address);
  }
});
