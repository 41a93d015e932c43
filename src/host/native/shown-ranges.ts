/**
 * Where a sandbox shows pages of segments read-only, and nothing but what is in the segment: to map the
 * same there again would change nothing. A private page that was written once is not among them.
 */

import type { MemorySegment, ShownPages } from '../../mm/page-host.ts';

/** Programs with more of them go without. */
const LIMIT = 64;

export class ShownRanges {
  /** In order, apart from each other. */
  #ranges: ShownPages[] = [];

  get all(): readonly ShownPages[] {
    return this.#ranges;
  }

  /** The range shows exactly these pages. */
  covers(
    start: number,
    end: number,
    segment: MemorySegment,
    offset: number,
    isShared: boolean,
  ): boolean {
    const ranges = this.#ranges;
    for (let n = 0; n < ranges.length; n++) {
      const range = ranges[n] as ShownPages;
      if (range.start > start) return false;
      if (end > range.end) continue;
      return (
        range.segment === segment &&
        range.offset + start - range.start === offset &&
        range.isShared === isShared
      );
    }
    return false;
  }

  /** There is nothing else in the range. */
  fill(start: number, end: number): boolean {
    const ranges = this.#ranges;
    let at = start;
    for (let n = 0; n < ranges.length && at < end; n++) {
      const range = ranges[n] as ShownPages;
      if (range.start > at) return false;
      at = Math.max(at, range.end);
    }
    return at >= end;
  }

  /** To where nothing is known of; joined with what it continues. */
  add(pages: ShownPages): void {
    const ranges = this.#ranges;
    let at = ranges.length;
    // measured: splice asks the runtime which kind of array it shall answer with.
    if (at < LIMIT && (at === 0 || (ranges[at - 1] as ShownPages).end < pages.start)) {
      ranges.push(pages);
      return;
    }
    while (at > 0 && (ranges[at - 1] as ShownPages).start > pages.start) at--;
    const before = ranges[at - 1];
    const after = ranges[at];
    let added = pages;
    let first = at;
    let count = 0;
    if (before !== undefined && continues(before, added)) {
      added = { ...before, end: added.end };
      first--;
      count++;
    }
    if (after !== undefined && continues(added, after)) {
      added = { ...added, end: after.end };
      count++;
    }
    if (count === 0 && ranges.length >= LIMIT) return;
    ranges.splice(first, count, added);
  }

  /** What is shown in the range; it is forgotten. */
  take(start: number, end: number): readonly ShownPages[] {
    const taken: ShownPages[] = [];
    for (const range of this.#ranges) {
      const from = Math.max(range.start, start);
      const to = Math.min(range.end, end);
      if (from >= to) continue;
      taken.push({ ...range, start: from, end: to, offset: range.offset + from - range.start });
    }
    if (taken.length > 0) this.cut(start, end);
    return taken;
  }

  /** Forgets what lies outside of `places`, which are in order. */
  keepWithin(places: readonly { readonly start: number; readonly end: number }[]): void {
    let at = 0;
    for (let n = 0; n < places.length; n++) {
      const { start, end } = places[n] as ShownPages;
      if (start > at) this.cut(at, start);
      at = end;
    }
    this.cut(at, Number.POSITIVE_INFINITY);
  }

  /** Something else may be in the range from now on. */
  cut(start: number, end: number): void {
    const ranges = this.#ranges;
    for (let n = ranges.length - 1; n >= 0; n--) {
      const range = ranges[n] as ShownPages;
      if (range.end <= start) return;
      if (range.start >= end) continue;
      const left = range.start < start ? [{ ...range, end: start }] : [];
      const offset = range.offset + end - range.start;
      const right = range.end > end ? [{ ...range, start: end, offset }] : [];
      ranges.splice(n, 1, ...left, ...right);
    }
  }
}

function continues(left: ShownPages, right: ShownPages): boolean {
  return (
    left.end === right.start &&
    left.segment === right.segment &&
    left.offset + left.end - left.start === right.offset &&
    left.isShared === right.isShared
  );
}

/** How many of `wanted` are among `shown`. */
export function countShown(shown: readonly ShownPages[], wanted: readonly ShownPages[]): number {
  let count = 0;
  for (let n = 0; n < wanted.length; n++)
    if (shownPart(shown, wanted[n] as ShownPages) !== undefined) count++;
  return count;
}

/** The part of what `wanted` wants that one of `shown` shows: from its start on. */
export function shownPart(
  shown: readonly ShownPages[],
  wanted: ShownPages,
): ShownPages | undefined {
  for (let n = 0; n < shown.length; n++) {
    const { start, end, segment, offset, isShared } = shown[n] as ShownPages;
    if (start > wanted.start || end <= wanted.start) continue;
    const isSame =
      segment === wanted.segment &&
      isShared === wanted.isShared &&
      offset + wanted.start - start === wanted.offset;
    if (!isSame) return undefined;
    return end >= wanted.end ? wanted : { ...wanted, end };
  }
  return undefined;
}
