/** One guest instruction, decoded where it stands: for faults and the interpreter. */

import { DECODE_OK, DECODE_TRUNCATED, decodeInto } from '../../x86/decode.ts';
import { Instruction } from '../../x86/instruction.ts';

/** Guest memory, executable or not. Negative: nothing was copied. */
export interface Peek {
  peek(addr: number, target: Uint8Array): number;
}

/** Guest memory with its permissions. */
export interface ExecutablePeek extends Peek {
  permits(addr: number, length: number, protection: number): boolean;
}

const MAX_BYTES = 15;
/** As `mmap(2)` has it. */
const PROT_EXEC = 4;

export class Decoded {
  readonly instruction = new Instruction();
  private readonly bytes = new Uint8Array(MAX_BYTES);

  /** Decodes the instruction at `rip`; false when there is none. */
  at(memory: Peek, rip: number): boolean {
    if (rip >= 2 ** 32) return false;
    for (let length = MAX_BYTES; length > 0; length--) {
      if (memory.peek(rip, this.bytes.subarray(0, length)) < 0) continue;
      return decodeInto(this.instruction, this.bytes, 0, length) === DECODE_OK;
    }
    return false;
  }

  /** Does the instruction at `rip` cross `pageEnd` into a page that may not be executed? */
  goesOnBehind(memory: ExecutablePeek, rip: number, pageEnd: number): boolean {
    const length = pageEnd - rip;
    if (length >= MAX_BYTES || memory.permits(pageEnd, 1, PROT_EXEC)) return false;
    if (memory.peek(rip, this.bytes.subarray(0, length)) < 0) return false;
    return decodeInto(this.instruction, this.bytes, 0, length) === DECODE_TRUNCATED;
  }
}
