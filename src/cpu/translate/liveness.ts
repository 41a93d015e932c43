/**
 * Are the status flags dead at a guest address? Followed over the instructions of the unit, and over
 * calls within it; whatever leaves the unit may read them.
 */

import { FLAGS_STATUS } from '../../x86/isa/row.ts';
import { KIND } from './facts.ts';
import type { Scan } from './scan.ts';

const MAX_STEPS = 24;

/** True when every path from `rip` overwrites all status flags before it reads one. */
export function flagsDeadAt(scan: Scan, rip: number): boolean {
  return dead(scan, rip, FLAGS_STATUS, MAX_STEPS);
}

function dead(scan: Scan, start: number, flags: number, steps: number): boolean {
  let live = flags;
  let rip = start;
  for (let left = steps; left > 0; left--) {
    const index = scan.find(rip);
    if (index < 0) return false;
    const ins = scan.pool[index]!;
    const facts = scan.factsOf(ins);
    if (facts.flagsRead & live) return false;
    live &= ~facts.flagsKilled;
    if (live === 0) return true;
    switch (facts.kind) {
      case KIND.branch:
      case KIND.call:
        rip = scan.targetOf(ins);
        continue;
      case KIND.condbranch:
      case KIND.loopbranch:
        if (!dead(scan, scan.targetOf(ins), live, left >> 1)) return false;
        break;
      case KIND.ret:
      case KIND.indirectbranch:
      case KIND.indirectcall:
      case KIND.syscall:
      case KIND.breakpoint:
      case KIND.emulate:
        return false;
      default:
        break;
    }
    rip += ins.length;
  }
  return false;
}
