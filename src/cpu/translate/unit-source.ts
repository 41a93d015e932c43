/** The source of a unit as code to translate again: what the unit was made from, and where it ended. */

import type { ScanLimits } from './scan.ts';
import { LINK_INTS, type Unit } from './unit.ts';
import type { CodeSource } from './window.ts';

const PAGE_BYTES = 4096;

/**
 * A unit ended where others had entries, at its bound, or where nothing decodes. Each such place is
 * the target of one of its links, or, behind a call or an exit, outside of its ranges: that one is
 * the end of an instruction, and `Scan.isPlain` holds, so it lies inside of no other.
 */
export class UnitSource implements CodeSource, ScanLimits {
  readonly maxInstructions: number;
  private readonly unit: Unit;
  private readonly stops = new Set<number>();

  constructor(unit: Unit) {
    this.unit = unit;
    this.maxInstructions = unit.instructionCount;
    for (let n = 0; n < unit.links.length; n += LINK_INTS) this.stops.add(unit.links[n]!);
  }

  isEntry(rip: number): boolean {
    if (this.stops.has(rip)) return true;
    const { ranges } = this.unit;
    let low = 0;
    let high = ranges.length / 2 - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const start = ranges[2 * middle]!;
      if (rip < start) high = middle - 1;
      else if (rip >= start + ranges[2 * middle + 1]!) low = middle + 1;
      else return false;
    }
    return true;
  }

  fetchPage(page: number, target: Uint8Array): boolean {
    const { ranges, source } = this.unit;
    const start = page * PAGE_BYTES;
    let isThere = false;
    let at = 0;
    for (let n = 0; n < ranges.length; n += 2) {
      const from = ranges[n]!;
      const length = ranges[n + 1]!;
      const first = Math.max(from, start);
      const end = Math.min(from + length, start + PAGE_BYTES);
      if (first < end) {
        target.set(source.subarray(at + first - from, at + end - from), first - start);
        isThere = true;
      }
      at += length;
    }
    return isThere;
  }
}
