/**
 * The address space of a process: areas, their permissions, and the real pages behind them.
 *
 * Results: a value ≥ 0, or -errno, as system calls answer. Addresses are guest addresses (numbers
 * below 2^32, after the caller checked all 64 bits with {@link guestRange}).
 */

import type { LockKind } from './lock-kind.ts';
import type { MappedFile } from './mapped-file.ts';
import type { SandboxPages } from './page-host.ts';
import type { SpaceTemplate } from './template.ts';

/** Executable memory was mapped; or what was there became executable or writable. */
export type CodeCause = 'mapped' | 'protected';

/** What the engine must hear of, to drop translations and write-protect their source. */
export interface CodeObserver {
  /** Bytes of [addr, addr + length) changed, or went away, or lost the permission to execute. */
  onCodeChanged(space: AddressSpace, addr: number, length: number): void;
  /**
   * Executable memory came, or became writable: from now on the range may differ from what address
   * spaces that share translations with this one (after fork) have there.
   */
  onCodeMayDiffer(space: AddressSpace, addr: number, length: number, cause: CodeCause): void;
}

/** One mapping; a snapshot, valid until the next change of the address space. */
export interface Area {
  readonly start: number;
  readonly end: number;
  /** PROT_READ | PROT_WRITE | PROT_EXEC. */
  readonly prot: number;
  /** MAP_SHARED. */
  readonly shared: boolean;
  readonly growsDown: boolean;
  readonly locked: LockKind;
  readonly sealed: boolean;
  readonly onFork: 'copy' | 'omit' | 'wipe';
  /** Undefined for anonymous memory. */
  readonly file: MappedFile | undefined;
  /** Offset in the file of `start`. */
  readonly fileOffset: number;
  /** Names the file's bytes as they were when mapped; undefined: they may be anything. */
  readonly contentVersion: string | undefined;
  /** `[heap]`, `[stack]`, `[vdso]` … or empty. */
  readonly label: string;
}

export interface MapRequest {
  /** Hint, or the address with `fixed`. */
  readonly addr: number;
  readonly length: number;
  readonly prot: number;
  readonly shared?: boolean;
  readonly fixed?: boolean;
  /** MAP_FIXED_NOREPLACE: EEXIST when something is there. */
  readonly noReplace?: boolean;
  readonly growsDown?: boolean;
  readonly locked?: boolean;
  readonly file?: MappedFile | undefined;
  readonly fileOffset?: number;
  readonly label?: string;
  /** What mprotect(2) may give at most: without PROT_WRITE for a shared read-only file. */
  readonly maxProt?: number;
  /**
   * Where to look when the address is free to choose: `module` below 2 GiB at a base that is the
   * same for every process of this instance that maps the same file; `data` per process.
   */
  readonly placement?: 'module' | 'data';
  /** Of a free address: a power of two, pages when it is missing. */
  readonly align?: number;
  /**
   * MAP_POPULATE: its pages are likely to be touched. A fault costs many times what a page of a
   * larger request does.
   */
  readonly populate?: boolean;
  /** Much of it will not be touched, or not soon: large pages would be a waste. */
  readonly isSparse?: boolean;
}

/** What a faulting access means; `handled`: run again. */
export type FaultVerdict =
  | { readonly kind: 'handled' }
  /** SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR. */
  | { readonly kind: 'signal'; readonly signal: number; readonly code: number };

export type FaultAccess = 'read' | 'write' | 'execute';

export interface MemoryUsage {
  /** Pages mapped: total, data + stack, stack, executable, file-backed, locked. */
  readonly totalPages: number;
  readonly dataPages: number;
  readonly stackPages: number;
  readonly codePages: number;
  readonly sharedPages: number;
  readonly lockedPages: number;
  readonly peakPages: number;
  /** Resident, as far as it is known without asking the host page by page. */
  readonly residentPages: number;
}

/** Where the byte at `addr` stands in the half that {@link AddressSpace.direct} gives. */
export const directIndex = (addr: number): number => addr & 0x7fff_ffff;

export interface AddressSpace extends Disposable {
  readonly id: number;
  readonly pages: SandboxPages;
  /** Set by the platform. */
  codeObserver: CodeObserver | undefined;
  /** Changes with every map, unmap and protect: caches of areas compare it. */
  readonly generation: number;
  /** Most pages that were mapped at a time. */
  readonly peakPages: number;

  /** Limits in bytes, Infinity for none; the kernel sets them from rlimits. */
  limitAddressSpace: number;
  limitData: number;
  limitStack: number;
  limitLocked: number;

  // mmap(2) and friends
  map(request: MapRequest): number;
  unmap(addr: number, length: number): number;
  protect(addr: number, length: number, prot: number): number;
  remap(addr: number, oldLength: number, newLength: number, flags: number, newAddr: number): number;
  advise(addr: number, length: number, advice: number): number;
  sync(addr: number, length: number, flags: number): number;
  /** One byte a page, bit 0 set when resident. */
  residency(addr: number, length: number, target: Uint8Array): number;
  lock(addr: number, length: number, kind: LockKind): number;
  /** mlockall(2), MCL_FUTURE: how what is mapped from now on is locked. */
  lockFuture: LockKind;
  /** mseal(2). */
  seal(addr: number, length: number): number;
  /** Writable pages are about to be touched: faults them in together. */
  populate(addr: number, length: number): void;

  /**
   * What there is, for the spaces of later processes: pages of files that never change, each of which
   * `files` names or which live as long as the instance, and zero pages. Undefined: there is more.
   */
  template(files: readonly MappedFile[]): SpaceTemplate | undefined;
  /** Shows it in this empty space. False: it cannot be, and the space is still empty. */
  show(template: SpaceTemplate, files: readonly MappedFile[]): boolean;

  /** exec: where the heap starts (page-aligned up, plus the random gap); brk is there then. */
  initBrk(addr: number): void;
  /** brk(2): the new break, or the old one when it cannot be moved. `0` asks. `prot`: of new pages (read, write). */
  brk(addr: number, prot?: number): number;
  readonly brkStart: number;
  readonly brkEnd: number;

  /** A child with the same contents (copy on write). */
  fork(): AddressSpace | number;

  // queries
  areaAt(addr: number): Area | undefined;
  /** All of them, or those that have every permission of `prot`. */
  areas(prot?: number): Iterable<Area>;
  usage(): MemoryUsage;
  /** True when every byte of the range is mapped with all permissions of `prot`. */
  permits(addr: number, length: number, prot: number): boolean;
  /**
   * What a byte of shared memory is for all who map it: an object that stands for the memory and
   * the offset in it (futexes between processes). Undefined for private memory.
   */
  sharedIdentity(addr: number): { readonly owner: object; readonly offset: number } | undefined;

  /**
   * Where JavaScript may itself read (or write) the guest's bytes [addr, addr + length): the half of
   * the sandbox that holds them, from index {@link directIndex} on. Private pages that are sure to
   * be there, with that permission, and for writing without translated code; undefined for all
   * else. Cheap, since read(2) and write(2) ask it each time.
   */
  direct(addr: number, length: number, forWriting: boolean): Uint8Array | undefined;

  /**
   * The same as 32-bit words, from index `addr / 4` on: all of the sandbox. Also undefined where `addr`
   * is no multiple of 4.
   */
  directWords(addr: number, length: number, forWriting: boolean): Int32Array | undefined;

  // copies; -EFAULT when not all bytes could be copied, unless said
  copyIn(addr: number, target: Uint8Array): number;
  copyOut(addr: number, source: Uint8Array): number;
  /** Bytes copied before the first fault; 0 when the first faults. For read(2), write(2), pipes. */
  copyInPartial(addr: number, target: Uint8Array): number;
  copyOutPartial(addr: number, source: Uint8Array): number;
  zeroOut(addr: number, length: number): number;
  /** Bytes up to (without) NUL; -EFAULT, or -ENAMETOOLONG when there is none in `limit` bytes. */
  readCString(addr: number, limit: number): Uint8Array | number;
  /** Undefined on a fault. */
  readU8(addr: number): number | undefined;
  readU16(addr: number): number | undefined;
  readU32(addr: number): number | undefined;
  readI32(addr: number): number | undefined;
  /** As a number; exact below 2^53. */
  readU64(addr: number): number | undefined;
  readBigU64(addr: number): bigint | undefined;
  writeU8(addr: number, value: number): number;
  writeU16(addr: number, value: number): number;
  writeU32(addr: number, value: number): number;
  writeU64(addr: number, value: number): number;
  writeBigU64(addr: number, value: bigint): number;
  /** Copies although the area is not writable or readable for the guest (ptrace, exec, vDSO). */
  peek(addr: number, target: Uint8Array): number;
  poke(addr: number, source: Uint8Array): number;

  // for the engine
  /** What an access that the processor refused means; may grow a stack and say `handled`. */
  fault(addr: number, access: FaultAccess, stackPointer: number): FaultVerdict;
  /** Writes to whole pages fault though the guest may write there (their code is translated). */
  setWriteProtect(addr: number, length: number, on: boolean): number;
  isWriteProtected(addr: number): boolean;
}

/** The result of {@link guestRange}: an address the guest may name, or -1. */
export type CheckedAddress = number;

/**
 * A 64-bit guest pointer as a number when [pointer, pointer + length) lies in guest space, else -1
 * (the caller answers EFAULT or EINVAL).
 */
export function guestRange(pointer: bigint, length = 0): CheckedAddress {
  if (pointer < 0n || pointer >= 0x1_0000_0000n) return -1;
  const addr = Number(pointer);
  return addr + length <= 0x1_0000_0000 ? addr : -1;
}
