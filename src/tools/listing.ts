/**
 * The translation of one function, beside its guest code: what `cloister disasm` shows. Made from the
 * file alone, so that it is the same on every machine. A run translates the same instructions in the
 * same way, but may cut units elsewhere: it starts where the guest does, and follows jumps to other
 * functions.
 */

import { EXIT } from '../cpu/sandbox/layout.ts';
import { Translator, UNIT_INSTRUCTIONS } from '../cpu/translate/translate.ts';
import { type DescribedUnit, LINK_INTS, plainUnit } from '../cpu/translate/unit.ts';
import { CodePages } from '../elf/code-pages.ts';
import { type ElfProgram, readElfProgram, readerOf } from '../elf/program.ts';
import { type CodeRange, CodeSymbols } from '../elf/symbols.ts';
import { DECODE_OK, decodeInto } from '../x86/decode.ts';
import { BASE_RIP, Instruction } from '../x86/instruction.ts';
import { print } from '../x86/print.ts';
import { type HostLine, hexBytes, hostLines } from './host-code.ts';
import { CodeNames, hexOf } from './names.ts';
import { isMark, Rewrites } from './rewrites.ts';

export interface GuestLine {
  readonly address: number;
  readonly bytes: string;
  readonly text: string;
  /** Where a branch leads, what an absolute operand is, by name. */
  readonly note?: string;
}

/** Host code that belongs together: of one guest instruction, or what stands around them. */
export interface ListedPart {
  /** The rewrite, or what the host code is for. */
  readonly label: string;
  readonly guest?: GuestLine;
  readonly host: readonly HostLine[];
}

export interface ListedUnit {
  readonly address: number;
  readonly hostBytes: number;
  readonly instructions: number;
  /** Found only by its place behind other code: an indirect jump may lead there. */
  readonly isGuess: boolean;
  readonly parts: readonly ListedPart[];
}

export interface FunctionListing {
  readonly name: string;
  readonly address: number;
  readonly guestBytes: number;
  readonly instructions: number;
  readonly hostBytes: number;
  readonly units: readonly ListedUnit[];
}

/** Nothing can be listed: why. */
export class ListingError extends Error {
  readonly code = 'CLOISTER_USAGE';
}

export class ElfListing {
  readonly symbols: CodeSymbols;
  readonly entry: number;
  readonly #pages: CodePages;
  readonly #names: CodeNames;
  readonly #translator = new Translator(0);
  readonly #rewrites = new Rewrites();
  readonly #ins = new Instruction();
  readonly #page = new Uint8Array(4096);

  /** Throws {@link ListingError} where `file` is no ELF file for this processor. */
  constructor(file: Uint8Array, name: string) {
    const elf: ElfProgram | { readonly message: string } = readElfProgram(
      readerOf(file),
      file.length,
    );
    if ('message' in elf) throw new ListingError(`${name} ${elf.message}`);
    this.entry = elf.entry;
    this.#pages = new CodePages(file, elf.segments, 0);
    this.symbols = new CodeSymbols(file);
    this.#names = new CodeNames(this.symbols, (address, length) => this.#read(address, length));
  }

  readonly nameOf = (address: number): string => this.#names.of(address) ?? hexOf(address);

  /** The function of a name, of an address of the file (0x…), or of the entry point. */
  find(where: string | undefined): CodeRange {
    const symbol = where === undefined ? undefined : this.symbols.find(where);
    const isAddress = where !== undefined && /^0x[0-9a-f]{1,8}$/i.test(where);
    const address =
      where === undefined ? this.entry : (symbol?.address ?? (isAddress ? Number(where) : -1));
    const range = address < 0 ? undefined : this.symbols.rangeAt(address);
    if (range) return range;
    const what = isAddress ? 'no code lies there' : 'no function of that name';
    throw new ListingError(`${where ?? 'entry point'}: ${what}; --list shows all functions`);
  }

  list(range: CodeRange): FunctionListing {
    const { start, end } = range;
    const units: ListedUnit[] = [];
    const covered = new Set<number>();
    const entries = new Set<number>();
    const work = [start];
    let isGuess = false;
    for (;;) {
      let rip = work.pop();
      if (rip === undefined) {
        rip = this.#gapIn(start, end, covered);
        if (rip === undefined) break;
        isGuess = true;
      }
      if (entries.has(rip) || rip < start || rip >= end) continue;
      const made = this.#translator.translate(this.#pages, rip, {
        maxInstructions: UNIT_INSTRUCTIONS,
        isEntry: (address) => address < start || address >= end || entries.has(address),
      });
      const details = made && this.#translator.describe(made);
      if (!details) break;
      const unit = plainUnit(made, { details });
      entries.add(rip);
      for (let n = 0; n < unit.leaders.length; n += 2) entries.add(unit.leaders[n]!);
      for (let n = 0; n < unit.links.length; n += LINK_INTS) work.push(unit.links[n]!);
      this.#cover(unit, covered);
      units.push(this.#listUnit(unit, isGuess));
      isGuess = false;
    }
    const sum = (of: (unit: ListedUnit) => number) => units.reduce((all, u) => all + of(u), 0);
    return {
      name: range.name ?? this.nameOf(start),
      address: start,
      guestBytes: end - start,
      instructions: sum(({ instructions }) => instructions),
      hostBytes: sum(({ hostBytes }) => hostBytes),
      units,
    };
  }

  /** The first address that no unit has an instruction at, behind filling. */
  #gapIn(start: number, end: number, covered: ReadonlySet<number>): number | undefined {
    for (let at = start; at < end; ) {
      if (covered.has(at)) {
        at++;
        continue;
      }
      if (!this.#decode(at)) return undefined;
      const { mnemonic } = this.#ins.row;
      if (mnemonic !== 'nop' && mnemonic !== 'int3') return at;
      at += this.#ins.length;
    }
    return undefined;
  }

  #cover(unit: DescribedUnit, covered: Set<number>): void {
    covered.add(unit.rip);
    const { ranges } = unit;
    for (let n = 0; n < ranges.length; n += 2)
      for (let k = 0; k < ranges[n + 1]!; k++) covered.add(ranges[n]! + k);
  }

  #listUnit(unit: DescribedUnit, isGuess: boolean): ListedUnit {
    const lines = hostLines(unit, this.nameOf);
    const marks = boundaries(unit, lines);
    const parts: ListedPart[] = [];
    for (const [n, { offset, label, rip }] of marks.entries()) {
      const limit = marks[n + 1]?.offset ?? unit.bytes.length;
      const host = lines.filter((line) => line.offset >= offset && line.offset < limit);
      if (rip === undefined) parts.push({ label, host });
      else parts.push(this.#listInstruction(unit, rip, host));
    }
    const { instructionCount: instructions, bytes, rip: address } = unit;
    return { address, hostBytes: bytes.length, instructions, isGuess, parts };
  }

  #listInstruction(unit: DescribedUnit, rip: number, host: readonly HostLine[]): ListedPart {
    const isCode = this.#decode(rip);
    const ins = this.#ins;
    const exits = new Set<number>();
    for (const [name, kind] of Object.entries(EXIT))
      if (host.some(({ text }) => text.endsWith(`exit:${name}`))) exits.add(kind);
    const bytesOf = ({ offset, bytes }: HostLine) =>
      unit.bytes.subarray(offset, offset + (bytes.length + 1) / 3);
    const isMarked = host.some((line) => isMark(bytesOf(line)));
    const made = { hostInstructions: host.length, exits, isMarked };
    const label = isCode ? this.#rewrites.wordsFor(ins, made) : 'exit: not an instruction';
    return { label, guest: this.#guestLine(rip, isCode), host };
  }

  #guestLine(rip: number, isCode: boolean): GuestLine {
    const ins = this.#ins;
    const bytes = hexBytes(this.#read(rip, isCode ? ins.length : 1));
    if (!isCode) return { address: rip, bytes, text: '(bad)' };
    const target = targetOf(ins, rip);
    const note = target === undefined ? undefined : this.#names.of(target);
    const line = { address: rip, bytes, text: print(ins, rip) };
    return note === undefined ? line : { ...line, note };
  }

  #decode(address: number): boolean {
    const bytes = this.#read(address, 15);
    return decodeInto(this.#ins, bytes, 0, bytes.length) === DECODE_OK;
  }

  #read(address: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const at = address + done;
      if (!this.#pages.fetchPage(Math.floor(at / 4096), this.#page)) break;
      const piece = this.#page.subarray(at % 4096, (at % 4096) + length - done);
      bytes.set(piece, done);
      done += piece.length;
    }
    return bytes.subarray(0, done);
  }
}

/** What a direct branch or a RIP-relative operand names. */
function targetOf(ins: Instruction, rip: number): number | undefined {
  const { class: kind, operands } = ins.row;
  const isRelative = operands.some((operand) => operand.kind === 'rel');
  if (isRelative) return (rip + ins.length + ins.immediate) >>> 0;
  if (ins.hasMemory && ins.base === BASE_RIP && kind !== 'string')
    return (rip + ins.length + ins.displacement) >>> 0;
  return undefined;
}

interface Boundary {
  readonly offset: number;
  readonly label: string;
  readonly rip?: number;
}

/** Where the parts of a unit begin, ascending. */
function boundaries(unit: DescribedUnit, lines: readonly HostLine[]): Boundary[] {
  const found = new Map<number, Boundary>();
  const add = (boundary: Boundary) => found.set(boundary.offset, boundary);
  // What aligns the landing comes first.
  if (unit.landingAt > 0) add({ offset: 0, label: 'padding' });
  add({ offset: unit.landingAt, label: 'landing of jumps' });
  for (let n = 0; n < unit.returns.length; n += 2)
    add({ offset: unit.returns[n + 1]!, label: 'landing of returns' });
  const { rips, offsets } = unit.details;
  for (const [n, rip] of rips.entries()) add({ offset: offsets[n]!, label: '', rip });
  if (unit.instructionCount === 0) add({ offset: unit.entryAt, label: '', rip: unit.rip });
  // Links of conditional branches stand behind the last instruction.
  const last = offsets.at(-1) ?? unit.bytes.length;
  const links = new Set<number>();
  for (let n = 0; n < unit.links.length; n += LINK_INTS) links.add(unit.links[n + 1]! - 1);
  for (const { text, offset } of lines) {
    const target = /^(?:j[a-z]+) (0x[0-9a-f]+)$/.exec(text)?.[1];
    if (target === undefined || links.has(offset) || text.startsWith('jrcxz')) continue;
    const to = Number(target);
    if (to > last && to < unit.bytes.length && !found.has(to) && !isInside(to, last, lines))
      add({ offset: to, label: 'link' });
  }
  return [...found.values()].sort((a, b) => a.offset - b.offset);
}

/** Does control fall into `to` from the rest of the last instruction? */
function isInside(to: number, last: number, lines: readonly HostLine[]): boolean {
  const before = lines.findLast(({ offset }) => offset < to && offset >= last);
  return before !== undefined && !/^jmp /.test(before.text) && before.text !== 'nop';
}
