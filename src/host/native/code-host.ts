/** {@link CodeHost}: code memory, stubs, tables, state blocks, entry, tick. */

import { assert } from '../../base/assert.ts';
import type { HostAddr } from '../../base/brand.ts';
import type {
  CodeHost,
  CodeMemory,
  CodeRunner,
  LookupTables,
  NativeMemory,
  StateBlock,
  StatePieces,
  StubAddresses,
} from '../../cpu/code-host.ts';
import { type ExitKind, STATE } from '../../cpu/sandbox/layout.ts';
import { MAILBOX } from '../../cpu/stubs/mailbox.ts';
import type { NativeContext } from './context.ts';
import { mustMap, rawCpuid } from './engine-object.ts';
import {
  addressOf,
  LARGE_PAGE,
  MADV_COLLAPSE,
  MADV_DONTNEED,
  MADV_POPULATE_WRITE,
  MAP_ANONYMOUS,
  MAP_NORESERVE,
  MAP_PRIVATE,
  PAGE,
  PROT_READ,
  PROT_WRITE,
  viewOf,
} from './libc.ts';
import { Partner } from './partner.ts';
import { NativeRunner } from './runner.ts';
import { TickTimer } from './signals.ts';
import { NativeStatePieces } from './state-pieces.ts';
import { NativeState, StatePool } from './states.ts';
import { TablePool } from './tables.ts';

/** So much of a large page must be in use before it becomes one: what is left counts as resident. */
const LARGE_FROM = 3 * 2 ** 19;
/** From here on code memory is in large pages before it is written: much code is followed by more. */
const LARGE_AHEAD = 2 * LARGE_PAGE;

const SANDBOX_HIGH = STATE.sandboxBase / 4 + 1;

export class NativeCodeHost implements CodeHost {
  readonly tlsDisplacement: number;
  readonly code: CodeMemory;
  readonly codeStart: number;
  readonly stubs: StubAddresses;
  readonly xcr0: number;
  readonly hasAvx512: boolean;
  readonly #native: NativeContext;
  readonly #mailbox: Int32Array;
  readonly #enter: () => number;
  readonly #tables: TablePool;
  readonly #states: StatePool;
  readonly #timer: TickTimer;
  readonly #partner: Partner | undefined;
  readonly #runners: NativeRunner[] = [];
  #periodUs = 0;
  /** Code memory below this offset is in large pages, where the host has them. */
  #large = 0;
  /** The state block that the mailbox names. measured: a load behind two halves of a store waits 5 ns. */
  #entered: StateBlock | undefined;

  constructor(native: NativeContext, hasPartner?: true) {
    const { engine } = native;
    this.#native = native;
    this.tlsDisplacement = engine.tlsDisplacement;
    this.code = engine.code;
    this.codeStart = engine.codeStart;
    this.stubs = {
      exits: engine.stubs.exits as Readonly<Record<number, HostAddr>>,
      miss: engine.stubs.miss as HostAddr,
      missReturn: engine.stubs.missReturn as HostAddr,
      missJump: engine.stubs.missJump as HostAddr,
    };
    this.#mailbox = new Int32Array(engine.mailbox);
    this.#enter = engine.calls.enter;
    this.#tables = new TablePool(native);
    this.#states = new StatePool(native);
    this.#timer = new TickTimer(native);
    if (hasPartner || Partner.isUseful(native)) this.#partner = new Partner(native, !hasPartner);
    engine.calls.xgetbv();
    this.xcr0 = this.#mailbox[MAILBOX.cpuid / 4] as number;
    this.hasAvx512 = engine.hasAvx512;
  }

  settleCode(start: number, end: number): void {
    const { sys } = this.#native;
    sys.madvise(addressOf(this.code.bytes) + start, end - start, MADV_DONTNEED);
    this.#makeLarge(end - LARGE_FROM);
  }

  /** Large pages for all of code memory up to the one that `last` lies in. */
  #makeLarge(last: number): void {
    for (; this.#large <= last; this.#large += LARGE_PAGE)
      this.#native.sys.madvise(this.code.executable + this.#large, LARGE_PAGE, MADV_COLLAPSE);
  }

  prepareCode(start: number, end: number): void {
    if (end <= this.#large) return;
    // Older than Linux 5.14: then each page faults.
    const at = addressOf(this.code.bytes) + start;
    this.#native.sys.madvise(at, end - start, MADV_POPULATE_WRITE);
    if (start >= LARGE_AHEAD) this.#makeLarge(end - 1);
  }

  createTables(returnFill: HostAddr, jumpFill: HostAddr): LookupTables {
    return this.#tables.create(returnFill, jumpFill);
  }

  createState(): StateBlock {
    return this.#states.take();
  }

  createPieces(pairs: Uint32Array): StatePieces {
    const { pieces, fill } = this.#native.engine.calls;
    return new NativeStatePieces(this.#mailbox, pieces, fill, pairs, (size) => this.allocate(size));
  }

  allocate(bytes: number): NativeMemory {
    assert(bytes > 0 && Number.isSafeInteger(bytes));
    const length = Math.ceil(bytes / PAGE) * PAGE;
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    const { sys } = this.#native;
    const at = mustMap(sys.mmap(0, length, PROT_READ | PROT_WRITE, flags, -1, 0), 'memory');
    return {
      address: at,
      bytes: new Uint8Array(viewOf(at, length), 0, bytes),
      // Zeroed and kept: a view may still be around, and JavaScript must not fault.
      [Symbol.dispose]: () => void sys.madvise(at, length, MADV_DONTNEED),
    };
  }

  #name(state: StateBlock): void {
    assert(state instanceof NativeState && !state.released, 'not a live state block');
    if (state === this.#entered) return;
    this.#entered = state;
    this.#mailbox[MAILBOX.state / 4] = state.low;
    this.#mailbox[MAILBOX.state / 4 + 1] = state.high;
  }

  enter(state: StateBlock): ExitKind {
    this.#name(state);
    if (this.#partner === undefined) return this.#enter() as ExitKind;
    // The high word is another for each sandbox: they lie more than 4 GiB apart.
    return this.#partner.enter(state.i32[SANDBOX_HIGH] as number) as ExitKind;
  }

  enterBeside(state: StateBlock): ExitKind {
    this.#name(state);
    // Not by the partner: it is this thread that a runner ticks.
    return this.#native.engine.calls.enterBeside() as ExitKind;
  }

  createRunner(): CodeRunner | undefined {
    const runner = NativeRunner.create(this.#native, (bytes) => this.allocate(bytes));
    if (runner === undefined) return undefined;
    runner.setTick(this.#periodUs);
    this.#runners.push(runner);
    return runner;
  }

  sawRunners(): number {
    const left = this.#mailbox[MAILBOX.left / 4] as number;
    this.#mailbox[MAILBOX.leftSeen / 4] = left;
    return left;
  }

  setTick(periodUs: number): void {
    this.#periodUs = periodUs;
    this.#timer.set(periodUs);
    this.#partner?.setTick(periodUs);
    for (const runner of this.#runners) runner.setTick(periodUs);
  }

  cpuid(leaf: number, subleaf: number): { eax: number; ebx: number; ecx: number; edx: number } {
    return rawCpuid(this.#mailbox, this.#native.engine.calls.cpuid, leaf, subleaf);
  }

  counter(): bigint {
    this.#native.engine.calls.counter();
    const at = MAILBOX.cpuid / 4;
    const high = BigInt((this.#mailbox[at + 1] as number) >>> 0);
    return (high << 32n) | BigInt((this.#mailbox[at] as number) >>> 0);
  }
}
