/** Pages that are faulted in at once: mlock(2), MADV_POPULATE_READ, MADV_POPULATE_WRITE. */

import { EINVAL } from '../abi/errno.table.ts';
import type { Interval } from '../base/interval-map.ts';
import type { GuestAddressSpace } from './guest-address-space.ts';
import type { Mapping } from './mapping.ts';
import { PROT_READ, PROT_WRITE } from './page-host.ts';

/** What may be touched of a range, for writing where a write would make a page of its own. */
export function populateRange(space: GuestAddressSpace, start: number, end: number): void {
  for (const piece of space.mappingTable.overlapping(start, end)) {
    const { prot, shared } = piece.value;
    const from = Math.max(piece.start, start);
    const length = Math.min(piece.end, end) - from;
    if (!shared && (prot & PROT_WRITE) !== 0) space.pages.populate(from, length, 'write');
    else if ((prot & PROT_READ) !== 0) space.pages.populate(from, length, 'read');
  }
}

/** One piece of madvise(2); -EINVAL where the mapping does not allow that access. */
export function populatePiece(
  space: GuestAddressSpace,
  piece: Interval<Mapping>,
  start: number,
  end: number,
  access: 'read' | 'write',
): number {
  const needed = access === 'read' ? PROT_READ : PROT_WRITE;
  if ((piece.value.prot & needed) === 0) return -EINVAL;
  space.pages.populate(start, end - start, access);
  return 0;
}
