/** Page counts of an address space, for /proc and limits. */

import type { IntervalMap } from '../base/interval-map.ts';
import type { MemoryUsage } from './address-space.ts';
import type { Mapping } from './mapping.ts';
import { PROT_EXEC, PROT_WRITE } from './page-host.ts';
import { PAGE } from './page-math.ts';

export function usageOf(mappings: IntervalMap<Mapping>, peakPages: number): MemoryUsage {
  const sums = { total: 0, data: 0, stack: 0, code: 0, shared: 0, locked: 0, resident: 0 };
  for (const { start, end, value } of mappings) {
    const pages = (end - start) / PAGE;
    sums.total += pages;
    if (value.growsDown) sums.stack += pages;
    if (!value.shared && (value.prot & PROT_WRITE) !== 0) sums.data += pages;
    if ((value.prot & PROT_EXEC) !== 0) sums.code += pages;
    if (value.shared || value.file) sums.shared += pages;
    if (value.locked) sums.locked += pages;
    if (value.prot !== 0) sums.resident += pages;
  }
  return {
    totalPages: sums.total,
    dataPages: sums.data,
    stackPages: sums.stack,
    codePages: sums.code,
    sharedPages: sums.shared,
    lockedPages: sums.locked,
    peakPages,
    residentPages: sums.resident,
  };
}
