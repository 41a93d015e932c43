/**
 * Copy-on-write fork by the hardware (docs/memory.md).
 *
 * Shared memory is mapped again. Own memory (a memfd) is frozen and becomes a private mapping on
 * both sides, whatever its size. Of other private memory, the child maps the same base (zero pages
 * or the file's) and gets copies of the pages that differ from it.
 */

import { ENOMEM } from '../abi/errno.table.ts';
import type { Interval } from '../base/interval-map.ts';
import type { GuestAddressSpace } from './guest-address-space.ts';
import { LOCK } from './lock-kind.ts';
import {
  ANONYMOUS,
  type Mapping,
  releaseMapping,
  retainMapping,
  SegmentOwner,
  shifted,
} from './mapping.ts';
import { isOwn } from './own-memory.ts';
import { PROT_READ, PROT_WRITE } from './page-host.ts';
import { PAGE } from './page-math.ts';

/** Runs shorter than this are copied every time: a mapping more costs more than the copies. */
const REBASE_BYTES = 16 * PAGE;
/** The ends of a sandbox and its tables are mappings, too. */
const SANDBOX_AREAS = 4;
const STABLE_FORKS = 3;
const MAX_STABLE_FORKS = 200;

/** Whether fork after fork found the same pages to copy. */
export class ForkHistory {
  #last: readonly number[] = [];
  #same = 0;
  /** So many forks must have copied the same pages: more where moving them did not help. */
  #patience = STABLE_FORKS;

  isStable(runs: readonly number[]): boolean {
    const last = this.#last;
    const isSame = runs.length === last.length && runs.every((at, n) => at === last[n]);
    this.#last = runs;
    if (!isSame) this.#patience = STABLE_FORKS;
    this.#same = isSame ? this.#same + 1 : 0;
    if (this.#same < this.#patience) return false;
    this.#same = 0;
    this.#patience = Math.min(4 * this.#patience, MAX_STABLE_FORKS);
    return true;
  }
}

/** 0 or -errno; on failure the child is thrown away, the parent is as before. */
export function forkInto(parent: GuestAddressSpace, child: GuestAddressSpace): number {
  child.limitAddressSpace = parent.limitAddressSpace;
  child.limitData = parent.limitData;
  child.limitStack = parent.limitStack;
  child.limitLocked = parent.limitLocked;
  child.brkStart = parent.brkStart;
  child.brkEnd = parent.brkEnd;
  const { budget } = parent;
  if (!budget.admits(parent.chargedBytes())) return -ENOMEM;
  if (!budget.admitsAreas(parent.mappingTable.size + SANDBOX_AREAS)) return -ENOMEM;
  const frozen = freezeOwnMemory(parent);
  if (frozen < 0) return frozen;
  let runs = parent.pages.privateRuns();
  if (typeof runs === 'number') return -runs;
  if (parent.forkHistory.isStable(runs) && rebase(parent, runs)) {
    runs = parent.pages.privateRuns();
    if (typeof runs === 'number') return -runs;
  }
  const failed = forkAll(parent, child, runs);
  if (failed < 0) return failed;
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
  if (any) parent.own.freeze();
  return 0;
}

/** Every mapping: long runs of changed pages from a snapshot, the rest page by page. */
function forkAll(
  parent: GuestAddressSpace,
  child: GuestAddressSpace,
  runs: readonly number[],
): number {
  const parts = longRuns(parent, runs);
  const { snapshots } = parent.context;
  const source = parts.length === 0 ? undefined : save(parent, parts, snapshots.take(sumOf(parts)));
  let nextPart = source === undefined ? parts.length : 0;
  let nextRun = 0;
  let failed = 0;
  const copy = (item: Interval<Mapping>): number => {
    while (nextRun < runs.length && (runs[nextRun + 1] as number) <= item.start) nextRun += 2;
    return forkOne(parent, child, item, runs, nextRun);
  };
  for (const item of [...parent.mappingTable]) {
    let at = item.start;
    for (; failed === 0 && nextPart < parts.length; nextPart++) {
      const part = parts[nextPart] as Part;
      if (part.start >= item.end) break;
      if (part.start > at) failed = copy(pieceOf(item, at, part.start));
      if (failed === 0) failed = showPart(child, part, source as SegmentOwner);
      at = part.end;
    }
    if (failed === 0 && at < item.end) failed = copy(pieceOf(item, at, item.end));
    if (failed !== 0) break;
  }
  source?.release();
  return failed;
}

/** A long run of pages of one anonymous mapping, and where in a segment they go. */
interface Part extends Interval<Mapping> {
  readonly offset: number;
}

function longRuns(parent: GuestAddressSpace, runs: readonly number[]): Part[] {
  const parts: Part[] = [];
  let offset = 0;
  for (let n = 0; n < runs.length; n += 2) {
    const [from, to] = [runs[n] as number, runs[n + 1] as number];
    if (to - from < REBASE_BYTES) continue;
    for (const { start, end, value } of parent.mappingTable.overlapping(from, to)) {
      const part = { start: Math.max(start, from), end: Math.min(end, to), value, offset };
      const length = part.end - part.start;
      if (value.file || value.shared || value.prot === 0 || length < REBASE_BYTES) continue;
      if (value.onFork !== 'copy') continue;
      parts.push(part);
      offset += length;
    }
  }
  return parts;
}

const sumOf = (parts: readonly Part[]): number =>
  parts.reduce((sum, { start, end }) => sum + end - start, 0);

/** The pages in `source`; undefined where the host has no room for all of them. */
function save(
  parent: GuestAddressSpace,
  parts: readonly Part[],
  source: SegmentOwner | undefined,
): SegmentOwner | undefined {
  if (source === undefined) return undefined;
  for (const { start, end, offset } of parts) {
    if (parent.pages.saveTo(source.segment, offset, start, end - start) === 0) continue;
    source.release();
    return undefined;
  }
  return source;
}

function showPart(child: GuestAddressSpace, part: Part, source: SegmentOwner): number {
  const { start, end, value, offset } = part;
  const mapping = { ...value, source, sourceOffset: offset, hostShared: false, locked: LOCK.none };
  return show(child, start, end, mapping, mapping.prot, end - start);
}

const pieceOf = (item: Interval<Mapping>, start: number, end: number): Interval<Mapping> =>
  start === item.start && end === item.end
    ? item
    : { start, end, value: shifted(item.value, start - item.start) };

/**
 * Moves long runs of anonymous memory into a memfd that both sides then map private. Worth it when
 * fork after fork copies the same pages; a parent that writes them anew pays a copy a page once more.
 */
function rebase(parent: GuestAddressSpace, runs: readonly number[]): boolean {
  const parts = longRuns(parent, runs);
  if (parts.length === 0) return false;
  const segment = parent.context.host.createSegment('guest-fork', sumOf(parts));
  if (typeof segment === 'number') return false;
  const owner = new SegmentOwner(segment, () => segment[Symbol.dispose]());
  owner.frozen = true;
  owner.retain();
  const source = save(parent, parts, owner);
  if (source === undefined) return false;
  let isDone = false;
  for (const { start, end, offset } of parts) {
    if (!showFrom(parent, start, end, source, offset)) break;
    isDone = true;
  }
  source.release();
  return isDone;
}

/** The range as a private mapping of `source`, which holds the same bytes. */
function showFrom(
  parent: GuestAddressSpace,
  start: number,
  end: number,
  source: SegmentOwner,
  sourceOffset: number,
): boolean {
  const old = parent.mappingTable.find(start)?.value;
  if (old === undefined) return false;
  const mapping: Mapping = { ...old, source, sourceOffset, hostShared: false };
  if (parent.showPages(start, end - start, mapping) < 0) return false;
  parent.edit(start, end, (piece) => {
    retainMapping(mapping);
    releaseMapping(piece);
    return mapping;
  });
  parent.protectAgain(start, end);
  return true;
}

function forkOne(
  parent: GuestAddressSpace,
  child: GuestAddressSpace,
  item: Interval<Mapping>,
  runs: readonly number[],
  firstRun: number,
): number {
  const { start, end, value } = item;
  if (value.onFork === 'omit') {
    // What the host kept for the child may be there.
    const hidden = child.pages.unmap(start, end - start);
    return hidden === 0 ? 0 : -hidden;
  }
  if (value.onFork === 'wipe') {
    const mapping = { ...ANONYMOUS, prot: value.prot, label: value.label, onFork: value.onFork };
    return show(child, start, end, mapping, mapping.prot, end - start);
  }
  const mapping = value.locked ? { ...value, locked: LOCK.none } : value;
  const shown = parent.shownBytes(mapping, end - start);
  const run = runs[firstRun];
  const isDirty = !value.shared && run !== undefined && run < end;
  if (!isDirty) return show(child, start, end, mapping, mapping.prot, shown);
  // What the guest may only read need not be opened for the copy.
  const isClosed = value.prot !== 0 && (value.prot & PROT_WRITE) === 0;
  const prot = isClosed ? value.prot : PROT_READ | PROT_WRITE;
  const failed = show(child, start, end, mapping, prot, shown);
  if (failed < 0) return failed;
  // Pages that the guest may not read can still hold data.
  if (value.prot === 0) parent.pages.protect(start, shown, PROT_READ);
  for (let n = firstRun; n < runs.length && (runs[n] as number) < end; n += 2) {
    const from = Math.max(runs[n] as number, start);
    const to = Math.min(runs[n + 1] as number, end, start + shown);
    if (from >= to) continue;
    const copied = parent.pages.copyPages(child.pages, from, to - from, isClosed);
    if (copied !== 0) return -copied;
  }
  if (value.prot !== 0) return 0;
  parent.pages.protect(start, shown, 0);
  const closed = child.pages.protect(start, shown, 0);
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
