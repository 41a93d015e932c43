/**
 * Classic BPF as seccomp(2) takes it: programs over the 64 bytes of `struct seccomp_data`. Checked
 * once (`bpf_check_classic`, `seccomp_check_filter`), so that running needs no bounds and ends.
 */

/** `struct sock_filter`. */
export interface BpfInstruction {
  readonly code: number;
  /** Instructions to skip when the comparison holds, and when it does not. */
  readonly whenTrue: number;
  readonly whenFalse: number;
  readonly k: number;
}

export const BPF_MAX_INSTRUCTIONS = 4096;
export const BPF_DATA_BYTES = 64;
const MEMORY_WORDS = 16;

const CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, RET: 6, MISC: 7 } as const;
const MODE_IMM = 0x00;
const MODE_ABS = 0x20;
const MODE_MEM = 0x60;
const MODE_LEN = 0x80;
const SOURCE_X = 0x08;
const RETURN_A = 0x10;
const MISC_TXA = 0x80;
const JUMP = { JA: 0x00, JEQ: 0x10, JGT: 0x20, JGE: 0x30, JSET: 0x40 } as const;
const ALU = {
  ADD: 0x00,
  SUB: 0x10,
  MUL: 0x20,
  DIV: 0x30,
  OR: 0x40,
  AND: 0x50,
  LSH: 0x60,
  RSH: 0x70,
  NEG: 0x80,
  XOR: 0xa0,
} as const;

const values = (table: Readonly<Record<string, number>>): number[] => Object.values(table);

/** Every code that a seccomp filter may have. */
const KNOWN_CODES: ReadonlySet<number> = new Set([
  ...[MODE_IMM, MODE_ABS, MODE_MEM, MODE_LEN].map((mode) => CLASS.LD | mode),
  ...[MODE_IMM, MODE_MEM, MODE_LEN].map((mode) => CLASS.LDX | mode),
  ...[CLASS.ST, CLASS.STX, CLASS.RET, CLASS.RET | RETURN_A, CLASS.MISC, CLASS.MISC | MISC_TXA],
  ...values(ALU).map((operation) => CLASS.ALU | operation),
  ...values(ALU)
    .filter((operation) => operation !== ALU.NEG)
    .map((operation) => CLASS.ALU | operation | SOURCE_X),
  ...values(JUMP).map((operation) => CLASS.JMP | operation),
  ...[JUMP.JEQ, JUMP.JGT, JUMP.JGE, JUMP.JSET].map((each) => CLASS.JMP | each | SOURCE_X),
]);

/** May it run? Known codes, jumps forward and inside, loads inside the data, a return at the end. */
export function isValidBpf(program: readonly BpfInstruction[]): boolean {
  const { length } = program;
  if (length === 0 || length > BPF_MAX_INSTRUCTIONS) return false;
  for (const [at, { code, whenTrue, whenFalse, k }] of program.entries()) {
    if (!KNOWN_CODES.has(code)) return false;
    const kind = code & 7;
    if (kind === CLASS.LD && (code & 0xe0) === MODE_ABS)
      if (k >= BPF_DATA_BYTES || k % 4 !== 0) return false;
    if (usesMemory(code) && k >= MEMORY_WORDS) return false;
    if (kind === CLASS.ALU && (code & SOURCE_X) === 0) {
      const operation = code & 0xf0;
      if (operation === ALU.DIV && k === 0) return false;
      if ((operation === ALU.LSH || operation === ALU.RSH) && k >= 32) return false;
    }
    if (kind !== CLASS.JMP) continue;
    const room = length - at - 1;
    if ((code & 0xf0) === JUMP.JA ? k >= room : whenTrue >= room || whenFalse >= room) return false;
  }
  return ((program[length - 1] as BpfInstruction).code & 7) === CLASS.RET;
}

function usesMemory(code: number): boolean {
  const kind = code & 7;
  if (kind === CLASS.ST || kind === CLASS.STX) return true;
  return (kind === CLASS.LD || kind === CLASS.LDX) && (code & 0xe0) === MODE_MEM;
}

/** What Linux puts before a program of its own instruction set: context, A = 0, X = 0. */
const PROLOGUE = 3;

/** Instructions of Linux' own set that a valid program becomes (`bpf_convert_filter`): its limits count these. */
export function loweredLength(program: readonly BpfInstruction[]): number {
  let length = PROLOGUE;
  for (const { code, whenTrue, whenFalse, k } of program) {
    const operation = code & 0xf0;
    const usesX = (code & SOURCE_X) !== 0;
    length += 1;
    switch (code & 7) {
      case CLASS.RET:
        if ((code & RETURN_A) === 0) length += 1;
        break;
      case CLASS.ALU:
        // A check against division by zero.
        if (operation === ALU.DIV && usesX) length += 4;
        break;
      case CLASS.JMP:
        if (operation === JUMP.JA) break;
        if (!usesX && k > 0x7fff_ffff) length += 1;
        if (whenFalse !== 0 && (whenTrue !== 0 || operation === JUMP.JSET)) length += 1;
        break;
      default:
    }
  }
  return length;
}

/**
 * Runs a valid program; what it returns, unsigned. Undefined where it looks at more than the first
 * `knownBytes` of the data.
 */
export function runBpf(
  program: readonly BpfInstruction[],
  data: DataView,
  knownBytes = BPF_DATA_BYTES,
): number | undefined {
  const memory = new Uint32Array(MEMORY_WORDS);
  let a = 0;
  let x = 0;
  for (let at = 0; ; at++) {
    const { code, k, whenTrue, whenFalse } = program[at] as BpfInstruction;
    const operand = (code & SOURCE_X) !== 0 ? x : k;
    switch (code & 7) {
      case CLASS.LD:
        if ((code & 0xe0) === MODE_ABS && k >= knownBytes) return undefined;
        a = load(code, k, memory, data);
        break;
      case CLASS.LDX:
        x = load(code, k, memory, data);
        break;
      case CLASS.ST:
        memory[k] = a;
        break;
      case CLASS.STX:
        memory[k] = x;
        break;
      case CLASS.ALU:
        // A division by X = 0 ends the program with 0 (`bpf_prog_run`).
        if ((code & 0xf0) === ALU.DIV && operand === 0) return 0;
        a = compute(code & 0xf0, a, operand);
        break;
      case CLASS.JMP:
        if ((code & 0xf0) === JUMP.JA) at += k;
        else at += holds(code & 0xf0, a, operand) ? whenTrue : whenFalse;
        break;
      case CLASS.RET:
        return (code & RETURN_A) !== 0 ? a : k;
      default:
        if ((code & MISC_TXA) !== 0) a = x;
        else x = a;
    }
  }
}

function load(code: number, k: number, memory: Uint32Array, data: DataView): number {
  switch (code & 0xe0) {
    case MODE_ABS:
      return data.getUint32(k, true);
    case MODE_MEM:
      return memory[k] as number;
    case MODE_LEN:
      return BPF_DATA_BYTES;
    default:
      return k;
  }
}

function holds(operation: number, a: number, operand: number): boolean {
  if (operation === JUMP.JEQ) return a === operand;
  if (operation === JUMP.JGT) return a > operand;
  if (operation === JUMP.JGE) return a >= operand;
  return (a & operand) !== 0;
}

function compute(operation: number, a: number, operand: number): number {
  switch (operation) {
    case ALU.ADD:
      return (a + operand) >>> 0;
    case ALU.SUB:
      return (a - operand) >>> 0;
    case ALU.MUL:
      return Math.imul(a, operand) >>> 0;
    case ALU.DIV:
      return Math.floor(a / operand);
    case ALU.OR:
      return (a | operand) >>> 0;
    case ALU.AND:
      return (a & operand) >>> 0;
    case ALU.LSH:
      return (a << operand) >>> 0;
    case ALU.RSH:
      return a >>> operand;
    case ALU.NEG:
      return -a >>> 0;
    default:
      return (a ^ operand) >>> 0;
  }
}
