/**
 * How many guest instructions a second translator and code verifier do, in CPU time of one thread:
 * `node bench/throughput.ts ELF-FILE` prints one line of JSON a round. The first round is cold: the
 * process has just started. Each round takes other functions of the file.
 */

import { readFileSync } from 'node:fs';
import { Translator } from '../src/cpu/translate/translate.ts';
import { RELOC_INTS, type Unit } from '../src/cpu/translate/unit.ts';
import { CodeVerifier } from '../src/cpu/verify/verifier.ts';
import { readCodeRoots } from '../src/elf/code-roots.ts';
import { loadedCode } from '../test/isolation/real-units.ts';

const BASE = 0x1000_0000;
const TLS = -1408;
const UNIT_AT = 4096;
const ROUNDS = 12;
const UNITS = 1500;
const place = {
  placement: UNIT_AT,
  tlsDisplacement: TLS,
  isTarget: (offset: number) => offset < UNIT_AT,
};

export interface Throughput {
  readonly instructions: number;
  /** Million guest instructions a second. */
  readonly translate: number;
  readonly verify: number;
  readonly both: number;
}

function threadUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** Displacements of branches to exits, for a unit at UNIT_AT. */
function placed(unit: Unit): Uint8Array {
  const bytes = unit.bytes.slice();
  const view = new DataView(bytes.buffer);
  for (let n = 0; n < unit.relocs.length; n += RELOC_INTS) {
    const at = unit.relocs[n]!;
    view.setInt32(at, unit.relocs[n + 1]! * 32 - (UNIT_AT + at + 4), true);
  }
  return bytes;
}

const path = process.argv[2]!;
const { source } = loadedCode(path, BASE);
const functions = readCodeRoots(readFileSync(path))?.functions ?? [];
const step = Math.max(1, Math.floor(functions.length / UNITS));
const translator = new Translator(TLS);
const verifier = new CodeVerifier();
const limits = { maxInstructions: 1000, isEntry: () => false };
for (let round = 0; round < ROUNDS; round++) {
  const units: Unit[] = [];
  let instructions = 0;
  const start = threadUs();
  for (let n = round % step; n < functions.length; n += step) {
    const unit = translator.translate(source, functions[n]! + BASE, limits);
    if (unit) units.push(unit);
    instructions += unit?.instructionCount ?? 0;
  }
  const translateUs = threadUs() - start;
  const bytes = units.map(placed);
  const middle = threadUs();
  for (const each of bytes)
    if (!verifier.verifyUnit(each, place).ok) throw new Error('a unit is refused');
  const verifyUs = threadUs() - middle;
  const result: Throughput = {
    instructions,
    translate: instructions / translateUs,
    verify: instructions / verifyUs,
    both: instructions / (translateUs + verifyUs),
  };
  console.log(JSON.stringify(result));
}
