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

/** _IOWR('f', 16, struct pm_scan_arg), 96 bytes. */
const PAGEMAP_SCAN = 0xc060_6610;
const SCAN_ARGUMENT_BYTES = 96;
const REGION_BYTES = 24;
const PAGE_IS_FILE = 4n;
const PAGE_IS_PRESENT = 8n;
const PAGE_IS_SWAPPED = 16n;
const PAGE_IS_PFNZERO = 32n;
/** Bits of a pagemap entry, as bits of its high half. */
const ENTRY_PRESENT = 1 << 31;
const ENTRY_SWAPPED = 1 << 30;
const ENTRY_FILE = 1 << 29;

export class Pagemap {
  readonly #native: NativeContext;
  #fd = -1;
  #canScan = true;

  constructor(native: NativeContext) {
    this.#native = native;
  }

  privateRuns(base: number, addr: number, length: number): readonly number[] | Errno {
    if (this.#fd < 0) this.#fd = openSync('/proc/self/pagemap', 'r');
    const runs: number[] = [];
    if (this.#canScan) {
      const failed = this.#scan(base, addr, addr + length, runs);
      if (failed === 0) return runs;
      this.#canScan = false;
      runs.length = 0;
    }
    const failed = this.#readEntries(base, addr, addr + length, runs);
    return failed === 0 ? runs : failed;
  }

  #scan(base: number, addr: number, end: number, runs: number[]): Errno | 0 {
    const { bounce, bounceAddress, sys } = this.#native;
    const view = new DataView(bounce.buffer, bounce.byteOffset, bounce.byteLength);
    const regions = Math.floor((bounce.length - SCAN_ARGUMENT_BYTES) / REGION_BYTES);
    const word = (n: number, value: bigint) => view.setBigUint64(8 * n, value, true);
    for (let at = addr; at < end; ) {
      word(0, BigInt(SCAN_ARGUMENT_BYTES));
      word(1, 0n);
      word(2, BigInt(base + at));
      word(3, BigInt(base + end));
      word(4, 0n);
      word(5, BigInt(bounceAddress + SCAN_ARGUMENT_BYTES));
      word(6, BigInt(regions));
      word(7, 0n);
      word(8, PAGE_IS_FILE | PAGE_IS_PFNZERO); // inverted
      word(9, PAGE_IS_FILE | PAGE_IS_PFNZERO); // all of these
      word(10, PAGE_IS_PRESENT | PAGE_IS_SWAPPED); // any of these
      word(11, PAGE_IS_PRESENT);
      const found = sys.ioctl(this.#fd, PAGEMAP_SCAN, bounceAddress);
      if (found < 0) return toErrno(found);
      for (let n = 0; n < found; n++) {
        const region = SCAN_ARGUMENT_BYTES + n * REGION_BYTES;
        const start = Number(view.getBigUint64(region, true)) - base;
        append(runs, start, Number(view.getBigUint64(region + 8, true)) - base);
      }
      const walked = Number(view.getBigUint64(32, true)) - base;
      assert(walked > at, 'PAGEMAP_SCAN makes no progress');
      at = walked;
    }
    return 0;
  }

  #readEntries(base: number, addr: number, end: number, runs: number[]): Errno | 0 {
    const { bounce, bounceAddress, sys } = this.#native;
    const words = new Int32Array(bounce.buffer, bounce.byteOffset, bounce.byteLength / 4);
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

function append(runs: number[], start: number, end: number): void {
  if (runs.length > 0 && runs[runs.length - 1] === start) runs[runs.length - 1] = end;
  else runs.push(start, end);
}
