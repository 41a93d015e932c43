/**
 * The compact form of rows in `compiled.table.ts`: written by `compile.ts`, read by `table.ts`. Both
 * ends of every packed field stand here.
 */
import type {
  Access,
  FlagEffect,
  ImplicitMemory,
  InstructionClass,
  MandatoryPrefix,
  OpcodeMap,
  OperandKind,
  PrefixUse,
  Row,
  RowOperand,
  SizeRule,
  Slot,
  Space,
  Unit,
} from './row.ts';

const CLASSES: readonly InstructionClass[] = [
  ...(['plain', 'branch', 'condbranch', 'loopbranch', 'call', 'ret', 'indirectbranch'] as const),
  ...(['indirectcall', 'stack', 'string', 'state', 'segment', 'system'] as const),
];
const UNITS: readonly Unit[] = ['integer', 'x87', 'mmx', 'sse', 'avx', 'avx512'];
const SIZE_RULES: readonly SizeRule[] = ['any', 'o16', 'o32', 'o64', 'd64', 'w0'];
const MODS: readonly Row['mod'][] = ['any', 'reg', 'mem'];
const KINDS: readonly OperandKind[] = [
  ...(['gp', 'vec', 'mask', 'mmx', 'x87', 'seg', 'mem', 'imm', 'rel', 'moffs', 'one'] as const),
];
const SLOTS: readonly Slot[] = [
  ...(['reg', 'rm', 'vvvv', 'is4', 'opcode', 'imm', 'imm2', 'fixed', 'none'] as const),
];

/** `[text, kind, slot, bits, access, memory, memoryBits, broadcast, tuple, vsib, vsibElement, fixed, signed]` */
export type PackedOperand = readonly [string, ...number[]];

export function packOperand(text: string, o: RowOperand): PackedOperand {
  return [
    text,
    KINDS.indexOf(o.kind),
    SLOTS.indexOf(o.slot),
    o.bits,
    o.access,
    o.memory ? 1 : 0,
    o.memoryBits,
    o.broadcastBits,
    o.tupleBits,
    o.vsibBits,
    o.vsibElementBits,
    o.fixed,
    o.signed ? 1 : 0,
  ];
}

export function unpackOperand(packed: PackedOperand): RowOperand {
  const n = packed as unknown as readonly number[];
  return {
    kind: KINDS[n[1]!]!,
    slot: SLOTS[n[2]!]!,
    bits: n[3]!,
    access: n[4]! as Access,
    memory: n[5] === 1,
    memoryBits: n[6]!,
    broadcastBits: n[7]!,
    tupleBits: n[8]!,
    vsibBits: n[9]!,
    vsibElementBits: n[10]!,
    fixed: n[11]!,
    signed: n[12] === 1,
  };
}

/** What rows share, by index: flags, implicit operands, features. */
export interface PackedEffects {
  readonly flags: FlagEffect;
  /** Read, write, vector read, vector write. */
  readonly implicit: readonly [number, number, number, number];
  readonly memory: readonly ImplicitMemory[];
  readonly features: readonly string[];
}

/** `[mnemonic, encoding, operand indices, effects index, encoding bits, more bits, flag bits]` */
export type PackedRow = readonly [
  string,
  string,
  readonly number[],
  number,
  number,
  number,
  number,
  string?,
];

const bit = (value: boolean, at: number): number => (value ? 1 << at : 0);

export function packRow(
  row: Row,
  encoding: string,
  operands: readonly number[],
  effects: number,
  manual: string | undefined,
): PackedRow {
  const first =
    row.space |
    (row.map << 2) |
    (row.opcode << 5) |
    bit(row.opcodeReg, 13) |
    ((row.prefix + 1) << 14) |
    (SIZE_RULES.indexOf(row.sizeRule) << 17) |
    ((row.w + 1) << 20) |
    ((row.l + 1) << 22) |
    bit(row.hasModrm, 24) |
    (MODS.indexOf(row.mod) << 25);
  const second =
    (row.reg + 1) |
    ((row.rm + 1) << 4) |
    (row.immediateBytes << 8) |
    (row.immediate2Bytes << 12) |
    (CLASSES.indexOf(row.class) << 14) |
    (UNITS.indexOf(row.unit) << 18) |
    ((row.condition + 1) << 21) |
    bit(row.gsSafe, 26) |
    bit(row.bitString, 27);
  const third =
    bit(row.masking, 0) |
    bit(row.maskRequired, 1) |
    bit(row.zeroing, 2) |
    bit(row.rounding, 3) |
    bit(row.sae, 4) |
    bit(row.prefixes.lock, 5) |
    bit(row.prefixes.rep, 6) |
    bit(row.prefixes.repne, 7);
  const packed = [row.mnemonic, encoding, operands, effects, first, second, third] as const;
  return manual === undefined ? packed : [...packed, manual];
}

const NO_PREFIXES: PrefixUse = Object.freeze({ lock: false, rep: false, repne: false });

/** A row of the compiled table. Same shape for all rows, so that their fields read fast. */
export class TableRow implements Row {
  readonly id: number;
  readonly mnemonic: string;
  readonly operands: readonly RowOperand[];
  readonly space: Space;
  readonly map: OpcodeMap;
  readonly opcode: number;
  readonly opcodeReg: boolean;
  readonly prefix: MandatoryPrefix;
  readonly sizeRule: SizeRule;
  readonly w: -1 | 0 | 1;
  readonly l: -1 | 0 | 1 | 2;
  readonly hasModrm: boolean;
  readonly mod: Row['mod'];
  readonly reg: number;
  readonly rm: number;
  readonly immediateBytes: Row['immediateBytes'];
  readonly immediate2Bytes: Row['immediate2Bytes'];
  readonly moffs: boolean;
  readonly usesVvvv: boolean;
  readonly memoryOperand: number;
  readonly memoryAccess: Access;
  readonly memoryBytes: number;
  readonly bitString: boolean;
  readonly masking: boolean;
  readonly maskRequired: boolean;
  readonly zeroing: boolean;
  readonly rounding: boolean;
  readonly sae: boolean;
  readonly class: InstructionClass;
  readonly unit: Unit;
  readonly condition: number;
  readonly flags: FlagEffect;
  readonly prefixes: PrefixUse;
  readonly implicitRead: number;
  readonly implicitWrite: number;
  readonly implicitVectorRead: number;
  readonly implicitVectorWrite: number;
  readonly implicitMemory: readonly ImplicitMemory[];
  readonly gsSafe: boolean;
  readonly features: readonly string[];
  readonly #encoding: string;
  readonly #operandText: readonly string[];
  readonly #manual: string | undefined;

  constructor(
    id: number,
    packed: PackedRow,
    operands: readonly RowOperand[],
    operandText: readonly string[],
    effects: PackedEffects,
  ) {
    const [mnemonic, encoding, , , first, second, third, manual] = packed;
    this.id = id;
    this.mnemonic = mnemonic;
    this.operands = operands;
    this.space = (first & 3) as Space;
    this.map = ((first >> 2) & 7) as OpcodeMap;
    this.opcode = (first >> 5) & 255;
    this.opcodeReg = ((first >> 13) & 1) === 1;
    this.prefix = (((first >> 14) & 7) - 1) as MandatoryPrefix;
    this.sizeRule = SIZE_RULES[(first >> 17) & 7]!;
    this.w = (((first >> 20) & 3) - 1) as -1 | 0 | 1;
    this.l = (((first >> 22) & 3) - 1) as -1 | 0 | 1 | 2;
    this.hasModrm = ((first >> 24) & 1) === 1;
    this.mod = MODS[(first >> 25) & 3]!;
    this.reg = (second & 15) - 1;
    this.rm = ((second >> 4) & 15) - 1;
    this.immediateBytes = ((second >> 8) & 15) as Row['immediateBytes'];
    this.immediate2Bytes = ((second >> 12) & 3) as Row['immediate2Bytes'];
    let memoryOperand = -1;
    let usesVvvv = false;
    for (let n = 0; n < operands.length; n++) {
      if (operands[n]!.memory) memoryOperand = n;
      if (operands[n]!.slot === 'vvvv') usesVvvv = true;
    }
    const memory = memoryOperand < 0 ? undefined : operands[memoryOperand]!;
    this.moffs = memory !== undefined && memory.kind === 'moffs';
    this.usesVvvv = usesVvvv;
    this.memoryOperand = memoryOperand;
    this.memoryAccess = memory === undefined ? 0 : memory.access;
    this.memoryBytes = memory === undefined ? 0 : memory.memoryBits >> 3;
    this.bitString = ((second >> 27) & 1) === 1;
    this.masking = (third & 1) !== 0;
    this.maskRequired = (third & 2) !== 0;
    this.zeroing = (third & 4) !== 0;
    this.rounding = (third & 8) !== 0;
    this.sae = (third & 16) !== 0;
    this.class = CLASSES[(second >> 14) & 15]!;
    this.unit = UNITS[(second >> 18) & 7]!;
    this.condition = ((second >> 21) & 31) - 1;
    this.flags = effects.flags;
    this.prefixes =
      third >> 5 === 0
        ? NO_PREFIXES
        : { lock: (third & 32) !== 0, rep: (third & 64) !== 0, repne: (third & 128) !== 0 };
    this.implicitRead = effects.implicit[0];
    this.implicitWrite = effects.implicit[1];
    this.implicitVectorRead = effects.implicit[2];
    this.implicitVectorWrite = effects.implicit[3];
    this.implicitMemory = effects.memory;
    this.gsSafe = ((second >> 26) & 1) === 1;
    this.features = effects.features;
    this.#encoding = encoding;
    this.#operandText = operandText;
    this.#manual = manual;
  }

  get text(): string {
    return `${this.mnemonic} ${this.#operandText.join(', ')} | ${this.#encoding}`;
  }

  get manual(): string {
    return this.#manual ?? manualOf(this.mnemonic, this.features);
  }
}

/** Where the manual describes a mnemonic, if its row does not say. */
export function manualOf(mnemonic: string, features: readonly string[]): string {
  const amd = features.includes('sse4a');
  return `${amd ? 'AMD APM vol. 4' : 'Intel SDM vol. 2'}, ${mnemonic.toUpperCase()}`;
}
