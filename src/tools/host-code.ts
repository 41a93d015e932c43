/**
 * Translated code as people read it: slots, tables and exits by name instead of displacements, and for
 * each instruction what a tick that stops there puts back (`cpu/translate/fixup.ts`).
 */

import { EXIT, JUMP_TABLE_DISP, RETURN_TABLE_DISP, TLS } from '../cpu/sandbox/layout.ts';
import { TARGET } from '../cpu/sandbox/macros.ts';
import {
  FIX_RELOAD_RDI,
  FIX_RELOAD_RSI,
  FIX_RIP_RETURN,
  FIX_RIP_TARGET,
  FIX_UNBASE_RDI,
  FIX_UNBASE_RSI,
  FIXUP_INTS,
  forEachRestore,
} from '../cpu/translate/fixup.ts';
import {
  type DescribedUnit,
  LINK_INTS,
  PLACE_NEGATED,
  PLACE_SHIFT,
  PLACE_SLOT,
  RELOC_INTS,
} from '../cpu/translate/unit.ts';
import { DECODE_OK, decodeInto } from '../x86/decode.ts';
import { Instruction, NONE, PREFIX_FS, PREFIX_GS } from '../x86/instruction.ts';
import { gpName } from '../x86/operand.ts';
import { print } from '../x86/print.ts';
import { hexOf } from './names.ts';

export interface HostLine {
  /** Offset in the unit. */
  readonly offset: number;
  readonly bytes: string;
  readonly text: string;
  /** Guest addresses in it, by name; where a branch leads. */
  readonly note?: string;
  /** What makes the guest's state exact when it is interrupted before this instruction. */
  readonly restart?: string;
}

/** The name of a guest address. */
export type NameOf = (address: number) => string;

const PLACES: ReadonlyMap<number, string> = new Map<number, string>([
  ...Object.entries(EXIT).map(([name, kind]) => [kind, `exit:${name}`] as const),
  ...Object.entries(TARGET).map(([name, target]) => [target, `stub:${name}`] as const),
]);

export function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** Every instruction of `unit`, translated for displacement 0 of the thread-local block. */
export function hostLines(unit: DescribedUnit, nameOf: NameOf): HostLine[] {
  const { bytes } = unit;
  const facts = new UnitFacts(unit);
  const ins = new Instruction();
  const lines: HostLine[] = [];
  for (let at = 0; at < bytes.length; ) {
    const isCode = decodeInto(ins, bytes, at, bytes.length) === DECODE_OK;
    const length = isCode ? ins.length : bytes.length - at;
    const shown = isCode ? textOf(ins, at, facts) : '(bad)';
    const note = isCode ? noteOf(ins, at, facts, nameOf) : undefined;
    const restart = facts.restartAt(at, nameOf);
    lines.push({
      offset: at,
      bytes: hexBytes(bytes.subarray(at, at + length)),
      text: shown,
      ...(note === undefined ? {} : { note }),
      ...(restart === undefined ? {} : { restart }),
    });
    at += length;
  }
  return lines;
}

/** What stands beside the bytes of a unit, by offset. */
export class UnitFacts {
  readonly unit: DescribedUnit;
  /** Offset of a displacement → the place outside that it leads to. */
  readonly outside = new Map<number, string>();
  /** Offset of a displacement → the guest address that it will be linked to. */
  readonly links = new Map<number, number>();
  /** Offset → guest address of the instruction, or of the landing, that starts there. */
  readonly starts = new Map<number, number>();
  readonly #places = new Map<number, number>();
  readonly #restarts = new Map<number, number>();

  constructor(unit: DescribedUnit) {
    this.unit = unit;
    for (let n = 0; n < unit.relocs.length; n += RELOC_INTS)
      this.outside.set(unit.relocs[n]!, PLACES.get(unit.relocs[n + 1]!) ?? '?');
    for (let n = 0; n < unit.links.length; n += LINK_INTS)
      this.links.set(unit.links[n + 1]!, unit.links[n]!);
    const { rips, offsets, fixups } = unit.details;
    for (const [n, offset] of offsets.entries()) this.starts.set(offset, rips[n]!);
    for (const place of unit.places) this.#places.set(place >>> PLACE_SHIFT, place);
    for (let n = 0; n < fixups.length; n += FIXUP_INTS) this.#restarts.set(fixups[n]!, n);
  }

  /** Kind and value of the number of 32 bits at `offset`, where it depends on places. */
  placeAt(offset: number): { readonly kind: number; readonly value: number } | undefined {
    const place = this.#places.get(offset);
    if (place === undefined) return undefined;
    const { bytes } = this.unit;
    const value =
      bytes[offset]! |
      (bytes[offset + 1]! << 8) |
      (bytes[offset + 2]! << 16) |
      (bytes[offset + 3]! << 24);
    return { kind: place & 3, value };
  }

  restartAt(offset: number, nameOf: NameOf): string | undefined {
    const record = this.#restarts.get(offset);
    if (record === undefined) return undefined;
    const { fixups } = this.unit.details;
    return restartText(fixups[record + 1]! >>> 0, fixups[record + 2]!, fixups[record + 3]!, nameOf);
  }
}

function restartText(rip: number, actions: number, rspAdjust: number, nameOf: NameOf): string {
  const parts: string[] = [];
  forEachRestore(actions, (register, slot) => {
    parts.push(`${gpName(register, 64)}=spill${slot}`);
  });
  if (actions & FIX_RELOAD_RDI) parts.push('rdi=spill2');
  if (actions & FIX_RELOAD_RSI) parts.push('rsi=spill3');
  if (actions & FIX_UNBASE_RDI) parts.push('rdi-=base');
  if (actions & FIX_UNBASE_RSI) parts.push('rsi-=base');
  if (rspAdjust !== 0) parts.push(`rsp${rspAdjust < 0 ? '-' : '+'}=${Math.abs(rspAdjust)}`);
  if (actions & FIX_RIP_TARGET) parts.push('rip=target');
  else if (actions & FIX_RIP_RETURN) parts.push('rip=[rsp-8]');
  else parts.push(`rip=${nameOf(rip)}`);
  return parts.join(' ');
}

/** Offset of the displacement of a branch whose last four bytes are that, else -1. */
export function branchDisplacementAt(ins: Instruction, at: number): number {
  const kind = ins.row.class;
  const isNear = (kind === 'branch' || kind === 'condbranch') && ins.length >= 5;
  return isNear ? at + ins.length - 4 : -1;
}

function textOf(ins: Instruction, at: number, facts: UnitFacts): string {
  const text = print(ins, at);
  const place = facts.outside.get(branchDisplacementAt(ins, at));
  if (place !== undefined) return `${text.split(' ')[0]} ${place}`;
  if (ins.prefixes & PREFIX_FS && ins.hasMemory && ins.base === NONE)
    return text.replace(/fs:0x[0-9a-f]+/, `fs:${slotName(ins.displacement)}`);
  if (ins.prefixes & PREFIX_GS && ins.row.class === 'indirectbranch') {
    const name = { [RETURN_TABLE_DISP]: 'returns', [JUMP_TABLE_DISP]: 'jumps' }[ins.displacement];
    return text.replace(/-0x[0-9a-f]+\]/, `+${name}]`);
  }
  return text;
}

function slotName(offset: number): string {
  for (const [name, slot] of Object.entries(TLS))
    if (offset >= slot.offset && offset < slot.offset + slot.bytes)
      return name === 'spill' ? `spill${(offset - slot.offset) / 8}` : name;
  return hexOf(offset);
}

function noteOf(
  ins: Instruction,
  at: number,
  facts: UnitFacts,
  nameOf: NameOf,
): string | undefined {
  const displacementAt = branchDisplacementAt(ins, at);
  if (facts.outside.has(displacementAt)) return undefined;
  const linked = facts.links.get(displacementAt);
  if (linked !== undefined) return `link to ${nameOf(linked)}`;
  for (let offset = at + ins.length - 4; offset > at; offset--) {
    const place = facts.placeAt(offset);
    if (place === undefined || place.kind === PLACE_SLOT) continue;
    if (place.kind === PLACE_NEGATED) return `-${nameOf(-place.value >>> 0)}`;
    const name = nameOf(place.value >>> 0);
    return name === hexOf(place.value >>> 0) ? undefined : name;
  }
  const kind = ins.row.class;
  if (kind !== 'branch' && kind !== 'condbranch' && kind !== 'loopbranch') return undefined;
  const rip = facts.starts.get(at + ins.length + ins.immediate);
  return rip === undefined ? undefined : nameOf(rip);
}
