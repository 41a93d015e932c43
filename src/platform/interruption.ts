/** From where the host stopped translated code, at a fault or tick, to the guest's exact registers. */

import type { CodeCache } from '../cpu/cache/code-cache.ts';
import { MISSED_RETURN } from '../cpu/cache/code-space.ts';
import type { PlacedUnit } from '../cpu/cache/domain.ts';
import { makeExact } from '../cpu/cache/exact.ts';
import { STATE } from '../cpu/sandbox/layout.ts';
import { expectOfCode } from './broken-translation.ts';
import { addressIn, type TranslatedCpu } from './guest-cpu.ts';
import { GuestMachine } from './machine.ts';
import type { SpaceState } from './space.ts';
import type { UnitDetails } from './unit-details.ts';

export class Interruption {
  /** The unit that the last one came from; undefined: it lay between two. */
  placed: PlacedUnit | undefined;
  private readonly cache: CodeCache;
  private readonly details: UnitDetails;

  constructor(cache: CodeCache, details: UnitDetails) {
    this.cache = cache;
    this.details = details;
  }

  /**
   * Makes the guest's registers exact, and remembers the unit. True when it was comparing its own
   * source: that is fetching, not reading.
   */
  makeExact(cpu: TranslatedCpu, known: SpaceState): boolean {
    const { i32, u64 } = cpu.state;
    const { space } = this.cache;
    cpu.gprs[4] = u64[STATE.hostRsp / 8]!;
    const offset = addressIn(i32, STATE.hostRip / 4) - space.host.code.executable;
    const placed = this.cache.unitAt(offset);
    this.placed = placed;
    const machine = new GuestMachine(cpu, known.space);
    if (!placed) {
      const kind = space.preambleAt(offset);
      expectOfCode(kind !== 0, 'it was interrupted outside of any unit');
      cpu.gprs[1] = u64[STATE.spills / 8]!;
      cpu.rip = machine.transferTarget(kind === MISSED_RETURN);
      return false;
    }
    const { unit } = placed;
    const at = offset - placed.offset;
    const details = this.details.of(unit);
    const rip = makeExact(details, at, machine);
    expectOfCode(rip !== undefined, 'no record of the instruction that was interrupted');
    u64[STATE.rip / 8] = rip;
    cpu.lastUnit = placed;
    return unit.selfChecking && at >= unit.entryAt && at < (details.offsets[0] ?? 0);
  }
}
