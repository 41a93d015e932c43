/**
 * A minimal ELF shared object (System V gABI; x86-64 psABI), built in memory: what `dlopen` must
 * see so that C code can be called by name and so that every thread has our thread-local block.
 *
 * It holds functions `call0 … callN` that jump through a word of the table `slots`, which the host
 * fills with addresses of stubs, and the word `tlsOffset`, which the dynamic linker fills with the
 * offset of the block from the thread pointer (initial-exec: the same in every thread).
 */

import { assert } from '../../base/assert.ts';

export const CALL_SLOTS = 16;
export const SYMBOLS = ['tlsOffset', 'slots', ...callNames()] as const;

function callNames(): string[] {
  return Array.from({ length: CALL_SLOTS }, (_, n) => `call${n}`);
}

const PAGE = 4096;
const TEXT_AT = 0xc00;
const DATA_AT = PAGE;
const DATA_BYTES = PAGE;
const TLS_OFFSET_AT = DATA_AT + 0x400;
const SLOTS_AT = DATA_AT + 0x800;

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_TLS = 7;
const PT_GNU_STACK = 0x6474e551;
const PF_X = 1;
const PF_W = 2;
const PF_R = 4;
const R_X86_64_TPOFF64 = 18;
const DF_STATIC_TLS = 0x10;

class Writer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at = 0;
  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.view = new DataView(this.bytes.buffer);
  }
  u8(...values: number[]): this {
    for (const value of values) this.view.setUint8(this.at++, value);
    return this;
  }
  u16(value: number): this {
    this.view.setUint16(this.at, value, true);
    this.at += 2;
    return this;
  }
  u32(...values: number[]): this {
    for (const value of values) {
      this.view.setUint32(this.at, value, true);
      this.at += 4;
    }
    return this;
  }
  u64(...values: number[]): this {
    for (const value of values) {
      this.view.setBigUint64(this.at, BigInt(value), true);
      this.at += 8;
    }
    return this;
  }
  align(bytes: number): number {
    this.at = Math.ceil(this.at / bytes) * bytes;
    return this.at;
  }
}

function writeHeaders(w: Writer, tlsBytes: number): void {
  w.u8(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0).u64(0); // 64-bit, little-endian, System V
  w.u16(3).u16(62).u32(1); // ET_DYN, EM_X86_64, EV_CURRENT
  w.u64(0, 64, 0).u32(0).u16(64).u16(56).u16(5).u16(0).u16(0).u16(0);
  const header = (type: number, flags: number, at: number, file: number, mem: number, al: number) =>
    w.u32(type, flags).u64(at, at, at, file, mem, al);
  header(PT_LOAD, PF_R | PF_X, 0, PAGE, PAGE, PAGE);
  header(PT_LOAD, PF_R | PF_W, DATA_AT, DATA_BYTES, DATA_BYTES, PAGE);
  header(PT_DYNAMIC, PF_R | PF_W, DATA_AT, 0x100, 0x100, 8);
  header(PT_TLS, PF_R, DATA_AT, 0, tlsBytes, 64);
  header(PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 16);
}

/** The address of each symbol in the object. */
function symbolValue(name: string): number {
  if (name === 'tlsOffset') return TLS_OFFSET_AT;
  if (name === 'slots') return SLOTS_AT;
  return TEXT_AT + 16 * Number(name.slice(4));
}

/** Bytes of the object; `tlsBytes` is the size of the thread-local block. */
export function buildSharedObject(tlsBytes: number): Uint8Array {
  const w = new Writer(DATA_AT + DATA_BYTES);
  writeHeaders(w, tlsBytes);
  const stringsAt = w.align(8);
  const nameAt = new Map<string, number>();
  w.u8(0);
  for (const name of SYMBOLS) {
    nameAt.set(name, w.at - stringsAt);
    for (const c of name) w.u8(c.charCodeAt(0));
    w.u8(0);
  }
  const stringBytes = w.at - stringsAt;
  const symbolsAt = w.align(8);
  w.u64(0, 0, 0);
  for (const name of SYMBOLS) {
    const isFunction = name.startsWith('call');
    w.u32(nameAt.get(name) as number);
    w.u8(0x10 | (isFunction ? 2 : 1), 0).u16(1); // STB_GLOBAL; FUNC or OBJECT; any section
    w.u64(symbolValue(name), 16);
  }
  // SysV hash table: one bucket, all symbols chained.
  const hashAt = w.align(8);
  const count = SYMBOLS.length + 1;
  w.u32(1, count, 1, 0);
  for (let i = 1; i < count; i++) w.u32(i + 1 === count ? 0 : i + 1);
  const relocationsAt = w.align(8);
  w.u64(TLS_OFFSET_AT, R_X86_64_TPOFF64, 0);
  assert(w.at <= TEXT_AT, 'headers overlap the text');
  for (let n = 0; n < CALL_SLOTS; n++) {
    w.at = TEXT_AT + 16 * n;
    w.u8(0xff, 0x25).u32(SLOTS_AT + 8 * n - (w.at + 4)); // jmp [rip + slot]
  }
  assert(w.at <= DATA_AT);
  w.at = DATA_AT;
  const [DT_HASH, DT_STRTAB, DT_SYMTAB, DT_RELA, DT_RELASZ, DT_RELAENT] = [4, 5, 6, 7, 8, 9];
  const [DT_STRSZ, DT_SYMENT, DT_FLAGS] = [10, 11, 30];
  w.u64(DT_HASH, hashAt, DT_STRTAB, stringsAt, DT_SYMTAB, symbolsAt);
  w.u64(DT_STRSZ, stringBytes, DT_SYMENT, 24, DT_RELA, relocationsAt);
  w.u64(DT_RELASZ, 24, DT_RELAENT, 24, DT_FLAGS, DF_STATIC_TLS, 0, 0);
  return w.bytes;
}
