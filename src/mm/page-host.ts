/**
 * Real pages, as `mm/` needs them; implemented in `host/native/`. All guest addresses and lengths
 * are multiples of 4096 unless said. Failures of the host (out of memory, out of mappings) are
 * returned as Errno values, never thrown: they become the guest's ENOMEM.
 */

import type { Errno } from '../abi/errno.table.ts';
import type { HostAddr } from '../base/brand.ts';

/** Bits as in `PROT_*` of mmap(2). */
export const PROT_NONE = 0;
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;

/**
 * Memory that can be mapped into several sandboxes (a memfd): shared anonymous memory, tmpfs file
 * contents, the page cache of verified image files, the frozen side of a fork.
 */
export interface MemorySegment extends Disposable {
  readonly sizeBytes: number;
  /** Grows or shrinks; existing mappings beyond the end fault with SIGBUS. */
  resize(sizeBytes: number): Errno | 0;
  /** Any offset and length inside the segment. */
  read(offset: number, target: Uint8Array): Errno | 0;
  write(offset: number, source: Uint8Array): Errno | 0;
  /**
   * Copies from a file that the host knows by a descriptor: how many bytes, fewer at the end of the file,
   * or -errno. Missing: it cannot.
   */
  copyFrom?(offset: number, descriptor: number, position: number, length: number): number;
  /** Frees the pages of a range; it reads as zeros afterwards. */
  punch(offset: number, length: number): Errno | 0;
  /** Forbids writes and size changes for ever (F_SEAL_*). */
  seal(): void;
}

/** As the host makes it. */
export interface NewSegment extends MemorySegment {
  /** Mappings that could write to it are gone: its bytes change no more but by the calls above. */
  freeze(): void;
}

/** Pages of a segment that a sandbox shows read-only; private ones as they are in the segment. */
export interface ShownPages {
  readonly start: number;
  readonly end: number;
  readonly segment: MemorySegment;
  /** Offset in the segment of the first page. */
  readonly offset: number;
  readonly isShared: boolean;
}

/** The pages of one sandbox. Host protection is what is given here: PROT_EXEC is never passed on. */
export interface SandboxPages extends Disposable {
  readonly base: HostAddr;
  /** All 4 GiB. JavaScript may touch only pages that are mapped with the needed permission. */
  readonly bytes: Uint8Array;
  /**
   * The same by halves of 2 GiB: what loops must index. measured: V8 takes an index of 2^31 and more
   * for a mistake, drops the optimised code, and makes the same code again, for ever.
   */
  readonly halves: readonly [lower: Uint8Array, upper: Uint8Array];
  /** The same as words: indices below 2^30, which V8 handles fastest. */
  readonly words: Int32Array;
  /**
   * Zero pages, private. Replaces what was mapped. `isPopulated`: the pages are there at once, as far
   * as the host has memory.
   */
  mapAnonymous(addr: number, length: number, prot: number, isPopulated?: boolean): Errno | 0;
  mapSegment(
    addr: number,
    length: number,
    prot: number,
    segment: MemorySegment,
    offset: number,
    sharing: 'private' | 'shared',
    isPopulated?: boolean,
  ): Errno | 0;
  /** Faults pages in, all at once; for writing unless told. Only costs time where it fails. */
  populate(addr: number, length: number, access?: 'read' | 'write'): void;
  /**
   * New memory of a segment, whole multiples of {@link LARGE_PAGE} at addresses and offsets that are
   * such: large pages, all of them at once. Where the host has none it stays as it is.
   */
  takeLarge(addr: number, length: number): void;
  protect(addr: number, length: number, prot: number): Errno | 0;
  /** Back to the inaccessible reservation. */
  unmap(addr: number, length: number): Errno | 0;
  /** Moves mapped pages without copying; source becomes reservation, target is replaced. */
  move(from: number, to: number, length: number): Errno | 0;
  /** MADV_DONTNEED: anonymous pages read as zeros, private file pages as the file. */
  discard(addr: number, length: number): Errno | 0;
  /** One byte a page, bit 0 set when resident (mincore(2)). */
  residency(addr: number, length: number, target: Uint8Array): Errno | 0;
  /**
   * Where private pages differ from their base (zero pages, or the private mapping's file): start
   * and end by turns, in order. Of the whole sandbox, or of a range.
   */
  privateRuns(addr?: number, length?: number): readonly number[] | Errno;
  /**
   * Copies pages to the same address of another sandbox, where they may be written; `isClosed`: may only be
   * read. Or, `copyWithin`, to another address of this one.
   */
  copyPages(target: SandboxPages, addr: number, length: number, isClosed?: boolean): Errno | 0;
  /** Writes readable pages to a segment that has room for them. */
  saveTo(segment: MemorySegment, offset: number, addr: number, length: number): Errno | 0;
  copyWithin(from: number, to: number, length: number): Errno | 0;
  /**
   * Copies that survive faults (any address and length inside the sandbox). Return the bytes
   * copied before the first fault; equal to the length when all went well.
   */
  copyIn(addr: number, target: Uint8Array): number;
  copyOut(addr: number, source: Uint8Array): number;
  /** What it shows, as far as the host remembers, in order. */
  readonly shown: readonly ShownPages[];
  /**
   * As the first call, of who maps all of `wanted` next: what is there already stays, and need not be
   * mapped again. Nor need private memory that the last process here began with, too; it is as if it were
   * mapped anew. What is not wanted by the time of `settle` is unmapped then.
   */
  expect(wanted: readonly ShownPages[]): void;
  /** All that the process begins with is mapped. Before it runs. */
  settle(): void;
  /**
   * Where the stacks of the programs that begin in this place end, for as long as the host keeps anything
   * there; 0: nobody said.
   */
  stackTop: number;
}

export interface PageHost {
  /**
   * Called, with its base, before pages of a sandbox are copied or moved, and before it ends: none of its
   * code may run on another thread then. Other changes are one call of the host each, which such a thread
   * sees done or not done.
   */
  readonly listeners: Set<(base: HostAddr) => void>;
  /**
   * A fresh sandbox, or ENOMEM when address space, memory or mappings ran out. `wanted`: it may be one
   * where `expect` will find such pages.
   */
  createSandbox(wanted?: readonly ShownPages[]): SandboxPages | Errno;
  createSegment(name: string, sizeBytes: number): NewSegment | Errno;
  /** Mappings that the host process may have (vm.max_map_count). */
  readonly mappingLimit: number;
  /** Mappings that it has. */
  mappingCount(): number;
  /** Bytes that the host process has in memory, guests' memfds included. */
  residentBytes(): number;
}
