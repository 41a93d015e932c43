/** {@link PageHost} over mmap: sandboxes are slots of an arena, segments are memfds. */

import { readFileSync } from 'node:fs';
import { EFAULT, ENOMEM, type Errno } from '../../abi/errno.table.ts';
import { assert } from '../../base/assert.ts';
import type { HostAddr } from '../../base/brand.ts';
import { GUEST_HIGH, GUEST_LOW, SANDBOX_BYTES, SLOT_BASE_BYTES } from '../../cpu/sandbox/layout.ts';
import type {
  MemorySegment,
  NewSegment,
  PageHost,
  SandboxPages,
  ShownPages,
} from '../../mm/page-host.ts';
import { RESERVATION, type Slot, SlotPool, viewsOf } from './arena.ts';
import type { NativeContext } from './context.ts';
import {
  LARGE_PAGE,
  MADV_COLLAPSE,
  MADV_DONTNEED,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  PAGE,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from './libc.ts';
import { PageWriter } from './page-writer.ts';
import { Pagemap } from './pagemap.ts';
import { PrivateMemory } from './private-memory.ts';
import type { PristinePages } from './private-ranges.ts';
import { SafeCopy } from './safe-copy.ts';
import { NativeSegment, toErrno } from './segment.ts';
import { ShownRanges, shownPart } from './shown-ranges.ts';
import { type UsedRange, UsedRanges } from './used-ranges.ts';

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const POPULATE_BYTES = 2 * PAGE;
const OPEN = PROT_READ | PROT_WRITE;
const ALL_BYTES = GUEST_HIGH - GUEST_LOW;
const NOTHING: readonly never[] = [];

function checkRange(addr: number, length: number): void {
  assert(addr >= GUEST_LOW && addr % PAGE === 0, 'not a mappable guest page');
  assert(length > 0 && length % PAGE === 0 && addr + length <= GUEST_HIGH, 'not a guest range');
}

/** Guests never execute from their pages: PROT_EXEC stays with mm. x86 cannot write without read. */
function hostProt(prot: number): number {
  if (prot & PROT_WRITE) return OPEN;
  return prot === PROT_NONE ? PROT_NONE : PROT_READ;
}

class NativeSandbox implements SandboxPages {
  readonly base: HostAddr;
  readonly bytes: Uint8Array;
  readonly halves: readonly [lower: Uint8Array, upper: Uint8Array];
  readonly words: Int32Array;
  readonly #host: NativePageHost;
  readonly #slot: Slot;
  readonly #used = new UsedRanges();
  /** What was mapped without access: it may have no pages, but it is not the reservation. */
  readonly #closed = new UsedRanges();
  readonly #shown = new ShownRanges();
  readonly #private = new PrivateMemory();
  /** What it showed when it had all that it began with. */
  #began: readonly ShownPages[] | undefined;
  #released = false;

  constructor(host: NativePageHost, slot: Slot) {
    this.#host = host;
    this.#slot = slot;
    this.base = (slot.start + SLOT_BASE_BYTES) as HostAddr;
    const views = viewsOf(slot);
    this.bytes = views.bytes;
    this.halves = views.halves;
    this.words = views.words;
  }

  get shown(): readonly ShownPages[] {
    return this.#shown.all;
  }

  get stackTop(): number {
    return this.#slot.stackTop;
  }

  set stackTop(top: number) {
    this.#slot.stackTop = top;
  }

  expect(wanted: readonly ShownPages[]): void {
    assert(!this.#released && this.#used.ranges.length === 0, 'something is mapped already');
    this.#private.takeFrom(this.#slot);
    this.#takeOver(wanted);
  }

  /** What the last process left, but for what is wanted, goes. */
  #takeOver(wanted: readonly ShownPages[]): void {
    const slot = this.#slot;
    const { kept, pristine } = slot;
    slot.kept = NOTHING;
    slot.pristine = NOTHING;
    for (let n = 0; n < wanted.length; n++) {
      const there = shownPart(kept, wanted[n] as ShownPages);
      if (there === undefined) continue;
      this.#shown.add(there);
      this.#used.add(there.start, there.end);
    }
    const { left } = this.#private;
    for (let n = 0; n < left.length; n++) {
      const { start, end } = left[n] as PristinePages;
      this.#used.add(start, end);
    }
    const cleared = this.#unmapAll(kept, left) && this.#unmapAll(pristine, left);
    assert(cleared, 'what nobody expects stays mapped');
  }

  settle(): void {
    this.#check();
    this.#began ??= [...this.#shown.all];
    const cleared = this.#unmapAll(this.#private.settle(), NOTHING);
    assert(cleared, 'what nobody mapped stays');
  }

  /** {@link PageHost.listeners} */
  #announce(): void {
    this.#check();
    const { listeners } = this.#host;
    if (listeners.size !== 0) for (const listener of listeners) listener(this.base);
  }

  /** Before anything else is done: what the last process left is gone unless it was expected. */
  #check(): void {
    assert(!this.#released, 'sandbox was released');
    const { kept, pristine } = this.#slot;
    if (kept.length > 0 || pristine.length > 0) this.#takeOver(NOTHING);
  }

  mapAnonymous(addr: number, length: number, prot: number, isPopulated = false): Errno | 0 {
    checkRange(addr, length);
    this.#check();
    const end = addr + length;
    const isOpen = hostProt(prot) === OPEN;
    if (prot !== PROT_NONE && this.#private.claim(addr, end, isOpen, undefined, 0)) return 0;
    (prot === PROT_NONE ? this.#closed : this.#used).add(addr, end);
    const populate = isPopulated ? MAP_POPULATE : 0;
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE | populate;
    const failed = this.#map(addr, length, hostProt(prot), flags, -1, 0);
    if (failed === 0 && prot !== PROT_NONE)
      this.#private.note(addr, end, isOpen, undefined, 0, isPopulated && isOpen);
    return failed;
  }

  mapSegment(
    addr: number,
    length: number,
    prot: number,
    segment: MemorySegment,
    offset: number,
    sharing: 'private' | 'shared',
    isPopulated = false,
  ): Errno | 0 {
    checkRange(addr, length);
    assert(segment instanceof NativeSegment && offset >= 0 && offset % PAGE === 0);
    this.#check();
    const isShared = sharing === 'shared';
    const end = addr + length;
    const isReadOnly = hostProt(prot) === PROT_READ;
    if (isReadOnly && this.#shown.covers(addr, end, segment, offset, isShared)) return 0;
    const isOpen = !isShared && hostProt(prot) === OPEN;
    const isPrivate = isOpen || (!isShared && isReadOnly);
    if (isPrivate && this.#private.claim(addr, end, isOpen, segment, offset)) return 0;
    if (isShared) segment.isShared = true;
    this.#used.add(addr, end);
    const populate = isPopulated ? MAP_POPULATE : 0;
    const flags = (isShared ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED | MAP_NORESERVE | populate;
    const failed = this.#map(addr, length, hostProt(prot), flags, segment.fd, offset);
    if (failed === 0 && isReadOnly)
      this.#shown.add({ start: addr, end, segment, offset, isShared });
    if (failed === 0 && isOpen) this.#private.note(addr, end, true, segment, offset, isPopulated);
    return failed;
  }

  #map(
    addr: number,
    length: number,
    prot: number,
    flags: number,
    fd: number,
    offset: number,
  ): Errno | 0 {
    const at = this.base + addr;
    this.#shown.cut(addr, addr + length);
    this.#private.forget(addr, addr + length);
    const result = this.#host.native.sys.mmap(at, length, prot, flags, fd, offset);
    assert(result < 0 || result === at, 'mmap placed a page elsewhere');
    return toErrno(result);
  }

  populate(addr: number, length: number, access: 'read' | 'write' = 'write'): void {
    checkRange(addr, length);
    this.#check();
    if (this.#private.has(addr, addr + length)) return;
    const advice = access === 'read' ? MADV_POPULATE_READ : MADV_POPULATE_WRITE;
    this.#host.native.sys.madvise(this.base + addr, length, advice);
  }

  takeLarge(addr: number, length: number): void {
    checkRange(addr, length);
    this.#check();
    const { sys } = this.#host.native;
    const at = this.base + addr;
    // The host collapses no range of a file that has no page at all (madvise(2): EINVAL).
    for (let done = 0; done < length; done += LARGE_PAGE)
      sys.madvise(at + done, PAGE, MADV_POPULATE_WRITE);
    sys.madvise(at, length, MADV_COLLAPSE);
  }

  protect(addr: number, length: number, prot: number): Errno | 0 {
    checkRange(addr, length);
    this.#check();
    const end = addr + length;
    this.#shown.cut(addr, end);
    this.#private.protect(addr, end, prot === PROT_NONE, hostProt(prot) === OPEN);
    // What was mapped without access has pages from now on.
    if (prot !== PROT_NONE) this.#used.add(addr, end);
    return toErrno(this.#host.native.sys.mprotect(this.base + addr, length, hostProt(prot)));
  }

  unmap(addr: number, length: number): Errno | 0 {
    checkRange(addr, length);
    this.#check();
    return this.#map(addr, length, PROT_NONE, RESERVATION | MAP_FIXED, -1, 0);
  }

  move(from: number, to: number, length: number): Errno | 0 {
    checkRange(from, length);
    checkRange(to, length);
    assert(from + length <= to || to + length <= from, 'ranges overlap');
    this.#announce();
    this.#shown.cut(to, to + length);
    this.#private.forget(to, to + length);
    const { sys } = this.#host.native;
    this.#used.add(to, to + length);
    const result = sys.moveMapping(this.base + from, this.base + to, length);
    if (result < 0) return toErrno(result);
    // mremap leaves a hole that other host mappings could fall into: fill it at once.
    const filled = this.unmap(from, length);
    assert(filled === 0, 'the hole of a moved mapping stays open');
    return 0;
  }

  discard(addr: number, length: number): Errno | 0 {
    checkRange(addr, length);
    this.#check();
    this.#private.discard(addr, addr + length);
    return toErrno(this.#host.native.sys.madvise(this.base + addr, length, MADV_DONTNEED));
  }

  residency(addr: number, length: number, target: Uint8Array): Errno | 0 {
    checkRange(addr, length);
    this.#check();
    const { sys, bounce, bounceAddress } = this.#host.native;
    const pages = length / PAGE;
    for (let done = 0; done < pages; ) {
      const count = Math.min(bounce.length, pages - done);
      const at = this.base + addr + done * PAGE;
      const result = sys.mincore(at, count * PAGE, bounceAddress);
      if (result < 0) return toErrno(result);
      target.set(bounce.subarray(0, count), done);
      done += count;
    }
    return 0;
  }

  privateRuns(addr?: number, length = GUEST_HIGH - GUEST_LOW): readonly number[] | Errno {
    this.#announce();
    if (addr === undefined) return this.#allPrivateRuns();
    checkRange(addr, length);
    return this.#host.pagemap.privateRuns(this.base, [{ start: addr, end: addr + length }]);
  }

  /** measured: the host looks through the reservation, too, which takes it 15 µs and more. */
  #allPrivateRuns(): readonly number[] | Errno {
    const changed = this.#used.ranges.filter(({ start, end }) => !this.#shown.fill(start, end));
    const ranges = changed.sort((a, b) => a.start - b.start);
    return this.#host.pagemap.privateRuns(this.base, ranges);
  }

  copyPages(target: SandboxPages, addr: number, length: number, isClosed = false): Errno | 0 {
    checkRange(addr, length);
    assert(target instanceof NativeSandbox);
    this.#announce();
    target.#announce();
    const { copy } = this.#host;
    if (isClosed) {
      target.#willHold(addr, addr + length);
      const [from, to] = [this.base + addr, target.base + addr];
      return this.#host.writer.writeClosed(to, from, length) ? 0 : EFAULT;
    }
    // measured: copying 256 pages takes 580 µs by a fault each, 365 so. Failing only costs time.
    if (length >= POPULATE_BYTES) target.populate(addr, length);
    return copy.copyAcross(this.base + addr, target.base + addr, length) === length ? 0 : EFAULT;
  }

  /** Pages that it may only read are not what their segment has any more. */
  #willHold(start: number, end: number): void {
    for (const { start: from, end: to, segment, offset, isShared } of this.#shown.take(
      start,
      end,
    )) {
      assert(segment instanceof NativeSegment && !isShared);
      this.#private.note(from, to, false, segment, offset, false);
    }
  }

  saveTo(segment: MemorySegment, offset: number, addr: number, length: number): Errno | 0 {
    checkRange(addr, length);
    assert(segment instanceof NativeSegment);
    this.#announce();
    return segment.writeFrom(offset, this.base + addr, length);
  }

  copyWithin(from: number, to: number, length: number): Errno | 0 {
    checkRange(from, length);
    checkRange(to, length);
    this.#announce();
    const { copy } = this.#host;
    return copy.copyAcross(this.base + from, this.base + to, length) === length ? 0 : EFAULT;
  }

  copyIn(addr: number, target: Uint8Array): number {
    assert(addr >= 0 && addr + target.length <= SANDBOX_BYTES);
    this.#check();
    return this.#host.copy.copyIn(this.base + addr, target);
  }

  copyOut(addr: number, source: Uint8Array): number {
    assert(addr >= 0 && addr + source.length <= SANDBOX_BYTES);
    this.#check();
    return this.#host.copy.copyOut(this.base + addr, source);
  }

  [Symbol.dispose](): void {
    if (this.#released) return;
    this.#announce();
    const { slots } = this.#host;
    const isShort = this.#used.isShort && this.#closed.isShort;
    const keepsTables = isShort && slots.mayKeepTables(this.#slot, this.#used);
    const cleared = keepsTables ? this.#unmapUsed() : this.unmap(GUEST_LOW, ALL_BYTES) === 0;
    this.#released = true;
    // A slot that cannot be cleared is lost, not used again.
    if (cleared) slots.give(this.#slot, keepsTables);
  }

  /**
   * measured: unmapping all of it frees its page tables, and the next process makes them again. What the
   * next process of the same program maps just so stays: half the calls that make one.
   */
  #unmapUsed(): boolean {
    const slot = this.#slot;
    const shown = this.#shown.all;
    for (let n = shown.length - 1; n >= 0; n--) {
      const { start, end, segment } = shown[n] as ShownPages;
      assert(segment instanceof NativeSegment);
      if (segment.isClosed) this.#shown.cut(start, end);
      else segment.isKept = true;
    }
    // What a program maps later, its loader maps again: nobody expects it.
    if (this.#began !== undefined) this.#shown.keepWithin(this.#began);
    this.#private.restore(slot, this.base, this.#host.writer);
    const { pristine } = slot;
    for (let n = 0; n < pristine.length; n++) {
      const { segment } = pristine[n] as PristinePages;
      if (segment !== undefined) segment.isKept = true;
    }
    slot.kept = shown;
    return (
      this.#unmapAll(this.#used.ranges, pristine) && this.#unmapAll(this.#closed.ranges, pristine)
    );
  }

  /** Unmaps what of the ranges is neither known to show pages of segments nor `pristine`. */
  #unmapAll(ranges: readonly UsedRange[], pristine: readonly PristinePages[]): boolean {
    for (let n = 0; n < ranges.length; n++) {
      const { start, end } = ranges[n] as UsedRange;
      if (!this.#unmapBetween(start, end, pristine)) return false;
    }
    return true;
  }

  #unmapBetween(start: number, end: number, pristine: readonly PristinePages[]): boolean {
    const shown = this.#shown.all;
    for (let at = start, n = 0, m = 0; at < end; ) {
      while (n < shown.length && (shown[n] as ShownPages).end <= at) n++;
      while (m < pristine.length && (pristine[m] as PristinePages).end <= at) m++;
      const [one, other] = [shown[n], pristine[m]];
      const isFirst = other === undefined || (one !== undefined && one.start < other.start);
      const next = isFirst ? one : other;
      const until = Math.min(end, next?.start ?? end);
      if (until > at && !this.#clear(at, until)) return false;
      at = next?.end ?? end;
    }
    return true;
  }

  #clear(start: number, end: number): boolean {
    return this.#host.clear(this.base + start, end - start);
  }
}

export class NativePageHost implements PageHost {
  readonly native: NativeContext;
  readonly slots: SlotPool;
  readonly copy: SafeCopy;
  readonly pagemap: Pagemap;
  readonly writer: PageWriter;
  readonly listeners = new Set<(base: HostAddr) => void>();
  readonly mappingLimit = Number(readFileSync('/proc/sys/vm/max_map_count', 'latin1'));

  constructor(native: NativeContext) {
    this.native = native;
    this.slots = new SlotPool(native.libc, native.reservation);
    this.copy = new SafeCopy(native);
    this.pagemap = new Pagemap(native);
    this.writer = new PageWriter(native, this.copy, this.pagemap);
  }

  createSandbox(wanted: readonly ShownPages[] = NOTHING): SandboxPages | Errno {
    const slot = this.slots.take(wanted);
    return slot ? new NativeSandbox(this, slot) : ENOMEM;
  }

  /** Back to the inaccessible reservation. */
  clear(address: number, length: number): boolean {
    const flags = RESERVATION | MAP_FIXED;
    return this.native.sys.mmap(address, length, PROT_NONE, flags, -1, 0) === address;
  }

  /** Its pages shall not stay for the sake of slots that nobody uses. */
  readonly #forget = (segment: NativeSegment): void => {
    const isOther = (pages: { readonly segment: unknown }) => pages.segment !== segment;
    for (const slot of this.slots.showing(segment)) {
      for (const pages of [...slot.kept, ...slot.pristine]) {
        if (isOther(pages)) continue;
        const { start, end } = pages;
        const cleared = this.clear(slot.start + SLOT_BASE_BYTES + start, end - start);
        assert(cleared, 'pages of a segment that is gone stay mapped');
      }
      slot.kept = slot.kept.filter(isOther);
      slot.pristine = slot.pristine.filter(isOther);
    }
  };

  mappingCount(): number {
    const NEWLINE = 10;
    let count = 0;
    for (const byte of readFileSync('/proc/self/maps')) if (byte === NEWLINE) count++;
    return count;
  }

  residentBytes(): number {
    // Fields: size, resident, shared, … in pages (proc_pid_statm(5)).
    return Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[1]) * PAGE;
  }

  createSegment(name: string, sizeBytes: number): NewSegment | Errno {
    const fd = this.native.libc.memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return toErrno(fd) as Errno;
    const segment = new NativeSegment(this.native, fd, 0, this.#forget);
    const sized = sizeBytes === 0 ? 0 : segment.resize(sizeBytes);
    if (sized === 0) return segment;
    segment[Symbol.dispose]();
    return sized;
  }
}
