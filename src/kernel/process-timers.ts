/**
 * Timers of a process: ITIMER_REAL/VIRTUAL/PROF (setitimer(2)) and POSIX timers (timer_create(2)).
 * Kept in a side table by process; execve deletes POSIX timers and keeps interval timers.
 */

import { EAGAIN, EINVAL } from '../abi/errno.table.ts';
import { SI_TIMER, SIGALRM, SIGPROF, SIGVTALRM } from '../abi/signal.table.ts';
import { CpuTimer } from './cpu-timer.ts';
import { IntervalTimer } from './interval-timer.ts';
import { sendToGroup, sendToTask } from './signals/send.ts';
import { kernelSignal, type SignalInfo } from './signals/signal-info.ts';
import type { Task } from './task.ts';
import type { ThreadGroup } from './thread-group.ts';

/** A process, or one thread of it. */
export interface CpuTarget {
  readonly group: ThreadGroup;
  readonly thread: Task | undefined;
}

/** What timer_create(2) was asked for. */
export interface TimerRequest {
  readonly clock: number;
  readonly signal: number;
  readonly value: bigint;
  /** SIGEV_THREAD_ID: the thread; undefined: the process. */
  readonly thread: Task | undefined;
  /** SIGEV_NONE. */
  readonly isSilent: boolean;
  /** For a CPU-time clock: whose time it is. */
  readonly cpu?: CpuTarget | undefined;
}

const MAX_OVERRUN = 0x7fffffff;

export class PosixTimer implements Disposable {
  readonly id: number;
  readonly request: TimerRequest;
  readonly timer: IntervalTimer | CpuTimer;
  readonly #group: ThreadGroup;
  /** Expiries since the pending signal was queued. */
  #overrun = 0;
  /** Overrun of the signal delivered last: timer_getoverrun(2). */
  lastOverrun = 0;
  /** The signal that has not been delivered; it may have been ignored meanwhile. */
  #pending: SignalInfo | undefined = undefined;

  constructor(group: ThreadGroup, id: number, request: TimerRequest) {
    this.#group = group;
    this.id = id;
    this.request = request;
    const { kernel } = group;
    const { cpu } = request;
    const fire = () => this.#fire();
    if (cpu === undefined)
      this.timer = new IntervalTimer(kernel.timers, () => kernel.nowNs(), fire);
    else {
      this.timer = new CpuTimer(fire, () => kernel.turnLength.shorten(), cpu.thread);
      cpu.group.cpuTimers.add(this.timer);
    }
  }

  #fire(): void {
    if (this.request.isSilent) return;
    if (this.#pending !== undefined) {
      this.#overrun = Math.min(this.#overrun + 1 + this.timer.missed, MAX_OVERRUN);
      return;
    }
    this.#overrun = this.timer.missed;
    const { signal, value } = this.request;
    const info: SignalInfo = {
      signal,
      code: SI_TIMER,
      timerId: this.id,
      value,
      overrun: 0,
      onDelivered: () => {
        // What is due by now counts, too (posixtimer_rearm() in Linux).
        if (this.timer instanceof IntervalTimer) this.timer.fireDue();
        this.#pending = undefined;
        this.lastOverrun = this.#overrun;
        info.overrun = this.#overrun;
        this.#overrun = 0;
      },
    };
    this.#pending = info;
    this.#send(info);
  }

  #send(info: SignalInfo): void {
    const { thread } = this.request;
    if (thread === undefined) sendToGroup(this.#group, info);
    else sendToTask(thread, info);
  }

  /** The signal is no longer ignored: what came meanwhile is one signal, and overruns. */
  unignored(): void {
    const { pending } = this.request.thread ?? this.#group;
    if (this.#pending !== undefined && !pending.entries().includes(this.#pending))
      this.#send(this.#pending);
  }

  /** timer_settime(2) and timer_delete(2): a signal of before is not delivered any more. */
  #forget(): void {
    const info = this.#pending;
    if (info === undefined) return;
    const { thread } = this.request;
    (thread ?? this.#group).pending.drop(info);
    this.#group.updateSignalPending();
    this.#pending = undefined;
  }

  /** timer_settime(2) forgets what was counted. */
  resetOverrun(): void {
    this.#forget();
    this.#overrun = 0;
    this.lastOverrun = 0;
  }

  [Symbol.dispose](): void {
    this.#forget();
    this.timer.disarm();
    if (this.timer instanceof CpuTimer) this.request.cpu?.group.cpuTimers.delete(this.timer);
  }
}

const MAX_TIMERS = 16384;

export class ProcessTimers {
  /** By number of `ITIMER_*`: elapsed time, processor time, processor time. */
  readonly intervals: readonly [IntervalTimer, CpuTimer, CpuTimer];
  readonly #posix = new Map<number, PosixTimer>();
  readonly #group: ThreadGroup;
  #nextId = 0;

  constructor(group: ThreadGroup) {
    this.#group = group;
    const fire = (signal: number) => () => {
      sendToGroup(group, kernelSignal(signal));
    };
    const armed = (): void => group.kernel.turnLength.shorten();
    this.intervals = [
      new IntervalTimer(group.kernel.timers, () => group.kernel.nowNs(), fire(SIGALRM)),
      new CpuTimer(fire(SIGVTALRM), armed),
      new CpuTimer(fire(SIGPROF), armed),
    ];
  }

  /** Does any of the interval timers run on processor time? */
  get countCpu(): boolean {
    return this.intervals[1].isArmed || this.intervals[2].isArmed;
  }

  /** The process ran for `ns`. */
  chargeCpu(ns: number): void {
    this.intervals[1].charge(ns);
    this.intervals[2].charge(ns);
  }

  create(request: TimerRequest): PosixTimer | number {
    if (this.#posix.size >= MAX_TIMERS) return -EAGAIN;
    const id = this.#nextId++;
    const timer = new PosixTimer(this.#group, id, request);
    this.#posix.set(id, timer);
    return timer;
  }

  get(id: number): PosixTimer | undefined {
    return this.#posix.get(id);
  }

  delete(id: number): number {
    const timer = this.#posix.get(id);
    if (timer === undefined) return -EINVAL;
    timer[Symbol.dispose]();
    this.#posix.delete(id);
    return 0;
  }

  /** A signal got another disposition than to be ignored. */
  unignore(signal: number): void {
    for (const timer of this.#posix.values())
      if (timer.request.signal === signal) timer.unignored();
  }

  /** execve(2). */
  deletePosixTimers(): void {
    for (const timer of this.#posix.values()) timer[Symbol.dispose]();
    this.#posix.clear();
    this.#nextId = 0;
  }

  /** The process ends. */
  stop(): void {
    this.deletePosixTimers();
    for (const timer of this.intervals) timer.disarm();
  }
}
