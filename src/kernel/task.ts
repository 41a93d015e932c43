/**
 * A task: one thread of a guest process, an explicit state machine. Threads that share a process id
 * form a {@link ThreadGroup}. Owned by the kernel's task table.
 *
 * Invariant: a task is on the run queue only while `runnable`; it has an active sleep while
 * `sleeping`, and until that sleep has ended.
 */

import { assert } from '../base/assert.ts';
import type { Tid } from '../base/brand.ts';
import { WaitEntry, type Waiter, WaitQueue } from '../base/wait-queue.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { FsContext } from '../vfs/fs-context.ts';
import type { Credentials } from './credentials.ts';
import type { FdTable } from './fd-table.ts';
import type { Kernel } from './kernel.ts';
import { TaskKeyrings } from './keys/task-keyrings.ts';
import { BLOCKED, ERESTARTSYS } from './outcome.ts';
import type { GuestCpu } from './platform.ts';
import type { Tracing } from './ptrace/state.ts';
import type { Seccomp } from './seccomp.ts';
import { AlternateStack } from './signals/alternate-stack.ts';
import { hasFatalPending } from './signals/fatal.ts';
import type { SignalHandlers } from './signals/handlers.ts';
import { PendingSignals } from './signals/pending.ts';
import { SignalSet } from './signals/signal-set.ts';
import type { Sleep } from './sleep.ts';
import type { ThreadGroup } from './thread-group.ts';
import { Timer } from './timer-queue.ts';
import type { UserDispatch } from './user-dispatch.ts';

export const TASK_STATE = { runnable: 0, sleeping: 1, dead: 2 } as const;
export type TaskState = (typeof TASK_STATE)[keyof typeof TASK_STATE];

const YOUNG_TICKS = 4;
/**
 * Zero, as V8 keeps doubles: a field that begins as a small integer becomes another at the end of the
 * first turn, and all that was optimised for tasks until then is thrown away.
 */
const NO_TIME = -0;

/** `sched_runtime`, `sched_deadline` and `sched_period` of `struct sched_attr`. */
export interface DeadlineParameters {
  readonly runtimeNs: number;
  readonly deadlineNs: number;
  readonly periodNs: number;
}

/** What a new task is made of. Takes over the caller's references. */
export interface TaskParts {
  readonly kernel: Kernel;
  readonly tid: Tid;
  readonly group: ThreadGroup;
  readonly cpu: GuestCpu;
  readonly space: AddressSpace;
  readonly files: FdTable;
  readonly fs: FsContext;
  readonly creds: Credentials;
  readonly handlers: SignalHandlers;
  readonly comm: Uint8Array;
}

export class Task implements Waiter {
  readonly kernel: Kernel;
  /** Changes when a thread that is not the leader execs. */
  tid: Tid;
  /** The process: pid, parent, children, limits, session and process group. */
  readonly group: ThreadGroup;
  readonly cpu: GuestCpu;
  /** Guest memory: `task.space.copyIn(addr, target)` and so on. */
  space: AddressSpace;
  files: FdTable;
  /** Root, working directory, umask. */
  fs: FsContext;
  creds: Credentials;
  /** Keyrings that its searches begin in. */
  keyrings: TaskKeyrings = new TaskKeyrings();
  handlers: SignalHandlers;
  /** At most 15 bytes: PR_SET_NAME. */
  comm: Uint8Array;

  state: TaskState = TASK_STATE.runnable;
  /** On the run queue, or running beside the one whose turn it is. */
  isQueued = false;
  /** Its turns are long: it is worth a processor of its own. */
  isComputing = false;
  /** How long they are on average; known where there is more than one processor. */
  turnNs: number = NO_TIME;
  /** Was due while its group was stopped. */
  isParked = false;

  readonly pending: PendingSignals = new PendingSignals();
  readonly blocked: SignalSet = new SignalSet();
  /** The mask to go back to after sigsuspend, ppoll and the like. */
  savedMask: SignalSet | undefined = undefined;
  readonly alternateStack: AlternateStack = new AlternateStack();
  /** A signal waits to be handled: long loops in handlers stop and return what they have. */
  signalPending = false;

  /** Filters of its system calls. */
  seccomp: Seccomp | undefined = undefined;
  /** Calls that become SIGSYS (PR_SET_SYSCALL_USER_DISPATCH). */
  userDispatch: UserDispatch | undefined = undefined;

  /** Being traced: by whom, and how. */
  trace: Tracing | undefined = undefined;

  /** Number of the system call being served, for restarts. */
  syscallNumber = 0;
  /** ERESTART* of the last call until signal delivery has dealt with it, else 0. */
  restartCode = 0;
  /** What restart_syscall(2) goes on with. */
  restartBlock: ((task: Task) => number) | undefined = undefined;

  /** CLONE_CHILD_CLEARTID, set_tid_address(2). */
  clearChildTid = 0;
  robustList = 0;
  /** Woken when a vfork child execs or exits. */
  readonly vforkDone: WaitQueue = new WaitQueue();
  /** This task borrows the address space of the parent that waits in vfork. */
  isVforkChild = false;
  /** Signal at the death of the parent thread (PR_SET_PDEATHSIG). */
  parentDeathSignal = 0;
  /** The task that made this one. */
  creator: Task | undefined = undefined;

  /** sched_setaffinity(2): bit n for processor n. What is asked for is kept; tasks run anywhere. */
  affinity: bigint;
  nice = 0;
  policy = 0;
  realtimePriority = 0;
  /** SCHED_DEADLINE: what sched_setattr(2) asked for, in nanoseconds. */
  deadline: DeadlineParameters | undefined = undefined;
  /** SCHED_RESET_ON_FORK. */
  resetsOnFork = false;
  /** Weighted run time: the scheduler runs the smallest first. */
  virtualRuntime: number = NO_TIME;
  /**
   * Ticks that do not yet end its turn. A new thread has a processor of its own on most machines and
   * is through with its preparations before its creator relies on them; here they also cost the
   * translation of their code.
   */
  youngTicks = YOUNG_TICKS;
  userNs: number = NO_TIME;
  systemNs: number = NO_TIME;
  voluntarySwitches = 0;
  involuntarySwitches = 0;
  readonly startNs: number;
  timerSlackNs = 50_000;
  /** What PR_SET_TIMERSLACK with 0 goes back to: the creator's when it made this task. */
  defaultTimerSlackNs = 50_000;
  /** set_mempolicy(2): mode and its flags. */
  memoryPolicy = 0;
  /** ioprio_set(2): class in the bits from 13 on, 0 for none chosen. */
  ioPriority = 0;

  /** A sleep that is used again and again, while nothing sleeps with it. */
  keptSleep: Sleep | undefined = undefined;
  /** The like for futexes. */
  futexWait: Sleep | undefined = undefined;

  #sleep: Sleep | undefined = undefined;
  readonly #entries: WaitEntry[] = [];
  readonly #sleepTimer: Timer;

  constructor(parts: TaskParts) {
    this.kernel = parts.kernel;
    this.tid = parts.tid;
    this.group = parts.group;
    this.cpu = parts.cpu;
    this.space = parts.space;
    this.files = parts.files;
    this.fs = parts.fs;
    this.creds = parts.creds;
    this.handlers = parts.handlers;
    this.comm = parts.comm;
    this.affinity = parts.kernel.allProcessors;
    this.startNs = parts.kernel.nowNs();
    this.#sleepTimer = new Timer(() => this.#makeRunnable());
  }

  get isLeader(): boolean {
    return this.group.leader === this;
  }

  get isSleeping(): boolean {
    return this.#sleep !== undefined;
  }

  /** Only what it waits for, or death, ends the sleep. */
  get sleepsDeeply(): boolean {
    return this.#sleep?.uninterruptible === true;
  }

  /** What it sleeps for, for /proc and traces. */
  get sleepReason(): string {
    return this.#sleep?.reason ?? '';
  }

  /** Goes to sleep; handlers return what it returns (BLOCKED). */
  sleep(sleep: Sleep): number {
    assert(this.state !== TASK_STATE.dead, 'a dead task cannot sleep');
    this.#endSleep();
    this.#sleep = sleep;
    this.state = TASK_STATE.sleeping;
    const { queues } = sleep;
    for (let i = 0; i < queues.length; i++) {
      let entry = this.#entries[i];
      if (entry === undefined) {
        entry = new WaitEntry(this);
        this.#entries.push(entry);
      }
      (queues[i] as WaitQueue).add(entry, sleep.exclusive === true);
    }
    if (sleep.deadlineNs !== undefined && sleep.deadlineNs !== Number.POSITIVE_INFINITY)
      this.kernel.timers.arm(this.#sleepTimer, sleep.deadlineNs);
    if (this.#mayBeInterrupted(sleep)) this.#makeRunnable();
    return BLOCKED;
  }

  /**
   * One turn of a sleeper: tries again. The result of the system call, or BLOCKED when it sleeps
   * on. The order (condition, signal, timeout) is that of Linux' wait loops.
   */
  resumeSleep(): number {
    const sleep = this.#sleep;
    assert(sleep !== undefined, 'task sleeps');
    this.state = TASK_STATE.sleeping;
    const result = sleep.attempt(this);
    if (this.#sleep !== sleep) return result;
    if (result !== BLOCKED) {
      this.#endSleep();
      return result;
    }
    if (this.#mayBeInterrupted(sleep)) {
      this.#endSleep();
      if (typeof sleep.interrupted === 'function') return sleep.interrupted(this);
      return sleep.interrupted ?? -ERESTARTSYS;
    }
    const { deadlineNs } = sleep;
    if (deadlineNs !== undefined && this.kernel.nowNs() >= deadlineNs) {
      this.#endSleep();
      return typeof sleep.timedOut === 'function' ? sleep.timedOut(this) : (sleep.timedOut ?? 0);
    }
    return BLOCKED;
  }

  /** CLOCK_REALTIME went forward by `byNs`: a sleep until a time of it ends earlier. */
  clockMoved(byNs: number): void {
    const sleep = this.#sleep;
    if (sleep?.followsWall !== true || sleep.deadlineNs === undefined) return;
    sleep.deadlineNs -= byNs;
    this.kernel.timers.arm(this.#sleepTimer, sleep.deadlineNs);
  }

  /** Lets the others run first; the call answers `result` at the task's next turn. */
  yieldProcessor(result: number): number {
    this.sleep({ queues: [], attempt: () => result, reason: 'sched_yield' });
    this.#makeRunnable();
    return BLOCKED;
  }

  /** Drops the sleep without a result: the task dies or execs. */
  abandonSleep(): void {
    const sleep = this.#sleep;
    this.#endSleep();
    sleep?.abandoned?.(this);
  }

  #endSleep(): void {
    if (this.#sleep === undefined) return;
    const entries = this.#entries;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as WaitEntry;
      entry.queue?.remove(entry);
    }
    if (this.#sleepTimer.isArmed) this.kernel.timers.cancel(this.#sleepTimer);
    this.#sleep = undefined;
    if (this.state === TASK_STATE.sleeping) this.state = TASK_STATE.runnable;
  }

  #mayBeInterrupted(sleep: Sleep): boolean {
    if (!this.signalPending) return false;
    return sleep.uninterruptible !== true || this.group.isDying || hasFatalPending(this);
  }

  /** {@link Waiter}: an event on one of the queues. */
  onWake(): boolean {
    if (this.state !== TASK_STATE.sleeping || this.isQueued) return false;
    this.#makeRunnable();
    return true;
  }

  /** A signal came: an interruptible sleep ends at the task's next turn. */
  interrupt(): void {
    if (this.signalPending) this.kernel.parallel?.comeBack(this);
    if (this.state === TASK_STATE.sleeping && this.#sleep && this.#mayBeInterrupted(this.#sleep))
      this.#makeRunnable();
  }

  #makeRunnable(): void {
    if (this.state !== TASK_STATE.sleeping) return;
    this.kernel.scheduler.enqueue(this);
  }

  /** Recomputes {@link signalPending} after masks, handlers or pending sets changed. */
  updateSignalPending(): void {
    const { blocked } = this;
    const own = this.pending.set;
    const shared = this.group.pending.set;
    this.signalPending =
      (((own.lo | shared.lo) & ~blocked.lo) | ((own.hi | shared.hi) & ~blocked.hi)) !== 0 ||
      this.group.isDying ||
      this.trace?.wantsAttention === true;
  }

  setBlocked(set: SignalSet): void {
    this.blocked.copyFrom(set);
    this.blocked.withoutUnblockable();
    this.updateSignalPending();
  }

  toString(): string {
    return `[${this.group.pid}/${this.tid}]`;
  }
}
