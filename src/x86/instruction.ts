/**
 * A decoded instruction: the row that it is an instance of, and the fields of its bytes. One mutable
 * object that the decoder fills (`decodeInto`), so that decoding a whole program allocates nothing.
 */
import type { Row } from './isa/row.ts';

/** Bits of `Instruction.prefixes`. */
export const PREFIX_LOCK = 0x01;
/** F3 was there (the last of F2/F3), as repeat, mandatory or ignored prefix. */
export const PREFIX_REP = 0x02;
/** F2 was there (the last of F2/F3). */
export const PREFIX_REPNE = 0x04;
/** 66 was there. */
export const PREFIX_OPSIZE = 0x08;
/** 67 was there: 32-bit effective addresses. */
export const PREFIX_ADDR32 = 0x10;
/** The effective segment override: at most one of these two. */
export const PREFIX_FS = 0x20;
export const PREFIX_GS = 0x40;
/** CS, DS, ES or SS override, without meaning in 64-bit mode (branch hints, notrack). */
export const PREFIX_NULL_SEGMENT = 0x80;

/** `base` of RIP-relative operands. */
export const BASE_RIP = 16;
/** No base, no index, no such field. */
export const NONE = -1;

export class Instruction {
  /** Undefined until the first successful decoding. */
  row: Row = undefined as unknown as Row;
  /** Where it starts in the buffer, and how many bytes it has (1–15). */
  offset = 0;
  length = 0;
  /** PREFIX_ bits. */
  prefixes = 0;
  /** The REX byte in effect (0x40–0x4f), or 0. With VEX and EVEX always 0. */
  rex = 0;
  /** Offset, from the start of the instruction, of the opcode byte (after 0F, VEX, EVEX). */
  opcodeAt = 0;
  opcode = 0;
  /** The ModRM byte or NONE. */
  modrm = NONE;

  /** Register numbers with all extension bits: ModRM.reg, ModRM.rm (mod = 3), vvvv, imm8[7:4]. */
  reg = 0;
  rm = 0;
  vvvv = 0;
  is4 = 0;
  /** Low bits of the opcode, extended by REX.B. */
  opcodeReg = 0;

  /** EVEX.aaa, z, b; L'L when b means embedded rounding. Zero otherwise. */
  opmask = 0;
  zeroing = false;
  /** EVEX.b: broadcast with a memory operand, rounding or SAE with a register operand. */
  evexB = false;
  /** Rounding mode (0 nearest, 1 down, 2 up, 3 to zero) or NONE. */
  rounding = NONE;

  /** An explicit memory operand is there (also for lea, nop, prefetch; moffs too). */
  hasMemory = false;
  /** 0–15, BASE_RIP, or NONE. */
  base = NONE;
  /** 0–15 (vector-indexed: 0–31), or NONE. */
  index = NONE;
  /** log2 of the scale. */
  scale = 0;
  /** Signed; already multiplied by N for the compressed disp8 of EVEX. Low half for moffs. */
  displacement = 0;
  /** High half of a moffs; 0 otherwise. */
  displacementHigh = 0;
  /** Offset of the displacement from the start of the instruction; its bytes: 0, 1, 4, 8. */
  displacementAt = 0;
  displacementBytes = 0;

  /** First immediate or relative displacement, sign-extended to 32 bits; high half of imm64. */
  immediate = 0;
  immediateHigh = 0;
  /** Second immediate (enter, extrq, insertq). */
  immediate2 = 0;
  immediateAt = 0;
}
