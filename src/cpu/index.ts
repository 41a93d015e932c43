/**
 * `cloister/cpu`: the instruction table with its decoder, assembler and printer; the translator of
 * x86-64 code into sandboxed code; the code verifier that checks every byte of it; code cache and
 * stubs over the interface {@link CodeHost}. Knows nothing of Linux. See docs/code-verifier.md and
 * docs/instruction-table.md.
 */

export { Assembler, AssemblyError } from '../x86/assemble.ts';
export {
  DECODE_OK,
  DECODE_TRUNCATED,
  DECODE_UNKNOWN,
  type DecodeResult,
  type DecodeStatus,
  decode,
  decodeInto,
} from '../x86/decode.ts';
export { Instruction } from '../x86/instruction.ts';
export type { Row, RowOperand } from '../x86/isa/row.ts';
export { type InstructionTable, isa } from '../x86/isa/table.ts';
export * as operands from '../x86/operand.ts';
export { print } from '../x86/print.ts';
export { CodeCache, RejectedUnitError } from './cache/code-cache.ts';
export type { CodeHost, CodeMemory, LookupTables, StateBlock } from './code-host.ts';
export * as layout from './sandbox/layout.ts';
export * as macros from './sandbox/macros.ts';
export { Translator } from './translate/translate.ts';
export type { Unit } from './translate/unit.ts';
export { RULES, type Rule, type UnitPlace, type Verdict } from './verify/types.ts';
export { CodeVerifier } from './verify/verifier.ts';
