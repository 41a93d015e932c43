/**
 * Compiles the rows of the instruction table to what the code verifier asks (`forms.ts`):
 * `npm run isa` writes `forms.table.ts`. Which form every encoding has, and why others are refused.
 */
import { assert } from '../../base/assert.ts';
import {
  LEGACY,
  PREFIX_66,
  PREFIX_ANY,
  PREFIX_NONE,
  type Row,
  type RowOperand,
  type Space,
  VEX,
  WRITE,
} from '../../x86/isa/row.ts';
import { SLOT_FORMS } from '../sandbox/macros.ts';
import {
  ADDRESS_ONLY,
  COUNTER,
  IMMEDIATE_SHIFT,
  IMPLICIT,
  KEYS,
  KIND_CONDITIONAL,
  KIND_INDIRECT,
  KIND_JUMP,
  KIND_PLAIN,
  LOCKABLE,
  MASK_NEEDED,
  MASKABLE,
  MEMORY,
  MODRM_CLASSES,
  NAMES_GENERAL,
  NAMES_MASK,
  NAMES_NOTHING,
  NAMES_VECTOR,
  OFFSET,
  REG_SHIFT,
  RM_SHIFT,
  SLOT,
  SLOT_BYTES_SHIFT,
  SLOT_WRITE,
  VARIANTS,
  VSIB,
  VVVV_SHIFT,
  X87,
  ZEROABLE,
} from './forms.ts';
import { whyNever } from './never.table.ts';
import type { Rule } from './types.ts';

const IMPLICIT_MEMORY = new Set(['xlat', 'maskmovq', 'maskmovdqu', 'vmaskmovdqu']);
const EXPLICIT_STATE = new Set(['fxsave', 'fxsave64', 'fxrstor', 'fxrstor64']);
const LARGEST_PATTERN = 255;

/** The rows of an opcode, as the instruction table gives them. */
export interface Rows {
  rowsAt(space: Space, map: number, opcode: number): readonly Row[];
}

/** A decoded encoding, as far as it chooses a row. */
interface Encoding {
  readonly space: Space;
  readonly map: number;
  readonly opcode: number;
  /** Mandatory prefix that counts, by the numbers of the rows. */
  readonly prefix: number;
  readonly has66: boolean;
  readonly w: number;
  readonly l: number;
  readonly b: boolean;
  /** A ModRM byte of the class (memory: mod 0). */
  readonly modrm: number;
}

/** Different texts, numbered in the order in which they came. */
class Numbered {
  readonly texts: string[] = [];
  readonly #numbers = new Map<string, number>();

  of(text: string): number {
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.texts.push(text) - 1;
      this.#numbers.set(text, number);
    }
    return number;
  }
}

/** The text of `forms.table.ts`. */
export function compileForms(rows: Rows): string {
  const forms = new Numbered();
  const patterns = new Numbered();
  const lists = new Numbered();
  const opcodes = Array.from({ length: KEYS }, (_, key) => {
    const here = rows.rowsAt((key >> 11) as Space, (key >> 8) & 7, key & 255);
    const variants = Array.from({ length: VARIANTS[key >> 11]! }, (_, variant) =>
      patterns.of(runsOf(classes(here, key, variant).map((form) => forms.of(form)))),
    );
    return lists.of((here.some((row) => row.hasModrm) ? 'm' : '-') + runsOf(variants));
  });
  assert(patterns.texts.length <= LARGEST_PATTERN, 'a pattern is a byte');
  const constant = (name: string, text: string) =>
    `export const ${name} =\n  // biome-ignore format: compiled\n  '${text}';\n`;
  return [
    '/** Compiled from the instruction table by `npm run isa`; not to be edited. */\n',
    '/** Flags in hexadecimal and the rule that refuses, if one does. */',
    constant('FORMS', forms.texts.join(' ')),
    '/** Numbers of forms by ModRM class, in runs. */',
    constant('PATTERNS', patterns.texts.join(' ')),
    '/** m: with ModRM; numbers of patterns by variant, in runs. */',
    constant('LISTS', lists.texts.join(' ')),
    '/** Numbers of lists by key, in runs. */',
    constant('OPCODES', runsOf(opcodes)).trimEnd(),
    '',
  ].join('\n');
}

/** The form of each ModRM class. */
function classes(rows: readonly Row[], key: number, variant: number): string[] {
  if (rows.length === 0) return new Array<string>(MODRM_CLASSES).fill('0:unknown');
  return Array.from({ length: MODRM_CLASSES }, (_, modrmClass) =>
    formOf(rows, encodingOf(key, variant, modrmClass)),
  );
}

/** Flags, and behind a colon the rule that refuses. */
function formOf(rows: readonly Row[], encoding: Encoding): string {
  const found = choose(rows, encoding);
  if (typeof found === 'string') return `0:${found}`;
  const rule = refusal(found, encoding);
  const flags = (flagsOf(found, encoding) >>> 0).toString(16);
  return rule === undefined ? flags : `${flags}:${rule}`;
}

function runsOf(numbers: readonly number[]): string {
  const runs: string[] = [];
  for (let at = 0; at < numbers.length; ) {
    let end = at + 1;
    while (numbers[end] === numbers[at]) end++;
    runs.push(end - at === 1 ? `${numbers[at]}` : `${numbers[at]}*${end - at}`);
    at = end;
  }
  return runs.join(',');
}

function encodingOf(key: number, variant: number, modrmClass: number): Encoding {
  const space = (key >> 11) as Space;
  const modrm = modrmClass < 64 ? 0xc0 | modrmClass : (modrmClass - 64) << 3;
  const common = { space, map: (key >> 8) & 7, opcode: key & 255, modrm };
  if (space === LEGACY) {
    const rep = variant >> 2;
    const has66 = (variant & 2) !== 0;
    const prefix = rep !== 0 ? rep + 1 : has66 ? PREFIX_66 : PREFIX_NONE;
    return { ...common, prefix, has66, w: variant & 1, l: 0, b: false };
  }
  if (space === VEX)
    return {
      ...common,
      ...{ prefix: variant >> 2, has66: false, w: (variant >> 1) & 1, l: variant & 1, b: false },
    };
  return {
    ...common,
    ...{ prefix: variant >> 4, has66: false, w: (variant >> 3) & 1 },
    ...{ l: (variant >> 1) & 3, b: (variant & 1) !== 0 },
  };
}

/** The row of an encoding, or the rule that says why there is none. */
function choose(rows: readonly Row[], encoding: Encoding): Row | Rule {
  let useless: Row | undefined;
  for (const row of rows) {
    if (!modrmMatches(row, encoding)) continue;
    const match =
      encoding.space === LEGACY
        ? legacyMatch(row, encoding)
        : vectorMatches(row, encoding)
          ? 'exact'
          : 'no';
    if (match === 'exact') return row;
    if (match === 'useless') useless ??= row;
  }
  if (useless === undefined) return 'unknown';
  return isBranch(useless) ? 'branch-prefix' : 'prefix-useless';
}

function isBranch(row: Row): boolean {
  return row.class === 'branch' || row.class === 'condbranch' || row.class === 'loopbranch';
}

function modrmMatches(row: Row, { modrm, opcode }: Encoding): boolean {
  if (row.opcodeReg ? (opcode & 0xf8) !== row.opcode : opcode !== row.opcode) return false;
  if (!row.hasModrm) return true;
  const register = modrm >= 0xc0;
  if (row.mod === (register ? 'mem' : 'reg')) return false;
  if (row.reg >= 0 && row.reg !== ((modrm >> 3) & 7)) return false;
  return row.rm < 0 || row.rm === (modrm & 7);
}

/** `useless`: the row would run, but 66, F2 or F3 stands there without meaning. */
function legacyMatch(row: Row, e: Encoding): 'exact' | 'useless' | 'no' {
  const wide = e.w === 1;
  const sized = row.prefix !== PREFIX_66;
  const small = sized && e.has66;
  switch (row.sizeRule) {
    case 'o16':
      if (!e.has66 || wide) return 'no';
      break;
    case 'o32':
      if (small || wide) return 'no';
      break;
    case 'o64':
      if (!wide) return 'no';
      break;
    case 'w0':
      if (wide) return 'no';
      break;
    case 'd64':
      // On a near branch AMD truncates RIP under 66, Intel ignores it: never canonical.
      break;
    case 'any':
      break;
  }
  const meaning66 = row.prefix === PREFIX_66 || row.sizeRule === 'o16';
  if (row.prefix === PREFIX_ANY) {
    const repeated = e.prefix > PREFIX_66;
    return repeated || (e.has66 && !meaning66) ? 'useless' : 'exact';
  }
  if (row.prefix === PREFIX_NONE && row.sizeRule === 'o16') return e.prefix === 1 ? 'exact' : 'no';
  if (row.prefix !== e.prefix) return 'no';
  return e.has66 && !meaning66 ? 'useless' : 'exact';
}

function vectorMatches(row: Row, e: Encoding): boolean {
  if (row.prefix !== e.prefix || (row.w >= 0 && row.w !== e.w)) return false;
  const length = Math.max(row.l, 0);
  if (!e.b) return e.l === length;
  if (e.modrm >= 0xc0) {
    if (row.l === 0 || row.l === 1) return false;
    // Rounding takes the length field; assemblers write 0 or the length under {sae}.
    return row.rounding || (row.sae && (e.l === 0 || e.l === length));
  }
  return e.l === length && memoryOf(row)?.broadcastBits !== 0;
}

function memoryOf(row: Row): RowOperand | undefined {
  return row.memoryOperand < 0 ? undefined : row.operands[row.memoryOperand];
}

/** Why an instruction of the table may not stand in translated code, if so. */
function refusal(row: Row, e: Encoding): Rule | undefined {
  const { space, map, opcode, prefix, modrm } = e;
  if (whyNever(space, map, opcode, prefix, row.hasModrm ? modrm : 0xc0) !== undefined)
    return 'forbidden';
  const memory = modrm < 0xc0 && row.hasModrm;
  if (memory && memoryOf(row) === undefined) return 'forbidden';
  if (row.class === 'indirectbranch') return memory && prefix === 0 ? undefined : 'forbidden';
  if (isBranch(row)) return e.w === 0 ? undefined : 'branch-prefix';
  if (row.class === 'state') return EXPLICIT_STATE.has(row.mnemonic) ? undefined : 'forbidden';
  if (row.class !== 'plain' || !row.gsSafe) return 'forbidden';
  if (row.implicitMemory.length > 0 && !IMPLICIT_MEMORY.has(row.mnemonic)) return 'forbidden';
  return row.operands.some((o) => o.kind === 'seg' || o.kind === 'rel') ? 'forbidden' : undefined;
}

function flagsOf(row: Row, e: Encoding): number {
  let flags = KIND_PLAIN;
  if (row.class === 'branch') flags = KIND_JUMP;
  else if (row.class === 'condbranch' || row.class === 'loopbranch') flags = KIND_CONDITIONAL;
  else if (row.class === 'indirectbranch') flags = KIND_INDIRECT;
  if (row.class === 'loopbranch') flags |= COUNTER;
  flags |= (row.immediateBytes + row.immediate2Bytes) << IMMEDIATE_SHIFT;
  const memory = e.modrm < 0xc0 && row.hasModrm;
  if (memory) flags |= memoryFlags(row);
  if (row.moffs) flags |= OFFSET | MEMORY;
  if (row.implicitMemory.length > 0) flags |= IMPLICIT;
  if (usesX87(row)) flags |= X87;
  if (e.space === LEGACY) return memory ? flags | slotFlags(e) : flags;
  if (row.masking) flags |= MASKABLE;
  if (row.maskRequired) flags |= MASK_NEEDED;
  if (row.zeroing && !(memory && row.memoryAccess & WRITE)) flags |= ZEROABLE;
  flags |= namedBy(row, 'vvvv') << VVVV_SHIFT;
  flags |= namedBy(row, 'reg') << REG_SHIFT;
  return flags | (namedBy(row, 'rm') << RM_SHIFT);
}

function memoryFlags(row: Row): number {
  // Of the hint space only 0F 1F is promised to stay without access.
  const isNop = row.mnemonic === 'nop' && row.map === 1 && row.opcode === 0x1f;
  const onlyAddress = row.memoryAccess === 0 && (row.mnemonic === 'lea' || isNop);
  let flags = onlyAddress ? ADDRESS_ONLY : MEMORY;
  if (row.prefixes.lock && row.memoryAccess & WRITE) flags |= LOCKABLE;
  if (memoryOf(row)!.vsibBits !== 0) flags |= VSIB;
  return flags;
}

function usesX87(row: Row): boolean {
  if (row.unit === 'x87' || row.unit === 'mmx' || row.class === 'state') return true;
  // Escape opcodes, fwait, emms, whatever a row says of its unit.
  if (row.space === LEGACY && row.map === 0 && (row.opcode & 0xf8) === 0xd8) return true;
  if (row.space === LEGACY && row.map === 0 && row.opcode === 0x9b) return true;
  if (row.space === LEGACY && row.map === 1 && row.opcode === 0x77) return true;
  return row.operands.some((o) => o.kind === 'x87' || o.kind === 'mmx');
}

function slotFlags(e: Encoding): number {
  if (e.map !== 0 || e.prefix !== PREFIX_NONE) return 0;
  for (const form of SLOT_FORMS) {
    if (form.opcode !== e.opcode || form.rexW !== (e.w === 1)) continue;
    if (!form.register && form.extension !== ((e.modrm >> 3) & 7)) continue;
    const write = form.access === 'write' ? SLOT_WRITE : 0;
    return SLOT | (form.bytes << SLOT_BYTES_SHIFT) | write;
  }
  return 0;
}

function namedBy(row: Row, slot: 'vvvv' | 'reg' | 'rm'): number {
  const operand = row.operands.find((o) => o.slot === slot);
  if (operand === undefined || operand.kind === 'mem') return NAMES_NOTHING;
  if (operand.kind === 'vec') return NAMES_VECTOR;
  if (operand.kind === 'mask') return NAMES_MASK;
  return NAMES_GENERAL;
}
