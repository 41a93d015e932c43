/**
 * Assembler for hand-written code, over the instruction table:
 *
 *     const a = new Assembler(0x1000);
 *     const again = a.label('again');
 *     a.bind(again);
 *     a.emit('mov', rax, mem({ base: rsp, disp: 8, seg: 'fs' }));
 *     a.emit('lock cmpxchg', mem({ base: rdi, bits: 32 }), ecx);
 *     a.emit('jne', again);
 *     const bytes = a.finish();
 *
 * Words before the mnemonic: `lock`, `rep`/`repe`, `repne`; `short` and `near` for the length of a
 * branch (default: short for a label that is bound and near enough, else near). Of several rows that
 * fit, the one with the shortest encoding is taken, the first in the table among equals.
 * A number as operand of a branch is an absolute address; so is a symbol.
 */
import { encodeInto } from './encode.ts';
import { type Instruction, PREFIX_LOCK, PREFIX_REP, PREFIX_REPNE } from './instruction.ts';
import type { Label, Operand } from './operand.ts';
import { AssemblyError, memoryOf, type Reach, shortest } from './select.ts';

export { AssemblyError } from './select.ts';

const PREFIX_WORDS: Readonly<Record<string, number>> = {
  lock: PREFIX_LOCK,
  rep: PREFIX_REP,
  repe: PREFIX_REP,
  repz: PREFIX_REP,
  repne: PREFIX_REPNE,
  repnz: PREFIX_REPNE,
};

/** The recommended multi-byte nops (Intel SDM vol. 2, NOP, table 4-12). */
export const NOPS: readonly (readonly number[])[] = [
  [],
  [0x90],
  [0x66, 0x90],
  [0x0f, 0x1f, 0x00],
  [0x0f, 0x1f, 0x40, 0x00],
  [0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
  [0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
  [0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
];

interface Fixup {
  /** Offset of the field, its bytes, and of the end of the instruction. */
  readonly at: number;
  readonly bytes: 1 | 4 | 8;
  readonly next: number;
  readonly relative: boolean;
  readonly label: Label;
  readonly addend: number;
}

export class Assembler {
  readonly baseAddress: number;
  #bytes = new Uint8Array(256);
  #length = 0;
  readonly #addresses = new Map<Label, number>();
  readonly #fixups: Fixup[] = [];

  constructor(baseAddress = 0) {
    this.baseAddress = baseAddress;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** Address of the next byte. */
  get here(): number {
    return this.baseAddress + this.#length;
  }

  label(name = 'label'): Label {
    return { type: 'label', name };
  }

  /** A label at the next byte. */
  mark(name = 'label'): Label {
    return this.bind(this.label(name));
  }

  bind(label: Label): Label {
    if (this.#addresses.has(label)) throw new AssemblyError(`label ${label.name} is bound twice`);
    this.#addresses.set(label, this.here);
    return label;
  }

  /** A label that stands for an absolute address. */
  symbol(name: string, address: number): Label {
    const label = this.label(name);
    this.#addresses.set(label, address);
    return label;
  }

  addressOf(label: Label): number {
    const address = this.#addresses.get(label);
    if (address === undefined) throw new AssemblyError(`label ${label.name} is not bound`);
    return address;
  }

  /** Assembles one instruction; returns its offset. */
  emit(text: string, ...operands: Operand[]): number {
    const words = text.split(' ');
    const mnemonic = words.pop()!;
    let prefixes = 0;
    let reach: Reach | undefined;
    for (const word of words) {
      const bit = PREFIX_WORDS[word];
      if (bit !== undefined) prefixes |= bit;
      else if (word === 'short' || word === 'near') reach = word;
      else throw new AssemblyError(`unknown prefix ${word}`);
    }
    return this.#place(
      shortest(mnemonic, operands, prefixes, reach ?? this.#reach(operands)),
      operands,
    );
  }

  /** Short if the first operand is a branch target that is surely within 127 bytes. */
  #reach(operands: readonly Operand[]): Reach {
    const target = operands[0];
    let address: number | undefined;
    if (typeof target === 'number') address = target;
    else if (typeof target === 'object' && target.type === 'label')
      address = this.#addresses.get(target);
    if (address === undefined) return 'near';
    const distance = address - (this.here + 2);
    return distance >= -128 && distance <= 127 ? 'short' : 'near';
  }

  #place(instruction: Instruction, operands: readonly Operand[]): number {
    const start = this.#length;
    this.#reserve(32);
    const end = encodeInto(this.#bytes, start, instruction);
    this.#length = end;
    for (const [n, given] of operands.entries()) {
      const operand = instruction.row.operands[n]!;
      const label = typeof given === 'object' && given.type === 'label' ? given : undefined;
      const memory = memoryOf(given);
      const at = start + instruction.immediateAt;
      if (memory?.label !== undefined) {
        this.#fix(start + instruction.displacementAt, 4, end, memory.label, memory.displacement);
      } else if (operand.kind === 'rel') {
        const target = label ?? this.symbol('target', Number(given));
        this.#fix(at, operand.bits === 8 ? 1 : 4, end, target, 0);
      } else if (label !== undefined) {
        const bytes = operand.bits === 64 ? 8 : 4;
        this.#fixups.push({ at, bytes, next: end, relative: false, label, addend: 0 });
      }
    }
    return start;
  }

  #fix(at: number, bytes: 1 | 4, next: number, label: Label, addend: number): void {
    this.#fixups.push({ at, bytes, next, relative: true, label, addend });
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  /** Appends bytes. */
  bytes(data: Uint8Array | readonly number[]): number {
    const start = this.#length;
    this.#reserve(data.length);
    this.#bytes.set(data, start);
    this.#length += data.length;
    return start;
  }

  #data(value: number | bigint | Label, bytes: 4 | 8): number {
    const at = this.bytes(new Uint8Array(bytes));
    if (typeof value === 'object') {
      this.#fixups.push({ at, bytes, next: at + bytes, relative: false, label: value, addend: 0 });
    } else this.#write(at, bytes, value);
    return at;
  }

  /** Little-endian; numbers beyond 2^53 come as bigint. */
  #write(at: number, bytes: number, value: number | bigint): void {
    let low = Number(typeof value === 'bigint' ? BigInt.asIntN(32, value) : value | 0);
    const high =
      typeof value === 'bigint'
        ? Number(BigInt.asIntN(32, value >> 32n))
        : Math.floor(value / 0x1_0000_0000);
    for (let n = 0; n < bytes; n++) {
      if (n === 4) low = high;
      this.#bytes[at + n] = low >> (8 * (n & 3));
    }
  }

  dd(value: number | Label): number {
    return this.#data(value, 4);
  }

  dq(value: number | bigint | Label): number {
    return this.#data(value, 8);
  }

  /** Pads to a multiple of `alignment` with `fill`, or with nops. */
  align(alignment: number, fill?: number): void {
    let missing = (alignment - (this.here % alignment)) % alignment;
    if (fill !== undefined) this.bytes(new Uint8Array(missing).fill(fill));
    else
      for (; missing > 0; missing -= Math.min(missing, 9)) this.bytes(NOPS[Math.min(missing, 9)]!);
  }

  /** Resolves all labels; the code so far. */
  finish(): Uint8Array {
    for (const { at, bytes, next, relative, label, addend } of this.#fixups) {
      const address = this.addressOf(label) + addend;
      const value = relative ? address - (this.baseAddress + next) : address;
      const half = 2 ** (bytes * 8 - 1);
      if (value < -half || value >= (relative ? half : 2 * half))
        throw new AssemblyError(`${label.name} is out of reach: ${value}`);
      this.#write(at, bytes, value);
    }
    return this.#bytes.slice(0, this.#length);
  }
}
