/**
 * Translations of a whole ELF file, made before anything runs: everything that can be reached from
 * what the file names as code (`elf/code-roots.ts`), over branches, calls and jump tables.
 * Deterministic: the same file gives the same bytes on every machine.
 */

import { encodeTranslations } from '../cpu/cache/translation-file.ts';
import { Translator, UNIT_INSTRUCTIONS } from '../cpu/translate/translate.ts';
import { LINK_INTS, PLACE_ADDRESS, PLACE_SHIFT, type Unit } from '../cpu/translate/unit.ts';
import { CodePages } from '../elf/code-pages.ts';
import { type CodeRoots, readCodeRoots } from '../elf/code-roots.ts';
import { PF_X, type ProgramHeader } from '../elf/program.ts';

/** Where modules that may lie anywhere are translated: the base is taken out again. */
const NOMINAL_BASE = 0x1000_0000;
const MOST_CASES = 1024;

export interface Pretranslated {
  /** A translation file (docs/formats/translations.md). */
  readonly bytes: Uint8Array;
  readonly unitCount: number;
  readonly instructionCount: number;
}

/** Undefined when `file` holds no code that could be translated. */
export function pretranslate(file: Uint8Array): Pretranslated | undefined {
  const roots = readCodeRoots(file);
  return roots && new Pretranslation(file, roots).run();
}

class Pretranslation {
  private readonly view: DataView;
  private readonly roots: CodeRoots;
  private readonly bias: number;
  private readonly code: CodePages;
  private readonly translator = new Translator(0);
  /** Guest addresses that have an entry. */
  private readonly entries = new Set<number>();
  private readonly work: number[] = [];

  constructor(file: Uint8Array, roots: CodeRoots) {
    this.view = new DataView(file.buffer, file.byteOffset, file.length);
    this.roots = roots;
    this.bias = roots.isFixed ? 0 : NOMINAL_BASE;
    this.code = new CodePages(file, roots.segments, this.bias);
  }

  run(): Pretranslated | undefined {
    const units: { unit: Unit; base: number }[] = [];
    let instructionCount = 0;
    for (const root of this.roots.roots) this.work.push(root + this.bias);
    for (let n = 0; n < this.work.length; n++) {
      const rip = this.work[n]!;
      const segment = this.entries.has(rip) ? undefined : this.code.segmentAt(rip);
      if (!segment) continue;
      const unit = this.translator.translate(this.code, rip, {
        maxInstructions: UNIT_INSTRUCTIONS,
        isEntry: (address) => this.entries.has(address),
      });
      if (!unit || unit.instructionCount === 0) continue;
      units.push({ unit, base: this.bias + segment.vaddr - segment.offset });
      instructionCount += unit.instructionCount;
      this.follow(unit);
    }
    const bytes = encodeTranslations(units, 0);
    return bytes && { bytes, unitCount: units.length, instructionCount };
  }

  /** Notes the entries of a unit, and where it leads. */
  private follow(unit: Unit): void {
    this.entries.add(unit.rip);
    for (let n = 0; n < unit.leaders.length; n += 2) this.entries.add(unit.leaders[n]!);
    for (let n = 0; n < unit.links.length; n += LINK_INTS) this.work.push(unit.links[n]!);
    const { bytes } = unit;
    for (const place of unit.places) {
      if ((place & 3) !== PLACE_ADDRESS) continue;
      const at = place >>> PLACE_SHIFT;
      const address =
        bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      this.jumpTable(address, unit.rip);
    }
  }

  /**
   * What compilers make of a switch: distances from the table's start to code of the same function,
   * 32 bits each. Anything else that looks so costs a few units that nobody asks for.
   */
  private jumpTable(table: number, rip: number): void {
    const segment = this.segmentOf(table);
    if (!segment || (segment.flags & PF_X) !== 0 || table % 4 !== 0) return;
    const [start, end] = this.functionAround(rip - this.bias);
    const from = table - this.bias - segment.vaddr + segment.offset;
    const cases = Math.min(MOST_CASES, (segment.offset + segment.fileBytes - from) >> 2);
    for (let n = 0; n < cases; n++) {
      const target = table - this.bias + this.view.getInt32(from + 4 * n, true);
      if (target < start || target >= end) return;
      this.work.push(target + this.bias);
    }
  }

  /** Bounds of the function that holds an address of the file. */
  private functionAround(address: number): readonly [number, number] {
    const { functions } = this.roots;
    let low = 0;
    let high = functions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (functions[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return [0, 0];
    return [functions[low - 1]!, functions[low] ?? Number.POSITIVE_INFINITY];
  }

  private segmentOf(address: number): ProgramHeader | undefined {
    const at = address - this.bias;
    const { segments } = this.roots;
    return segments.find(({ vaddr, fileBytes }) => at >= vaddr && at < vaddr + fileBytes);
  }
}
