/**
 * The kernel instance: everything that outlives a task. Composed by `runtime/`; no module state, so
 * several can live in one process.
 */

import type { Pid, Tid } from '../base/brand.ts';
import type { Clock, Entropy, Logger } from '../base/interfaces.ts';
import { SeededRandom } from '../base/random.ts';
import { WaitQueue } from '../base/wait-queue.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { PageHost } from '../mm/page-host.ts';
import type { SpaceTemplate } from '../mm/template.ts';
import type { HostAccess } from '../net/host-access.ts';
import { NetStack } from '../net/net-stack.ts';
import { RealFileClock } from '../vfs/file-clock.ts';
import type { FsContext } from '../vfs/fs-context.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import type { SystemView, TaskSource } from '../vfs/task-view.ts';
import type { Vfs } from '../vfs/vfs.ts';
import { AioContexts } from './aio.ts';
import { enforceCpuLimit } from './cpu-limit.ts';
import { PreparedPrograms } from './exec/prepared.ts';
import { VdsoImage } from './exec/vdso.ts';
import { reap } from './exit.ts';
import { FutexTable } from './futex.ts';
import { PiFutexes } from './futex-pi.ts';
import { GuestClock } from './guest-clock.ts';
import type { Host } from './host.ts';
import { MessageQueues } from './ipc/message-queues.ts';
import { PosixQueues } from './ipc/posix-queues.ts';
import { Keys } from './keys/key-table.ts';
import { type Limits, RLIMIT } from './limits.ts';
import { ParallelTurns } from './parallel-turns.ts';
import type { Platform } from './platform.ts';
import { ProcessTable } from './process-table.ts';
import { ProcessorTime } from './processor-time.ts';
import { ResourceOrder } from './resource-order.ts';
import { runTask } from './runner.ts';
import { Scheduler } from './scheduler.ts';
import { Semaphores } from './semaphores.ts';
import { SharedCounts } from './shared-counts.ts';
import { SharedMemory } from './shared-memory.ts';
import {
  type AsyncNotifier,
  FILE_EVENT,
  signalOwner,
  signalUrgent,
} from './signals/file-signals.ts';
import { FrameBuffers } from './signals/frame-buffers.ts';
import { writerOf } from './socket-writer.ts';
import { type SpawnRequest, spawn } from './spawn.ts';
import { TASK_STATE, type Task } from './task.ts';
import type { ThreadGroup } from './thread-group.ts';
import { TimePage } from './time-page.ts';
import { TimerQueue } from './timer-queue.ts';
import { TurnLength } from './turn-length.ts';
import { KernelSystemView, KernelTaskSource } from './views/sources.ts';

/** Serves system calls; `syscalls/` implements it from the table. */
export interface SyscallDispatcher {
  /**
   * A result, -errno, or an outcome of outcome.ts. The number is in rax. `isPermitted`: the program's own
   * filters have had their say.
   */
  dispatch(task: Task, isPermitted?: boolean): number;
  /** A sleeping call of `task` has ended with `result`: for traces. */
  finished(task: Task, result: number): void;
}

export interface KernelOptions {
  /** uname(2); defaults are those of a current Linux. */
  readonly hostName?: string;
  readonly domainName?: string;
  /** Explores another interleaving for each seed; none: fair. */
  readonly scheduleSeed?: number;
  /** False switches address space layout randomisation off. */
  readonly randomizeLayout?: boolean;
  /** Most tasks that may live at once (`kernel.threads-max`): EAGAIN beyond. */
  readonly maxTasks?: number;
  /** Set-user-id bits of executables count. Default true. */
  readonly honoursSetuid?: boolean;
  /** Processors that guests see, and may use at the same time. Default 1. */
  readonly processors?: number;
  /** Total memory that sysinfo(2) and /proc/meminfo show. */
  readonly memoryBytes?: number;
}

export interface KernelParts {
  readonly platform: Platform;
  readonly host: Host;
  readonly vfs: Vfs;
  readonly syscalls: SyscallDispatcher;
  /** A fresh, empty address space, or -errno. */
  createSpace(template?: SpaceTemplate): AddressSpace | number;
  /** What of the host's network may be used; undefined: nothing. */
  readonly network?: HostAccess | undefined;
  /** A shared object of one page to map into every process, and where its segment comes from. */
  readonly vdso?: { readonly image: Uint8Array; readonly pages: PageHost } | undefined;
  readonly options?: KernelOptions;
}

/** How long guests run before sockets of the host are looked at. */
const SOCKET_TURN_NS = 200_000;
/** How long guests run before the host's event loop gets a turn, when it has something to do. */
const HOST_TURN_NS = 5_000_000;

/** What uname(2) says where nobody chose a name. */
export const DEFAULT_HOST_NAME = 'cloister';

export class Kernel {
  readonly platform: Platform;
  readonly host: Host;
  readonly vfs: Vfs;
  readonly syscalls: SyscallDispatcher;
  readonly options: KernelOptions;
  readonly clock: GuestClock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly scheduler: Scheduler;
  readonly timers: TimerQueue = new TimerQueue();
  readonly processes: ProcessTable;
  /** Tasks by address space (CLONE_VM) and by file system context (CLONE_FS). */
  readonly spaces: SharedCounts<AddressSpace> = new SharedCounts((space) => {
    this.platform.release(space);
    space[Symbol.dispose]();
  });
  readonly fsContexts: SharedCounts<FsContext> = new SharedCounts((fs) => {
    fs.release();
  });
  /** What procfs and terminals see. */
  readonly taskSource: TaskSource = new KernelTaskSource(this);
  readonly systemView: SystemView;
  readonly net: NetStack;
  readonly aio: AioContexts = new AioContexts();
  readonly semaphores: Semaphores = new Semaphores();
  readonly sharedMemory: SharedMemory = new SharedMemory();
  readonly resourceOrder: ResourceOrder = new ResourceOrder();
  readonly messageQueues: MessageQueues = new MessageQueues();
  readonly posixQueues: PosixQueues = new PosixQueues();
  readonly keys: Keys = new Keys(this);
  readonly futexes: FutexTable = new FutexTable();
  readonly piFutexes: PiFutexes = new PiFutexes();
  /** Open files with O_ASYNC. */
  readonly notifiers: WeakMap<OpenFile, AsyncNotifier> = new WeakMap();
  readonly frames: FrameBuffers = new FrameBuffers();
  readonly createSpace: (template?: SpaceTemplate) => AddressSpace | number;
  /** Woken whenever a process has ended. */
  readonly processEnded: WaitQueue = new WaitQueue();
  readonly memoryBytes: number;
  readonly processors: number;
  /** Bit n for processor n. */
  readonly allProcessors: bigint;
  /** Undefined: one task runs at a time. */
  readonly parallel: ParallelTurns | undefined;
  hostName: string;
  domainName: string;
  readonly bootNs: number;
  bootRealtimeNs: bigint;
  /** The task whose system call is being served. */
  current: Task | undefined = undefined;
  forks = 0;
  idleNs = 0;
  #turnStartNs = 0;
  readonly #processor: ProcessorTime;
  readonly turnLength: TurnLength;
  readonly #randomWord = new Uint32Array(1);
  readonly #randomBytes = new Uint8Array(this.#randomWord.buffer);
  readonly #logged = new Set<string>();
  readonly #kept = new Set<ThreadGroup>();
  readonly programs: PreparedPrograms;
  readonly #timePage: TimePage | undefined;
  /** Without a step in between: it is asked all the time. */
  readonly #hostClock: Clock;
  /** Scratch of handlers that copy small structures; never held across a call. */
  readonly scratch: Uint8Array<ArrayBuffer> = new Uint8Array(4096);
  /** For copies between files and guest memory that cannot go directly; valid during a handler. */
  readonly transferBuffer: Uint8Array<ArrayBuffer> = new Uint8Array(262_144);
  readonly transferView: DataView<ArrayBuffer> = new DataView(this.transferBuffer.buffer);
  readonly scratchView: DataView<ArrayBuffer> = new DataView(this.scratch.buffer);
  readonly scratchWords: Int32Array<ArrayBuffer> = new Int32Array(this.scratch.buffer);
  /** The start of the scratch, as long as a struct stat. */
  readonly scratchStat: Uint8Array<ArrayBuffer> = this.scratch.subarray(0, 144);

  constructor(parts: KernelParts) {
    this.platform = parts.platform;
    this.host = parts.host;
    this.vfs = parts.vfs;
    this.syscalls = parts.syscalls;
    this.createSpace = (template) => parts.createSpace(template);
    const segment = parts.vdso?.pages.createSegment('vdso', 8192);
    const hasVdso = parts.vdso !== undefined && typeof segment === 'object';
    this.programs = new PreparedPrograms(hasVdso ? new VdsoImage(segment) : undefined);
    if (hasVdso) {
      segment.write(4096, parts.vdso.image);
      this.#timePage = new TimePage(this, segment);
    }
    this.options = parts.options ?? {};
    this.processors = this.options.processors ?? 1;
    this.allProcessors = (1n << BigInt(this.processors)) - 1n;
    this.clock = new GuestClock(parts.host.clock);
    this.#hostClock = parts.host.clock;
    if (parts.vfs.clock instanceof RealFileClock) parts.vfs.clock.follow(this.clock);
    this.entropy = parts.host.entropy;
    this.logger = parts.host.logger;
    const { scheduleSeed } = this.options;
    this.scheduler = new Scheduler(
      scheduleSeed === undefined ? undefined : new SeededRandom(scheduleSeed),
    );
    this.memoryBytes = this.options.memoryBytes ?? 2 ** 32;
    this.hostName = this.options.hostName ?? DEFAULT_HOST_NAME;
    this.domainName = this.options.domainName ?? '(none)';
    this.bootNs = this.nowNs();
    this.#processor = new ProcessorTime(this.#hostClock);
    this.bootRealtimeNs = this.clock.realtimeNs();
    this.net = new NetStack({
      vfs: parts.vfs,
      clock: this.clock,
      access: parts.network,
      randomBelow: (bound) => this.randomBelow(bound),
      writer: writerOf(this),
      tellUrgent: (socket) => signalUrgent(this, socket),
      logOnce: (topic, message) => this.logOnce(topic, message),
    });
    this.vfs.leaseHost = {
      nowNs: () => this.nowNs(),
      tell: (file, fd) => signalOwner(this, file, fd, FILE_EVENT.message),
    };
    this.processes = new ProcessTable(this);
    this.systemView = new KernelSystemView(this);
    this.turnLength = new TurnLength(this);
    this.parallel = this.#parallelTurns();
  }

  #parallelTurns(): ParallelTurns | undefined {
    const { beside } = this.platform;
    if (this.processors === 1 || this.scheduler.isRandom || beside === undefined) return undefined;
    if (!beside.grow(this.processors - 1))
      this.logger.log('warn', 'the host has no threads for more processors: guests take turns');
    return new ParallelTurns(this, beside);
  }

  /** CLOCK_MONOTONIC in nanoseconds as a number: for deadlines (exact for 104 days). */
  nowNs(): number {
    return this.#hostClock.nowNs();
  }

  /** clock_settime(2): CLOCK_REALTIME of this instance goes forward by `byNs`. */
  moveRealtime(byNs: bigint): void {
    this.bootRealtimeNs += byNs;
    this.clock.move(byNs);
    for (const task of this.processes.tasks()) task.clockMoved(Number(byNs));
    this.#timePage?.refresh(this.nowNs());
    this.vfs.clock.update();
  }

  /** Starts a process whose parent is the (invisible) init process. Throws SpawnError. */
  spawn(request: SpawnRequest): ThreadGroup {
    return spawn(this, request);
  }

  /** Runs guests until `isDone` (default: until no process is left). */
  async run(isDone: () => boolean = () => this.processes.isEmpty): Promise<void> {
    while (!isDone()) {
      this.runReady(HOST_TURN_NS, isDone);
      if (isDone()) break;
      if (!this.scheduler.isEmpty || this.parallel?.isBusy === true) {
        const { host } = this;
        if (host.needsTurns === true || host.hasPendingIo) await host.waitForEvents(0);
        continue;
      }
      const next = this.timers.nextDeadlineNs;
      const before = this.nowNs();
      const timeout = next === undefined ? Number.POSITIVE_INFINITY : Math.max(0, next - before);
      const { sockets } = this.host;
      const isServed = sockets?.isActive === true && this.host.mayBlock && sockets.serve(timeout);
      if (!isServed) await this.host.waitForEvents(sockets?.isActive === true ? 0 : timeout);
      this.idleNs += this.nowNs() - before;
    }
    this.parallel?.recallAll();
  }

  /** Where the vDSO reads the time: made anew when it is due, for turns are long, too. */
  refreshTimePage(nowNs: number): void {
    if (this.#timePage !== undefined && nowNs >= this.#timePage.dueNs)
      this.#timePage.refresh(nowNs);
  }

  /** Runs what is runnable, without waiting, for about `budgetNs`. */
  runReady(budgetNs: number, isDone: () => boolean = () => false): void {
    let now = this.nowNs();
    const until = now + budgetNs;
    const { parallel } = this;
    const { sockets } = this.host;
    let socketsDueNs = now + SOCKET_TURN_NS;
    for (;;) {
      this.timers.expire(now);
      this.refreshTimePage(now);
      const task = parallel === undefined ? this.scheduler.next() : parallel.next(now);
      if (task === undefined) return;
      this.#processor.begin(now);
      this.#turn(task, now);
      const after = this.nowNs();
      this.account(task, this.#processor.of(after - now, after));
      parallel?.noteTurn(task, after - now);
      now = after;
      if (now >= socketsDueNs && sockets?.isActive === true) {
        sockets.serve(0);
        socketsDueNs = now + SOCKET_TURN_NS;
      }
      if (now >= until || isDone()) return;
    }
  }

  /** How long the turn of `task` has lasted that is under way; 0 when it does not run. */
  turnNs(task: Task): number {
    if (this.current === task)
      return Math.max(0, this.#processor.soFar(this.nowNs() - this.#turnStartNs));
    return this.parallel?.turnNs(task) ?? 0;
  }

  #turn(task: Task, now: number): void {
    this.#turnStartNs = now;
    task.isQueued = false;
    const isHeld = task.trace === undefined ? task.group.isStopped : task.trace.stop !== undefined;
    if (isHeld && !task.group.isDying) {
      task.isParked = true;
      return;
    }
    this.current = task;
    runTask(this, task);
    this.current = undefined;
    if (task.state === TASK_STATE.runnable) {
      task.involuntarySwitches++;
      this.turnLength.wasPreempted(task);
      this.scheduler.enqueue(task);
    } else task.voluntarySwitches++;
  }

  /** The turn of `task` took `ns` of processor time. */
  account(task: Task, ns: number): void {
    task.userNs += ns;
    this.scheduler.charge(task, ns);
    const { group } = task;
    group.timers?.chargeCpu(ns);
    // measured: an iterator over an empty set is 3 % of a hand-over.
    if (group.cpuTimers.size !== 0)
      for (const timer of group.cpuTimers)
        if (timer.thread === undefined || timer.thread === task) timer.charge(ns);
    if (group.limits.soft[RLIMIT.CPU] !== Number.POSITIVE_INFINITY) enforceCpuLimit(group);
  }

  /** The process was spawned from outside and its status is still wanted. */
  keepsEnded(group: ThreadGroup): boolean {
    return this.#kept.has(group);
  }

  keepStatus(group: ThreadGroup): void {
    this.#kept.add(group);
  }

  /** Takes the status (as wait(2) reports it) of a process that ended; undefined while it lives. */
  collect(group: ThreadGroup): number | undefined {
    if (!group.isZombie) return undefined;
    if (this.#kept.delete(group)) reap(group);
    return group.exitStatus;
  }

  /** A uniform integer below `bound`, from the host's entropy or the schedule seed. */
  randomBelow(bound: number): number {
    const word = this.#randomWord;
    this.entropy.fill(this.#randomBytes);
    return Math.floor(((word[0] as number) / 0x1_0000_0000) * bound);
  }

  /** Tells an address space the limits that it must keep. */
  applyMemoryLimits(space: AddressSpace, limits: Limits): void {
    space.limitAddressSpace = limits.soft[RLIMIT.AS] as number;
    space.limitData = limits.soft[RLIMIT.DATA] as number;
    space.limitStack = limits.soft[RLIMIT.STACK] as number;
    space.limitLocked = limits.soft[RLIMIT.MEMLOCK] as number;
  }

  /** Memory that guests have taken. */
  usedMemoryBytes(): number {
    const seen = new Set<AddressSpace>();
    let used = 0;
    for (const task of this.processes.tasks()) {
      if (seen.has(task.space) || task.state === TASK_STATE.dead) continue;
      seen.add(task.space);
      used += task.space.usage().residentPages * 4096;
    }
    return used;
  }

  /** A warning that one log line is enough for. */
  logOnce(topic: string, message: string): void {
    if (this.#logged.has(topic)) return;
    this.#logged.add(topic);
    this.logger.log('warn', message);
  }

  /** The pid that a new task gets. */
  allocatePid(): Pid & Tid {
    return this.processes.allocatePid();
  }
}
