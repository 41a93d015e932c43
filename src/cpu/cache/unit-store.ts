/**
 * Translations by guest address and source bytes, kept beyond the domain that first needed them:
 * another process that runs the same code at the same address gets a copy placed, without decoding,
 * translating or verifying again. A verdict of the code verifier stays true wherever a unit lies: what
 * placing changes are the displacements of branches to registered places and the numbers of links.
 */

import type { Unit } from '../translate/unit.ts';
import type { Accepted } from '../verify/types.ts';
import type { TranslationFile } from './translation-file.ts';

export interface StoredUnit {
  readonly unit: Unit;
  /** Undefined: it comes from a file, nobody has verified it yet. */
  readonly verdict: Accepted | undefined;
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
  /** Units that came in since the file was read. */
  fresh = 0;
  private file: TranslationFile | undefined;

  /** Takes what an earlier run has left. */
  useFile(file: TranslationFile): void {
    this.file = file;
  }

  find(rip: number, source: SourceCheck): StoredUnit | undefined {
    for (const stored of this.byRip.get(rip) ?? [])
      if (sameSource(stored.unit, source)) {
        this.hits++;
        return stored;
      }
    const unit = this.file?.unit(rip);
    if (!unit || !sameSource(unit, source)) return undefined;
    this.hits++;
    this.fresh--;
    return { unit, verdict: undefined };
  }

  add(stored: StoredUnit): void {
    const { unit } = stored;
    if (unit.ranges.length === 0) return;
    this.fresh++;
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

  /** The newest unit of every address, those of the file included. */
  units(): Unit[] {
    const units = [...this.byRip.values()].map((versions) => versions[0]!.unit);
    for (const rip of this.file?.addresses() ?? []) {
      const unit = this.byRip.has(rip) ? undefined : this.file?.unit(rip);
      if (unit) units.push(unit);
    }
    return units;
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
