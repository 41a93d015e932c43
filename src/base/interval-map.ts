/**
 * Disjoint intervals [start, end) of numbers with a value each, in order. A sorted array: address
 * spaces and lock lists have tens to a few thousands of them, where a binary search and a splice
 * beat trees.
 */

import { assert } from './assert.ts';

export interface Interval<V> {
  readonly start: number;
  readonly end: number;
  readonly value: V;
}

export interface IntervalRules<V> {
  /** The value of the part that begins `delta` behind the start of an interval with `value`. */
  split(value: V, delta: number): V;
  /** True when `right`, which begins where the interval of `left` ends, may become part of it. */
  joins(left: V, leftLength: number, right: V): boolean;
  /** Two neighbours were joined: `right` is no longer there. */
  joined?(right: V): void;
}

/** Between `at`, where an interval starts, and `high` there is no gap for `length`. */
interface Searched {
  readonly high: number;
  readonly alignment: number;
  length: number;
  at: number;
}

export class IntervalMap<V> {
  readonly #rules: IntervalRules<V>;
  #items: Interval<V>[] = [];
  /** Where the last search for a gap below each bound ended: programs map tens of thousands of areas. */
  readonly #searches: Searched[] = [];

  constructor(rules: IntervalRules<V>) {
    this.#rules = rules;
  }

  get size(): number {
    return this.#items.length;
  }

  /** Index of the first interval that ends after `at`. */
  #indexAfter(at: number): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle] as Interval<V>).end <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The interval that contains `at`. */
  find(at: number): Interval<V> | undefined {
    const item = this.#items[this.#indexAfter(at)];
    return item !== undefined && item.start <= at ? item : undefined;
  }

  /** The first interval that ends after `at`: the one that contains it, or the next one. */
  findAfter(at: number): Interval<V> | undefined {
    return this.#items[this.#indexAfter(at)];
  }

  /** The last interval that ends at or before `at`. */
  findBefore(at: number): Interval<V> | undefined {
    return this.#items[this.#indexAfter(at) - 1];
  }

  /** A copy of the intervals that overlap [start, end), not cut. */
  overlapping(start: number, end: number): Interval<V>[] {
    const found: Interval<V>[] = [];
    for (let n = this.#indexAfter(start); n < this.#items.length; n++) {
      const item = this.#items[n] as Interval<V>;
      if (item.start >= end) break;
      found.push(item);
    }
    return found;
  }

  /** How much of [start, end) is in intervals. */
  lengthIn(start: number, end: number): number {
    const items = this.#items;
    let length = 0;
    for (let n = this.#indexAfter(start); n < items.length; n++) {
      const item = items[n] as Interval<V>;
      if (item.start >= end) break;
      length += Math.min(item.end, end) - Math.max(item.start, start);
    }
    return length;
  }

  /** True when no byte of [start, end) is in an interval. */
  isFree(start: number, end: number): boolean {
    const item = this.#items[this.#indexAfter(start)];
    return item === undefined || item.start >= end;
  }

  /** True when every byte of [start, end) is in an interval whose value passes `test`. */
  covers(start: number, end: number, test: (value: V) => boolean): boolean {
    let at = start;
    for (let n = this.#indexAfter(start); at < end; n++) {
      const item = this.#items[n];
      if (item === undefined || item.start > at || !test(item.value)) return false;
      at = item.end;
    }
    return true;
  }

  /** Cuts [start, end) out; returns the removed pieces. */
  remove(start: number, end: number): Interval<V>[] {
    assert(start <= end);
    const from = this.#cutAt(start);
    const to = this.#cutAt(end);
    for (const searched of this.#searches)
      if (end > searched.at)
        searched.at = Math.max(searched.at, this.#items[to]?.start ?? Number.POSITIVE_INFINITY);
    return this.#items.splice(from, to - from);
  }

  /** Puts an interval where nothing is; joins it with its neighbours where the rules allow. */
  insert(start: number, end: number, value: V): void {
    assert(start < end && this.isFree(start, end), 'interval is taken');
    let index = this.#indexAfter(start);
    let item: Interval<V> = { start, end, value };
    const left = this.#items[index - 1];
    let drop = 0;
    if (left !== undefined && this.#joins(left, item)) {
      this.#rules.joined?.(item.value);
      item = { start: left.start, end, value: left.value };
      index--;
      drop++;
    }
    const right = this.#items[index + drop];
    if (right !== undefined && this.#joins(item, right)) {
      this.#rules.joined?.(right.value);
      item = { start: item.start, end: right.end, value: item.value };
      drop++;
    }
    this.#items.splice(index, drop, item);
  }

  /**
   * Gives the interval that is exactly [start, end) another value, in place. False: there is none, or
   * it would join a neighbour; nothing is changed then.
   */
  replace(start: number, end: number, value: V): boolean {
    const index = this.#indexAfter(start);
    const item = this.#items[index];
    if (item === undefined || item.start !== start || item.end !== end) return false;
    const changed: Interval<V> = { start, end, value };
    const left = this.#items[index - 1];
    const right = this.#items[index + 1];
    if (left !== undefined && this.#joins(left, changed)) return false;
    if (right !== undefined && this.#joins(changed, right)) return false;
    this.#items[index] = changed;
    return true;
  }

  #joins(left: Interval<V>, right: Interval<V>): boolean {
    return (
      left.end === right.start && this.#rules.joins(left.value, left.end - left.start, right.value)
    );
  }

  /** Makes `at` a border; returns the index of the first interval that starts at or after it. */
  #cutAt(at: number): number {
    const index = this.#indexAfter(at);
    const item = this.#items[index];
    if (item === undefined || item.start >= at) return index;
    const right = this.#rules.split(item.value, at - item.start);
    const pieces = [
      { start: item.start, end: at, value: item.value },
      { start: at, end: item.end, value: right },
    ];
    this.#items.splice(index, 1, ...pieces);
    return index + 1;
  }

  /**
   * The highest start of `length` free bytes inside [low, high), or -1. The start is a multiple of
   * `alignment`.
   */
  findGapBelow(low: number, high: number, length: number, alignment = 1): number {
    const searched = this.#searchBelow(high, alignment);
    let top = length >= searched.length ? Math.min(high, searched.at) : high;
    for (let n = this.#indexAfter(top - 1); n >= -1; n--) {
      const item = this.#items[n];
      // Below the first interval there is nothing.
      const floor = item?.end ?? low;
      if (item !== undefined && item.start >= top) continue;
      if (n < 0 || (item !== undefined && floor < top)) {
        const start = alignDown(top - length, alignment);
        if (start >= Math.max(low, floor)) {
          noteEnd(searched, length, top);
          return start;
        }
      }
      top = Math.min(top, item?.start ?? top);
      if (top - length < low) break;
    }
    noteEnd(searched, length, top);
    return -1;
  }

  #searchBelow(high: number, alignment: number): Searched {
    for (const known of this.#searches)
      if (known.high === high && known.alignment === alignment) return known;
    const searched = { high, alignment, length: Number.POSITIVE_INFINITY, at: high };
    this.#searches.push(searched);
    return searched;
  }

  /** Takes over intervals, in order and apart from each other, where none are yet. */
  fill(items: Interval<V>[]): void {
    assert(this.#items.length === 0, 'there are intervals already');
    this.#items = items;
    this.#searches.length = 0;
  }

  clear(): Interval<V>[] {
    const all = this.#items;
    this.#items = [];
    this.#searches.length = 0;
    return all;
  }

  /** In order; the map must not change meanwhile. */
  [Symbol.iterator](): Iterator<Interval<V>> {
    return this.#items[Symbol.iterator]();
  }
}

/** What is known of a shorter length is worth more. */
function noteEnd(searched: Searched, length: number, at: number): void {
  if (length > searched.length) return;
  searched.length = length;
  searched.at = at;
}

function alignDown(value: number, alignment: number): number {
  return Math.floor(value / alignment) * alignment;
}
