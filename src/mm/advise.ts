/** madvise(2). */

import { EACCES, EINVAL, ENOMEM, EPERM } from '../abi/errno.table.ts';
import { MADV } from '../abi/mman.ts';
import type { Interval } from '../base/interval-map.ts';
import type { GuestAddressSpace } from './guest-address-space.ts';
import { type Mapping, releaseMapping } from './mapping.ts';
import { isOwn } from './own-memory.ts';
import { PROT_WRITE } from './page-host.ts';
import { PAGE, roundUp } from './page-math.ts';
import { populatePiece } from './populate.ts';

const IGNORED: readonly number[] = [
  MADV.MADV_NORMAL,
  MADV.MADV_RANDOM,
  MADV.MADV_SEQUENTIAL,
  MADV.MADV_WILLNEED,
  MADV.MADV_MERGEABLE,
  MADV.MADV_UNMERGEABLE,
  MADV.MADV_HUGEPAGE,
  MADV.MADV_NOHUGEPAGE,
  MADV.MADV_DONTDUMP,
  MADV.MADV_DODUMP,
  MADV.MADV_COLD,
  MADV.MADV_PAGEOUT,
  MADV.MADV_COLLAPSE,
];

const POPULATES: Readonly<Record<number, 'read' | 'write'>> = {
  [MADV.MADV_POPULATE_READ]: 'read',
  [MADV.MADV_POPULATE_WRITE]: 'write',
};

/** What loses data: `is_madv_discard` of Linux. */
const DISCARDS: readonly number[] = [
  MADV.MADV_FREE,
  MADV.MADV_DONTNEED,
  MADV.MADV_DONTNEED_LOCKED,
  MADV.MADV_REMOVE,
  MADV.MADV_DONTFORK,
  MADV.MADV_WIPEONFORK,
];

/** Sealed memory that cannot be written must not be emptied either (mseal(2)). */
const isKept = ({ sealed, shared, file, prot }: Mapping): boolean =>
  sealed && !shared && file === undefined && (prot & PROT_WRITE) === 0;

const ON_FORK: Readonly<Record<number, Mapping['onFork']>> = {
  [MADV.MADV_DONTFORK]: 'omit',
  [MADV.MADV_DOFORK]: 'copy',
  [MADV.MADV_WIPEONFORK]: 'wipe',
  [MADV.MADV_KEEPONFORK]: 'copy',
};

export function adviseRange(
  space: GuestAddressSpace,
  addr: number,
  length: number,
  advice: number,
): number {
  const end = addr + roundUp(length);
  if (addr % PAGE !== 0 || addr < 0 || length < 0 || end > 2 ** 32) return -EINVAL;
  const onFork = ON_FORK[advice];
  const frees = advice === MADV.MADV_DONTNEED || advice === MADV.MADV_DONTNEED_LOCKED;
  const lazily = advice === MADV.MADV_FREE;
  const removes = advice === MADV.MADV_REMOVE;
  const populates = POPULATES[advice];
  const acts = onFork !== undefined || frees || lazily || removes || populates !== undefined;
  if (!IGNORED.includes(advice) && !acts) return -EINVAL;
  if (length === 0) return 0;
  let reached = addr;
  for (const piece of space.mappingTable.overlapping(addr, end)) {
    const start = Math.max(piece.start, addr);
    const stop = Math.min(piece.end, end);
    let result = 0;
    if (DISCARDS.includes(advice) && isKept(piece.value)) return -EPERM;
    if (populates) {
      if (piece.start > reached) return -ENOMEM;
      result = populatePiece(space, piece, start, stop, populates);
    } else if (onFork) result = setOnFork(space, start, stop, piece.value, onFork, advice);
    else if (lazily && (piece.value.file || piece.value.shared)) return -EINVAL;
    else if ((lazily || advice === MADV.MADV_DONTNEED) && piece.value.locked) return -EINVAL;
    else if (removes) result = remove(piece, start, stop);
    else if (frees || lazily) result = discard(space, piece, start, stop);
    if (result < 0) return result;
    reached = stop;
  }
  // Linux applies the advice to what is mapped, then reports the holes.
  return space.mappingTable.covers(addr, end, () => true) ? 0 : -ENOMEM;
}

function setOnFork(
  space: GuestAddressSpace,
  start: number,
  end: number,
  mapping: Mapping,
  onFork: Mapping['onFork'],
  advice: number,
): number {
  const wipes = advice === MADV.MADV_WIPEONFORK;
  if (wipes && (mapping.file || mapping.shared)) return -EINVAL;
  space.edit(start, end, (piece) => ({ ...piece, onFork }));
  return 0;
}

/** Private pages show their base again: zeros, or the file. */
function discard(
  space: GuestAddressSpace,
  piece: Interval<Mapping>,
  start: number,
  end: number,
): number {
  const mapping = piece.value;
  if (mapping.shared) return 0;
  space.codeChanged(start, end - start);
  const sourceOffset = mapping.sourceOffset + start - piece.start;
  if (isOwn(mapping)) return -(mapping.source?.segment.punch(sourceOffset, end - start) ?? 0);
  if (mapping.source !== undefined && mapping.file === undefined)
    return replaceByZeros(space, start, end, mapping);
  if (mapping.file !== undefined && mapping.source === undefined)
    return refill(space, piece, start);
  return -space.pages.discard(start, end - start);
}

/** Memory frozen by a fork: dropping the copies would bring back what was there before the fork. */
function replaceByZeros(
  space: GuestAddressSpace,
  start: number,
  end: number,
  mapping: Mapping,
): number {
  const failed = space.pages.mapAnonymous(start, end - start, mapping.prot);
  if (failed !== 0) return -failed;
  space.edit(start, end, (piece) => {
    releaseMapping(piece);
    return { ...piece, source: undefined, sourceOffset: 0, hostShared: false };
  });
  space.protectAgain(start, end);
  return 0;
}

/** A private copy of a file without pages: keeping the bytes is what a fresh read would give. */
function refill(_space: GuestAddressSpace, _piece: Interval<Mapping>, _start: number): number {
  return 0;
}

function remove(piece: Interval<Mapping>, start: number, end: number): number {
  const { shared, source, sourceOffset, prot, locked } = piece.value;
  // `madvise_remove`.
  if (locked || (source === undefined && piece.value.file === undefined)) return -EINVAL;
  if (!shared || (prot & 2) === 0) return -EACCES;
  if (source === undefined) return -EINVAL;
  return -source.segment.punch(sourceOffset + start - piece.start, end - start);
}
