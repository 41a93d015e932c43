/** {@link CodeRunner}: a thread of `cpu/stubs/runner.ts` and the block of words it is told by. */

import { assert } from '../../base/assert.ts';
import type { HostAddr } from '../../base/brand.ts';
import type { CodeRunner, NativeMemory, StateBlock } from '../../cpu/code-host.ts';
import type { ExitKind } from '../../cpu/sandbox/layout.ts';
import { MAILBOX } from '../../cpu/stubs/mailbox.ts';
import { RUNNER, RUNNER_BYTES } from '../../cpu/stubs/runner.ts';
import type { NativeContext } from './context.ts';
import { alternateStack, TickTimer } from './signals.ts';
import { NativeState } from './states.ts';

const HIGH = 2 ** 32;

export class NativeRunner implements CodeRunner {
  readonly #mailbox: Int32Array;
  readonly #block: Int32Array;
  readonly #low: number;
  readonly #high: number;
  readonly #start: () => number;
  readonly #halt: () => number;
  readonly #timer: TickTimer;

  private constructor(native: NativeContext, { address, bytes }: NativeMemory) {
    const { mailbox, calls } = native.engine;
    this.#mailbox = new Int32Array(mailbox);
    this.#block = new Int32Array(bytes.buffer, bytes.byteOffset, RUNNER_BYTES / 4);
    this.#low = address | 0;
    this.#high = Math.floor(address / HIGH);
    this.#start = calls.startRunner;
    this.#halt = calls.haltRunner;
    this.#timer = new TickTimer(native, this.#block[RUNNER.thread / 4] as number);
  }

  /** Undefined: the host gives no thread. */
  static create(
    native: NativeContext,
    allocate: (bytes: number) => NativeMemory,
  ): NativeRunner | undefined {
    const { engine, libc, sys } = native;
    const mailbox = new Int32Array(engine.mailbox);
    mailbox[MAILBOX.process / 4] = process.pid;
    mailbox[MAILBOX.kernelThread / 4] = sys.gettid();
    const memory = allocate(RUNNER_BYTES);
    memory.bytes.set(alternateStack(native), RUNNER.stack);
    // It inherits the signal mask of this thread.
    const failed = libc.startThread(engine.stubs.runnerLoop as HostAddr, memory.address) !== 0;
    if (failed) return undefined;
    const { buffer, byteOffset } = memory.bytes;
    const block = new Int32Array(buffer, byteOffset, RUNNER_BYTES / 4);
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (Atomics.load(block, RUNNER.thread / 4) === 0) Atomics.wait(pause, 0, 0, 1);
    return new NativeRunner(native, memory);
  }

  get isRunning(): boolean {
    const block = this.#block;
    return block[RUNNER.request / 4] !== Atomics.load(block, RUNNER.done / 4);
  }

  get exitKind(): ExitKind {
    return this.#block[RUNNER.exitKind / 4] as ExitKind;
  }

  #name(): void {
    this.#mailbox[MAILBOX.runner / 4] = this.#low;
    this.#mailbox[MAILBOX.runner / 4 + 1] = this.#high;
  }

  start(state: StateBlock): void {
    assert(state instanceof NativeState && !state.released, 'not a live state block');
    assert(!this.isRunning, 'it runs already');
    this.#block[RUNNER.state / 4] = state.low;
    this.#block[RUNNER.state / 4 + 1] = state.high;
    this.#name();
    this.#start();
  }

  halt(): void {
    this.#name();
    this.#halt();
  }

  setTick(periodUs: number): void {
    this.#timer.set(periodUs);
  }
}
