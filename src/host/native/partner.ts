/**
 * Which host thread enters a sandbox, where setting GS base is a system call: two processes that take
 * turns get a thread each (`cpu/stubs/partner.ts`), so that none sets it again. Never both at once:
 * the caller waits.
 */

import { availableParallelism } from 'node:os';
import { assert } from '../../base/assert.ts';
import type { HostAddr } from '../../base/brand.ts';
import { MAILBOX } from '../../cpu/stubs/mailbox.ts';
import type { NativeContext } from './context.ts';
import { alternateStack, TickTimer } from './signals.ts';

/** So many changes there and back in a row are a pattern. */
const RETURNS = 4;
/** Entries of the partner in a row after which its sandbox is the only one that runs. */
const ALONE = 1000;
/** Changes of sandboxes here since the partner was of use, after which it may get another one. */
const UNUSED = 64;
/**
 * After so many hand-overs it is asked what they cost. A thread that went to sleep has to be woken, which takes
 * longer than to set GS base twice: so it may happen in one of so many turns. More often, processors are busy,
 * or guests compute, or begin and end.
 */
const WINDOW = 256;
const TURNS_A_SLEEP = 4;
/** Then it rests for so many changes, twice as many each time. */
const FIRST_REST = 1024;
const LAST_REST = 2 ** 20;
const NONE = 0;

export class Partner {
  readonly #native: NativeContext;
  readonly #mailbox: Int32Array;
  readonly #enterHere: () => number;
  readonly #handOver: () => number;
  readonly #mayRest: boolean;
  /** What was entered last here, what before, and what the partner has: sandboxes, by any number. */
  #here = NONE;
  #before = NONE;
  #there = NONE;
  #returns = 0;
  #alone = 0;
  #unused = 0;
  #handOvers = 0;
  /** Of these, the ones after entries here. */
  #turns = 0;
  #slept = 0;
  /** Hand-overs for which the partner had to be woken. */
  #woken = 0;
  #rest = 0;
  #nextRest = FIRST_REST;
  #timer: TickTimer | undefined;
  #periodUs = 0;

  /** `mayRest`: not while waiting for it costs more than it saves. */
  constructor(native: NativeContext, mayRest: boolean) {
    this.#mayRest = mayRest;
    const { mailbox, calls } = native.engine;
    this.#native = native;
    this.#mailbox = new Int32Array(mailbox);
    this.#enterHere = calls.enter;
    this.#handOver = calls.handOver;
  }

  /** Setting GS base costs a system call, and two threads may run at a time. */
  static isUseful({ engine }: NativeContext): boolean {
    return !engine.hasFsgsbase && availableParallelism() > 1;
  }

  /** Enters `sandbox` with the state that the mailbox names; the kind of exit. */
  enter(sandbox: number): number {
    if (sandbox === this.#here) {
      this.#alone = 0;
      return this.#enterHere();
    }
    if (sandbox === this.#there && ++this.#alone < ALONE) {
      this.#unused = 0;
      if (this.#alone === 1) this.#turns++;
      if (this.#mailbox[MAILBOX.partnerSleeps / 4] !== 0) this.#woken++;
      if (++this.#handOvers < WINDOW || this.#isQuick()) return this.#handOver();
    }
    return this.#change(sandbox);
  }

  /** At the end of a window: false when waiting for the partner costs more than it saves. */
  #isQuick(): boolean {
    const slept = this.#mailbox[MAILBOX.callerSlept / 4] as number;
    const sleeps = ((slept - this.#slept) | 0) + this.#woken;
    const isQuick = !this.#mayRest || sleeps * TURNS_A_SLEEP < this.#turns;
    this.#handOvers = 0;
    this.#turns = 0;
    this.#woken = 0;
    this.#slept = slept;
    if (isQuick) {
      this.#nextRest = Math.max(FIRST_REST, this.#nextRest / 2);
    } else {
      this.#rest = this.#nextRest;
      this.#nextRest = Math.min(LAST_REST, this.#nextRest * 2);
    }
    return isQuick;
  }

  #change(sandbox: number): number {
    this.#returns = sandbox === this.#before && this.#rest === 0 ? this.#returns + 1 : 0;
    if (this.#rest > 0) this.#rest--;
    const isFree = this.#there === NONE || ++this.#unused > UNUSED;
    this.#alone = 0;
    if (sandbox !== this.#there && isFree && this.#returns >= RETURNS && this.#start()) {
      this.#there = sandbox;
      this.#unused = 0;
      return this.#handOver();
    }
    if (sandbox === this.#there) this.#there = NONE;
    this.#before = this.#here;
    this.#here = sandbox;
    return this.#enterHere();
  }

  /** False when there can be no thread: then all goes on as without it. */
  #start(): boolean {
    if (this.#timer !== undefined) return true;
    const { engine, libc } = this.#native;
    new Uint8Array(engine.mailbox).set(alternateStack(this.#native), MAILBOX.partnerStack);
    // It inherits the signal mask of this thread.
    if (libc.startThread(engine.stubs.partnerLoop as HostAddr) !== 0) return false;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const thread = MAILBOX.partnerThread / 4;
    while (this.#mailbox[thread] === 0) Atomics.wait(pause, 0, 0, 1);
    this.#timer = new TickTimer(this.#native, this.#mailbox[thread] as number);
    this.#timer.set(this.#periodUs);
    return true;
  }

  /** As `CodeHost.setTick`: ticks of the partner's own CPU time. */
  setTick(periodUs: number): void {
    assert(periodUs >= 0);
    this.#periodUs = periodUs;
    this.#timer?.set(periodUs);
  }
}
