/**
 * Signals of the host threads that run guests.
 *
 * While translated code runs, RSP holds a guest value, and Linux would write the frame of a signal
 * there: an arbitrary write into host memory. So this thread blocks every signal but the engine's
 * own, for good, with a raw rt_sigprocmask; those run on an alternate stack with SS_AUTODISARM,
 * which Linux uses whatever RSP says. Signals of the process (SIGINT, SIGTERM, SIGWINCH, …) are
 * taken by a thread of ours that only waits, where Node.js's handlers run as ever.
 */

import { assert } from '../../base/assert.ts';
import type { HostAddr } from '../../base/brand.ts';
import { MAILBOX } from '../../cpu/stubs/mailbox.ts';
import type { NativeContext } from './context.ts';
import { mustMap } from './engine-object.ts';
import { MAP_ANONYMOUS, MAP_PRIVATE, PAGE, PROT_NONE, PROT_READ, PROT_WRITE } from './libc.ts';

const SIGILL = 4;
const SIGTRAP = 5;
const SIGBUS = 7;
const SIGFPE = 8;
const SIGSEGV = 11;
/** A real-time signal that neither glibc (32, 33) nor Node.js uses. */
export const TICK_SIGNAL = 40;
const ENGINE_SIGNALS = [SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, TICK_SIGNAL];

const SA_SIGINFO = 4;
const SA_ONSTACK = 0x0800_0000;
const SA_RESTART = 0x1000_0000;
const SS_AUTODISARM = 0x8000_0000;
const SIG_SETMASK = 2;
const ALTERNATE_STACK_BYTES = 64 * 1024;
/** glibc's struct sigaction: handler, 128 bytes of mask, flags, restorer. */
const SIGACTION_BYTES = 152;

const CLOCK_THREAD_CPUTIME_ID = 3;
const SIGEV_THREAD_ID = 4;
/** CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED */
const PER_THREAD_SCHED = 6;

/** Once, on the thread that runs guests. */
export function takeOverSignals(native: NativeContext): void {
  const { libc, engine } = native;
  // Before the mask changes: the new thread inherits it.
  const started = libc.startThread(engine.stubs.pauseLoop as HostAddr);
  assert(started === 0, 'no thread for the signals of the process');
  installAlternateStack(native);
  installHandlers(native);
  blockOtherSignals(native);
}

function installAlternateStack(native: NativeContext): void {
  assert(native.libc.sigaltstack(alternateStack(native)) === 0, 'sigaltstack');
}

/** A `stack_t` of a new stack, below which nothing is mapped. */
export function alternateStack({ libc, sys }: NativeContext): Uint8Array {
  const bytes = ALTERNATE_STACK_BYTES + PAGE;
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const at = mustMap(libc.mmap(0, bytes, PROT_READ | PROT_WRITE, flags, -1, 0), 'signal stack');
  assert(sys.mprotect(at, PAGE, PROT_NONE) === 0, 'guard page of the signal stack');
  const stack = new Uint8Array(24);
  const view = new DataView(stack.buffer);
  view.setBigUint64(0, BigInt(at + PAGE), true);
  view.setUint32(8, SS_AUTODISARM, true);
  view.setBigUint64(16, BigInt(ALTERNATE_STACK_BYTES), true);
  return stack;
}

function installHandlers(native: NativeContext): void {
  const { libc, engine } = native;
  const old = new BigUint64Array(engine.mailbox, MAILBOX.oldHandlers, 65);
  for (const signal of ENGINE_SIGNALS) {
    const action = new Uint8Array(SIGACTION_BYTES);
    const view = new DataView(action.buffer);
    view.setBigUint64(0, BigInt(engine.stubs.signalHandler), true);
    action.fill(0xff, 8, 136);
    view.setUint32(136, SA_SIGINFO | SA_ONSTACK | SA_RESTART, true);
    const before = new Uint8Array(SIGACTION_BYTES);
    assert(libc.sigaction(signal, action, before) === 0, 'sigaction');
    old[signal] = new DataView(before.buffer).getBigUint64(0, true);
  }
}

function blockOtherSignals(native: NativeContext): void {
  let mask = 2n ** 64n - 1n;
  for (const signal of ENGINE_SIGNALS) mask &= ~(1n << BigInt(signal - 1));
  writeU64(native.bounce, 0, mask);
  const result = native.sys.sigprocmask(SIG_SETMASK, native.bounceAddress, 0);
  assert(result === 0, 'rt_sigprocmask');
}

function writeU64(bytes: Uint8Array, offset: number, value: bigint): void {
  new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(offset, value, true);
}

/** A timer on the CPU time of a thread of this process (this one, when none is given) that ticks it. */
export class TickTimer {
  readonly #native: NativeContext;
  readonly #thread: number;
  readonly #clock: number;
  #timer = -1;

  constructor(native: NativeContext, thread?: number) {
    this.#native = native;
    this.#thread = thread ?? native.sys.gettid();
    // MAKE_THREAD_CPUCLOCK (include/linux/posix-timers_types.h)
    this.#clock =
      thread === undefined ? CLOCK_THREAD_CPUTIME_ID : (~thread << 3) | PER_THREAD_SCHED;
  }

  /** 0 stops it. */
  set(periodUs: number): void {
    assert(periodUs >= 0 && Number.isSafeInteger(periodUs));
    const { bounce, bounceAddress, sys } = this.#native;
    if (this.#timer < 0) {
      if (periodUs === 0) return;
      this.#timer = this.#create();
    }
    const seconds = BigInt(Math.floor(periodUs / 1e6));
    const nanoseconds = BigInt((periodUs % 1e6) * 1000);
    for (const [n, value] of [seconds, nanoseconds, seconds, nanoseconds].entries())
      writeU64(bounce, 8 * n, value);
    assert(sys.timerSettime(this.#timer, bounceAddress) === 0, 'timer_settime');
  }

  #create(): number {
    const { bounce, bounceAddress, sys } = this.#native;
    const view = new DataView(bounce.buffer, bounce.byteOffset);
    bounce.fill(0, 0, 128);
    view.setInt32(8, TICK_SIGNAL, true);
    view.setInt32(12, SIGEV_THREAD_ID, true);
    view.setInt32(16, this.#thread, true);
    const result = sys.timerCreate(this.#clock, bounceAddress, bounceAddress + 64);
    assert(result === 0, 'timer_create');
    return view.getInt32(64, true);
  }
}
