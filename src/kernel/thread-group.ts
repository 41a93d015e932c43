/**
 * A process: what its threads share. Lives from fork until its parent has waited for it. Its leader
 * may exit before the others, then it stays as a zombie thread until they are gone.
 */

import type { Pid } from '../base/brand.ts';
import { WaitQueue } from '../base/wait-queue.ts';
import type { Location } from '../vfs/dentry.ts';
import type { Inode } from '../vfs/inode.ts';
import type { KeptSettings } from '../vfs/task-view.ts';
import type { CpuTimer } from './cpu-timer.ts';
import type { Kernel } from './kernel.ts';
import type { Limits } from './limits.ts';
import type { ProcessGroup } from './process-group.ts';
import type { ProcessTimers } from './process-timers.ts';
import { PendingSignals } from './signals/pending.ts';
import type { Task } from './task.ts';

/** What of a process /proc and prctl show: addresses of argv and the like. */
export interface ProgramLayout {
  readonly argStart: number;
  readonly argEnd: number;
  readonly envStart: number;
  readonly envEnd: number;
  readonly stackTop: number;
  readonly codeStart: number;
  readonly codeEnd: number;
  readonly auxv: Uint8Array;
}

export interface CpuTimes {
  userNs: number;
  systemNs: number;
}

/** System calls of a process; of read(2), write(2) and their kin how many and how many bytes. */
export interface IoCounts {
  calls: number;
  reads: number;
  writes: number;
  readBytes: number;
  writtenBytes: number;
}

/** MMF_DUMP_FILTER_DEFAULT; AUDIT_UID_UNSET. */
const KEPT_AT_FIRST: KeptSettings = { coredumpFilter: 0x33, loginUid: 0xffff_ffff, oomLeast: 0 };

export class ThreadGroup {
  readonly kernel: Kernel;
  readonly pid: Pid;
  /** Replaced when another thread than the leader execs. */
  leader!: Task;
  /** Living threads. */
  readonly tasks: Set<Task> = new Set();
  parent: ThreadGroup | undefined = undefined;
  readonly children: Set<ThreadGroup> = new Set();
  /** Tasks that threads of this process trace; ended ones until they were waited for. */
  readonly tracees: Set<Task> = new Set();
  processGroup!: ProcessGroup;
  limits: Limits;
  readonly pending: PendingSignals = new PendingSignals();
  /** Woken when a child exits, stops or continues. */
  readonly childEvents: WaitQueue = new WaitQueue();
  /** Woken when this process exits: pidfd. */
  readonly exitEvents: WaitQueue = new WaitQueue();
  /** Sent to the parent at the end; 0 for none, -1 for threads. */
  exitSignal = 17;

  /** exit_group or a fatal signal: every thread ends with {@link exitStatus}. */
  isDying = false;
  isZombie = false;
  /** As wait(2) reports it. */
  exitStatus = 0;
  isStopped = false;
  stopSignal = 0;
  /** A stop or continuation that the parent has not waited for yet. */
  hasUnreportedStop = false;
  hasUnreportedContinue = false;

  /** Times of threads that ended, and of children that were waited for. */
  readonly endedTimes: CpuTimes = { userNs: 0, systemNs: 0 };
  readonly childTimes: CpuTimes = { userNs: 0, systemNs: 0 };
  /** Calls of all its threads; of those that read and write, how many and how much. */
  readonly io: IoCounts = { calls: 0, reads: 0, writes: 0, readBytes: 0, writtenBytes: 0 };
  maxResidentKiB = 0;
  childMaxResidentKiB = 0;

  /** execve was called: setpgid(2) by the parent is refused from then on. */
  hasExeced = false;
  /** Second of processor time at which RLIMIT_CPU spoke last. */
  cpuLimitSpokeSec = 0;
  isSubreaper = false;
  dumpable = 1;
  personality = 0;
  oomScoreAdjust = 0;
  /** What /proc/PID keeps for whoever asks: `coredump_filter`, and the audit's `loginuid`. */
  kept: KeptSettings = KEPT_AT_FIRST;
  /** PR_SET_THP_DISABLE and PR_MCE_KILL: reported, without effect. */
  hugePagesOff = false;
  /** membarrier(2): registrations, as the commands that made them. */
  membarriers = 0;
  /** PR_SET_MDWE: bit 0 refuses memory that becomes executable, bit 1 keeps that from children. */
  executableRule = 0;
  memoryErrorPolicy = 2;
  isIoFlusher = false;
  #executable: Location | undefined = undefined;
  #runningFrom: Inode | undefined = undefined;
  layout: ProgramLayout | undefined = undefined;
  /** ITIMER_* and timer_create; undefined until one is used. */
  timers: ProcessTimers | undefined = undefined;
  /** Timers on the processor time of this process or of a thread of it, whoever made them. */
  readonly cpuTimers: Set<CpuTimer> = new Set();
  /** Woken when a signal was queued: signalfd. */
  readonly signalEvents: WaitQueue = new WaitQueue();
  readonly startNs: number;

  constructor(kernel: Kernel, pid: Pid, limits: Limits) {
    this.kernel = kernel;
    this.pid = pid;
    this.limits = limits;
    this.startNs = kernel.nowNs();
  }

  /** The program that it runs, as /proc shows it. */
  get executable(): Location | undefined {
    return this.#executable;
  }

  /** It runs another program now, or none; the file may not be written meanwhile (ETXTBSY). */
  runs(executable: Location | undefined): void {
    if (this.#runningFrom !== undefined) {
      this.#runningFrom.runners--;
      this.#runningFrom.release();
    }
    this.#executable = executable;
    this.#runningFrom = executable?.dentry.inode;
    if (this.#runningFrom === undefined) return;
    this.#runningFrom.retain();
    this.#runningFrom.runners++;
  }

  /** CPU time of all threads, ended ones included. */
  times(): CpuTimes {
    let { userNs, systemNs } = this.endedTimes;
    for (const task of this.tasks) {
      userNs += task.userNs;
      systemNs += task.systemNs;
    }
    return { userNs, systemNs };
  }

  updateSignalPending(): void {
    for (const task of this.tasks) task.updateSignalPending();
  }
}
