/**
 * What procfs and terminals see of tasks; the kernel implements it. Everything is read when it is
 * asked for. Byte strings and bytes as elsewhere in vfs/.
 */

import type { Location } from './dentry.ts';
import type { FsContext } from './fs-context.ts';
import type { OpenFile } from './open-file.ts';

/** One area of /proc/PID/maps. */
export interface MemoryRegionView {
  readonly start: number;
  readonly end: number;
  /** PROT_* bits. */
  readonly prot: number;
  readonly isShared: boolean;
  readonly offset: number;
  readonly file: OpenFile | undefined;
  /** "[heap]", "[stack]", "[vdso]", or empty. */
  readonly label: string;
  /** Bytes of it that are present, when known. */
  readonly residentBytes: number;
  /** As `VmFlags` of smaps names it: "rd wr mr mw me ac". */
  readonly flags: string;
  /** Pages of it that are there are locked. */
  readonly isLocked: boolean;
}

export interface MemoryView {
  regions(): readonly MemoryRegionView[];
  readonly totalBytes: number;
  readonly residentBytes: number;
  /** Those of files. */
  readonly residentFileBytes: number;
  readonly peakBytes: number;
  readonly dataBytes: number;
  readonly lockedBytes: number;
  readonly stackBytes: number;
  readonly textBytes: number;
  readonly libraryBytes: number;
  readonly startCode: number;
  readonly endCode: number;
  readonly startStack: number;
  readonly startBrk: number;
  readonly brk: number;
  /** The page at `addr` is in memory. */
  isPresent(addr: number): boolean;
  /** Reads guest memory for /proc/PID/mem; the bytes read before the first gap. */
  read(addr: number, target: Uint8Array): number;
  write(addr: number, source: Uint8Array): number;
}

export interface LimitView {
  readonly name: string;
  readonly unit: string;
  /** Infinity for unlimited. */
  readonly soft: number;
  readonly hard: number;
}

/** The signal sets of /proc/PID/status. */
export interface SignalSetsView {
  readonly pending: bigint;
  readonly sharedPending: bigint;
  readonly blocked: bigint;
  readonly ignored: bigint;
  readonly caught: bigint;
  readonly queued: number;
}

export interface IdentityView {
  /** Real, effective, saved, file system. */
  readonly uids: readonly [number, number, number, number];
  readonly gids: readonly [number, number, number, number];
  readonly groups: readonly number[];
  readonly capInheritable: bigint;
  readonly capPermitted: bigint;
  readonly capEffective: bigint;
  readonly capBounding: bigint;
  readonly capAmbient: bigint;
  readonly noNewPrivileges: boolean;
}

/** CPU times in nanoseconds (as doubles: enough for the ticks that procfs shows). */
export interface TimesView {
  readonly userNs: number;
  readonly systemNs: number;
  readonly childUserNs: number;
  readonly childSystemNs: number;
  /** Since boot of this instance. */
  readonly startNs: number;
  readonly voluntarySwitches: number;
  readonly involuntarySwitches: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
}

/** Of the process: as proc_pid_io(5) has it, and all system calls. */
export interface IoView {
  readonly calls: number;
  readonly reads: number;
  readonly writes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** A system call: six arguments, stack pointer, instruction pointer. */
export interface SystemCallView {
  readonly number: number;
  readonly words: readonly bigint[];
}

/** What /proc/PID keeps of a process, for whoever asks. */
export interface KeptSettings {
  readonly coredumpFilter: number;
  /** The audit's. */
  readonly loginUid: number;
  /** The least `oom_score_adj` that needs no CAP_SYS_RESOURCE. */
  readonly oomLeast: number;
}

/** A thread; the leader stands for the process. Numbers are plain, as they are only shown. */
export interface TaskView {
  readonly tid: number;
  /** Thread group: the process id. */
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  readonly sid: number;
  /** One letter as in /proc/PID/stat: R, S, D, T, t, Z, X. */
  readonly state: string;
  /** A byte string of at most 15 bytes. */
  comm: string;
  readonly nice: number;
  timerSlackNs: number;
  /** As PR_GET_SECCOMP tells it, and how many filters there are. */
  readonly seccomp: { readonly mode: number; readonly filters: number };
  /** 0: nobody traces it. */
  readonly tracerPid: number;
  readonly exitSignal: number;
  readonly exitCode: number;
  readonly cpu: number;
  /** Bit n: it may run on processor n. */
  readonly affinity: bigint;
  readonly umask: number;
  readonly isLeader: boolean;
  readonly identity: IdentityView;
  readonly signals: SignalSetsView;
  readonly times: TimesView;
  readonly io: IoView;
  readonly limits: readonly LimitView[];
  /** Undefined for zombies. */
  readonly memory: MemoryView | undefined;
  readonly fs: FsContext | undefined;
  readonly executable: Location | undefined;
  /** Device number of the controlling terminal and its foreground group; 0 and -1 without. */
  readonly terminalDevice: number;
  readonly terminalGroup: number;
  commandLine(): Uint8Array;
  environment(): Uint8Array;
  auxiliaryVector(): Uint8Array;
  /** Open descriptors, ascending. */
  descriptors(): readonly number[];
  descriptor(fd: number): OpenFile | undefined;
  /** The descriptor's FD_CLOEXEC. */
  closesOnExec(fd: number): boolean;
  /** Threads of the process, ascending. */
  threads(): readonly TaskView[];
  /** What the thread waits in, for wchan and syscall; empty when it runs. */
  readonly waitingIn: string;
  /** The call that it is in; undefined: it runs. */
  readonly systemCall: SystemCallView | undefined;
  /** May the current task look into this one (ptrace_may_access, PTRACE_MODE_READ_FSCREDS)? */
  mayInspect(): boolean;
  /** personality(2). */
  readonly personality: number;
  oomScoreAdjust: number;
  /** Settings of the process that are only told. */
  kept: KeptSettings;
}

/** All tasks of a kernel instance. */
export interface TaskSource {
  /** The task whose system call is being served. */
  current(): TaskView;
  /** A thread by id; processes are found by their leader. */
  find(tid: number): TaskView | undefined;
  /** Leaders, ascending by pid. */
  processes(): readonly TaskView[];
  /** Calls `listener` with the number of each process that is no more, after it was waited for. */
  whenGone(listener: (pid: number) => void): void;
}

/** A setting of /proc/sys. */
export interface SysctlView {
  /** "kernel/msgmni". */
  readonly path: string;
  /** Without the newline. */
  read(): string;
  /** 0 or -errno. */
  write(text: string): number;
}

/** Facts of the instance for the files directly under /proc. */
export interface SystemView {
  /** Fields of uname(2). */
  readonly release: string;
  readonly version: string;
  hostName: string;
  domainName: string;
  readonly cpuinfo: string;
  readonly cpuCount: number;
  readonly memoryTotalBytes: number;
  readonly memoryFreeBytes: number;
  readonly uptimeNs: number;
  readonly idleNs: number;
  /** Seconds since the epoch. */
  readonly bootTimeSec: number;
  readonly commandLine: string;
  readonly contextSwitches: number;
  readonly forks: number;
  readonly runningTasks: number;
  readonly loadAverages: readonly [number, number, number];
  readonly lastPid: number;
  readonly pidMax: number;
  readonly threadsMax: number;
  readonly bootId: string;
  /** A random UUID (RFC 9562, version 4), another at each call. */
  freshUuid(): string;
  /** What lies below /proc/net. */
  readonly networkFiles?: readonly (readonly [string, () => string])[];
  /** Settings below /proc/sys that have an effect. */
  readonly sysctls?: readonly SysctlView[];
  /** What lies below /proc/sysvipc. */
  readonly ipcFiles?: readonly (readonly [string, () => string])[];
  /** Files of /proc about keys (keyrings(7)). */
  readonly keyFiles?: readonly (readonly [string, () => string])[];
}
