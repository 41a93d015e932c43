/**
 * Where a sandbox had pages at any time: a short list of ranges that covers them. Neighbours closer
 * than a page table are one range.
 */

export interface UsedRange {
  start: number;
  end: number;
}

/** What one page table maps. */
const GAP_BYTES = 2 * 1024 * 1024;
/** From here on there is one range that covers all. */
const LIMIT = 16;
const SHORT_RANGES = 8;
/** Two megabytes of page tables. */
const SMALL_BYTES = 1024 * 1024 * 1024;

export class UsedRanges {
  /** In no order. */
  readonly ranges: UsedRange[] = [];

  /** Few page tables. */
  get isSmall(): boolean {
    let bytes = 0;
    for (let n = 0; n < this.ranges.length; n++) {
      const { start, end } = this.ranges[n] as UsedRange;
      bytes += end - start;
    }
    return bytes <= SMALL_BYTES;
  }

  /** Few enough to treat one by one. */
  get isShort(): boolean {
    return this.ranges.length <= SHORT_RANGES;
  }

  add(start: number, end: number): void {
    const { ranges } = this;
    for (let n = 0; n < ranges.length; n++) {
      const range = ranges[n] as UsedRange;
      if (start >= range.start && end <= range.end) return;
    }
    let low = start;
    let high = end;
    for (let i = ranges.length - 1; i >= 0; i--) {
      const range = ranges[i] as UsedRange;
      const isNear = low - GAP_BYTES <= range.end && high + GAP_BYTES >= range.start;
      if (!isNear && ranges.length < LIMIT) continue;
      low = Math.min(low, range.start);
      high = Math.max(high, range.end);
      ranges.splice(i, 1);
    }
    ranges.push({ start: low, end: high });
  }
}
