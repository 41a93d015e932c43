/**
 * The malicious translator: every form that must never stand in translated code, as bytes written by
 * hand (not derived from the table that they test), each with the rule that must refuse it.
 * `PLACE.tlsDisplacement` is -1408 (80 fa ff ff): slot n is at that plus n.
 */
import { JUMP_TABLE_DISP, RETURN_TABLE_DISP } from '../../sandbox/layout.ts';
import type { Rule, UnitPlace } from '../types.ts';

/** A trampoline at 32, an entry at 8192; nothing else is registered. */
export const PLACE: UnitPlace = {
  placement: 4096,
  tlsDisplacement: -1408,
  isTarget: (offset) => offset === 32 || offset === 8192,
};

export interface Attack {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly rule: Rule;
}

/** Bytes of hex digits; `{n}` stands for the displacement of the slot at offset n. */
export function hexBytes(text: string, tlsDisplacement = PLACE.tlsDisplacement): number[] {
  const digits = text
    .replace(/\{(-?\d+)\}/g, (_, offset) => le32(tlsDisplacement + Number(offset)))
    .replace(/\s/g, '');
  return Array.from({ length: digits.length / 2 }, (_, n) =>
    Number.parseInt(digits.slice(2 * n, 2 * n + 2), 16),
  );
}

export function le32(value: number): string {
  return [0, 8, 16, 24]
    .map((shift) => ((value >>> shift) & 255).toString(16).padStart(2, '0'))
    .join('');
}

/** `code`, then a jump to the trampoline: a whole unit. */
export function closed(code: string, tlsDisplacement = PLACE.tlsDisplacement): Uint8Array {
  const bytes = hexBytes(code, tlsDisplacement);
  const rel = 32 - (PLACE.placement + bytes.length + 5);
  return Uint8Array.from([...bytes, 0xe9, ...hexBytes(le32(rel))]);
}

const MARK = `64 c6 04 25 {84} 01`;
const NOPS = '90'.repeat(16);

/** `[rule, what, code]`; the code is closed by a jump unless it starts with `=`. */
type Case = readonly [Rule, string, string];

const forms: readonly Case[] = [
  ['unit-size', 'nothing at all', '='],
  ['truncated', 'mov eax, imm32 cut short', '= b8 01 02'],
  ['truncated', 'a jump cut short whose rest would be right', '= e9 fb 0f'],
  ['truncated', 'half of a SIB', '= 65 67 8b 04'],
  ['prefix-order', '67 before gs:', '67 65 8b 00'],
  ['prefix-order', 'gs: twice', '65 65 67 8b 00'],
  ['prefix-order', 'gs: then fs:', '65 64 67 8b 00'],
  ['prefix-order', 'fs: then gs:', '64 65 67 8b 00'],
  ['prefix-order', '67 twice', '65 67 67 8b 00'],
  ['prefix-order', '66 twice', '66 66 89 c8'],
  ['prefix-order', 'F2 F3', 'f2 f3 0f 10 c1'],
  ['prefix-order', 'F3 before 66', 'f3 66 0f b8 c1'],
  ['prefix-order', '66 before lock', '65 67 66 f0 01 00'],
  ['prefix-order', 'REX before 66', '48 66 89 c8'],
  ['prefix-order', 'REX twice', '40 48 89 c8'],
  ['prefix-order', 'REX before gs: (the REX is ignored)', '41 65 67 8b 00'],
  ['prefix-useless', 'cs: on a load', '2e 89 c8'],
  ['prefix-useless', 'ds: (notrack) on a nop', '3e 90'],
  ['prefix-useless', 'F3 on add', 'f3 01 c8'],
  ['prefix-useless', 'F2 on mov', 'f2 89 c8'],
  ['prefix-useless', '66 with REX.W', '66 48 89 c8'],
  ['prefix-useless', '66 on a byte operation', '66 88 c8'],
  ['prefix-useless', 'xacquire lock add', '65 67 f0 f2 01 00'],
  ['prefix-useless', '67 on a register operation', '67 89 c8'],
  ['segment-useless', 'gs: on lea', '65 67 8d 00'],
  ['segment-useless', 'gs: on a register operation', '65 89 c8'],
  ['segment-useless', 'fs: on nop', '64 0f 1f 00'],
  ['lock', 'lock on a register', 'f0 01 c8'],
  ['lock', 'lock mov', '65 67 f0 89 00'],
  ['lock', 'lock add reg, mem', '65 67 f0 03 00'],
  ['lock', 'lock cmp', '65 67 f0 39 00'],
  ['lock', 'lock nop', 'f0 90'],
];

const memory: readonly Case[] = [
  ['gs-missing', 'load', '67 8b 00'],
  ['gs-missing', 'store', '67 89 18'],
  ['gs-missing', 'ds: absolute', '67 8b 04 25 00 00 01 00'],
  ['gs-missing', 'movups', '67 0f 11 00'],
  ['gs-missing', 'prefetch', '67 0f 18 08'],
  ['gs-missing', 'clflush', '67 0f ae 38'],
  ['gs-missing', 'xlat', '67 d7'],
  ['gs-missing', 'maskmovdqu', '67 66 0f f7 c1'],
  ['gs-missing', 'cmpxchg16b', '67 48 0f c7 08'],
  ['gs-missing', 'movabs', '67 a1 00 00 01 00'],
  ['gs-missing', 'fld', `${MARK} 67 dd 00`],
  ['gs-missing', 'fxsave', `${MARK} 67 0f ae 00`],
  ['gs-missing', 'ldmxcsr', '67 0f ae 10'],
  ['gs-missing', 'setcc', '67 0f 94 00'],
  ['gs-missing', 'movnti', '67 0f c3 00'],
  ['gs-missing', 'push-like store below RSP', '67 48 89 44 24 f8'],
  ['address-size', 'load', '65 8b 00'],
  ['address-size', 'store with index', '65 48 89 04 c8'],
  ['address-size', 'absolute, negative: the tables', '65 48 8b 04 25 00 00 c0 ff'],
  ['address-size', 'absolute store', '65 48 89 04 25 00 00 c0 ff'],
  ['address-size', 'xlat', '65 d7'],
  ['address-size', 'maskmovdqu', '65 66 0f f7 c1'],
  ['address-size', 'maskmovq', `${MARK} 65 0f f7 c1`],
  ['address-size', 'movabs with 64-bit offset', '65 a1 00 00 01 00 00 00 00 00'],
  ['address-size', 'bts with a bit offset', '65 48 0f ab 08'],
  ['address-size', 'prefetchw', '65 0f 0d 08'],
  ['rip-relative', 'load', '65 67 8b 05 00 00 00 00'],
  ['rip-relative', 'store', '65 67 48 89 05 00 00 00 00'],
  ['rip-relative', 'lea', '48 8d 05 00 00 00 00'],
  ['rip-relative', 'lea with 67', '67 48 8d 05 00 00 00 00'],
  ['rip-relative', 'nop', '0f 1f 05 00 00 00 00'],
];

const slots: readonly Case[] = [
  ['fs-form', 'a register as base', '64 48 8b 00'],
  ['fs-form', 'a register as index', `64 48 8b 04 05 {0}`],
  ['fs-form', 'REX.X makes r12 the index', `64 4a 8b 04 25 {0}`],
  ['fs-form', 'REX.B on the empty base', `64 49 8b 04 25 {0}`],
  ['fs-form', 'SIB with another scale', `64 48 8b 04 65 {0}`],
  ['fs-form', 'RIP-relative', '64 48 8b 05 00 00 00 00'],
  ['fs-form', 'with 67', `64 67 48 8b 04 25 {0}`],
  ['fs-form', 'mod 10: base rbp', `64 48 8b 85 {0}`],
  ['fs-form', '32-bit load', `64 8b 04 25 {0}`],
  ['fs-form', 'add to a slot', `64 48 01 04 25 {0}`],
  ['fs-form', 'lock add to a slot', `64 f0 48 01 04 25 {0}`],
  ['fs-form', 'xchg', `64 48 87 04 25 {0}`],
  ['fs-form', 'movups: 16 bytes', `64 0f 11 04 25 {56}`],
  ['fs-form', 'fld', `${MARK} 64 dd 04 25 {0}`],
  ['fs-form', 'movabs', '64 a1 00 00 00 00 00 00 00 00'],
  ['fs-form', 'xlat', '64 67 d7'],
  ['fs-form', 'maskmovdqu', '64 67 66 0f f7 c1'],
  ['fs-form', 'mov word', `64 66 c7 04 25 {0} 01 00`],
  ['fs-slot', 'read hostRsp', `64 48 8b 04 25 {120}`],
  ['fs-slot', 'write hostRsp', `64 48 89 04 25 {120}`],
  ['fs-slot', 'write state', `64 48 89 04 25 {128}`],
  ['fs-slot', 'write entry', `64 48 c7 04 25 {136} 00 00 00 00`],
  ['fs-slot', 'write tickPending', `64 c7 04 25 {144} 00 00 00 00`],
  ['fs-slot', 'write wideTable', `64 48 89 04 25 {152}`],
  ['fs-slot', 'write wideMask', `64 48 89 04 25 {160}`],
  ['fs-slot', 'write guestFsBase', `64 48 89 04 25 {88}`],
  ['fs-slot', 'write sandboxBaseNegated', `64 48 89 04 25 {112}`],
  ['fs-slot', 'clear x87Used', `64 c6 04 25 {84} 00`],
  ['fs-slot', 'x87Used := 2', `64 c6 04 25 {84} 02`],
  ['fs-slot', 'clear x87Used with exitSite', `64 48 89 04 25 {80}`],
  ['fs-slot', 'eight bytes over exitSite', `64 48 c7 04 25 {80} 00 00 00 00`],
  ['fs-slot', 'between two spill slots', `64 48 89 04 25 {4}`],
  ['fs-slot', 'over the last slot for spills', `64 48 89 04 25 {60}`],
  ['fs-slot', 'below the block', `64 48 8b 04 25 {-8}`],
  ['fs-slot', 'behind the block', `64 48 8b 04 25 {256}`],
  ['fs-slot', "the host's stack protector", '64 48 8b 04 25 28 00 00 00'],
  ['fs-slot', 'far away', '64 48 89 04 25 00 00 00 80'],
  ['macro-form', 'load of B into another register', `64 48 8b 04 25 {104}`],
  ['macro-form', 'load of B, then nothing', `64 4c 8b 04 25 {104}`],
  ['macro-form', 'stos without truncation', `64 4c 8b 04 25 {104} 4a 8d 3c 07 f3 aa`],
  ['macro-form', 'stos without B', `64 4c 8b 04 25 {104} 89 ff f3 aa`],
  ['macro-form', 'movs with RDI bound only', `64 4c 8b 04 25 {104} 89 ff 4a 8d 3c 07 f3 a4`],
  ['macro-form', 'truncation of another register', `64 4c 8b 04 25 {104} 89 f6 4a 8d 3c 07 aa`],
  [
    'macro-form',
    '64-bit move instead of the truncation',
    `64 4c 8b 04 25 {104} 48 89 ff 4a 8d 3c 07 aa`,
  ],
  ['macro-form', 'an instruction inside', `64 4c 8b 04 25 {104} 89 ff 90 4a 8d 3c 07 f3 aa`],
  ['macro-form', 'ins instead of stos', `64 4c 8b 04 25 {104} 89 ff 4a 8d 3c 07 f3 6c`],
];

const STOS = `64 4c 8b 04 25 {104} 89 ff 4a 8d 3c 07 f3 aa`;
const TABLE = `65 ff 24 cd ${le32(JUMP_TABLE_DISP)}`;

const control: readonly Case[] = [
  ['table-jump', 'the jump alone', `= ${TABLE}`],
  ['table-jump', 'behind a nop', `= 90 ${TABLE}`],
  ['table-jump', 'behind movzx ecx, al', `= 0f b6 c8 ${TABLE}`],
  ['table-jump', 'behind movsx ecx, ax', `= 0f bf c8 ${TABLE}`],
  ['table-jump', 'behind movzx edx, cx', `= 0f b7 d1 ${TABLE}`],
  ['table-jump', 'a nop between', `= 0f b7 c8 90 ${TABLE}`],
  ['table-jump', 'another displacement', `= 0f b7 c8 65 ff 24 cd 00 00 00 00`],
  ['table-jump', 'a displacement into the guard', `= 0f b7 c8 65 ff 24 cd ${le32(-8)}`],
  ['table-jump', 'another index', `= 0f b7 c8 65 ff 24 c5 ${le32(JUMP_TABLE_DISP)}`],
  ['table-jump', 'without gs:', `= 0f b7 c8 ff 24 cd ${le32(RETURN_TABLE_DISP)}`],
  ['table-jump', 'a sandboxed operand', `= 65 67 ff 20`],
  ['table-jump', 'through a slot', `= 64 ff 24 25 {64}`],
  ['table-jump', 'RIP-relative', '= ff 25 00 00 00 00'],
  ['table-jump', 'the movzx is the end of another instruction', `= b8 01 0f b7 c8 ${TABLE}`],
  ['branch-prefix', '66 jmp rel32', '= 66 e9 fb ff ff ff'],
  ['branch-prefix', '66 jcc rel32', '66 0f 84 f9 ff ff ff'],
  ['branch-prefix', '66 jmp rel8', '= 66 eb fd'],
  ['branch-prefix', 'F2 (bnd) jmp', '= f2 e9 fa ff ff ff'],
  ['branch-prefix', 'F3 jcc', 'f3 74 fd'],
  ['branch-prefix', 'REX jmp', '= 40 eb fd'],
  ['branch-prefix', 'REX.W jmp', '= 48 e9 fa ff ff ff'],
  ['branch-prefix', 'gs: jcc', '65 74 fd'],
  ['branch-prefix', '67 jcc', '67 74 fd'],
  ['branch-prefix', '66 loop', '66 e2 fd'],
  ['branch-prefix', '66 jrcxz', '66 e3 fd'],
  ['branch-interior', 'into an immediate', 'b8 01 02 03 04 74 fb'],
  ['branch-interior', 'jmp rel32 into a prefix', '65 67 8b 00 e9 f8 ff ff ff'],
  ['branch-interior', 'forward into an instruction', '74 01 b8 00 00 00 00'],
  ['branch-interior', 'loop into an instruction', 'b8 01 02 03 04 e2 fa'],
  ['branch-interior', 'to stos itself', `${STOS} 74 fc`],
  ['branch-interior', 'behind the truncation', `${STOS} 74 f6`],
  ['branch-interior', 'behind the load of B', `${STOS} 74 f4`],
  ['branch-interior', 'to the table jump', `= 74 03 0f b7 c8 ${TABLE}`],
  ['branch-interior', 'between mark and fninit', `${MARK} 90 db e3 74 fb`],
  ['branch-interior', 'to an x87 instruction', `${MARK} db e3 74 fc`],
  ['branch-external', 'unregistered', `= e9 00 10 00 00 ${NOPS} eb fe`],
  ['branch-external', 'one byte behind a trampoline', `= e9 ${le32(33 - 4096 - 5)}`],
  ['branch-external', 'one byte before the unit', '= eb fd'],
  ['branch-external', 'one byte behind the unit', '= eb 00'],
  ['branch-external', 'conditional, before code memory', '0f 84 00 00 00 80'],
  ['falls-through', 'a nop at the end', '= 90'],
  ['falls-through', 'a conditional jump at the end', '= 74 fe'],
  ['falls-through', 'a loop at the end', '= e2 fe'],
  ['x87-unmarked', 'fld1', 'd9 e8'],
  ['x87-unmarked', 'fld m64', '65 67 dd 00'],
  ['x87-unmarked', 'fwait', '9b'],
  ['x87-unmarked', 'emms', '0f 77'],
  ['x87-unmarked', 'paddb mm', '0f fc c1'],
  ['x87-unmarked', 'movq2dq', 'f3 0f d6 c1'],
  ['x87-unmarked', 'movdq2q', 'f2 0f d6 c1'],
  ['x87-unmarked', 'cvtpi2ps', '0f 2a c1'],
  ['x87-unmarked', 'maskmovq', '65 67 0f f7 c1'],
  ['x87-unmarked', 'fxsave', '65 67 0f ae 00'],
  ['x87-unmarked', 'fxrstor', '65 67 0f ae 08'],
  ['x87-unmarked', 'behind a jump over the mark', `${MARK} eb 00 d9 e8`],
];

/** Encodings outside the table (or with reserved bits) and what newer processors made of them. */
const vector: readonly Case[] = [
  ['vex-form', '66 before VEX', '66 c5 f8 58 c1'],
  ['vex-form', 'F3 before VEX', 'f3 c5 f8 58 c1'],
  ['vex-form', 'REX before VEX', '48 c5 f8 58 c1'],
  ['vex-form', 'lock before VEX', 'f0 c5 f8 58 c1'],
  ['vex-form', 'vvvv where it names nothing', 'c5 f0 28 c1'],
  ['vex-form', 'map 0', 'c4 e0 78 58 c1'],
  ['vex-form', 'map 7', 'c4 e7 78 f6 c0 00 00 00 00'],
  ['vex-form', 'map 31', 'c4 ff 78 58 c1'],
  ['evex-form', '66 before EVEX', '66 62 f1 7c 48 58 c1'],
  ['evex-form', 'APX: bit 3 of P0', '62 f9 74 48 58 c1'],
  ['evex-form', 'APX: bit 2 of P1 clear', '62 f1 70 48 58 c1'],
  ['evex-form', 'APX: map 4', '62 f4 7c 08 01 c8'],
  ['evex-form', 'map 7', '62 f7 7c 48 58 c1'],
  ['evex-form', 'vvvv where it names nothing', '62 f1 74 48 28 c1'],
  ['evex-form', "V' where it names nothing", '62 f1 7c 40 28 c1'],
  ['evex-form', 'zeroing without a mask', '62 f1 74 c8 58 c1'],
  ['evex-form', 'zeroing into memory', '65 67 62 f1 7c c9 29 00'],
  ['evex-form', "R' on a general register (APX: r16)", '62 e1 7f 08 2d c1'],
  ['evex-form', 'a gather without a mask', '65 67 62 f2 7d 48 90 04 08'],
];

/** The order of prefixes already bounds the length: these reach `too-long` only without it. */
export const TOO_LONG: readonly Attack[] = [
  ['fifteen times 66', `${'66'.repeat(15)} 89 c8`],
  ['sixteen times gs:', `${'65'.repeat(16)} 67 8b 00`],
].map(([name, code]) => ({ name: name!, bytes: closed(code!), rule: 'too-long' }));

/** All attacks, their slots at the places of this thread-local block. */
export function attacks(tlsDisplacement: number): Attack[] {
  return [...forms, ...memory, ...slots, ...control, ...vector].map(([rule, name, code]) => ({
    name: `${rule}: ${name}`,
    bytes: code.startsWith('=')
      ? Uint8Array.from(hexBytes(code.slice(1), tlsDisplacement))
      : closed(code, tlsDisplacement),
    rule,
  }));
}
