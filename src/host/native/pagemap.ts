/**
 * Which private pages of a range differ from their base: the ioctl PAGEMAP_SCAN (Linux 6.7), or
 * the entries of /proc/self/pagemap (Documentation/admin-guide/mm/pagemap.rst).
 */

import { closeSync, openSync } from 'node:fs';
import type { Errno } from '../../abi/errno.table.ts';
import { assert } from '../../base/assert.ts';
import type { NativeContext } from './context.ts';
import { PAGE } from './libc.ts';
import { toErrno } from './segment.ts';
import type { UsedRange } from './used-ranges.ts';

/** _IOWR('f', 16, struct pm_scan_arg), 96 bytes. */
const PAGEMAP_SCAN = 0xc060_6610;
const SCAN_ARGUMENT_BYTES = 96;
const REGION_BYTES = 24;
/** Where the host says how far it came, as words go. */
const WALK_END = 8;
const HIGH = 2 ** 32;
const PAGE_IS_FILE = 4;
const PAGE_IS_PRESENT = 8;
const PAGE_IS_SWAPPED = 16;
const PAGE_IS_PFNZERO = 32;
/** Bits of a pagemap entry, as bits of its high half. */
const ENTRY_PRESENT = 1 << 31;
const ENTRY_SWAPPED = 1 << 30;
const ENTRY_FILE = 1 << 29;

export class Pagemap {
  readonly #native: NativeContext;
  /** The bounce buffer as words. */
  readonly #words: Int32Array;
  #fd = -1;
  #canScan = true;

  constructor(native: NativeContext) {
    this.#native = native;
    const { bounce } = native;
    this.#words = new Int32Array(bounce.buffer, bounce.byteOffset, bounce.length / 4);
  }

  /** `ranges`: in order, and apart from each other. */
  privateRuns(base: number, ranges: readonly UsedRange[]): readonly number[] | Errno {
    if (this.#fd < 0) this.#fd = openSync('/proc/self/pagemap', 'r');
    const runs: number[] = [];
    for (let n = 0; n < ranges.length; n++) {
      const { start, end } = ranges[n] as UsedRange;
      const failed = this.#runsIn(base, start, end, runs);
      if (failed !== 0) return failed;
    }
    return runs;
  }

  #runsIn(base: number, start: number, end: number, runs: number[]): Errno | 0 {
    if (this.#canScan) {
      const known = runs.length;
      const last = runs[known - 1];
      if (this.#scan(base, start, end, runs) === 0) return 0;
      this.#canScan = false;
      runs.length = known;
      if (last !== undefined) runs[known - 1] = last;
    }
    return this.#readEntries(base, start, end, runs);
  }

  #scan(base: number, addr: number, end: number, runs: number[]): Errno | 0 {
    const { bounce, bounceAddress, sys } = this.#native;
    const words = this.#words;
    const regions = Math.floor((bounce.length - SCAN_ARGUMENT_BYTES) / REGION_BYTES);
    for (let at = addr; at < end; ) {
      this.#put(0, SCAN_ARGUMENT_BYTES);
      this.#put(1, 0);
      this.#put(2, base + at);
      this.#put(3, base + end);
      this.#put(4, 0);
      this.#put(5, bounceAddress + SCAN_ARGUMENT_BYTES);
      this.#put(6, regions);
      this.#put(7, 0);
      this.#put(8, PAGE_IS_FILE | PAGE_IS_PFNZERO); // inverted
      this.#put(9, PAGE_IS_FILE | PAGE_IS_PFNZERO); // all of these
      this.#put(10, PAGE_IS_PRESENT | PAGE_IS_SWAPPED); // any of these
      this.#put(11, PAGE_IS_PRESENT);
      const found = sys.ioctl(this.#fd, PAGEMAP_SCAN, bounceAddress);
      if (found < 0) return toErrno(found);
      for (let n = 0; n < found; n++) {
        const region = (SCAN_ARGUMENT_BYTES + n * REGION_BYTES) / 4;
        append(runs, numberAt(words, region) - base, numberAt(words, region + 2) - base);
      }
      const walked = numberAt(words, WALK_END) - base;
      assert(walked > at, 'PAGEMAP_SCAN makes no progress');
      at = walked;
    }
    return 0;
  }

  /** Field `n` of the argument: 64 bits. */
  #put(n: number, value: number): void {
    this.#words[2 * n] = value | 0;
    this.#words[2 * n + 1] = Math.floor(value / HIGH);
  }

  #readEntries(base: number, addr: number, end: number, runs: number[]): Errno | 0 {
    const { bounce, bounceAddress, sys } = this.#native;
    const words = this.#words;
    for (let at = addr; at < end; ) {
      const count = Math.min(bounce.length / 8, (end - at) / PAGE);
      const got = sys.pread(this.#fd, bounceAddress, count * 8, ((base + at) / PAGE) * 8);
      if (got <= 0) return toErrno(got === 0 ? -5 : got);
      for (let n = 0; n < got / 8; n++) {
        const high = words[2 * n + 1] as number;
        const isPrivate = (high & (ENTRY_PRESENT | ENTRY_SWAPPED)) !== 0 && !(high & ENTRY_FILE);
        if (isPrivate) append(runs, at + n * PAGE, at + (n + 1) * PAGE);
      }
      at += (got / 8) * PAGE;
    }
    return 0;
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

function numberAt(words: Int32Array, at: number): number {
  return ((words[at] as number) >>> 0) + (words[at + 1] as number) * HIGH;
}

function append(runs: number[], start: number, end: number): void {
  if (runs.length > 0 && runs[runs.length - 1] === start) runs[runs.length - 1] = end;
  else runs.push(start, end);
}
