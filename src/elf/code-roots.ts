/**
 * Where code of an ELF file can be entered, as far as the file tells: entry point, function symbols,
 * the search table of .eh_frame_hdr (LSB 5.0, 10.6), relocations whose result is an address of code
 * (x86-64 psABI, 4.4). The bytes may be anything: what does not fit is left out.
 */

import { PF_X, type ProgramHeader, PT_LOAD, readElfProgram, readerOf } from './program.ts';
import { type Section, SHT_DYNSYM, SHT_RELA, SHT_SYMTAB, sectionsOf, word64 } from './sections.ts';

export interface CodeRoots {
  /** PT_LOAD segments; those with PF_X hold code. */
  readonly segments: readonly ProgramHeader[];
  readonly isFixed: boolean;
  /** Addresses in executable segments, ascending. */
  readonly roots: readonly number[];
  /** Starts of functions by .eh_frame_hdr, ascending: a function ends before the next one. */
  readonly functions: readonly number[];
}

const PT_GNU_EH_FRAME = 0x6474e550;
const SYM_BYTES = 24;
const RELA_BYTES = 24;
const STT_FUNC = 2;
const STT_GNU_IFUNC = 10;
const R_X86_64_64 = 1;
const R_X86_64_RELATIVE = 8;
const R_X86_64_IRELATIVE = 37;
/** DW_EH_PE_udata4; datarel | sdata4. */
const COUNT_ENCODING = 0x03;
const TABLE_ENCODING = 0x3b;

/** Undefined when `file` is no ELF program or library for this processor, or has no code. */
export function readCodeRoots(file: Uint8Array): CodeRoots | undefined {
  const elf = readElfProgram(readerOf(file), file.length);
  if ('message' in elf) return undefined;
  const code = elf.headers.filter(({ type, flags }) => type === PT_LOAD && (flags & PF_X) !== 0);
  if (code.length === 0) return undefined;
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const found = new Set<number>();
  const add = (address: number): void => {
    if (code.some(({ vaddr, fileBytes }) => address >= vaddr && address < vaddr + fileBytes))
      found.add(address);
  };
  add(elf.entry);
  const functions = frameStarts(view, elf.headers);
  for (const address of functions) add(address);
  for (const section of sectionsOf(view)) {
    if (section.type === SHT_SYMTAB || section.type === SHT_DYNSYM) addSymbols(view, section, add);
    else if (section.type === SHT_RELA) addRelocations(view, section, add);
  }
  const { segments, isFixed } = elf;
  const ascending = (a: number, b: number) => a - b;
  return {
    segments,
    isFixed,
    roots: [...found].sort(ascending),
    functions: functions.sort(ascending),
  };
}

function addSymbols(view: DataView, section: Section, add: (address: number) => void): void {
  const end = section.offset + section.size - SYM_BYTES;
  for (let at = section.offset; at <= end; at += SYM_BYTES) {
    const type = view.getUint8(at + 4) & 15;
    const isDefined = view.getUint16(at + 6, true) !== 0;
    if (isDefined && (type === STT_FUNC || type === STT_GNU_IFUNC)) add(word64(view, at + 8));
  }
}

function addRelocations(view: DataView, section: Section, add: (address: number) => void): void {
  const end = section.offset + section.size - RELA_BYTES;
  for (let at = section.offset; at <= end; at += RELA_BYTES) {
    const type = view.getUint32(at + 8, true);
    const isAddress = type === R_X86_64_RELATIVE || type === R_X86_64_IRELATIVE;
    if (isAddress || type === R_X86_64_64) add(word64(view, at + 16));
  }
}

/** The binary search table: pairs of function start and FDE, relative to the header. */
function frameStarts(view: DataView, headers: readonly ProgramHeader[]): number[] {
  const header = headers.find(({ type }) => type === PT_GNU_EH_FRAME);
  if (!header || header.offset + 12 > view.byteLength) return [];
  const at = header.offset;
  const isUsual =
    view.getUint8(at) === 1 &&
    view.getUint8(at + 2) === COUNT_ENCODING &&
    view.getUint8(at + 3) === TABLE_ENCODING;
  if (!isUsual) return [];
  const count = view.getUint32(at + 8, true);
  const table = at + 12;
  if (table + count * 8 > Math.min(view.byteLength, at + header.fileBytes)) return [];
  return Array.from({ length: count }, (_, n) => header.vaddr + view.getInt32(table + n * 8, true));
}
