/**
 * Real translations to start mutants from: functions of an ELF file of this machine, translated as
 * at run time and moved to their place, with exits bound to the trampolines of the mutant runner.
 */
import { readFileSync } from 'node:fs';
import { Translator } from '../../src/cpu/translate/translate.ts';
import { RELOC_INTS, type Unit } from '../../src/cpu/translate/unit.ts';
import type { CodeSource } from '../../src/cpu/translate/window.ts';

/** Where the runner puts a unit, and its trampolines: multiples of 32 below. */
export const UNIT_AT = 4096;
export const TRAMPOLINE_BYTES = 32;

interface Elf {
  readonly bytes: Buffer;
  /** File offset, address, size of executable segments. */
  readonly segments: readonly (readonly [number, number, number])[];
  readonly functions: readonly number[];
}

/** Executable segments and function symbols (.dynsym, .symtab) of an ELF64 file. */
function readElf(path: string): Elf {
  const bytes = readFileSync(path);
  const segments: [number, number, number][] = [];
  const headers = Number(bytes.readBigUInt64LE(32));
  for (let n = 0; n < bytes.readUInt16LE(56); n++) {
    const at = headers + n * bytes.readUInt16LE(54);
    if (bytes.readUInt32LE(at) !== 1 || !(bytes.readUInt32LE(at + 4) & 1)) continue;
    const [offset, address, size] = [8, 16, 32].map((o) => Number(bytes.readBigUInt64LE(at + o)));
    segments.push([offset!, address!, size!]);
  }
  const functions = new Set<number>();
  const sections = Number(bytes.readBigUInt64LE(40));
  for (let n = 0; n < bytes.readUInt16LE(60); n++) {
    const at = sections + n * 64;
    const type = bytes.readUInt32LE(at + 4);
    if (type !== 2 && type !== 11) continue;
    const start = Number(bytes.readBigUInt64LE(at + 24));
    const size = Number(bytes.readBigUInt64LE(at + 32));
    for (let symbol = start; symbol < start + size; symbol += 24)
      if ((bytes[symbol + 4]! & 15) === 2 && bytes.readUInt16LE(symbol + 6) !== 0)
        functions.add(Number(bytes.readBigUInt64LE(symbol + 8)));
  }
  return { bytes, segments, functions: [...functions].sort((a, b) => a - b) };
}

/** Displacements of the branches to exits, for units at UNIT_AT. */
function place(unit: Unit): Uint8Array {
  const bytes = Uint8Array.from(unit.bytes);
  const view = new DataView(bytes.buffer);
  for (let n = 0; n < unit.relocs.length; n += RELOC_INTS) {
    const at = unit.relocs[n]!;
    view.setInt32(at, unit.relocs[n + 1]! * TRAMPOLINE_BYTES - (UNIT_AT + at + 4), true);
  }
  return bytes;
}

/** Code of an ELF file as if it were loaded at `base`, and the addresses of its functions there. */
export function loadedCode(
  path: string,
  base: number,
): { source: CodeSource; functions: number[] } {
  const elf = readElf(path);
  const source = {
    fetchPage(page: number, target: Uint8Array): boolean {
      for (const [offset, address, size] of elf.segments) {
        const from = page * 4096 - base - address;
        if (from < 0 || from >= size) continue;
        target.fill(0);
        target.set(elf.bytes.subarray(offset + from, offset + Math.min(from + 4096, size)));
        return true;
      }
      return false;
    },
  };
  return { source, functions: elf.functions.map((address) => base + address) };
}

/** Up to `count` units from functions spread evenly over the file. */
export function realUnits(path: string, count: number, tlsDisplacement: number): Uint8Array[] {
  const { source, functions } = loadedCode(path, 0);
  const translator = new Translator(tlsDisplacement);
  const limits = { maxInstructions: 200, isEntry: () => false };
  const units: Uint8Array[] = [];
  const step = Math.max(1, Math.floor(functions.length / count));
  for (let n = 0; n < functions.length && units.length < count; n += step) {
    const unit = translator.translate(source, functions[n]!, limits);
    if (unit !== undefined && unit.bytes.length > 0) units.push(place(unit));
  }
  return units;
}
