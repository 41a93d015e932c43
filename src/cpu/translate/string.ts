/**
 * String instructions: the macros of `cpu/sandbox/macros.ts` with what makes them exact. RDI and
 * RSI are kept in spills 2 and 3, so that an interruption gives them back whole.
 *
 * Deviation: after a string instruction the upper halves of RDI and RSI are those of a pointer below
 * 4 GiB; they differ only for pointers that would have faulted, or with a count of zero.
 */

import {
  type Instruction,
  PREFIX_ADDR32,
  PREFIX_FS,
  PREFIX_GS,
  PREFIX_OPSIZE,
  PREFIX_REP,
  PREFIX_REPNE,
} from '../../x86/instruction.ts';
import { TLS } from '../sandbox/layout.ts';
import {
  patternBytes,
  STRING_OPERATIONS,
  STRING_SCRATCH,
  type StringOperation,
  stringMacro,
} from '../sandbox/macros.ts';
import { type Emitter, RDI, RSI } from './emitter.ts';
import {
  FIX_RELOAD_RDI,
  FIX_RELOAD_RSI,
  FIX_UNBASE_RDI,
  FIX_UNBASE_RSI,
  restore,
} from './fixup.ts';

const LOAD_BASE_BYTES = 9;
/** Every macro begins with the load of B: its slot's displacement. */
const BASE_SLOT_AT = 5;
const TRUNCATE_BYTES = 2;
const ADD_BYTES = 4;

/** Pattern bytes by (opcode, width, repeat), made once for a displacement. */
export class StringMacros {
  private readonly cache = new Map<number, Uint8Array>();
  private readonly tlsDisplacement: number;

  constructor(tlsDisplacement: number) {
    this.tlsDisplacement = tlsDisplacement;
  }

  get(operation: StringOperation, bits: number, repeat: string): Uint8Array {
    const key =
      (operation.opcode << 16) | (bits << 8) | (repeat === '' ? 0 : repeat === 'F3' ? 1 : 2);
    let bytes = this.cache.get(key);
    if (!bytes) {
      bytes = patternBytes(stringMacro(operation, bits, repeat).pattern, this.tlsDisplacement);
      this.cache.set(key, bytes);
    }
    return bytes;
  }
}

/** False: a form left to the interpreter (32-bit pointers, a guest segment). */
export function isMacroString(ins: Instruction): boolean {
  return (ins.prefixes & (PREFIX_ADDR32 | PREFIX_FS | PREFIX_GS)) === 0;
}

export function stringInstruction(
  e: Emitter,
  macros: StringMacros,
  ins: Instruction,
  rip: number,
): void {
  const operation = STRING_OPERATIONS.find((each) => each.opcode === (ins.opcode & 0xfe));
  if (!operation) throw new Error(`no string operation ${ins.opcode}`);
  const bits = ins.opcode & 1 ? (ins.rex & 8 ? 64 : ins.prefixes & PREFIX_OPSIZE ? 16 : 32) : 8;
  const repeat = repeatOf(ins, operation);
  const scratch = restore(STRING_SCRATCH, 1);
  e.spill(STRING_SCRATCH, 1);
  if (operation.usesDestination) {
    e.fix(rip, 0, 0);
    e.spill(RDI, 2);
  }
  if (operation.usesSource) {
    e.fix(rip, 0, 0);
    e.spill(RSI, 3);
  }
  e.fix(rip, 0, 0);
  const start = e.position;
  e.pattern(macros.get(operation, bits, repeat));
  e.noteSlot(start + BASE_SLOT_AT);
  const end = e.position;
  fixInside(e, operation, rip, start);
  e.position = end;
  const next = rip + ins.length;
  const unDestination = operation.usesDestination ? FIX_UNBASE_RDI : 0;
  const unSource = operation.usesSource ? FIX_UNBASE_RSI : 0;
  e.fix(next, scratch | unDestination | unSource, 0);
  e.loadSlot(STRING_SCRATCH, TLS.sandboxBaseNegated.offset);
  if (operation.usesDestination) {
    e.fix(next, scratch | unDestination | unSource, 0);
    addScratch(e, RDI);
  }
  if (operation.usesSource) {
    e.fix(next, scratch | unSource, 0);
    addScratch(e, RSI);
  }
  e.fix(next, scratch, 0);
  e.reload(STRING_SCRATCH, 1);
}

function repeatOf(ins: Instruction, operation: StringOperation): string {
  if (ins.prefixes & PREFIX_REP) return 'F3';
  if (ins.prefixes & PREFIX_REPNE) return operation.repeats.includes('F2') ? 'F2' : 'F3';
  return '';
}

/** Records for the host instructions of the macro that starts at `start`. */
function fixInside(e: Emitter, operation: StringOperation, rip: number, start: number): void {
  const scratch = restore(STRING_SCRATCH, 1);
  let at = start + LOAD_BASE_BYTES;
  let actions = scratch;
  const record = (bytes: number): void => {
    e.position = at;
    e.fix(rip, actions, 0);
    at += bytes;
  };
  if (operation.usesDestination) {
    record(TRUNCATE_BYTES);
    actions = scratch | FIX_RELOAD_RDI;
    record(ADD_BYTES);
  }
  if (operation.usesSource) {
    record(TRUNCATE_BYTES);
    actions |= FIX_RELOAD_RSI;
    record(ADD_BYTES);
  }
  actions =
    scratch |
    (operation.usesDestination ? FIX_UNBASE_RDI : 0) |
    (operation.usesSource ? FIX_UNBASE_RSI : 0);
  record(0);
}

/** lea r64, [r64 + r8] */
function addScratch(e: Emitter, register: number): void {
  e.u8(0x4a);
  e.u8(0x8d);
  e.u8(0x04 | (register << 3));
  e.u8(register);
}
