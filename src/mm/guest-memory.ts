/**
 * Copies between the kernel and guest memory, with EFAULT.
 *
 * Private memory whose pages are sure to be there is touched directly; everything else goes through
 * the host's safe copies, because JavaScript that meets a truncated or protected page would end the
 * process. Host permissions are the guest's, so a safe copy faults where the guest would; pages that
 * are write-protected for their translated code are reported to the observer first.
 */

import { EFAULT, ENAMETOOLONG } from '../abi/errno.table.ts';
import { copyBytes } from '../base/copy-bytes.ts';
import type { Interval, IntervalMap } from '../base/interval-map.ts';
import { directIndex } from './address-space.ts';
import type { Mapping } from './mapping.ts';
import { PROT_WRITE, type SandboxPages } from './page-host.ts';
import { PageSet } from './page-set.ts';

const PAGE = 4096;
const LIMIT = 2 ** 32;
const HIGH = 2 ** 32;
const HALF = 2 ** 31;
/** Below this many bytes a loop beats `set` of a sub-view (measured: about 60 ns a sub-view). */
const SMALL = 32;

/** Eight bytes for single words on their way; nothing stays there between two calls. */
export class WordScratch {
  readonly bytes = new Uint8Array(8);
  readonly view = new DataView(this.bytes.buffer);
}

export abstract class GuestMemory {
  readonly pages: SandboxPages;
  protected readonly mappings: IntervalMap<Mapping>;
  protected readonly bytes: Uint8Array;
  readonly #lower: Uint8Array;
  readonly #upper: Uint8Array;
  readonly #words: Int32Array;
  readonly #scratch: Uint8Array;
  readonly #scratchView: DataView;
  /** The mapping found last, and the one before: tasks take turns with buffers; reset with every change. */
  #last: Interval<Mapping> | undefined;
  #before: Interval<Mapping> | undefined;

  constructor(pages: SandboxPages, mappings: IntervalMap<Mapping>, scratch: WordScratch) {
    this.pages = pages;
    this.mappings = mappings;
    this.bytes = pages.bytes;
    [this.#lower, this.#upper] = pages.halves;
    this.#words = pages.words;
    this.#scratch = scratch.bytes;
    this.#scratchView = scratch.view;
  }

  /** Page numbers whose translated code must hear of writes. */
  protected readonly writeProtected = new PageSet();
  /** The kernel is about to write: drop translations, make the page writable again. */
  protected abstract announceWrite(addr: number, length: number): void;
  /** Access below a stack: grows it when Linux would. */
  protected abstract growStack(addr: number): boolean;

  protected forgetLast(): void {
    this.#last = undefined;
    this.#before = undefined;
  }

  /** {@link AddressSpace.direct}: writers must hear of it before they touch a page. */
  direct(addr: number, length: number, forWriting: boolean): Uint8Array | undefined {
    const may = forWriting ? this.#directWrite(addr, length) : this.#directRead(addr, length);
    return may ? this.#half(addr, length) : undefined;
  }

  /** {@link AddressSpace.directWords} */
  directWords(addr: number, length: number, forWriting: boolean): Int32Array | undefined {
    if ((addr & 3) !== 0 || !isRange(addr, length)) return undefined;
    const may = forWriting ? this.#directWrite(addr, length) : this.#directRead(addr, length);
    return may ? this.#words : undefined;
  }

  /** The half of the sandbox that holds all of a range. */
  #half(addr: number, length: number): Uint8Array | undefined {
    if (addr >= HALF) return this.#upper;
    return addr + length <= HALF ? this.#lower : undefined;
  }

  /** True when [addr, addr + length) may be read directly. */
  #directRead(addr: number, length: number): boolean {
    const found = this.#lookup(addr);
    if (found === undefined || !isDirectlyReadable(found.value)) return false;
    const end = addr + length;
    return end <= found.end || this.mappings.covers(found.end, end, isDirectlyReadable);
  }

  #directWrite(addr: number, length: number): boolean {
    const found = this.#lookup(addr);
    if (found === undefined || !isDirectlyWritable(found.value)) return false;
    const end = addr + length;
    // A buffer may begin in the data of a program and end in the zeros behind it.
    if (end > found.end && !this.mappings.covers(found.end, end, isDirectlyWritable)) return false;
    if (!this.writeProtected.isEmpty) this.#announce(addr, length);
    return true;
  }

  #lookup(addr: number): Interval<Mapping> | undefined {
    const last = this.#last;
    if (last !== undefined && addr >= last.start && addr < last.end) return last;
    const before = this.#before;
    this.#before = last;
    this.#last =
      before !== undefined && addr >= before.start && addr < before.end
        ? before
        : this.mappings.find(addr);
    return this.#last;
  }

  #announce(addr: number, length: number): void {
    const { writeProtected } = this;
    const end = Math.ceil((addr + length) / PAGE);
    let page = writeProtected.firstIn(Math.floor(addr / PAGE), end);
    for (; page >= 0; page = writeProtected.firstIn(page + 1, end))
      this.announceWrite(page * PAGE, PAGE);
  }

  copyInPartial(addr: number, target: Uint8Array): number {
    const { length } = target;
    if (length === 0) return 0;
    if (!isRange(addr, length)) return 0;
    if (this.#directRead(addr, length)) {
      const half = this.#half(addr, length);
      if (half !== undefined) copyBytes(half, directIndex(addr), target, 0, length);
      else target.set(this.bytes.subarray(addr, addr + length));
      return length;
    }
    let done = this.pages.copyIn(addr, target);
    while (done < length && this.growStack(addr + done))
      done += this.pages.copyIn(addr + done, target.subarray(done));
    return done;
  }

  copyOutPartial(addr: number, source: Uint8Array): number {
    const { length } = source;
    if (length === 0) return 0;
    if (!isRange(addr, length)) return 0;
    if (this.#directWrite(addr, length)) {
      const half = this.#half(addr, length);
      if (half === undefined || length > SMALL) this.bytes.set(source, addr);
      else copyBytes(source, 0, half, directIndex(addr), length);
      return length;
    }
    if (!this.writeProtected.isEmpty) this.#announce(addr, length);
    let done = this.pages.copyOut(addr, source);
    while (done < length && this.growStack(addr + done))
      done += this.pages.copyOut(addr + done, source.subarray(done));
    return done;
  }

  copyIn(addr: number, target: Uint8Array): number {
    return this.copyInPartial(addr, target) === target.length ? 0 : -EFAULT;
  }

  copyOut(addr: number, source: Uint8Array): number {
    return this.copyOutPartial(addr, source) === source.length ? 0 : -EFAULT;
  }

  zeroOut(addr: number, length: number): number {
    if (length === 0) return 0;
    if (!isRange(addr, length)) return -EFAULT;
    if (this.#directWrite(addr, length)) {
      this.bytes.fill(0, addr, addr + length);
      return 0;
    }
    const zeros = new Uint8Array(Math.min(length, 16 * PAGE));
    for (let done = 0; done < length; done += zeros.length) {
      const part = zeros.subarray(0, Math.min(zeros.length, length - done));
      if (this.copyOut(addr + done, part) < 0) return -EFAULT;
    }
    return 0;
  }

  readCString(addr: number, limit: number): Uint8Array | number {
    if (!isRange(addr, 1)) return -EFAULT;
    const found = this.#lookup(addr);
    if (found?.value.direct && found.value.prot !== 0) {
      const end = Math.min(found.end, addr + limit);
      const half = this.#half(addr, end - addr);
      if (half !== undefined) {
        const start = directIndex(addr);
        const last = start + end - addr;
        let at = start;
        while (at < last && half[at] !== 0) at++;
        if (at < last) return half.slice(start, at);
        if (end - addr >= limit) return -ENAMETOOLONG;
      }
    }
    return this.#readCStringSlowly(addr, limit);
  }

  #readCStringSlowly(addr: number, limit: number): Uint8Array | number {
    const parts: number[] = [];
    const chunk = new Uint8Array(256);
    for (let at = addr; parts.length < limit; ) {
      const toPageEnd = PAGE - (at % PAGE);
      const count = Math.min(chunk.length, toPageEnd, limit - parts.length);
      const got = this.copyInPartial(at, chunk.subarray(0, count));
      for (let n = 0; n < got; n++) {
        if (chunk[n] === 0) return Uint8Array.from(parts);
        parts.push(chunk[n] as number);
      }
      if (got < count) return -EFAULT;
      at += got;
    }
    return -ENAMETOOLONG;
  }

  readU8(addr: number): number | undefined {
    if (isRange(addr, 1) && this.#directRead(addr, 1))
      return this.#half(addr, 1)?.[directIndex(addr)];
    return this.#readScratch(addr, 1) ? this.#scratch[0] : undefined;
  }

  readU16(addr: number): number | undefined {
    return this.#readScratch(addr, 2) ? this.#scratchView.getUint16(0, true) : undefined;
  }

  readI32(addr: number): number | undefined {
    if ((addr & 3) === 0 && isRange(addr, 4) && this.#directRead(addr, 4))
      return this.#words[addr / 4];
    return this.#readScratch(addr, 4) ? this.#scratchView.getInt32(0, true) : undefined;
  }

  readU32(addr: number): number | undefined {
    const value = this.readI32(addr);
    return value === undefined ? undefined : value >>> 0;
  }

  readU64(addr: number): number | undefined {
    if ((addr & 3) === 0 && isRange(addr, 8) && this.#directRead(addr, 8)) {
      const low = this.#words[addr / 4] as number;
      return (low >>> 0) + ((this.#words[addr / 4 + 1] as number) >>> 0) * HIGH;
    }
    if (!this.#readScratch(addr, 8)) return undefined;
    const view = this.#scratchView;
    return view.getUint32(0, true) + view.getUint32(4, true) * HIGH;
  }

  readBigU64(addr: number): bigint | undefined {
    return this.#readScratch(addr, 8) ? this.#scratchView.getBigUint64(0, true) : undefined;
  }

  writeU8(addr: number, value: number): number {
    this.#scratch[0] = value;
    return this.#writeScratch(addr, 1);
  }

  writeU16(addr: number, value: number): number {
    this.#scratchView.setUint16(0, value, true);
    return this.#writeScratch(addr, 2);
  }

  writeU32(addr: number, value: number): number {
    if ((addr & 3) === 0 && isRange(addr, 4) && this.#directWrite(addr, 4)) {
      this.#words[addr / 4] = value | 0;
      return 0;
    }
    this.#scratchView.setInt32(0, value | 0, true);
    return this.#writeScratch(addr, 4);
  }

  /** `value` may be negative: two's complement. */
  writeU64(addr: number, value: number): number {
    const low = value | 0;
    const high = Math.floor(value / HIGH) | 0;
    if ((addr & 3) === 0 && isRange(addr, 8) && this.#directWrite(addr, 8)) {
      this.#words[addr / 4] = low;
      this.#words[addr / 4 + 1] = high;
      return 0;
    }
    this.#scratchView.setInt32(0, low, true);
    this.#scratchView.setInt32(4, high, true);
    return this.#writeScratch(addr, 8);
  }

  writeBigU64(addr: number, value: bigint): number {
    this.#scratchView.setBigUint64(0, value, true);
    return this.#writeScratch(addr, 8);
  }

  #readScratch(addr: number, length: number): boolean {
    if (!isRange(addr, length)) return false;
    const half = this.direct(addr, length, false);
    if (half !== undefined) {
      copyBytes(half, directIndex(addr), this.#scratch, 0, length);
      return true;
    }
    return this.copyInPartial(addr, this.#scratch.subarray(0, length)) === length;
  }

  #writeScratch(addr: number, length: number): number {
    if (!isRange(addr, length)) return -EFAULT;
    const half = this.direct(addr, length, true);
    if (half !== undefined) {
      copyBytes(this.#scratch, 0, half, directIndex(addr), length);
      return 0;
    }
    return this.copyOut(addr, this.#scratch.subarray(0, length));
  }
}

const isDirectlyReadable = ({ direct, prot }: Mapping): boolean => direct && prot !== 0;
const isDirectlyWritable = ({ direct, prot }: Mapping): boolean =>
  direct && (prot & PROT_WRITE) !== 0;

function isRange(addr: number, length: number): boolean {
  return addr >= 0 && addr + length <= LIMIT;
}
