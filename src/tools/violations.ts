/** All that the code verifier has against a unit: each broken rule, where first, the code around. */

import { TARGET } from '../cpu/sandbox/macros.ts';
import { RELOC_INTS, type Unit } from '../cpu/translate/unit.ts';
import type { Rejected, Rule, UnitPlace, Verdict } from '../cpu/verify/types.ts';
import { CodeVerifier } from '../cpu/verify/verifier.ts';
import { DECODE_OK, decodeInto } from '../x86/decode.ts';
import { Instruction } from '../x86/instruction.ts';
import { print } from '../x86/print.ts';
import { hexBytes } from './host-code.ts';

/** Behind these nothing is known of where instructions start. */
const LAST: ReadonlySet<Rule> = new Set<Rule>([
  ...(['unit-size', 'truncated', 'too-long', 'unknown'] as const),
  ...(['prefix-order', 'vex-form', 'evex-form'] as const),
]);
const SHOWN_BEFORE = 3;
const SHOWN_BEHIND = 2;

export interface CodeLine {
  readonly offset: number;
  readonly bytes: string;
  readonly text: string;
}

export interface Violation extends Rejected {
  readonly code: readonly CodeLine[];
}

export interface Examined {
  readonly verdict: Verdict;
  /** Empty where it is accepted; else the first is what the verdict says. */
  readonly violations: readonly Violation[];
}

export function examine(unit: Uint8Array, place: UnitPlace): Examined {
  const verdict = new CodeVerifier().verifyUnit(unit, place);
  const violations: Violation[] = [];
  const lines = codeLines(unit);
  const off = new Set<Rule>();
  for (let found = verdict; !found.ok; ) {
    violations.push({ ...found, code: around(lines, found.offset) });
    if (LAST.has(found.reason)) break;
    off.add(found.reason);
    found = new CodeVerifier(off).verifyUnit(unit, place);
  }
  return { verdict, violations };
}

function codeLines(unit: Uint8Array): CodeLine[] {
  const ins = new Instruction();
  const lines: CodeLine[] = [];
  for (let offset = 0; offset < unit.length; ) {
    const isCode = decodeInto(ins, unit, offset, unit.length) === DECODE_OK;
    // Where nothing decodes it goes on behind the longest that an instruction can be.
    const length = isCode ? ins.length : Math.min(15, unit.length - offset);
    const bytes = hexBytes(unit.subarray(offset, offset + length));
    const text = isCode ? print(ins, offset) : 'not an instruction of the table';
    lines.push({ offset, bytes, text });
    offset += length;
  }
  return lines;
}

function around(lines: readonly CodeLine[], offset: number): CodeLine[] {
  const at = lines.findLastIndex((line) => line.offset <= offset);
  return lines.slice(Math.max(0, at - SHOWN_BEFORE), at + 1 + SHOWN_BEHIND);
}

/** Registered places of a unit that is only looked at: one for each exit and stub, before the unit. */
const placeOf = (target: number): number => 16 * (1 + target);
const PLACEMENT = placeOf(1 + Math.max(...Object.values(TARGET)));

/** A unit as a translation file has it, its branches out of it filled in. */
export function examineUnit(unit: Unit): Examined {
  const bytes = unit.bytes.slice();
  const view = new DataView(bytes.buffer);
  const places = new Set<number>();
  for (let n = 0; n < unit.relocs.length; n += RELOC_INTS) {
    const at = unit.relocs[n]!;
    const place = placeOf(unit.relocs[n + 1]!);
    places.add(place);
    if (at + 4 <= bytes.length) view.setInt32(at, place - (PLACEMENT + at + 4), true);
  }
  return examine(bytes, {
    placement: PLACEMENT,
    tlsDisplacement: 0,
    isTarget: (offset) => places.has(offset) && offset < PLACEMENT,
  });
}
