/**
 * The private memory that a process began with becomes, when it ends, what it was when it was mapped, and
 * stays for the next process in its place. Its pages are written over: an unmapped page costs a fault, and
 * a flush of the processor's translations of addresses, which in a virtual machine is the dearest part
 * (measured: a quarter of a spawn).
 *
 * What the next process maps just so is there already; the rest is unmapped before it runs. `restore` happens
 * before the place is free: nothing that a process wrote lies in memory that nobody has.
 */

import type { Slot } from './arena.ts';
import { PAGE } from './libc.ts';
import type { PageWriter } from './page-writer.ts';
import {
  cutRuns,
  hasRun,
  PageRanges,
  type PristinePages,
  type PrivatePages,
  pieceOf,
} from './private-ranges.ts';
import type { NativeSegment } from './segment.ts';
import type { UsedRange } from './used-ranges.ts';

/** So many pages of a mapping are written over; where there are more it is cheaper to unmap them. */
const MAX_RESTORED_BYTES = 32 * PAGE;
/** And of all: what an unused place may hold. */
const MAX_PRESENT_BYTES = 128 * PAGE;
/** measured: to write over so few pages that are there takes no longer than to ask which have changed. */
const FEW_BYTES = 16 * PAGE;
const NOTHING: readonly never[] = [];

export class PrivateMemory {
  /** Of the last process here, and not mapped by this one yet. */
  readonly #left = new PageRanges<PristinePages>();
  /** What this process began with. */
  readonly #own = new PageRanges<PrivatePages>();
  /** Where in both of them pages are there: start and end by turns. */
  #present: readonly number[] = NOTHING;
  #settled = false;

  /** What the last process left, and nobody has mapped yet. */
  get left(): readonly PristinePages[] {
    return this.#left.all;
  }

  /** Takes over what the slot has of the last process, as far as it still is as new. */
  takeFrom({ pristine, present }: Slot): void {
    if (pristine.length === 0) return;
    this.#present = present;
    for (let n = 0; n < pristine.length; n++) {
      const pages = pristine[n] as PristinePages;
      if (!isStale(pages)) this.#left.add(pages);
    }
  }

  /** True: pages that are as if they were mapped now are there. */
  claim(
    start: number,
    end: number,
    isOpen: boolean,
    segment: NativeSegment | undefined,
    offset: number,
  ): boolean {
    const pages = this.#left.find(start, end);
    // A fork may have written to it since it was taken over.
    if (pages === undefined || pages.segment !== segment || isStale(pages)) return false;
    if (pages.isOpen !== isOpen) return false;
    const piece = pieceOf(pages, start, end);
    if (segment !== undefined && piece.offset !== offset) return false;
    this.#left.cut(start, end);
    this.#own.add({ ...piece, isOpenNow: isOpen });
    return true;
  }

  /** Private pages were mapped that the process may write, or that others will. */
  note(
    start: number,
    end: number,
    isOpen: boolean,
    segment: NativeSegment | undefined,
    offset: number,
    isPopulated: boolean,
  ): void {
    if (this.#settled) return;
    this.#own.add({ start, end, segment, offset, version: 0, isOpen, isOpenNow: isOpen });
    if (isPopulated) this.#present = [...this.#present, start, end];
  }

  /** Something else is in the range from now on. */
  forget(start: number, end: number): void {
    this.#left.cut(start, end);
    this.#own.cut(start, end);
    this.#present = cutRuns(this.#present, start, end);
  }

  /** Its pages go, what is mapped stays. */
  discard(start: number, end: number): void {
    this.#present = cutRuns(this.#present, start, end);
  }

  protect(start: number, end: number, isClosed: boolean, isOpen: boolean): void {
    this.#left.cut(start, end);
    if (isClosed) this.#own.cut(start, end);
    else this.#own.change(start, end, (pages) => ({ ...pages, isOpenNow: isOpen }));
  }

  /** All pages of the range are known to be there. */
  has(start: number, end: number): boolean {
    return hasRun(this.#present, start, end);
  }

  /** The process has all that it begins with. Answers what is left over, to be unmapped. */
  settle(): readonly PristinePages[] {
    if (this.#settled) return NOTHING;
    this.#settled = true;
    if (this.#left.all.length === 0) return NOTHING;
    return this.#left.all.splice(0);
  }

  /** Leaves to the slot what is as new again; all else is to be unmapped. */
  restore(slot: Slot, base: number, writer: PageWriter): void {
    const { all } = this.#own;
    if (!this.#settled || all.length === 0) return;
    const changed = this.#changed(base, writer);
    if (changed === undefined) return;
    const present: number[] = [];
    const pristine: PristinePages[] = [];
    let room = MAX_PRESENT_BYTES;
    for (let n = 0; n < all.length; n++) {
      const pages = all[n] as PrivatePages;
      if (!canRestore(pages)) continue;
      const runs = runsIn(changed, pages);
      const bytes = lengthOf(runs);
      if (bytes > Math.min(room, MAX_RESTORED_BYTES) || !restorePages(pages, runs, base, writer))
        continue;
      room -= bytes;
      for (let i = 0; i < runs.length; i++) present.push(runs[i] as number);
      append(pristine, pages);
    }
    slot.pristine = pristine;
    slot.present = present;
  }

  /** Which pages may not be as new. */
  #changed(base: number, writer: PageWriter): readonly number[] | undefined {
    const { all } = this.#own;
    const asked: UsedRange[] = [];
    const known: number[] = [];
    for (let n = 0; n < all.length; n++) {
      const { start, end } = all[n] as PrivatePages;
      const last = asked.at(-1);
      if (end - start <= FEW_BYTES && this.has(start, end)) known.push(start, end);
      else if (last?.end === start) last.end = end;
      else asked.push({ start, end });
    }
    if (asked.length === 0) return known;
    const runs = writer.changedIn(base, asked);
    if (runs === undefined || known.length === 0) return runs;
    return merge(known, runs);
  }
}

/** The bytes of its segment may have changed since. */
const isStale = ({ segment, version }: PristinePages): boolean =>
  segment !== undefined && (segment.isShared || segment.version !== version);

/** It is known what its bytes were, and it is not to be closed: that costs a flush. */
function canRestore({ segment, offset, start, end, isOpen, isOpenNow }: PrivatePages): boolean {
  if (isOpenNow && !isOpen) return false;
  if (segment === undefined) return true;
  return !segment.isClosed && !segment.isShared && offset + end - start <= segment.sizeBytes;
}

function restorePages(
  pages: PrivatePages,
  runs: readonly number[],
  base: number,
  writer: PageWriter,
): boolean {
  const { start, end, segment, offset, isOpen } = pages;
  if (isOpen && !pages.isOpenNow && !writer.open(base + start, end - start)) return false;
  for (let n = 0; n < runs.length; n += 2) {
    const from = runs[n] as number;
    const length = (runs[n + 1] as number) - from;
    const isDone =
      segment === undefined
        ? writer.zero(base + from, length, isOpen)
        : writer.fill(base + from, length, isOpen, segment, offset + from - start);
    if (!isDone) return false;
  }
  return true;
}

/** Joined with what it continues, as one mapping of both would be. */
function append(pristine: PristinePages[], pages: PrivatePages): void {
  const { start, end, segment, offset, isOpen } = pages;
  const last = pristine.at(-1);
  const isNext =
    last?.end === start &&
    last.segment === segment &&
    last.isOpen === isOpen &&
    (segment === undefined || last.offset + start - last.start === offset);
  const version = segment?.version ?? 0;
  if (isNext) pristine[pristine.length - 1] = { ...(last as PristinePages), end };
  else pristine.push({ start, end, segment, offset, version, isOpen });
}

function runsIn(runs: readonly number[], { start, end }: PrivatePages): number[] {
  const inside: number[] = [];
  for (let n = 0; n < runs.length; n += 2) {
    const from = Math.max(start, runs[n] as number);
    const to = Math.min(end, runs[n + 1] as number);
    if (from < to) inside.push(from, to);
  }
  return inside;
}

function lengthOf(runs: readonly number[]): number {
  let bytes = 0;
  for (let n = 0; n < runs.length; n += 2) bytes += (runs[n + 1] as number) - (runs[n] as number);
  return bytes;
}

/** Runs apart from each other, in order. */
function merge(some: readonly number[], others: readonly number[]): number[] {
  const merged: number[] = [];
  for (let n = 0, m = 0; n < some.length || m < others.length; ) {
    const takesFirst =
      m >= others.length || (n < some.length && (some[n] as number) < (others[m] as number));
    const [from, at] = takesFirst ? [some, n] : [others, m];
    merged.push(from[at] as number, from[at + 1] as number);
    if (takesFirst) n += 2;
    else m += 2;
  }
  return merged;
}
