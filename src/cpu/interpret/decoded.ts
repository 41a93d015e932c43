/** One guest instruction, decoded where it stands: for faults and the interpreter. */

import { DECODE_OK, DECODE_TRUNCATED, decodeInto } from '../../x86/decode.ts';
import { Instruction } from '../../x86/instruction.ts';
import type { Unit } from '../translate/unit.ts';

/** Guest memory, executable or not. Negative: nothing was copied. */
export interface Peek {
  peek(addr: number, target: Uint8Array): number;
}

/** Guest memory with its permissions. */
export interface ExecutablePeek extends Peek {
  permits(addr: number, length: number, protection: number): boolean;
}

const MAX_BYTES = 15;
const PREFIXES: ReadonlySet<number> = new Set([
  ...[0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65],
  ...Array.from({ length: 16 }, (_, n) => 0x40 + n),
]);
/** As `mmap(2)` has it. */
const PROT_EXEC = 4;

export class Decoded {
  readonly instruction = new Instruction();
  private readonly bytes = new Uint8Array(MAX_BYTES);
  /** What `of` decoded last, as long as it stands in `instruction`. */
  private unit: Unit | undefined;
  private rip = 0;

  /** Decodes the instruction at `rip`; false when there is none. */
  at(memory: Peek, rip: number): boolean {
    this.unit = undefined;
    if (rip >= 2 ** 32) return false;
    for (let length = MAX_BYTES; length > 0; length--) {
      if (memory.peek(rip, this.bytes.subarray(0, length)) < 0) continue;
      return decodeInto(this.instruction, this.bytes, 0, length) === DECODE_OK;
    }
    return false;
  }

  /** The same from what `unit` was made of, once for faults that come again; false: not all of it is there. */
  of(unit: Unit, rip: number): boolean {
    if (this.unit === unit && this.rip === rip) return true;
    this.unit = undefined;
    const { ranges, source } = unit;
    let at = 0;
    for (let n = 0; n < ranges.length; n += 2) {
      const offset = rip - ranges[n]!;
      const length = ranges[n + 1]!;
      if (offset >= 0 && offset < length) {
        if (decodeInto(this.instruction, source, at + offset, at + length) !== DECODE_OK)
          return false;
        this.unit = unit;
        this.rip = rip;
        return true;
      }
      at += length;
    }
    return false;
  }

  /** Only prefixes in 15 bytes: #GP, whatever follows (SDM vol. 2, 2.3.11). */
  isTooLong(memory: Peek, rip: number): boolean {
    return memory.peek(rip, this.bytes) >= 0 && this.bytes.every((byte) => PREFIXES.has(byte));
  }

  /** Does the instruction at `rip` cross `pageEnd` into a page that may not be executed? */
  goesOnBehind(memory: ExecutablePeek, rip: number, pageEnd: number): boolean {
    const length = pageEnd - rip;
    if (length >= MAX_BYTES || memory.permits(pageEnd, 1, PROT_EXEC)) return false;
    this.unit = undefined;
    if (memory.peek(rip, this.bytes.subarray(0, length)) < 0) return false;
    return decodeInto(this.instruction, this.bytes, 0, length) === DECODE_TRUNCATED;
  }
}

/** What to say of the instruction at `rip` when it is in no table. */
export function illegalLine(memory: Peek, rip: number): string {
  const bytes = new Uint8Array(MAX_BYTES);
  let length = MAX_BYTES;
  while (length > 0 && memory.peek(rip, bytes.subarray(0, length)) < 0) length--;
  const hex = [...bytes.subarray(0, length)].map((byte) => byte.toString(16).padStart(2, '0'));
  return `SIGILL: no translation of the instruction at 0x${rip.toString(16)}: ${hex.join(' ')}`;
}
