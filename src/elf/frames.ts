/**
 * Call frame information of an ELF file (.eh_frame, LSB 5.0 chapter 10; DWARF 5, 6.4): where the caller's
 * registers are while the instruction at an address has not run yet. Found through the search table of
 * .eh_frame_hdr in the one encoding that linkers make. The bytes may be anything: what is not
 * understood gives no answer.
 */

import type { ProgramHeader } from './program.ts';

/** How the frame of one address is left. Offsets count from the canonical frame address (CFA). */
export interface FrameRule {
  /** DWARF number of the register that the CFA is counted from. */
  readonly cfaRegister: number;
  readonly cfaOffset: number;
  /** DWARF register → offset of where it was saved; those that are missing still hold their value. */
  readonly saved: ReadonlyMap<number, number>;
}

/** Register numbers of DWARF (psABI, figure 3.36). */
export const DWARF_RBP = 6;
export const DWARF_RSP = 7;
export const DWARF_RIP = 16;

const PT_GNU_EH_FRAME = 0x6474e550;
const UDATA4 = 0x03;
const PCREL_SDATA4 = 0x1b;
const DATAREL_SDATA4 = 0x3b;
const MOST_OPERATIONS = 4096;
/** What the linker writes for a procedure linkage table: rsp + 8, or + 16 behind its push. */
const PLT_RULE = [0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22];
const PLT_LIMIT_AT = 6;
const DW_OP_LIT0 = 0x30;

/** Reads out of bounds: the information is damaged. */
class Damaged extends Error {}

interface Entry {
  readonly start: number;
  readonly end: number;
  readonly codeAlign: number;
  readonly dataAlign: number;
  /** Instructions of the CIE, of the FDE: from, to. */
  readonly programs: readonly (readonly [number, number])[];
}

interface State {
  cfaRegister: number;
  cfaOffset: number;
  saved: Map<number, number>;
}

export class FrameTable {
  readonly #view: DataView;
  readonly #headers: readonly ProgramHeader[];
  /** Address of .eh_frame_hdr, offset of its table in the file, its entries. */
  readonly #base: number = 0;
  readonly #table: number = 0;
  readonly #count: number = 0;

  constructor(file: Uint8Array, headers: readonly ProgramHeader[]) {
    const view = new DataView(file.buffer, file.byteOffset, file.length);
    this.#view = view;
    this.#headers = headers;
    const header = headers.find(({ type }) => type === PT_GNU_EH_FRAME);
    if (!header || header.offset + 12 > view.byteLength) return;
    const at = header.offset;
    if (view.getUint8(at + 2) !== UDATA4 || view.getUint8(at + 3) !== DATAREL_SDATA4) return;
    const count = view.getUint32(at + 8, true);
    if (at + 12 + count * 8 > Math.min(view.byteLength, at + header.fileBytes)) return;
    this.#base = header.vaddr;
    this.#table = at + 12;
    this.#count = count;
  }

  /** The rule for an address of the file; undefined where none is known, or the frame is the last. */
  ruleAt(address: number): FrameRule | undefined {
    try {
      const entry = this.#find(address);
      return entry && this.#run(entry, address);
    } catch (error) {
      if (error instanceof Damaged || error instanceof RangeError) return undefined;
      throw error;
    }
  }

  #find(address: number): Entry | undefined {
    let low = 0;
    let high = this.#count;
    const word = (n: number, half: number) =>
      this.#base + this.#view.getInt32(this.#table + n * 8 + half, true);
    while (low < high) {
      const middle = (low + high) >> 1;
      if (word(middle, 0) <= address) low = middle + 1;
      else high = middle;
    }
    const at = low === 0 ? undefined : this.#offsetOf(word(low - 1, 4));
    const entry = at === undefined ? undefined : this.#readEntry(at);
    return entry && address >= entry.start && address < entry.end ? entry : undefined;
  }

  #offsetOf(address: number): number | undefined {
    const header = this.#headers.find(
      ({ type, vaddr, fileBytes }) => type === 1 && address >= vaddr && address < vaddr + fileBytes,
    );
    return header && address - header.vaddr + header.offset;
  }

  #addressOf(offset: number): number {
    const header = this.#headers.find(
      (one) => one.type === 1 && offset >= one.offset && offset < one.offset + one.fileBytes,
    );
    if (!header) throw new Damaged();
    return offset - header.offset + header.vaddr;
  }

  #readEntry(at: number): Entry | undefined {
    const view = this.#view;
    const length = view.getUint32(at, true);
    const end = at + 4 + length;
    const cie = at + 4 - view.getUint32(at + 4, true);
    if (length === 0 || length === 0xffff_ffff || cie < 0) return undefined;
    const common = this.#readCommon(cie);
    if (!common) return undefined;
    const start = this.#addressOf(at + 8) + view.getInt32(at + 8, true);
    const reader = new Reader(view, at + 16, end);
    if (common.isAugmented) reader.skip(reader.uleb());
    return {
      start,
      end: start + view.getUint32(at + 12, true),
      codeAlign: common.codeAlign,
      dataAlign: common.dataAlign,
      programs: [common.program, [reader.at, end]],
    };
  }

  #readCommon(at: number) {
    const view = this.#view;
    const length = view.getUint32(at, true);
    const end = at + 4 + length;
    const reader = new Reader(view, at + 9, end);
    const augmentation = reader.text();
    const codeAlign = reader.uleb();
    const dataAlign = reader.sleb();
    const returnRegister = view.getUint8(at + 8) === 1 ? reader.u8() : reader.uleb();
    if (returnRegister !== DWARF_RIP || !/^(z[RPLS]*)?$/.test(augmentation)) return undefined;
    const isAugmented = augmentation.startsWith('z');
    let encoding = 0;
    if (isAugmented) {
      const size = reader.uleb();
      const behind = reader.at + size;
      for (const letter of augmentation.slice(1)) {
        if (letter === 'R') encoding = reader.u8();
        else if (letter === 'L') reader.u8();
        // A personality routine: four bytes relative to something, or eight.
        else if (letter === 'P') reader.skip((reader.u8() & 15) === 0 ? 8 : 4);
        // Frames of signal handlers are described by expressions.
        else return undefined;
      }
      reader.at = behind;
    }
    if (encoding !== PCREL_SDATA4) return undefined;
    return { codeAlign, dataAlign, isAugmented, program: [reader.at, end] as const };
  }

  #run(entry: Entry, address: number): FrameRule | undefined {
    const state: State = { cfaRegister: -1, cfaOffset: 0, saved: new Map() };
    let initial: State = state;
    for (const [n, [from, to]] of entry.programs.entries()) {
      if (n === 1) initial = { ...state, saved: new Map(state.saved) };
      const isDone = interpret(new Reader(this.#view, from, to), entry, address, state, initial);
      if (isDone === undefined) return undefined;
    }
    if (state.cfaRegister < 0 || !state.saved.has(DWARF_RIP)) return undefined;
    return state;
  }
}

/** Runs to the row of `address`. Undefined: something that is not understood, or no caller. */
function interpret(
  reader: Reader,
  entry: Entry,
  address: number,
  state: State,
  initial: State,
): true | undefined {
  const stack: State[] = [];
  let location = entry.start;
  for (let n = 0; !reader.isAtEnd; n++) {
    if (n > MOST_OPERATIONS) return undefined;
    const byte = reader.u8();
    const low = byte & 0x3f;
    if (byte >> 6 === 1) {
      location += low * entry.codeAlign;
      if (location > address) return true;
    } else if (byte >> 6 === 2) state.saved.set(low, reader.uleb() * entry.dataAlign);
    else if (byte >> 6 === 3) restoreRegister(state, initial, low);
    else if (low >= 1 && low <= 4) {
      if (low === 1) return undefined;
      location += reader.unsigned(1 << (low - 2)) * entry.codeAlign;
      if (location > address) return true;
    } else if (!step(low, reader, entry, address, state, initial, stack)) return undefined;
  }
  return true;
}

/** One instruction of those without an operand in the opcode; false: not understood. */
function step(
  opcode: number,
  reader: Reader,
  { dataAlign }: Entry,
  address: number,
  state: State,
  initial: State,
  stack: State[],
): boolean {
  switch (opcode) {
    case 0x00: // nop
      return true;
    case 0x05: // offset_extended
      state.saved.set(reader.uleb(), reader.uleb() * dataAlign);
      return true;
    case 0x06: // restore_extended
      restoreRegister(state, initial, reader.uleb());
      return true;
    case 0x07: // undefined: of the return address, there is no caller
    case 0x08: // same_value
      state.saved.delete(reader.uleb());
      return true;
    case 0x0a: // remember_state
      stack.push({ ...state, saved: new Map(state.saved) });
      return stack.length < 64;
    case 0x0b: {
      const before = stack.pop();
      if (!before) return false;
      Object.assign(state, before);
      return true;
    }
    case 0x0c: // def_cfa
      state.cfaRegister = reader.uleb();
      state.cfaOffset = reader.uleb();
      return true;
    case 0x0d: // def_cfa_register
      state.cfaRegister = reader.uleb();
      return true;
    case 0x0e: // def_cfa_offset
      state.cfaOffset = reader.uleb();
      return true;
    case 0x0f: // def_cfa_expression
      return linkageTable(reader.block(reader.uleb()), address, state);
    case 0x10: // expression: that register is lost
      state.saved.delete(reader.uleb());
      reader.skip(reader.uleb());
      return true;
    case 0x11: // offset_extended_sf
      state.saved.set(reader.uleb(), reader.sleb() * dataAlign);
      return true;
    case 0x12: // def_cfa_sf
      state.cfaRegister = reader.uleb();
      state.cfaOffset = reader.sleb() * dataAlign;
      return true;
    case 0x13: // def_cfa_offset_sf
      state.cfaOffset = reader.sleb() * dataAlign;
      return true;
    case 0x2e: // GNU_args_size
      reader.uleb();
      return true;
    default:
      return false;
  }
}

function restoreRegister(state: State, initial: State, register: number): void {
  const offset = initial.saved.get(register);
  if (offset === undefined) state.saved.delete(register);
  else state.saved.set(register, offset);
}

function linkageTable(block: Uint8Array, address: number, state: State): boolean {
  const fits =
    block.length === PLT_RULE.length &&
    PLT_RULE.every((byte, n) => n === PLT_LIMIT_AT || byte === block[n]);
  if (!fits) return false;
  state.cfaRegister = DWARF_RSP;
  state.cfaOffset = (address & 15) >= block[PLT_LIMIT_AT]! - DW_OP_LIT0 ? 16 : 8;
  return true;
}

class Reader {
  at: number;
  readonly #view: DataView;
  readonly #end: number;

  constructor(view: DataView, at: number, end: number) {
    this.#view = view;
    this.at = at;
    this.#end = Math.min(end, view.byteLength);
  }

  get isAtEnd(): boolean {
    return this.at >= this.#end;
  }

  u8(): number {
    if (this.isAtEnd) throw new Damaged();
    return this.#view.getUint8(this.at++);
  }

  unsigned(bytes: number): number {
    let value = 0;
    for (let n = 0; n < bytes; n++) value += this.u8() * 256 ** n;
    return value;
  }

  /** Numbers of more than 42 bits do not occur. */
  uleb(): number {
    let value = 0;
    for (let shift = 1; shift < 2 ** 42; shift *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
    throw new Damaged();
  }

  sleb(): number {
    let value = 0;
    for (let shift = 1; shift < 2 ** 42; shift *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return byte & 0x40 ? value - shift * 128 : value;
    }
    throw new Damaged();
  }

  text(): string {
    let text = '';
    for (let byte = this.u8(); byte !== 0; byte = this.u8()) text += String.fromCharCode(byte);
    return text;
  }

  skip(bytes: number): void {
    this.at += bytes;
    if (this.at > this.#end) throw new Damaged();
  }

  block(bytes: number): Uint8Array {
    const from = this.at;
    this.skip(bytes);
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + from, bytes);
  }
}
