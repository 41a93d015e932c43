/**
 * What the engine needs of the machine; implemented in `host/native/`, the only code with raw
 * pointers. Addresses of the host are numbers below 2^47, so exact.
 */

import type { HostAddr } from '../base/brand.ts';
import type { ExitKind } from './sandbox/layout.ts';

/** One region of code memory, mapped twice: writable at one address, executable at another. */
export interface CodeMemory {
  /** The writable view; offset n of it is the byte executed at `executable + n`. */
  readonly bytes: Uint8Array;
  readonly executable: HostAddr;
  readonly sizeBytes: number;
}

/** The state block of one guest thread (layout: `STATE`). */
export interface StateBlock extends Disposable {
  readonly address: HostAddr;
  /** Views of the same page. */
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u64: BigUint64Array;
}

/**
 * The two lookup tables of one process or of a group of processes that share code. Every entry is
 * a fill address or one that the setters put there.
 */
export interface LookupTables extends Disposable {
  /** For reading and statistics; written through the setters only, which keep track of it. */
  readonly returns: BigUint64Array;
  readonly jumps: BigUint64Array;
  setReturn(index: number, target: HostAddr): void;
  setJump(index: number, target: HostAddr): void;
  /** Every entry is its table's fill address again; costs by the number of entries set since. */
  clear(): void;
  /** Maps both, read-only, below the base of the sandbox; replaces what was there. */
  mapBelow(sandboxBase: HostAddr): void;
}

/** Native memory outside all sandboxes. */
export interface NativeMemory extends Disposable {
  readonly address: HostAddr;
  readonly bytes: Uint8Array;
}

/** Parts of state blocks, 16 bytes each, and where they stand in an image in another layout. */
export interface StatePieces {
  /** Copies `count` of them, from number `first` on, to an image at a host address that may be written. */
  save(state: StateBlock, image: number, first: number, count: number): void;
  /** The same from an image to a state block. */
  load(state: StateBlock, image: number, first: number, count: number): void;
  /** Zeros at a host address that may be written. */
  clear(address: number, bytes: number): void;
}

/** A host thread that runs guests at the same time as the one that calls. */
export interface CodeRunner {
  /** It enters as {@link CodeHost.enter} does; only while it is not running. */
  start(state: StateBlock): void;
  /** It was started, and has not left translated code since. */
  readonly isRunning: boolean;
  /** Why it left. */
  readonly exitKind: ExitKind;
  /** Waits until it has left, which it is made to: at `tick`, or `tickBeforeEntry`, at the latest. */
  halt(): void;
}

export interface CodeHost {
  /** `fs:` displacement of slot 0 of the thread-local block. */
  readonly tlsDisplacement: number;
  /** All translated code lives here (at most 2 GiB, so rel32 reaches), behind the stubs. */
  readonly code: CodeMemory;
  /**
   * Bytes [start, end) of `code`, whole pages, are hardly written from now on: they need not stay
   * mapped for writing, and may move to larger pages. What they hold stays, and they may be written all
   * the same.
   */
  settleCode(start: number, end: number): void;
  /** [start, end) of code memory is about to be written: one call of the host instead of a fault a page. */
  prepareCode(start: number, end: number): void;
  /** Offsets below this one hold the stubs; translated code starts here (page-aligned). */
  readonly codeStart: number;
  /** Inside `code`, below `codeStart`: rel32 reaches them. */
  readonly stubs: StubAddresses;
  /**
   * Tables whose every entry is the fill address: that of a return whose site is not in the table,
   * that of a jump. The same two for all tables of an instance.
   */
  createTables(returnFill: HostAddr, jumpFill: HostAddr): LookupTables;
  /** All of it is zero. */
  createState(): StateBlock;
  /** `pairs`: offsets in a state block and in the image by turns. */
  createPieces(pairs: Uint32Array): StatePieces;
  /** For the wide table and the like; zeroed. */
  allocate(bytes: number): NativeMemory;
  /** Loads the guest state, runs translated code, stores the guest state. */
  enter(state: StateBlock): ExitKind;
  /** One more host thread for guests; undefined: there can be none. They stay. */
  createRunner(): CodeRunner | undefined;
  /** How often runners have left, modulo 2^32: whoever asks has seen those that have. */
  sawRunners(): number;
  /** As `enter`, while runners run: a tick ends it when one of them leaves. */
  enterBeside(state: StateBlock): ExitKind;
  /** Ticks of CPU time of each thread that runs guests, `periodUs` apart; 0 stops them. */
  setTick(periodUs: number): void;
  /** CPUID as the processor answers it. */
  cpuid(leaf: number, subleaf: number): { eax: number; ebx: number; ecx: number; edx: number };
  /** The time stamp counter, as `rdtsc` gives it to guests. */
  counter(): bigint;
  /** XCR0 as the processor has it (its low half). */
  readonly xcr0: number;
  /** The stubs keep zmm0 … zmm31 and the masks, and say by `wideVectors` what of them is in use. */
  readonly hasAvx512: boolean;
}

/** Addresses that translated code jumps to. */
export interface StubAddresses {
  /** By exit kind: stores the guest state with that reason and returns from `enter`. */
  readonly exits: Readonly<Record<number, HostAddr>>;
  /**
   * RCX = full guest target, guest RCX in spill 0, all else as the guest has it: probes the wide
   * table; on a hit restores RCX and jumps to the entry found, else exit `indirect`.
   */
  readonly miss: HostAddr;
  /**
   * A return whose landing did not match: `exitSite` = 1, RCX from gs:[esp − 8], then `miss`. When
   * that load faults, the exit is `fault` with a `hostRip` below `codeStart`.
   */
  readonly missReturn: HostAddr;
  /** A jump or call likewise: `exitSite` = 2, RCX from `target`, then `miss`. */
  readonly missJump: HostAddr;
}

/**
 * The wide table: `mask + 1 + WIDE_PROBES` entries of 16 bytes (guest address, host entry), an
 * address 0 = free. A key lies at most WIDE_PROBES - 1 entries behind its hash.
 */
export const WIDE_PROBES = 8;
export const WIDE_ENTRY_BYTES = 16;
/** As the `miss` stub computes it. */
export function wideIndex(guestAddr: number, mask: number): number {
  return (Math.imul(guestAddr, WIDE_MULTIPLIER) >>> 8) & mask;
}
/** 2^32 divided by the golden ratio (Knuth, vol. 3, 6.4), as int32. */
export const WIDE_MULTIPLIER = 0x9e3779b1 | 0;
