/** Finds out which immediates of changed code changed, where nothing else did. */

import type { Decoded } from '../cpu/interpret/decoded.ts';
import { loadableImmediate } from '../cpu/translate/self-check.ts';
import type { Details, Unit } from '../cpu/translate/unit.ts';
import type { SpaceState } from './space.ts';

/**
 * `unit` was made from other bytes than there are now: where all of them belong to immediates that
 * can be loaded, they will be from now on.
 */
export function learnImmediates(
  unit: Unit,
  known: SpaceState,
  decoded: Decoded,
  detailsOf: (unit: Unit) => Details,
): void {
  const changed = changedInstructions(unit, known, decoded, detailsOf);
  for (const rip of changed ?? []) known.written.addLiveImmediate(rip);
}

/** Instructions that differ by an immediate only; undefined: something else differs, too. */
function changedInstructions(
  unit: Unit,
  known: SpaceState,
  decoded: Decoded,
  detailsOf: (unit: Unit) => Details,
): Set<number> | undefined {
  const { ranges, source } = unit;
  const found = new Set<number>();
  const now = new Uint8Array(source.length);
  let at = 0;
  for (let n = 0; n < ranges.length; n += 2) {
    const addr = ranges[n]!;
    const length = ranges[n + 1]!;
    if (known.space.peek(addr, now.subarray(at, at + length)) < 0) return undefined;
    for (let i = 0; i < length; i++) {
      if (now[at + i] === source[at + i]) continue;
      const rip = instructionAt(detailsOf(unit).rips, addr + i);
      if (rip < 0 || !decoded.at(known.space, rip)) return undefined;
      const { instruction } = decoded;
      const start = rip + instruction.immediateAt;
      const bytes = loadableImmediate(instruction);
      if (addr + i < start || addr + i >= start + bytes) return undefined;
      found.add(rip);
    }
    at += length;
  }
  return found;
}

/** The last of the ascending `rips` that is not behind `addr`, or -1. */
function instructionAt(rips: Uint32Array, addr: number): number {
  let low = 0;
  let high = rips.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (rips[middle]! <= addr) low = middle + 1;
    else high = middle - 1;
  }
  return high >= 0 ? rips[high]! : -1;
}
