/** A task as procfs and terminals see it; made when it is asked for, reads the task itself. */

import { byteString, bytesOf } from '../../vfs/byte-string.ts';
import type { Location } from '../../vfs/dentry.ts';
import type { FsContext } from '../../vfs/fs-context.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import type {
  IdentityView,
  IoView,
  LimitView,
  MemoryView,
  SignalSetsView,
  SystemCallView,
  TaskView,
  TimesView,
} from '../../vfs/task-view.ts';
import type { Credentials } from '../credentials.ts';
import { mayInspect } from '../inspect.ts';
import { type Limits, RLIMIT } from '../limits.ts';
import { GPR } from '../platform.ts';
import { filterCount, seccompMode } from '../seccomp.ts';
import { SignalSet } from '../signals/signal-set.ts';
import { TASK_STATE, type Task } from '../task.ts';
import { TaskMemoryView } from './memory-view.ts';

/** Names and units as /proc/PID/limits prints them. */
const LIMIT_NAMES: readonly (readonly [keyof typeof RLIMIT, string, string])[] = [
  ['CPU', 'Max cpu time', 'seconds'],
  ['FSIZE', 'Max file size', 'bytes'],
  ['DATA', 'Max data size', 'bytes'],
  ['STACK', 'Max stack size', 'bytes'],
  ['CORE', 'Max core file size', 'bytes'],
  ['RSS', 'Max resident set', 'bytes'],
  ['NPROC', 'Max processes', 'processes'],
  ['NOFILE', 'Max open files', 'files'],
  ['MEMLOCK', 'Max locked memory', 'bytes'],
  ['AS', 'Max address space', 'bytes'],
  ['LOCKS', 'Max file locks', 'locks'],
  ['SIGPENDING', 'Max pending signals', 'signals'],
  ['MSGQUEUE', 'Max msgqueue size', 'bytes'],
  ['NICE', 'Max nice priority', ''],
  ['RTPRIO', 'Max realtime priority', ''],
  ['RTTIME', 'Max realtime timeout', 'us'],
];
/** As much as a process title has. */
const TITLE_BYTES = 4096;
const MAX_AREA_BYTES = 4 * 1024 * 1024;

export function limitsOf(limits: Limits): readonly LimitView[] {
  return LIMIT_NAMES.map(([key, name, unit]) => ({
    name,
    unit,
    soft: limits.soft[RLIMIT[key]] as number,
    hard: limits.hard[RLIMIT[key]] as number,
  }));
}

export function identityOf(creds: Credentials): IdentityView {
  return {
    uids: [creds.uid, creds.euid, creds.suid, creds.fsuid],
    gids: [creds.gid, creds.egid, creds.sgid, creds.fsgid],
    groups: creds.groups,
    capInheritable: creds.inheritable,
    capPermitted: creds.permitted,
    capEffective: creds.effective,
    capBounding: creds.bounding,
    capAmbient: creds.ambient,
    noNewPrivileges: creds.noNewPrivs,
  };
}

export class LiveTaskView implements TaskView {
  readonly #task: Task;

  constructor(task: Task) {
    this.#task = task;
  }

  get tid(): number {
    return this.#task.tid;
  }

  get pid(): number {
    return this.#task.group.pid;
  }

  get ppid(): number {
    return this.#task.group.parent?.pid ?? 0;
  }

  get pgid(): number {
    return this.#task.group.processGroup.id;
  }

  get sid(): number {
    return this.#task.group.processGroup.session.id;
  }

  get state(): string {
    const task = this.#task;
    if (task.state === TASK_STATE.dead) return 'Z';
    if (task.trace?.stop !== undefined) return 't';
    if (task.group.isStopped) return 'T';
    return task.isSleeping ? (task.sleepsDeeply ? 'D' : 'S') : 'R';
  }

  get comm(): string {
    return byteString(this.#task.comm);
  }

  set comm(name: string) {
    this.#task.comm = bytesOf(name.slice(0, 15));
  }

  get nice(): number {
    return this.#task.nice;
  }

  get tracerPid(): number {
    const { trace } = this.#task;
    return trace?.isLive === true ? trace.tracer.group.pid : 0;
  }

  get seccomp(): { mode: number; filters: number } {
    return { mode: seccompMode(this.#task), filters: filterCount(this.#task) };
  }

  get timerSlackNs(): number {
    return this.#task.timerSlackNs;
  }

  /** 0: what it had at first. */
  set timerSlackNs(value: number) {
    this.#task.timerSlackNs = value === 0 ? this.#task.defaultTimerSlackNs : value;
  }

  get exitSignal(): number {
    return this.#task.isLeader ? this.#task.group.exitSignal : -1;
  }

  get exitCode(): number {
    return this.#task.group.exitStatus;
  }

  readonly cpu = 0;

  get affinity(): bigint {
    return this.#task.affinity;
  }

  get umask(): number {
    return this.#task.fs.umask;
  }

  get isLeader(): boolean {
    return this.#task.isLeader;
  }

  get identity(): IdentityView {
    return identityOf(this.#task.creds);
  }

  get signals(): SignalSetsView {
    const { group, handlers, pending, blocked } = this.#task;
    const ignored = new SignalSet();
    const caught = new SignalSet();
    for (let signal = 1; signal <= 64; signal++) {
      if (handlers.get(signal).handler === 1) ignored.add(signal);
      else if (handlers.catches(signal)) caught.add(signal);
    }
    return {
      pending: pending.set.toBigInt(),
      sharedPending: group.pending.set.toBigInt(),
      blocked: blocked.toBigInt(),
      ignored: ignored.toBigInt(),
      caught: caught.toBigInt(),
      queued: pending.queuedCount + group.pending.queuedCount,
    };
  }

  get io(): IoView {
    return this.#task.group.io;
  }

  get times(): TimesView {
    const task = this.#task;
    const { group, kernel } = task;
    const own = task.isLeader ? group.times() : task;
    return {
      userNs: own.userNs,
      systemNs: own.systemNs,
      childUserNs: group.childTimes.userNs,
      childSystemNs: group.childTimes.systemNs,
      startNs: task.startNs - kernel.bootNs,
      voluntarySwitches: task.voluntarySwitches,
      involuntarySwitches: task.involuntarySwitches,
      minorFaults: 0,
      majorFaults: 0,
    };
  }

  get limits(): readonly LimitView[] {
    return limitsOf(this.#task.group.limits);
  }

  get memory(): MemoryView | undefined {
    return this.#isAlive ? new TaskMemoryView(this.#task) : undefined;
  }

  get #isAlive(): boolean {
    return this.#task.state !== TASK_STATE.dead;
  }

  get fs(): FsContext | undefined {
    return this.#isAlive ? this.#task.fs : undefined;
  }

  get executable(): Location | undefined {
    return this.#isAlive ? this.#task.group.executable : undefined;
  }

  get terminalDevice(): number {
    return this.#task.group.processGroup.session.terminal?.device ?? 0;
  }

  get terminalGroup(): number {
    return this.#task.group.processGroup.session.terminal?.foreground() ?? -1;
  }

  commandLine(): Uint8Array {
    const layout = this.#task.group.layout;
    if (layout === undefined) return new Uint8Array(0);
    const { argStart, argEnd, envStart, envEnd } = layout;
    const args = this.#area(argStart, argEnd);
    // setproctitle(3) overwrites the last NUL, and goes on into the environment (`get_mm_cmdline`).
    if (args.length < argEnd - argStart || args.length === 0 || args.at(-1) === 0) return args;
    const titleEnd = envStart === argEnd && envEnd > envStart ? envEnd : argEnd;
    const title = this.#area(argStart, Math.min(titleEnd, argStart + TITLE_BYTES));
    const end = title.indexOf(0);
    return end < 0 ? title : title.subarray(0, end + 1);
  }

  environment(): Uint8Array {
    const layout = this.#task.group.layout;
    return layout === undefined ? new Uint8Array(0) : this.#area(layout.envStart, layout.envEnd);
  }

  #area(start: number, end: number): Uint8Array {
    if (!this.#isAlive) return new Uint8Array(0);
    const bytes = new Uint8Array(Math.min(end - start, MAX_AREA_BYTES));
    const got = new TaskMemoryView(this.#task).read(start, bytes);
    return bytes.subarray(0, got);
  }

  auxiliaryVector(): Uint8Array {
    return this.#task.group.layout?.auxv ?? new Uint8Array(0);
  }

  descriptors(): readonly number[] {
    return this.#isAlive ? [...this.#task.files.entries()].map(([fd]) => fd) : [];
  }

  descriptor(fd: number): OpenFile | undefined {
    return this.#isAlive ? this.#task.files.get(fd) : undefined;
  }

  closesOnExec(fd: number): boolean {
    return this.#task.files.getCloseOnExec(fd);
  }

  threads(): readonly TaskView[] {
    const tasks = new Set(this.#task.group.tasks).add(this.#task.group.leader);
    return [...tasks].sort((a, b) => a.tid - b.tid).map((task) => new LiveTaskView(task));
  }

  /** The arguments still stand in their registers. */
  get systemCall(): SystemCallView | undefined {
    const { cpu, syscallNumber, kernel, isSleeping } = this.#task;
    if (!isSleeping && kernel.current !== this.#task) return undefined;
    const registers = [GPR.rdi, GPR.rsi, GPR.rdx, GPR.r10, GPR.r8, GPR.r9, GPR.rsp];
    const words = registers.map((register) => cpu.gprs[register] as bigint);
    return { number: syscallNumber, words: [...words, BigInt(cpu.rip)] };
  }

  get waitingIn(): string {
    return this.#task.sleepReason;
  }

  mayInspect(): boolean {
    const { current } = this.#task.kernel;
    return current === undefined || mayInspect(current, this.#task.group);
  }

  get personality(): number {
    return this.#task.group.personality;
  }

  get oomScoreAdjust(): number {
    return this.#task.group.oomScoreAdjust;
  }

  set oomScoreAdjust(value: number) {
    this.#task.group.oomScoreAdjust = value;
  }

  get kept(): TaskView['kept'] {
    return this.#task.group.kept;
  }

  set kept(value: TaskView['kept']) {
    this.#task.group.kept = value;
  }
}
