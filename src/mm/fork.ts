/**
 * Copy-on-write fork by the hardware (docs/memory.md).
 *
 * Shared memory is mapped again. Own memory (a memfd) is frozen and becomes a private mapping on
 * both sides, whatever its size. Of other private memory, the child maps the same base (zero pages
 * or the file's) and gets copies of the pages that differ from it.
 */

import type { Interval } from '../base/interval-map.ts';
import type { GuestAddressSpace } from './guest-address-space.ts';
import { ANONYMOUS, type Mapping, retainMapping } from './mapping.ts';
import { isOwn } from './own-memory.ts';
import { PROT_READ, PROT_WRITE } from './page-host.ts';
import { PAGE } from './page-math.ts';

/** 0 or -errno; on failure the child is thrown away, the parent is as before. */
export function forkInto(parent: GuestAddressSpace, child: GuestAddressSpace): number {
  child.limitAddressSpace = parent.limitAddressSpace;
  child.limitData = parent.limitData;
  child.limitStack = parent.limitStack;
  child.limitLocked = parent.limitLocked;
  child.brkStart = parent.brkStart;
  child.brkEnd = parent.brkEnd;
  const frozen = freezeOwnMemory(parent);
  if (frozen < 0) return frozen;
  const runs = parent.pages.privateRuns();
  if (typeof runs === 'number') return -runs;
  let next = 0;
  for (const item of [...parent.mappingTable]) {
    while (next < runs.length && (runs[next + 1] as number) <= item.start) next += 2;
    const failed = forkOne(parent, child, item, runs, next);
    if (failed < 0) return failed;
  }
  for (const page of parent.protectedPages) child.setWriteProtect(page * PAGE, PAGE, true);
  return 0;
}

/** Own memory becomes a private mapping of its memfd, which nobody writes any more. */
function freezeOwnMemory(parent: GuestAddressSpace): number {
  let any = false;
  for (const { start, end, value } of [...parent.mappingTable]) {
    if (!isOwn(value)) continue;
    any = true;
    const mapping: Mapping = { ...value, hostShared: false };
    const failed = parent.showPages(start, end - start, mapping);
    if (failed < 0) return failed;
    if (value.source) value.source.frozen = true;
    parent.edit(start, end, (piece) => ({ ...piece, hostShared: false }));
    parent.protectAgain(start, end);
  }
  if (any) parent.own.renew();
  return 0;
}

function forkOne(
  parent: GuestAddressSpace,
  child: GuestAddressSpace,
  item: Interval<Mapping>,
  runs: readonly number[],
  firstRun: number,
): number {
  const { start, end, value } = item;
  if (value.onFork === 'omit') return 0;
  if (value.onFork === 'wipe') {
    const mapping = { ...ANONYMOUS, prot: value.prot, label: value.label, onFork: value.onFork };
    return show(child, start, end, mapping, mapping.prot, end - start);
  }
  const mapping = value.locked ? { ...value, locked: false } : value;
  const shown = parent.shownBytes(mapping, end - start);
  const run = runs[firstRun];
  const isDirty = !value.shared && run !== undefined && run < end;
  if (!isDirty) return show(child, start, end, mapping, mapping.prot, shown);
  const failed = show(child, start, end, mapping, PROT_READ | PROT_WRITE, shown);
  if (failed < 0) return failed;
  // Pages that the guest may not read can still hold data.
  if (value.prot === 0) parent.pages.protect(start, shown, PROT_READ);
  for (let n = firstRun; n < runs.length && (runs[n] as number) < end; n += 2) {
    const from = Math.max(runs[n] as number, start);
    const to = Math.min(runs[n + 1] as number, end, start + shown);
    if (from >= to) continue;
    const copied = parent.pages.copyPages(child.pages, from, to - from);
    if (copied !== 0) return -copied;
  }
  if (value.prot === 0) parent.pages.protect(start, shown, 0);
  if ((value.prot & PROT_WRITE) !== 0) return 0;
  const closed = child.pages.protect(start, shown, value.prot);
  return closed === 0 ? 0 : -closed;
}

/** Pages with `prot` for now, and the mapping. */
function show(
  child: GuestAddressSpace,
  start: number,
  end: number,
  mapping: Mapping,
  prot: number,
  shown: number,
): number {
  const failed = child.showPages(start, end - start, { ...mapping, prot }, shown);
  if (failed < 0) return failed;
  retainMapping(mapping);
  child.insertMapping(start, end, mapping);
  return 0;
}
