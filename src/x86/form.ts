/**
 * Finds the row of an instruction from the fields of its encoding. Per opcode a flat array, indexed
 * by prefixes, W, L, mod and reg, holds the answers; each is computed by matching the rows when it is
 * first asked for, so start-up parses only what the program contains.
 */
import {
  EVEX,
  PREFIX_66,
  PREFIX_ANY,
  PREFIX_F2,
  PREFIX_F3,
  PREFIX_NONE,
  type Row,
  type RowOperand,
  type Space,
  VEX,
} from './isa/row.ts';
import { type InstructionTable, isa, opcodeKey } from './isa/table.ts';

/** A row with what decoder and encoder need of it at hand, as numbers. */
export interface Form {
  readonly row: Row;
  readonly immediateBytes: number;
  readonly immediate2Bytes: number;
  /** Immediates, counted together. */
  readonly tailBytes: number;
  readonly moffs: boolean;
  readonly lock: boolean;
  readonly vsib: boolean;
  readonly is4: boolean;
  /** Register numbers of these fields must be below. */
  readonly regLimit: number;
  readonly rmLimit: number;
  readonly vvvvLimit: number;
  /** Legacy: bits of the number that count (REX.R and REX.B are ignored for mm and st). */
  readonly regMask: number;
  readonly rmMask: number;
  /** log2 N of the EVEX compressed displacement, without and with broadcast. */
  readonly disp8Shift: number;
  readonly disp8BroadcastShift: number;
  readonly masking: boolean;
  readonly maskRequired: boolean;
  readonly zeroing: boolean;
  /** Zeroing is not allowed with a memory destination. */
  readonly memoryDestination: boolean;
  readonly usesVvvv: boolean;
  readonly rounding: boolean;
  /** These fields hold 8-bit general registers: 4–7 are ah–bh without REX. */
  readonly byteReg: boolean;
  readonly byteRm: boolean;
  readonly byteOpcodeReg: boolean;
  /** Legacy: 66 and REX.W as the row wants them; VEX and EVEX: W and L to be emitted. */
  readonly emits66: boolean;
  readonly emitsW: 0 | 1;
  readonly emitsL: 0 | 1 | 2;
}

/** Numbers that a register field may hold, by the kind of the operand in it. */
function limitOf(operand: RowOperand | undefined, space: Space): number {
  if (operand === undefined) return 32;
  switch (operand.kind) {
    case 'gp':
      return 16;
    case 'vec':
      return space === EVEX ? 32 : 16;
    case 'mask':
      return 8;
    case 'seg':
      return 6;
    default:
      return 32;
  }
}

function maskOf(operand: RowOperand | undefined): number {
  return operand?.kind === 'mmx' || operand?.kind === 'x87' || operand?.kind === 'seg' ? 7 : 31;
}

function isByte(operand: RowOperand | undefined): boolean {
  return operand?.kind === 'gp' && operand.bits === 8;
}

function makeForm(row: Row): Form {
  const at = (slot: string) => row.operands.find((o) => o.slot === slot);
  const memory = row.memoryOperand < 0 ? undefined : row.operands[row.memoryOperand];
  return {
    row,
    immediateBytes: row.immediateBytes,
    immediate2Bytes: row.immediate2Bytes,
    tailBytes: row.immediateBytes + row.immediate2Bytes,
    moffs: row.moffs,
    lock: row.prefixes.lock,
    vsib: memory !== undefined && memory.vsibBits !== 0,
    is4: at('is4') !== undefined,
    regLimit: limitOf(at('reg'), row.space),
    rmLimit: limitOf(at('rm'), row.space),
    vvvvLimit: limitOf(at('vvvv'), row.space),
    regMask: maskOf(at('reg')),
    rmMask: maskOf(at('rm')),
    disp8Shift:
      row.space === EVEX
        ? Math.log2(Math.max((memory?.tupleBits || memory?.memoryBits || 8) >> 3, 1))
        : 0,
    disp8BroadcastShift: memory?.broadcastBits ? Math.log2(memory.broadcastBits >> 3) : 0,
    masking: row.masking,
    maskRequired: row.maskRequired,
    zeroing: row.zeroing,
    memoryDestination: row.memoryOperand === 0 && (row.memoryAccess & 2) !== 0,
    usesVvvv: row.usesVvvv,
    rounding: row.rounding || row.sae,
    byteReg: isByte(at('reg')),
    byteRm: isByte(at('rm')),
    byteOpcodeReg: isByte(at('opcode')),
    emits66: row.prefix === PREFIX_66 || row.sizeRule === 'o16',
    emitsW: row.w === 1 || row.sizeRule === 'o64' ? 1 : 0,
    emitsL: row.l < 0 ? 0 : (row.l as 0 | 1 | 2),
  };
}

/** No row. */
export const NO_FORM = null;

/** Everything at one opcode. */
export interface Opcode {
  readonly space: Space;
  /** The opcode byte. */
  readonly byte: number;
  readonly rows: readonly Row[];
  readonly hasModrm: boolean;
  /** Some row fixes ModRM.rm: the index has its three bits, too. */
  readonly usesRm: boolean;
  /** Undefined where not yet asked for. */
  readonly forms: (Form | null | undefined)[];
}

/**
 * Index of `Opcode.forms` for legacy encodings: bits 0–1 F3, F2; 2: 66; 3: REX.W; 4: mod = 3 (or
 * REX.B without ModRM); 5–7 reg; 8–10 rm.
 */
export function legacyIndex(
  prefixBits: number,
  w: number,
  modIs3OrB: number,
  reg: number,
  rm: number,
): number {
  return prefixBits | (w << 3) | (modIs3OrB << 4) | (reg << 5) | (rm << 8);
}

/** Index for VEX and EVEX: 0–1 pp; 2 W; 3–4 L'L; 5 mod = 3; 6–8 reg; 9 EVEX.b. */
export function vexIndex(
  pp: number,
  w: number,
  l: number,
  modIs3: number,
  reg: number,
  b: number,
): number {
  return pp | (w << 2) | (l << 3) | (modIs3 << 5) | (reg << 6) | (b << 9);
}

function matchesSize(rule: Row['sizeRule'], has66: boolean, w: boolean): boolean {
  switch (rule) {
    case 'any':
      return true;
    case 'o16':
      return has66 && !w;
    case 'o32':
      return !has66 && !w;
    case 'o64':
      return w;
    case 'd64':
      return w || !has66;
    case 'w0':
      return !w;
  }
}

function matchesPrefix(row: Row, has66: boolean, f3: boolean, f2: boolean): boolean {
  switch (row.prefix) {
    case PREFIX_ANY:
      return true;
    case PREFIX_NONE:
      return !has66 && !f3 && !f2;
    case PREFIX_66:
      return has66 && !f3 && !f2;
    case PREFIX_F3:
      return f3;
    case PREFIX_F2:
      return f2;
  }
}

function matchesModrm(row: Row, modIs3: boolean, reg: number, rm: number): boolean {
  if (row.mod === 'mem' ? modIs3 : row.mod === 'reg' && !modIs3) return false;
  return (row.reg < 0 || row.reg === reg) && (row.rm < 0 || row.rm === rm);
}

function matchesLegacy(row: Row, index: number, isNop: boolean): boolean {
  const has66 = (index & 4) !== 0;
  const w = (index & 8) !== 0;
  const bit4 = (index & 16) !== 0;
  if (!matchesPrefix(row, has66, (index & 1) !== 0, (index & 2) !== 0)) return false;
  if (!matchesSize(row.sizeRule, has66, w)) return false;
  // 90 without REX.B is nop (F3: pause), never an exchange with itself.
  if (!row.hasModrm) return !isNop || row.opcodeReg === bit4;
  return matchesModrm(row, bit4, (index >> 5) & 7, (index >> 8) & 7);
}

function matchesVex(row: Row, index: number): boolean {
  const modIs3 = (index & 32) !== 0;
  const l = (index >> 3) & 3;
  const b = (index & 512) !== 0;
  if (row.prefix !== (index & 3) || (row.w >= 0 && row.w !== ((index >> 2) & 1))) return false;
  if (row.hasModrm && !matchesModrm(row, modIs3, (index >> 6) & 7, 0)) return false;
  if (!b) return row.l === l || (row.l < 0 && l < 3);
  // EVEX.b with a register: rounding or SAE, the length is 512 (or scalar) whatever L'L says.
  if (modIs3) return (row.rounding || row.sae) && (row.l === 2 || row.l < 0);
  return (
    row.l === l && row.memoryOperand >= 0 && row.operands[row.memoryOperand]!.broadcastBits > 0
  );
}

/** Lazily filled opcodes over one instruction table. */
export class Forms {
  readonly #table: InstructionTable;
  readonly #opcodes: (Opcode | undefined)[];
  readonly #byRow: (Form | undefined)[] = [];

  constructor(table: InstructionTable = isa) {
    this.#table = table;
    this.#opcodes = new Array<Opcode | undefined>(3 << 11).fill(undefined);
  }

  opcode(space: Space, map: number, opcode: number): Opcode {
    const key = opcodeKey(space, map, opcode);
    return this.#opcodes[key] ?? this.#load(key, space, map, opcode);
  }

  /** The form of a row. */
  of(row: Row): Form {
    let form = this.#byRow[row.id];
    if (form === undefined) {
      form = makeForm(row);
      this.#byRow[row.id] = form;
    }
    return form;
  }

  #load(key: number, space: Space, map: number, opcode: number): Opcode {
    const rows = this.#table.rowsAt(space, map, opcode);
    const hasModrm = rows.some((row) => row.hasModrm);
    const usesRm = rows.some((row) => row.rm >= 0);
    const size = space === EVEX ? 1024 : space === VEX ? 512 : !hasModrm ? 32 : usesRm ? 2048 : 256;
    const forms = new Array<Form | null | undefined>(size).fill(undefined);
    const loaded: Opcode = { space, byte: opcode, rows, hasModrm, usesRm, forms };
    this.#opcodes[key] = loaded;
    return loaded;
  }
}

/** The form at `index` of an opcode, matched now and remembered; null: no row. */
export function resolve(opcode: Opcode, index: number): Form | null {
  const matches = opcode.space === 0 ? matchesLegacy : matchesVex;
  const isNop = opcode.byte === 0x90 && opcode.rows[0]?.map === 0;
  const row = opcode.rows.find((candidate) => matches(candidate, index, isNop));
  const form = row === undefined ? NO_FORM : forms.of(row);
  opcode.forms[index] = form;
  return form;
}

/** The one set of forms over the one table. */
export const forms: Forms = new Forms();
