/**
 * What translated code is made of beyond plain instructions: the exact shapes that the translator
 * emits and that the code verifier accepts. Data only; both sides derive from it.
 *
 * ## Forms of single instructions
 * Canonical prefix order: `64|65`, `67`, `F0`, `66`, `F2|F3`, then REX, VEX or EVEX directly before
 * the opcode; none twice. A guest memory operand carries `65 67`. RIP-relative operands never occur:
 * absolute addresses are ModRM.rm = 100 with SIB 25 (no base, no index) and disp32.
 *
 * ## Slots
 * `SLOT_FORMS` lists the only instructions with an `fs:` operand. The operand is always
 * `fs:[disp32]` (ModRM mod 00, rm 100, SIB 25) with disp32 = tlsDisplacement + offset of a slot of
 * `TLS`; reading needs access `read` or `read-write`, writing `read-write`, and the access lies
 * inside the slot (in `spill`: at a multiple of 8).
 *
 * ## Macros
 * `MACROS`: several instructions, whole and in order, no branch and no entry into their middle.
 *
 * ## x87 and MMX
 * An instruction of unit `x87` or `mmx` (emms included) is accepted only where `mov byte fs:[x87Used],
 * 1` has been executed before it in the same straight run: since that store no instruction start was
 * the target of a branch in the unit, an entry, or behind an unconditional transfer. Other
 * instructions may stand in between; a conditional branch out of the run does not end it.
 *
 * ## Leaving
 * Besides branches inside the unit, `jmp rel32` and `jcc rel32` may go to the exits of `CODE_EXITS`
 * and to the places of `TARGET`. What stands in `exitRip`, `exitSite`, `target` and the spill slots
 * is guest input there. Only the cache makes direct branches to other units, by replacing the
 * 4-byte aligned displacement of a verified `jmp rel32`.
 */

import { EXIT, JUMP_TABLE_DISP, RETURN_TABLE_DISP, TLS } from './layout.ts';

/**
 * Names of the places outside that a unit may branch to: exit kinds (`EXIT`) and these. The cache
 * knows where they lie.
 */
export const TARGET = {
  /** RCX = full guest target, guest RCX in spill 0: the stub `miss`. */
  miss: 16,
  /** exitSite = 1, RCX from gs:[esp − 8], then as `miss`: fills the table of returns. */
  missReturn: 17,
  /** exitSite = 2, RCX from fs:[target], then as `miss`: fills the table of jumps. */
  missJump: 18,
} as const;

/** Exit kinds that translated code may take by itself (the rest are made by signal handlers). */
export const CODE_EXITS: readonly number[] = [
  EXIT.syscall,
  EXIT.link,
  EXIT.indirect,
  EXIT.illegal,
  EXIT.int3,
  EXIT.emulate,
  EXIT.stale,
];

/** Units start at multiples of this; link displacements are aligned relative to code memory. */
export const UNIT_ALIGNMENT = 16;

/**
 * Patterns are tokens separated by blanks: two hex digits are that byte,
 * `{fs:NAME}` the four bytes of tlsDisplacement + TLS[NAME].offset,
 * `{RETURN}` and `{JUMP}` the four bytes of a table's displacement.
 */
export type Pattern = string;

/** An instruction with an `fs:` operand. R stands for any 64-bit general register (ModRM.reg). */
export interface SlotForm {
  readonly name: string;
  /** With REX.W, and REX.R where the register asks for it; ModRM.reg is free if `register`. */
  readonly opcode: number;
  readonly rexW: boolean;
  readonly register: boolean;
  /** ModRM.reg where no register stands there. */
  readonly extension: number;
  readonly immediateBytes: 0 | 1 | 4;
  readonly bytes: 1 | 4 | 8;
  readonly access: 'read' | 'write';
}

export const SLOT_FORMS: readonly SlotForm[] = [
  slotForm('mov r64, fs:[slot]', 0x8b, true, -1, 0, 8, 'read'),
  slotForm('mov fs:[slot], r64', 0x89, true, -1, 0, 8, 'write'),
  slotForm('mov qword fs:[slot], imm32', 0xc7, true, 0, 4, 8, 'write'),
  slotForm('mov dword fs:[slot], imm32', 0xc7, false, 0, 4, 4, 'write'),
  slotForm('mov byte fs:[slot], imm8', 0xc6, false, 0, 1, 1, 'write'),
  slotForm('cmp qword fs:[slot], imm32', 0x81, true, 7, 4, 8, 'read'),
  slotForm('cmp r64, fs:[slot]', 0x3b, true, -1, 0, 8, 'read'),
];

function slotForm(
  name: string,
  opcode: number,
  rexW: boolean,
  extension: number,
  immediateBytes: 0 | 1 | 4,
  bytes: 1 | 4 | 8,
  access: 'read' | 'write',
): SlotForm {
  const register = extension < 0;
  return { name, opcode, rexW, register, extension, immediateBytes, bytes, access };
}

export interface Macro {
  readonly name: string;
  readonly pattern: Pattern;
  /** `transfer`: control does not fall through. `string`: goes on behind it. */
  readonly kind: 'transfer' | 'string';
}

/** jmp gs:[rcx*8 + table]: only behind the instruction that bounds RCX to 16 bits. */
const JUMP_BY_RETURNS = '65 FF 24 CD {RETURN}';
const JUMP_BY_JUMPS = '65 FF 24 CD {JUMP}';

/** The return: RSP is already raised; the landing compares gs:[esp − 8] whole. */
export const RETURN_MACRO: Macro = {
  name: 'return',
  pattern: `65 67 0F B7 4C 24 F8 ${JUMP_BY_RETURNS}`,
  kind: 'transfer',
};

/** movzx ecx, r16; jmp: the full target stands in fs:[target] already. By register number. */
export const JUMP_MACROS: readonly Macro[] = Array.from({ length: 16 }, (_, register) => ({
  name: `jump by register ${register}`,
  pattern: `${register >= 8 ? '41 ' : ''}0F B7 ${hex(0xc8 | (register & 7))} ${JUMP_BY_JUMPS}`,
  kind: 'transfer' as const,
}));

export interface StringOperation {
  readonly mnemonic: string;
  /** Opcode of the byte form; the others are one more. */
  readonly opcode: number;
  readonly usesSource: boolean;
  readonly usesDestination: boolean;
  readonly repeats: readonly string[];
}

export const STRING_OPERATIONS: readonly StringOperation[] = [
  stringOperation('movs', 0xa4, true, true, ['', 'F3']),
  stringOperation('cmps', 0xa6, true, true, ['', 'F3', 'F2']),
  stringOperation('stos', 0xaa, false, true, ['', 'F3']),
  stringOperation('lods', 0xac, true, false, ['', 'F3']),
  stringOperation('scas', 0xae, false, true, ['', 'F3', 'F2']),
];

function stringOperation(
  mnemonic: string,
  opcode: number,
  usesSource: boolean,
  usesDestination: boolean,
  repeats: readonly string[],
): StringOperation {
  return { mnemonic, opcode, usesSource, usesDestination, repeats };
}

/** Scratch register of string macros (R8): its guest value is spilled before, reloaded after. */
export const STRING_SCRATCH = 8;
/** mov r8, fs:[sandboxBase] */
const LOAD_BASE = '64 4C 8B 04 25 {fs:sandboxBase}';
/** mov edi, edi; lea rdi, [rdi + r8] */
const CONFINE_DESTINATION = '89 FF 4A 8D 3C 07';
/** mov esi, esi; lea rsi, [rsi + r8] */
const CONFINE_SOURCE = '89 F6 4A 8D 34 06';

/**
 * String instructions with 64-bit addresses. The pointers start inside the sandbox and every step is
 * at most 8 bytes, so that in either direction a `rep` reaches a guard before anything else. Behind
 * the macro plain instructions (`mov r8, fs:[sandboxBaseNegated]`, `lea`) make guest pointers again.
 */
export function stringMacro(operation: StringOperation, bits: number, repeat: string): Macro {
  const size = bits === 16 ? '66' : '';
  const rex = bits === 64 ? '48' : '';
  const opcode = hex(operation.opcode + (bits === 8 ? 0 : 1));
  const parts = [
    LOAD_BASE,
    operation.usesDestination ? CONFINE_DESTINATION : '',
    operation.usesSource ? CONFINE_SOURCE : '',
    size,
    repeat,
    rex,
    opcode,
  ];
  return {
    name: `${repeat}${operation.mnemonic}${bits}`,
    pattern: parts.filter((part) => part !== '').join(' '),
    kind: 'string',
  };
}

export const STRING_MACROS: readonly Macro[] = STRING_OPERATIONS.flatMap((operation) =>
  [8, 16, 32, 64].flatMap((bits) =>
    operation.repeats.map((repeat) => stringMacro(operation, bits, repeat)),
  ),
);

export const MACROS: readonly Macro[] = [RETURN_MACRO, ...JUMP_MACROS, ...STRING_MACROS];

/** The bytes of a pattern. */
export function patternBytes(pattern: Pattern, tlsDisplacement: number): Uint8Array {
  const bytes: number[] = [];
  for (const token of pattern.split(' ')) {
    if (!token.startsWith('{')) bytes.push(Number.parseInt(token, 16));
    else
      for (let n = 0; n < 4; n++) bytes.push((holeValue(token, tlsDisplacement) >> (8 * n)) & 255);
  }
  return Uint8Array.from(bytes);
}

/** The 32-bit number that a `{…}` token stands for. */
export function holeValue(token: string, tlsDisplacement: number): number {
  if (token === '{RETURN}') return RETURN_TABLE_DISP;
  if (token === '{JUMP}') return JUMP_TABLE_DISP;
  const slot = TLS[token.slice(4, -1) as keyof typeof TLS];
  return tlsDisplacement + slot.offset;
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}
