/**
 * Translations by guest address and source bytes, kept beyond the domain that first needed them:
 * another process that runs the same code at the same address gets a copy placed, without decoding,
 * translating or verifying again. A verdict of the code verifier stays true wherever a unit lies: what
 * placing changes are the displacements of branches to registered places and the numbers of links.
 */

import type { Unit } from '../translate/unit.ts';
import type { Accepted } from '../verify/types.ts';

export interface StoredUnit {
  readonly unit: Unit;
  readonly verdict: Accepted;
}

/** Guest code as a store compares it. */
export interface SourceCheck {
  /**
   * True when [addr, addr + bytes.length) may be executed and holds `bytes`; protects those pages
   * against writes before it looks.
   */
  matches(addr: number, bytes: Uint8Array): boolean;
}

const LIMIT_BYTES = 64 * 1024 * 1024;
/** Of one address: other programs, or code that changes. */
const MAX_VERSIONS = 8;

export class UnitStore {
  private readonly byRip = new Map<number, StoredUnit[]>();
  private bytes = 0;
  hits = 0;

  find(rip: number, source: SourceCheck): StoredUnit | undefined {
    const versions = this.byRip.get(rip);
    if (!versions) return undefined;
    for (const stored of versions)
      if (sameSource(stored.unit, source)) {
        this.hits++;
        return stored;
      }
    return undefined;
  }

  add(stored: StoredUnit): void {
    const { unit } = stored;
    if (unit.ranges.length === 0) return;
    if (this.bytes > LIMIT_BYTES) {
      this.byRip.clear();
      this.bytes = 0;
    }
    this.bytes += unit.bytes.length + unit.fixups.byteLength + 8 * unit.rips.length;
    const versions = this.byRip.get(unit.rip);
    if (!versions) this.byRip.set(unit.rip, [stored]);
    else {
      if (versions.length >= MAX_VERSIONS) versions.pop();
      versions.unshift(stored);
    }
  }

  units(): Iterable<StoredUnit[]> {
    return this.byRip.values();
  }
}

function sameSource(unit: Unit, source: SourceCheck): boolean {
  const { ranges } = unit;
  let at = 0;
  for (let n = 0; n < ranges.length; n += 2) {
    const length = ranges[n + 1]!;
    if (!source.matches(ranges[n]!, unit.source.subarray(at, at + length))) return false;
    at += length;
  }
  return true;
}
