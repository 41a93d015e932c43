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

/** The two lookup tables of one process or of a group of processes that share code. */
export interface LookupTables extends Disposable {
  readonly returns: BigUint64Array;
  readonly jumps: BigUint64Array;
  /** Maps both, read-only, below the base of the sandbox; replaces what was there. */
  mapBelow(sandboxBase: HostAddr): void;
}

export interface CodeHost {
  /** `fs:` displacement of slot 0 of the thread-local block. */
  readonly tlsDisplacement: number;
  /** All translated code and the trampolines live here (at most 2 GiB, so rel32 reaches). */
  readonly code: CodeMemory;
  /** Loads the stubs (an ELF shared object made by `cpu/stubs`); once. */
  loadStubs(sharedObject: Uint8Array): StubAddresses;
  /** A table whose every entry is `fill`. */
  createTables(fill: HostAddr): LookupTables;
  createState(): StateBlock;
  /** Native memory outside all sandboxes for the wide table and the like. */
  allocate(bytes: number): { readonly address: HostAddr; readonly bytes: Uint8Array } & Disposable;
  /** Loads the guest state, runs translated code, stores the guest state. */
  enter(state: StateBlock): ExitKind;
  /** Ticks of CPU time of this thread, `periodUs` apart; 0 stops them. */
  setTick(periodUs: number): void;
  /** CPUID as the processor answers it. */
  cpuid(leaf: number, subleaf: number): { eax: number; ebx: number; ecx: number; edx: number };
}

/** Addresses inside the stubs' shared object that trampolines in code memory jump to. */
export interface StubAddresses {
  /** By exit kind: stores the guest state with that reason and returns from `enter`. */
  readonly exits: Readonly<Record<number, HostAddr>>;
  /** RCX = full guest target, guest RCX in spill 0: probes the wide table, else exit `indirect`. */
  readonly miss: HostAddr;
}
