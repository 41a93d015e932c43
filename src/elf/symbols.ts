/**
 * Names of code in an ELF file: function symbols of .symtab and .dynsym, what the slots of the global
 * offset table are for (psABI, 4.4), and where functions begin by .eh_frame_hdr, which stripped files
 * have, too. The bytes may be anything: what does not fit is left out.
 */

import { readCodeRoots } from './code-roots.ts';
import { PF_X, type ProgramHeader } from './program.ts';
import { type Section, SHT_DYNSYM, SHT_RELA, SHT_SYMTAB, sectionsOf, word64 } from './sections.ts';

export interface CodeSymbol {
  readonly name: string;
  readonly address: number;
  /** 0: not known. */
  readonly size: number;
}

/** Part of a file that holds code of one function, as far as the file tells. */
export interface CodeRange {
  /** Undefined where no symbol names it. */
  readonly name: string | undefined;
  readonly start: number;
  readonly end: number;
}

const SYM_BYTES = 24;
const RELA_BYTES = 24;
const STT_NOTYPE = 0;
const STT_FUNC = 2;
const STT_GNU_IFUNC = 10;
const STB_LOCAL = 0;
const STB_GLOBAL = 1;
const R_X86_64_GLOB_DAT = 6;
const R_X86_64_JUMP_SLOT = 7;
const MAX_NAME_BYTES = 1024;
const MAX_SYMBOLS = 4_000_000;

interface Candidate extends CodeSymbol {
  /** Of several names for an address the one of the lowest rank is shown. */
  readonly rank: number;
}

export class CodeSymbols {
  /** One an address, ascending. */
  readonly symbols: readonly CodeSymbol[];
  /** Address of a slot of the global offset table → whose address it holds. */
  readonly slots: ReadonlyMap<number, string>;
  /** Starts of functions by .eh_frame_hdr, ascending. */
  readonly #functions: readonly number[];
  readonly #code: readonly ProgramHeader[];
  readonly #names: ReadonlyMap<string, CodeSymbol>;

  /** Empty when `file` is no ELF file with code. */
  constructor(file: Uint8Array) {
    const roots = readCodeRoots(file);
    const code = roots?.segments.filter(({ flags }) => (flags & PF_X) !== 0) ?? [];
    this.#code = code;
    this.#functions = roots?.functions ?? [];
    const found = roots === undefined ? [] : candidatesOf(file, code);
    this.slots = roots === undefined ? new Map() : slotsOf(file);
    found.sort((a, b) => a.address - b.address || a.rank - b.rank || compare(a.name, b.name));
    this.symbols = found.filter(({ address }, n) => found[n - 1]?.address !== address);
    const names = new Map<string, CodeSymbol>();
    for (const symbol of found) if (!names.has(symbol.name)) names.set(symbol.name, symbol);
    this.#names = names;
  }

  find(name: string): CodeSymbol | undefined {
    return this.#names.get(name);
  }

  /** What covers `address`, by symbol or else by .eh_frame_hdr; undefined outside of code. */
  rangeAt(address: number): CodeRange | undefined {
    const segment = this.#code.find(
      ({ vaddr, fileBytes }) => address >= vaddr && address < vaddr + fileBytes,
    );
    if (!segment) return undefined;
    const { symbols } = this;
    const limit = segment.vaddr + segment.fileBytes;
    const next = upperBound(symbols.length, (n) => symbols[n]!.address, address);
    const symbol = symbols[next - 1];
    const following = symbols[next]?.address ?? limit;
    const at = upperBound(this.#functions.length, (n) => this.#functions[n]!, address);
    const start = this.#functions[at - 1] ?? segment.vaddr;
    const end = Math.min(this.#functions[at] ?? limit, following, limit);
    if (symbol !== undefined && symbol.address >= segment.vaddr) {
      const { name, size } = symbol;
      if (size > 0 && address < symbol.address + size)
        return { name, start: symbol.address, end: Math.min(symbol.address + size, limit) };
      if (size === 0 && symbol.address >= start) return { name, start: symbol.address, end };
      const behind = symbol.address + size;
      if (behind > start) return { name: undefined, start: behind, end };
    }
    return { name: undefined, start: Math.max(start, segment.vaddr), end };
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** How many of `count` ascending values are at most `wanted`. */
function upperBound(count: number, valueAt: (n: number) => number, wanted: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (valueAt(middle) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

function candidatesOf(file: Uint8Array, code: readonly ProgramHeader[]): Candidate[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const sections = sectionsOf(view);
  const found: Candidate[] = [];
  for (const section of sections) {
    if (section.type !== SHT_SYMTAB && section.type !== SHT_DYNSYM) continue;
    const names = sections.find(({ index }) => index === section.link);
    if (!names) continue;
    const end = section.offset + section.size - SYM_BYTES;
    for (let at = section.offset; at <= end && found.length < MAX_SYMBOLS; at += SYM_BYTES) {
      const info = view.getUint8(at + 4);
      const type = info & 15;
      const isCode = type === STT_FUNC || type === STT_GNU_IFUNC || type === STT_NOTYPE;
      if (!isCode || view.getUint16(at + 6, true) === 0) continue;
      const address = word64(view, at + 8);
      if (!code.some((one) => address >= one.vaddr && address < one.vaddr + one.fileBytes))
        continue;
      const name = nameAt(file, names, view.getUint32(at, true));
      if (name === '') continue;
      const size = word64(view, at + 16);
      found.push({ name, address, size, rank: rankOf(type, info >> 4, size, name) });
    }
  }
  return found;
}

/** Functions before labels, sizes before none, global names before others, plain ones before `_x`. */
function rankOf(type: number, binding: number, size: number, name: string): number {
  const scope = binding === STB_GLOBAL ? 0 : binding === STB_LOCAL ? 2 : 1;
  const underscores = Math.min(7, /^_*/.exec(name)?.[0].length ?? 0);
  return (type === STT_NOTYPE ? 64 : 0) + (size === 0 ? 32 : 0) + scope * 8 + underscores;
}

function nameAt(file: Uint8Array, names: Section, offset: number): string {
  const start = names.offset + offset;
  const end = Math.min(names.offset + names.size, start + MAX_NAME_BYTES);
  if (start >= end) return '';
  let stop = start;
  while (stop < end && file[stop] !== 0) stop++;
  return new TextDecoder('latin1').decode(file.subarray(start, stop));
}

function slotsOf(file: Uint8Array): Map<number, string> {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const sections = sectionsOf(view);
  const found = new Map<number, string>();
  for (const section of sections) {
    if (section.type !== SHT_RELA) continue;
    const symbols = sections.find(({ index }) => index === section.link);
    const names = symbols && sections.find(({ index }) => index === symbols.link);
    if (!names) continue;
    const end = section.offset + section.size - RELA_BYTES;
    for (let at = section.offset; at <= end; at += RELA_BYTES) {
      const type = view.getUint32(at + 8, true);
      if (type !== R_X86_64_GLOB_DAT && type !== R_X86_64_JUMP_SLOT) continue;
      const symbol = view.getUint32(at + 12, true) * SYM_BYTES;
      if (symbol + SYM_BYTES > symbols.size) continue;
      const name = nameAt(file, names, view.getUint32(symbols.offset + symbol, true));
      if (name !== '') found.set(word64(view, at), name);
    }
  }
  return found;
}
