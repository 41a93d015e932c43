/**
 * Private memory that can be made again what it was when it was mapped: zero pages, or the bytes of a
 * segment.
 */

import type { NativeSegment } from './segment.ts';

/** More than this many ranges are not remembered: they are unmapped in the end. */
const LIMIT = 64;

/** Pages as a new mapping would show them. */
export interface PristinePages {
  readonly start: number;
  readonly end: number;
  /** Undefined: zero pages. */
  readonly segment: NativeSegment | undefined;
  /** Offset in the segment of the first page. */
  readonly offset: number;
  /** Of the segment's bytes. */
  readonly version: number;
  /** Mapped for writing. */
  readonly isOpen: boolean;
}

export interface PrivatePages extends PristinePages {
  /** The host lets the process write there, whatever it was mapped for. */
  readonly isOpenNow: boolean;
}

/** The part of `pages` in [start, end). */
export function pieceOf<P extends PristinePages>(pages: P, start: number, end: number): P {
  if (start === pages.start && end === pages.end) return pages;
  return { ...pages, start, end, offset: pages.offset + start - pages.start };
}

/** Ranges apart from each other, in order. */
export class PageRanges<P extends PristinePages> {
  readonly all: P[] = [];

  /** To where nothing is known of. */
  add(pages: P): void {
    const { all } = this;
    let at = all.length;
    while (at > 0 && (all[at - 1] as P).start > pages.start) at--;
    if (at === all.length) all.push(pages);
    else all.splice(at, 0, pages);
    if (all.length > LIMIT) all.splice(at, 1);
  }

  /** The one that holds all of [start, end). */
  find(start: number, end: number): P | undefined {
    const { all } = this;
    for (let n = 0; n < all.length; n++) {
      const pages = all[n] as P;
      if (pages.start > start) return undefined;
      if (pages.end >= end) return pages;
    }
    return undefined;
  }

  /** Something else may be in the range from now on. */
  cut(start: number, end: number): void {
    this.change(start, end, () => undefined);
  }

  /** What lies in the range becomes what `to` says; undefined: nothing is known of it. */
  change(start: number, end: number, to: (piece: P) => P | undefined): void {
    const { all } = this;
    for (let n = all.length - 1; n >= 0; n--) {
      const pages = all[n] as P;
      if (pages.end <= start) return;
      if (pages.start >= end) continue;
      const from = Math.max(pages.start, start);
      const until = Math.min(pages.end, end);
      const changed = to(pieceOf(pages, from, until));
      all.splice(n, 1);
      if (pages.end > until) this.add(pieceOf(pages, until, pages.end));
      if (changed !== undefined) this.add(changed);
      if (pages.start < from) this.add(pieceOf(pages, pages.start, from));
    }
  }
}

/** Of runs (start and end by turns, in order): one holds all of [start, end). */
export function hasRun(runs: readonly number[], start: number, end: number): boolean {
  for (let n = 0; n < runs.length; n += 2)
    if ((runs[n] as number) <= start && end <= (runs[n + 1] as number)) return true;
  return false;
}

/** The runs without what of them lies in [start, end). */
export function cutRuns(runs: readonly number[], start: number, end: number): readonly number[] {
  const isApart = (from: number, to: number) => to <= start || end <= from;
  let n = 0;
  while (n < runs.length && isApart(runs[n] as number, runs[n + 1] as number)) n += 2;
  if (n === runs.length) return runs;
  const left: number[] = [];
  for (n = 0; n < runs.length; n += 2) {
    const [from, to] = [runs[n] as number, runs[n + 1] as number];
    if (isApart(from, to)) left.push(from, to);
    else {
      if (from < start) left.push(from, start);
      if (to > end) left.push(end, to);
    }
  }
  return left;
}
