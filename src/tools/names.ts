/** Addresses of an ELF file as people read them: `main+0x12`, `puts@plt`, `puts@got`. */

import type { CodeSymbols } from '../elf/symbols.ts';
import { DECODE_OK, decodeInto } from '../x86/decode.ts';
import { BASE_RIP, Instruction } from '../x86/instruction.ts';

const STUB_INSTRUCTIONS = 3;
const STUB_BYTES = 16;

export const hexOf = (value: number): string => `0x${value.toString(16)}`;

export class CodeNames {
  readonly #symbols: CodeSymbols;
  /** Bytes of the file's code at an address; fewer at the end of a segment. */
  readonly #read: (address: number, length: number) => Uint8Array;
  readonly #instruction = new Instruction();

  constructor(symbols: CodeSymbols, read: (address: number, length: number) => Uint8Array) {
    this.#symbols = symbols;
    this.#read = read;
  }

  /** `name` or `name+0x12`; of what no symbol covers undefined. */
  of(address: number): string | undefined {
    const slot = this.#symbols.slots.get(address);
    if (slot !== undefined) return `${slot}@got`;
    const range = this.#symbols.rangeAt(address);
    if (range === undefined) return undefined;
    if (range.name === undefined) return this.#stubName(address);
    return withOffset(range.name, address - range.start);
  }

  /** An entry of the procedure linkage table: a jump through a slot, with little before it. */
  #stubName(address: number): string | undefined {
    const bytes = this.#read(address, STUB_BYTES);
    const ins = this.#instruction;
    let at = 0;
    for (let n = 0; n < STUB_INSTRUCTIONS; n++) {
      if (decodeInto(ins, bytes, at, bytes.length) !== DECODE_OK) return undefined;
      at += ins.length;
      if (ins.row.class === 'indirectbranch') {
        if (!ins.hasMemory || ins.base !== BASE_RIP) return undefined;
        const slot = this.#symbols.slots.get(address + at + ins.displacement);
        return slot === undefined ? undefined : `${slot}@plt`;
      }
      if (ins.row.class !== 'plain') return undefined;
    }
    return undefined;
  }
}

export function withOffset(name: string, offset: number): string {
  return offset === 0 ? name : `${name}+${hexOf(offset)}`;
}
