/**
 * The row type of the instruction table: one row = one encoding of one instruction, as data.
 * Decoder, assembler, printer, random generator, translator and code verifier are derived from it.
 * Source of the facts: Intel SDM vol. 2 (order number 325383) and AMD APM vol. 3–5 (SSE4A).
 *
 * ## How a row is written (families: the other files of this folder)
 *
 *     row('add', 'rm64:rw, r64:r', 'REX.W 01 /r', { lock: true, flags: 'w=oszapc' })
 *     row('vpaddd', 'zmm:w{k}{z}, zmm:r, zmm/m512/b32:r', 'EVEX.512.66.0F.W0 FE /r',
 *         { features: 'avx512f' })
 *
 * **Operands**, in Intel order, comma-separated: `WHAT[@SLOT]:ROLE[{k}][{z}][{er}][{sae}]`
 * - ROLE `r`, `w`, `rw`, or `n` (named but not accessed: lea, nop, prefetch).
 * - WHAT: `r8 r16 r32 r64`; `rm8 … rm64` (= `r8/m8` …); `REG/mBITS[/bBITS]` with REG one of
 *   `r8…r64 mm xmm ymm zmm k` (b = embedded broadcast of that element size); `mBITS` memory only;
 *   `m` memory whose size the row does not tell; `vm32x vm64z …` + `/mBITS` vector-indexed memory
 *   of that element size; `sreg`; `sti`; `k`; `imm8 imm16 imm32 imm64 imm8s imm32s` (s: sign-
 *   extended to the operand size); `rel8 rel32`; `moffs8 … moffs64`; a fixed register (`al cl ax
 *   dx eax rax xmm0 st0 fs gs`) or the constant `1`.
 * - SLOT where the number stands: `@reg` ModRM.reg, `@rm` ModRM.rm, `@v` VEX.vvvv, `@is4`
 *   imm8[7:4], `@op` low bits of the opcode. By default: what may be memory stands in ModRM.rm;
 *   other registers take in turn ModRM.reg (unless `/0–/7` took it), VEX.vvvv, imm8[7:4]; with
 *   `+r` the register stands in the opcode.
 *
 * **Encoding**, the manual's notation, with these prefix tokens for legacy encodings:
 * - `NP` none of 66 F2 F3; `66` `F2` `F3` mandatory prefix (F2/F3 win over 66, the last of the two
 *   counts); no token: 66 has no meaning there and F2/F3 are ignored.
 * - `o16` operand size 16: 66 present and REX.W = 0; `o32` neither 66 nor REX.W; `REX.W` W = 1 (66
 *   is ignored); `W0` REX.W = 0; `d64` 64 bits by default (no 66, or W = 1); none: any.
 * - then opcode bytes `0F`, `0F 38`, `0F 3A` + opcode; a byte after the opcode is a fixed ModRM
 *   (`0F 01 D0`), with `+i` its low three bits are an operand (`D8 C0+i`); `+r` low three bits of
 *   the opcode; `/r`, `/0`–`/7`; immediates `ib iw id io cb cd /is4`; `3DNow` suffixes do not occur.
 * - `VEX.{128,256,LIG,L0,L1,LZ}.{NP,66,F3,F2}.{0F,0F38,0F3A}.{W0,W1,WIG}` and
 *   `EVEX.{128,256,512,LIG}.….{0F,0F38,0F3A,MAP5,MAP6}.{W0,W1,WIG}`.
 *
 * The disp8*N factor of EVEX is the size of the memory operand (of the element under broadcast):
 * that holds for every tuple type but that of compress and expand, whose rows say `/n32` (the unit
 * is one element, while up to the whole length is accessed).
 *
 * `npm run isa` compiles the families into `compiled.table.ts`; rows are made from that lazily, an
 * opcode at a time (`table.ts`): start-up pays only for what it meets.
 */

/** Bits of a role and of memory access. */
export const READ = 1;
export const WRITE = 2;
export type Access = 0 | 1 | 2 | 3;

/** Encoding spaces. */
export const LEGACY = 0;
export const VEX = 1;
export const EVEX = 2;
export type Space = typeof LEGACY | typeof VEX | typeof EVEX;

/** Opcode maps: 0 one-byte, 1 = 0F, 2 = 0F38, 3 = 0F3A, 5 and 6 (EVEX only). */
export type OpcodeMap = 0 | 1 | 2 | 3 | 5 | 6;

/**
 * Mandatory prefix of a row. `ANY`: 66/F2/F3 play no part in choosing the row (legacy only);
 * `NONE`: none of them may be there.
 */
export const PREFIX_NONE = 0;
export const PREFIX_66 = 1;
export const PREFIX_F3 = 2;
export const PREFIX_F2 = 3;
export const PREFIX_ANY = -1;
export type MandatoryPrefix = -1 | 0 | 1 | 2 | 3;

/** Operand-size condition of a legacy row, see the tokens above. */
export type SizeRule = 'any' | 'o16' | 'o32' | 'o64' | 'd64' | 'w0';

/** What a register operand names; `vec` is xmm, ymm or zmm by `bits`. */
export type RegisterKind = 'gp' | 'vec' | 'mask' | 'mmx' | 'x87' | 'seg';

export type OperandKind = RegisterKind | 'mem' | 'imm' | 'rel' | 'moffs' | 'one';

/** Where an operand's number stands in the encoding. */
export type Slot = 'reg' | 'rm' | 'vvvv' | 'is4' | 'opcode' | 'imm' | 'imm2' | 'fixed' | 'none';

export interface RowOperand {
  /** The register kind if it can be a register, else `mem`, `imm`, … */
  readonly kind: OperandKind;
  readonly slot: Slot;
  /** Bits of the register or immediate; for `mem` those of the access (0: not told). */
  readonly bits: number;
  /** READ | WRITE. */
  readonly access: Access;
  /** It may be (kind `mem`, `moffs`: it is) a memory operand. */
  readonly memory: boolean;
  /** Bits in memory: may differ from `bits` (pinsrw r32/m16). Of the element if vector-indexed. */
  readonly memoryBits: number;
  /** Element bits of an embedded broadcast; 0: none allowed. */
  readonly broadcastBits: number;
  /** EVEX compressed displacement: unit in bits where it is not `memoryBits`; 0 otherwise. */
  readonly tupleBits: number;
  /** Bits of the index register of vector-indexed memory (vgather); 0: ordinary memory. */
  readonly vsibBits: number;
  /** Element bits of the vector index: 32 or 64; 0 for ordinary memory. */
  readonly vsibElementBits: number;
  /** Number of the fixed register, for slot `fixed`; -1 otherwise. */
  readonly fixed: number;
  /** Sign-extended immediate. */
  readonly signed: boolean;
}

/**
 * What a translator has to do with a row; also what the code verifier accepts it as.
 * - `plain`: may be copied; an explicit memory operand becomes `gs:` with the prefix 67. No
 *   implicit memory operand, except where `implicitMemory` lists one that honours `gs:` and 67
 *   (xlat, maskmovq, maskmovdqu: `gsSafe` is true).
 * - `branch` jmp rel; `condbranch` jcc rel; `loopbranch` loop*, jrcxz (67 changes the counter!);
 *   `call` call rel; `ret`; `indirectbranch` jmp r/m; `indirectcall` call r/m.
 * - `stack`: push, pop, pushf, popf, enter, leave: implicit stack memory, macros.
 * - `string`: movs, stos, lods, scas, cmps (no ins/outs): implicit memory, macros.
 * - `state`: xsave*, xrstor*, fxsave, fxrstor: component masks, macros.
 * - `segment`: moves to and from segment registers, rd/wr fs/gs base: exits or macros.
 * - `system`: syscall, cpuid, int, int3, ud*, xgetbv, …: exits. Never in translated code.
 */
export type InstructionClass =
  | 'plain'
  | 'branch'
  | 'condbranch'
  | 'loopbranch'
  | 'call'
  | 'ret'
  | 'indirectbranch'
  | 'indirectcall'
  | 'stack'
  | 'string'
  | 'state'
  | 'segment'
  | 'system';

/** Which register state an instruction works on (x87 and mmx: see sticky use of the x87 state). */
export type Unit = 'integer' | 'x87' | 'mmx' | 'sse' | 'avx' | 'avx512';

/** An implicit memory operand. `segment` es: an override is ignored. */
export interface ImplicitMemory {
  /** `rsp` = stack (push below, pop at RSP); `rbp` = enter/leave; `rbx+al` = xlat. */
  readonly address: 'rsp' | 'rbp' | 'rsi' | 'rdi' | 'rbx+al' | 'rax';
  readonly segment: 'ds' | 'es' | 'ss';
  readonly access: Access;
  readonly bits: number;
}

/** Bits of the flag masks; positions as in RFLAGS. */
export const FLAG_CF = 0x001;
export const FLAG_PF = 0x004;
export const FLAG_AF = 0x010;
export const FLAG_ZF = 0x040;
export const FLAG_SF = 0x080;
export const FLAG_DF = 0x400;
export const FLAG_OF = 0x800;
/** CF PF AF ZF SF OF. */
export const FLAGS_STATUS = 0x8d5;

export interface FlagEffect {
  /** Flags that influence the result. */
  readonly read: number;
  /** Flags that always get a defined value. */
  readonly write: number;
  /** Flags whose value is undefined afterwards (differential tests mask them). */
  readonly undefined: number;
  /**
   * Flags of `write` or `undefined` that stay as they were in some cases (shift by 0, rep with
   * count 0) or on some processors (undefined after mul and div, where AMD keeps them, measured):
   * their old value is still alive.
   */
  readonly maybe: number;
}

/** Prefixes LOCK, REP… that mean something on a row. */
export interface PrefixUse {
  /** LOCK is legal if the destination is memory. */
  readonly lock: boolean;
  /** F3 is `rep` (movs, stos, lods) / F2, F3 are `repne`, `repe` (cmps, scas). */
  readonly rep: boolean;
  readonly repne: boolean;
}

export interface Row {
  /** Dense index into the table, the same in every run of one version. */
  readonly id: number;
  /** Lower case, Intel syntax; conditions in objdump's spelling (`je`, `setb`, `cmova`). */
  readonly mnemonic: string;
  readonly operands: readonly RowOperand[];

  readonly space: Space;
  readonly map: OpcodeMap;
  /** The opcode byte; with `opcodeReg` the one with the low three bits clear. */
  readonly opcode: number;
  readonly opcodeReg: boolean;
  readonly prefix: MandatoryPrefix;
  readonly sizeRule: SizeRule;
  /** VEX.W / EVEX.W: 0, 1, or -1 ignored. -1 for legacy (see `sizeRule`). */
  readonly w: -1 | 0 | 1;
  /** Vector length field: 0 = 128, 1 = 256, 2 = 512, -1 ignored. -1 for legacy. */
  readonly l: -1 | 0 | 1 | 2;
  readonly hasModrm: boolean;
  /** `mem`: mod ≠ 3 only; `reg`: mod = 3 only. */
  readonly mod: 'any' | 'reg' | 'mem';
  /** Fixed ModRM.reg (opcode extension) or -1. */
  readonly reg: number;
  /** Fixed ModRM.rm (with mod = 3) or -1. */
  readonly rm: number;
  /** Bytes of the first and second immediate (relative displacements too), 0 if none. */
  readonly immediateBytes: 0 | 1 | 2 | 4 | 8;
  readonly immediate2Bytes: 0 | 1 | 2;
  /** Bytes of a memory offset (mov moffs): address size. */
  readonly moffs: boolean;
  /** VEX.vvvv names an operand; otherwise the field must be 1111. */
  readonly usesVvvv: boolean;

  /** Index into `operands` of the operand that may be memory, or -1. */
  readonly memoryOperand: number;
  /** READ | WRITE of that operand when it is memory; 0 for lea, nop, prefetch. */
  readonly memoryAccess: Access;
  /** Bytes accessed there (not under broadcast); 0 if not told by the row (xsave). */
  readonly memoryBytes: number;
  /** bt, bts, btr, btc with a register: the bit offset moves the address. */
  readonly bitString: boolean;

  /** EVEX: opmask allowed, zeroing allowed, embedded rounding, suppress-all-exceptions only. */
  readonly masking: boolean;
  /** The opmask must not be k0 (gather, scatter). */
  readonly maskRequired: boolean;
  readonly zeroing: boolean;
  readonly rounding: boolean;
  readonly sae: boolean;

  readonly class: InstructionClass;
  readonly unit: Unit;
  /** Condition code 0–15 of jcc, setcc, cmovcc; -1 otherwise. */
  readonly condition: number;
  readonly flags: FlagEffect;
  readonly prefixes: PrefixUse;
  /** Implicit general registers, bit n = register n (0 rax, 1 rcx, 2 rdx, 3 rbx, 4 rsp …). */
  readonly implicitRead: number;
  readonly implicitWrite: number;
  /** Implicit vector registers, bit n = xmm n. */
  readonly implicitVectorRead: number;
  readonly implicitVectorWrite: number;
  readonly implicitMemory: readonly ImplicitMemory[];
  /**
   * True if every memory access of the row, explicit and implicit, honours a `gs:` override and
   * the prefix 67 with its meaning unchanged. (String and stack forms: false.)
   */
  readonly gsSafe: boolean;
  /** CPUID features needed, lower case as in /proc/cpuinfo (`avx512f`, `bmi2`); empty: x86-64. */
  readonly features: readonly string[];
  /** Where the manual describes it. */
  readonly manual: string;
  /** The row as written, for messages. */
  readonly text: string;
}

/** Optional facts of a row as written in the family files. */
export interface RowOptions {
  readonly class?: InstructionClass;
  readonly unit?: Unit;
  /** Space-separated CPUID features. */
  readonly features?: string;
  /** `r=… w=… u=… m=…` over the letters o s z a p c d. */
  readonly flags?: string;
  readonly lock?: boolean;
  readonly rep?: 'rep' | 'repcc';
  /** Space-separated implicit registers, `rax rdx xmm0`. */
  readonly in?: string;
  readonly out?: string;
  /** Implicit memory, space-separated `ACCESS:SEGMENT:ADDRESS:BITS`, as `r:ds:rsi:8`. */
  readonly mem?: string;
  readonly gsSafe?: boolean;
  readonly bitString?: boolean;
  readonly maskRequired?: boolean;
  readonly condition?: number;
  readonly manual?: string;
}

/** A row as written. */
export interface RowSource {
  readonly mnemonic: string;
  readonly operands: string;
  readonly encoding: string;
  readonly options: RowOptions;
}

const NO_OPTIONS: RowOptions = {};

/** Writes one row. */
export function row(
  mnemonic: string,
  operands: string,
  encoding: string,
  options: RowOptions = NO_OPTIONS,
): RowSource {
  return { mnemonic, operands, encoding, options };
}
