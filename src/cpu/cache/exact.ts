/**
 * From an interrupted host address back to an exact guest state: the records that a unit carries
 * (`cpu/translate/fixup.ts`), applied to a state block.
 */

import { STATE, TLS } from '../sandbox/layout.ts';
import {
  FIX_RELOAD_RDI,
  FIX_RELOAD_RSI,
  FIX_RIP_RETURN,
  FIX_RIP_TARGET,
  FIX_UNBASE_RDI,
  FIX_UNBASE_RSI,
  FIXUP_INTS,
  forEachRestore,
} from '../translate/fixup.ts';
import type { Details } from '../translate/unit.ts';

/** The registers, spill slots and guest memory that a fixup works on. */
export interface ExactContext {
  readonly gprs: BigUint64Array;
  /** Of the state block: `STATE.spills` and the target slot behind them. */
  readonly u64: BigUint64Array;
  readonly sandboxBase: bigint;
  /** 8 bytes of guest memory at a 32-bit address; undefined: not readable. */
  readGuest(addr: number): bigint | undefined;
}

const RSP = 4;
const RSI = 6;
const RDI = 7;
const SPILLS = STATE.spills / 8;
const TARGET = SPILLS + TLS.target.offset / 8;
const HIGH_HALF = 0xffff_ffff_0000_0000n;

/**
 * Makes the state exact for an interruption at `at` of a unit; returns the guest RIP, or undefined
 * when no instruction of the unit starts there.
 */
export function makeExact(details: Details, at: number, c: ExactContext): bigint | undefined {
  const { rips, offsets, fixups } = details;
  const record = findFixup(fixups, at);
  if (record < 0) {
    const index = findInstruction(offsets, at);
    return index < 0 ? undefined : BigInt(rips[index]!);
  }
  const rip = fixups[record + 1]! >>> 0;
  const actions = fixups[record + 2]!;
  const rspAdjust = fixups[record + 3]!;
  const { gprs, u64 } = c;
  forEachRestore(actions, (register, slot) => {
    gprs[register] = u64[SPILLS + slot]!;
  });
  if (actions & FIX_RELOAD_RDI) gprs[RDI] = u64[SPILLS + 2]!;
  if (actions & FIX_RELOAD_RSI) gprs[RSI] = u64[SPILLS + 3]!;
  if (actions & FIX_UNBASE_RDI) gprs[RDI] = unbase(gprs[RDI]!, u64[SPILLS + 2]!, c.sandboxBase);
  if (actions & FIX_UNBASE_RSI) gprs[RSI] = unbase(gprs[RSI]!, u64[SPILLS + 3]!, c.sandboxBase);
  if (rspAdjust !== 0) gprs[RSP] = BigInt.asUintN(64, gprs[RSP]! + BigInt(rspAdjust));
  if (actions & FIX_RIP_TARGET) return u64[TARGET]!;
  if (actions & FIX_RIP_RETURN) return c.readGuest(Number((gprs[RSP]! - 8n) & 0xffff_ffffn)) ?? 0n;
  return BigInt(rip);
}

function unbase(pointer: bigint, before: bigint, base: bigint): bigint {
  return BigInt.asUintN(64, (before & HIGH_HALF) + (pointer - base));
}

function findFixup(fixups: Int32Array, at: number): number {
  let low = 0;
  let high = fixups.length / FIXUP_INTS - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const offset = fixups[middle * FIXUP_INTS]!;
    if (offset === at) return middle * FIXUP_INTS;
    if (offset < at) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** The last instruction whose translation starts at `at` (those before it emitted nothing). */
function findInstruction(offsets: Uint32Array, at: number): number {
  let low = 0;
  let high = offsets.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (offsets[middle]! <= at) low = middle + 1;
    else high = middle - 1;
  }
  return high >= 0 && offsets[high] === at ? high : -1;
}

/** Host offset at which the guest instruction `rip` of a unit starts, or -1. */
export function hostOffsetOf({ rips, offsets }: Details, rip: number): number {
  let low = 0;
  let high = rips.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = rips[middle]!;
    if (found === rip) return offsets[middle]!;
    if (found < rip) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
