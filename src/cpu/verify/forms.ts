/**
 * Rows of the instruction table as the code verifier needs them: one 32-bit word of flags for every
 * combination of opcode, prefixes and ModRM class, compiled when it is first met. Decoding then costs
 * two loads an instruction and allocates nothing.
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
import { whyNever } from './never.table.ts';
import { RULES, type Rule } from './types.ts';

/** Bits 0–1: what the instruction does to control flow. */
export const KIND_PLAIN = 0;
export const KIND_JUMP = 1;
export const KIND_CONDITIONAL = 2;
export const KIND_INDIRECT = 3;
/** Bits 4–7: bytes of all immediates. */
export const IMMEDIATE_SHIFT = 4;
/** The ModRM memory operand is accessed (or prefetched), or only computed (lea, nop). */
export const MEMORY = 1 << 8;
export const ADDRESS_ONLY = 1 << 9;
/** xlat, maskmovq, maskmovdqu: an implicit operand that honours gs: and 67. */
export const IMPLICIT = 1 << 10;
/** An absolute offset behind the opcode instead of ModRM. */
export const OFFSET = 1 << 11;
export const LOCKABLE = 1 << 12;
export const X87 = 1 << 13;
/** May stand with a slot; bits 15–18: bytes (1, 4, 8); it writes the slot. */
export const SLOT = 1 << 14;
export const SLOT_BYTES_SHIFT = 15;
export const SLOT_WRITE = 1 << 19;
export const VSIB = 1 << 20;
export const MASKABLE = 1 << 21;
export const MASK_NEEDED = 1 << 22;
export const ZEROABLE = 1 << 23;
/** Bits 24–25, 26–27, 28–29: what vvvv, ModRM.reg and ModRM.rm (mod 3) name. */
export const VVVV_SHIFT = 24;
export const REG_SHIFT = 26;
export const RM_SHIFT = 28;
/** loop, jrcxz: 67 means a 32-bit counter. */
export const COUNTER = 1 << 30;

export const NAMES_NOTHING = 0;
export const NAMES_VECTOR = 1;
export const NAMES_GENERAL = 2;
export const NAMES_MASK = 3;

/** Kinds of ModRM: 8 × 8 register forms, then 8 memory forms by ModRM.reg. */
export const MODRM_CLASSES = 72;
/** Variants of prefix, W, length: legacy rep(3) 66(2) W(2); VEX pp W L; EVEX pp W LL b. */
const VARIANTS = [12, 16, 64] as const;

/** `[Has ModRM]`, `[start in the pool]` of an opcode; -1: not met yet. */
const NOT_MET = -1;
const IMPLICIT_MEMORY = new Set(['xlat', 'maskmovq', 'maskmovdqu', 'vmaskmovdqu']);
const EXPLICIT_STATE = new Set(['fxsave', 'fxsave64', 'fxrstor', 'fxrstor64']);
const ruleNames = Object.keys(RULES) as Rule[];

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

const LARGEST_FORM = 2 ** 15 - 1;

export class Forms {
  readonly #rows: Rows;
  readonly #off: ReadonlySet<Rule>;
  readonly #starts = new Int32Array(3 * 2048).fill(NOT_MET);
  readonly #modrm = new Uint8Array(3 * 2048);
  /** Forms and refusals: some hundred different ones, so 16 bits hold them. */
  #pool = new Int16Array(1 << 15);
  #used = 0;
  /** Flags by form; form 0 is none, a form -n in the pool is a refusal by rule n - 1. */
  flags = new Int32Array(256);
  #formCount = 1;
  readonly #formOf = new Map<number, number>();

  constructor(rows: Rows, off: ReadonlySet<Rule>) {
    this.#rows = rows;
    this.#off = off;
  }

  hasModrm(key: number): boolean {
    if (this.#starts[key] === NOT_MET) this.#open(key);
    return this.#modrm[key] === 1;
  }

  /** A form (its flags in `flags`), or -1 - n: refused by rule n. `hasModrm(key)` came before. */
  lookup(key: number, variant: number, modrmClass: number): number {
    const at = this.#starts[key]! + variant * MODRM_CLASSES + modrmClass;
    const form = this.#pool[at]!;
    return form !== 0 ? form : this.#compile(at, key, variant, modrmClass);
  }

  #open(key: number): void {
    const rows = this.#rows.rowsAt((key >> 11) as Space, (key >> 8) & 7, key & 255);
    const size = VARIANTS[key >> 11]! * MODRM_CLASSES;
    if (this.#used + size > this.#pool.length) {
      const larger = new Int16Array(Math.ceil(this.#pool.length * 1.5) + size);
      larger.set(this.#pool);
      this.#pool = larger;
    }
    this.#starts[key] = this.#used;
    this.#used += size;
    this.#modrm[key] = rows.some((row) => row.hasModrm) ? 1 : 0;
  }

  #compile(at: number, key: number, variant: number, modrmClass: number): number {
    const encoding = encodingOf(key, variant, modrmClass);
    const found = choose(
      this.#rows.rowsAt(encoding.space, encoding.map, encoding.opcode),
      encoding,
    );
    let result: number;
    if (typeof found === 'string') result = this.#refuse(found, 0);
    else {
      const rule = refusal(found, encoding);
      const flags = flagsOf(found, encoding);
      result = rule === undefined ? this.#form(flags) : this.#refuse(rule, flags);
    }
    this.#pool[at] = result;
    return result;
  }

  /** A refusal, or the form itself if a test has switched that rule off. */
  #refuse(rule: Rule, flags: number): number {
    return this.#off.has(rule) ? this.#form(flags) : -1 - ruleNames.indexOf(rule);
  }

  #form(flags: number): number {
    let form = this.#formOf.get(flags);
    if (form === undefined) {
      form = this.#formCount++;
      assert(form <= LARGEST_FORM, 'more forms than numbers for them');
      if (form === this.flags.length) {
        const larger = new Int32Array(form * 2);
        larger.set(this.flags);
        this.flags = larger;
      }
      this.flags[form] = flags;
      this.#formOf.set(flags, form);
    }
    return form;
  }
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

/** Key of an opcode; space 0–2 (`LEGACY`, `VEX`, `EVEX`). */
export function keyOf(space: number, map: number, opcode: number): number {
  return (space << 11) | (map << 8) | opcode;
}
