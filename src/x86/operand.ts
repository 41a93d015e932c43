/** Operands as people write them for the assembler: registers, memory, labels. */
import type { RegisterKind } from './isa/row.ts';

export interface Register {
  readonly type: 'register';
  readonly kind: RegisterKind;
  readonly bits: number;
  /** 0–15 (general), 0–31 (vector), 0–7 (mask, mmx, x87), segments es cs ss ds fs gs = 0–5. */
  readonly number: number;
  /** ah, ch, dh, bh: number 4–7, only without REX. */
  readonly high: boolean;
  readonly name: string;
}

/** A place in the code being assembled, or an absolute address known by name. */
export interface Label {
  readonly type: 'label';
  readonly name: string;
}

export interface Memory {
  readonly type: 'memory';
  readonly base: Register | undefined;
  readonly index: Register | undefined;
  readonly scale: 1 | 2 | 4 | 8;
  readonly displacement: number;
  /** RIP-relative to this label plus `displacement`. */
  readonly label: Label | undefined;
  readonly segment: 'fs' | 'gs' | undefined;
  /** Effective address of 32 bits (prefix 67). */
  readonly addr32: boolean;
  /** Bits accessed, where the other operands do not tell (mov [mem], imm); 0: as the row says. */
  readonly bits: number;
  /** Embedded broadcast (EVEX). */
  readonly broadcast: boolean;
}

export interface MemoryInit {
  readonly base?: Register;
  readonly index?: Register;
  readonly scale?: 1 | 2 | 4 | 8;
  readonly disp?: number;
  readonly label?: Label;
  readonly seg?: 'fs' | 'gs';
  readonly addr32?: boolean;
  readonly bits?: number;
  readonly broadcast?: boolean;
}

/** Numbers are immediates; a label as operand of a branch is its target. */
export type Operand = Register | Memory | Masked | Label | number | bigint;

/** A memory operand. Without base, index and label: an absolute 32-bit address (SIB form). */
export function mem(init: MemoryInit): Memory {
  return {
    type: 'memory',
    base: init.base,
    index: init.index,
    scale: init.scale ?? 1,
    displacement: init.disp ?? 0,
    label: init.label,
    segment: init.seg,
    addr32: init.addr32 ?? false,
    bits: init.bits ?? 0,
    broadcast: init.broadcast ?? false,
  };
}

const WORDS = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'] as const;
const LOW_BYTES = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'] as const;
const HIGH_BYTES = ['ah', 'ch', 'dh', 'bh'] as const;
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const;

function make(
  kind: RegisterKind,
  bits: number,
  number: number,
  name: string,
  high = false,
): Register {
  return Object.freeze({ type: 'register', kind, bits, number, high, name });
}

/** Name of a general register; `rex` tells spl… from ah… for 8 bits. */
export function gpName(number: number, bits: number, rex = true): string {
  if (number >= 8)
    return `r${number}${bits === 64 ? '' : bits === 32 ? 'd' : bits === 16 ? 'w' : 'b'}`;
  if (bits === 64) return `r${WORDS[number]}`;
  if (bits === 32) return `e${WORDS[number]}`;
  if (bits === 16) return WORDS[number]!;
  return !rex && number >= 4 ? HIGH_BYTES[number - 4]! : LOW_BYTES[number]!;
}

/** Name of any register; `noRex`: 8-bit numbers 4–7 are ah, ch, dh, bh. */
export function registerName(
  kind: RegisterKind,
  bits: number,
  number: number,
  noRex = false,
): string {
  switch (kind) {
    case 'gp':
      return gpName(number, bits, !noRex);
    case 'vec':
      return `${bits === 512 ? 'z' : bits === 256 ? 'y' : 'x'}mm${number}`;
    case 'mask':
      return `k${number}`;
    case 'mmx':
      return `mm${number}`;
    case 'x87':
      return `st(${number})`;
    case 'seg':
      return SEGMENTS[number] ?? `seg${number}`;
  }
}

function range(kind: RegisterKind, bits: number, count: number): readonly Register[] {
  return Array.from({ length: count }, (_, n) => make(kind, bits, n, registerName(kind, bits, n)));
}

export const gp64: readonly Register[] = range('gp', 64, 16);
export const gp32: readonly Register[] = range('gp', 32, 16);
export const gp16: readonly Register[] = range('gp', 16, 16);
/** al cl dl bl spl bpl sil dil r8b … */
export const gp8: readonly Register[] = range('gp', 8, 16);
/** ah ch dh bh. */
export const gp8High: readonly Register[] = HIGH_BYTES.map((n, i) => make('gp', 8, i + 4, n, true));
export const xmm: readonly Register[] = range('vec', 128, 32);
export const ymm: readonly Register[] = range('vec', 256, 32);
export const zmm: readonly Register[] = range('vec', 512, 32);
export const mask: readonly Register[] = range('mask', 64, 8);
export const mmx: readonly Register[] = range('mmx', 64, 8);
export const st: readonly Register[] = range('x87', 80, 8);
export const segment: readonly Register[] = range('seg', 16, 6);

export const [rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15] =
  gp64 as unknown as SixteenRegisters;
export const [
  eax,
  ecx,
  edx,
  ebx,
  esp,
  ebp,
  esi,
  edi,
  r8d,
  r9d,
  r10d,
  r11d,
  r12d,
  r13d,
  r14d,
  r15d,
] = gp32 as unknown as SixteenRegisters;
export const al: Register = gp8[0]!;
export const cl: Register = gp8[1]!;
export const dl: Register = gp8[2]!;

type R = Register;
type SixteenRegisters = readonly [R, R, R, R, R, R, R, R, R, R, R, R, R, R, R, R];

/** A register or memory operand under an opmask (EVEX). */
export interface Masked {
  readonly type: 'masked';
  readonly operand: Register | Memory;
  readonly mask: Register;
  readonly zeroing: boolean;
}

/** `dest{k1}` or, zeroing, `dest{k1}{z}`. */
export function masked(operand: Register | Memory, k: Register, zeroing = false): Masked {
  return { type: 'masked', operand, mask: k, zeroing };
}
