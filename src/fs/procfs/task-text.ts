/** The texts of /proc/PID: formats of `fs/proc/array.c`, `task_mmu.c` and `base.c` of Linux. */

import { majorOf, minorOf } from '../../abi/file-mode.ts';
import type { Location } from '../../vfs/dentry.ts';
import { describePlace } from '../../vfs/place.ts';
import type { MemoryRegionView, TaskView } from '../../vfs/task-view.ts';

const KIB = 1024;
const PAGE = 4096;
const NS_PER_TICK = 10_000_000;

const STATE_NAMES: Readonly<Record<string, string>> = {
  R: 'R (running)',
  S: 'S (sleeping)',
  D: 'D (disk sleep)',
  T: 'T (stopped)',
  t: 't (tracing stop)',
  Z: 'Z (zombie)',
  X: 'X (dead)',
};

const ticks = (ns: number): number => Math.floor(ns / NS_PER_TICK);
const mask = (bits: bigint): string => bits.toString(16).padStart(16, '0');
const kib = (bytes: number): string => `${String(Math.floor(bytes / KIB)).padStart(8)} kB`;

export function statusText(task: TaskView): string {
  const { identity, signals, memory, times } = task;
  const lines = [
    `Name:\t${task.comm}`,
    ...(task.fs === undefined ? [] : [`Umask:\t${task.umask.toString(8).padStart(4, '0')}`]),
    `State:\t${STATE_NAMES[task.state] ?? task.state}`,
    `Tgid:\t${task.pid}`,
    'Ngid:\t0',
    `Pid:\t${task.tid}`,
    `PPid:\t${task.ppid}`,
    `TracerPid:\t${task.tracerPid}`,
    `Uid:\t${identity.uids.join('\t')}`,
    `Gid:\t${identity.gids.join('\t')}`,
    'FDSize:\t256',
    `Groups:\t${identity.groups.join(' ')} `,
    `NStgid:\t${task.pid}`,
    `NSpid:\t${task.tid}`,
    `NSpgid:\t${task.pgid}`,
    `NSsid:\t${task.sid}`,
    'Kthread:\t0',
  ];
  if (memory !== undefined)
    lines.push(
      `VmPeak:\t${kib(memory.peakBytes)}`,
      `VmSize:\t${kib(memory.totalBytes)}`,
      `VmLck:\t${kib(memory.lockedBytes)}`,
      'VmPin:\t       0 kB',
      `VmHWM:\t${kib(memory.residentBytes)}`,
      `VmRSS:\t${kib(memory.residentBytes)}`,
      `RssAnon:\t${kib(memory.residentBytes - memory.residentFileBytes)}`,
      `RssFile:\t${kib(memory.residentFileBytes)}`,
      'RssShmem:\t       0 kB',
      `VmData:\t${kib(memory.dataBytes)}`,
      `VmStk:\t${kib(memory.stackBytes)}`,
      `VmExe:\t${kib(memory.textBytes)}`,
      `VmLib:\t${kib(memory.libraryBytes)}`,
      'VmPTE:\t       0 kB',
      'VmSwap:\t       0 kB',
      'HugetlbPages:\t       0 kB',
      'CoreDumping:\t0',
      'THP_enabled:\t0',
    );
  lines.push(
    `Threads:\t${task.threads().length}`,
    `SigQ:\t${signals.queued}/${queueLimit(task)}`,
    `SigPnd:\t${mask(signals.pending)}`,
    `ShdPnd:\t${mask(signals.sharedPending)}`,
    `SigBlk:\t${mask(signals.blocked)}`,
    `SigIgn:\t${mask(signals.ignored)}`,
    `SigCgt:\t${mask(signals.caught)}`,
    `CapInh:\t${mask(identity.capInheritable)}`,
    `CapPrm:\t${mask(identity.capPermitted)}`,
    `CapEff:\t${mask(identity.capEffective)}`,
    `CapBnd:\t${mask(identity.capBounding)}`,
    `CapAmb:\t${mask(identity.capAmbient)}`,
    `NoNewPrivs:\t${Number(identity.noNewPrivileges)}`,
    `Seccomp:\t${task.seccomp.mode}`,
    `Seccomp_filters:\t${task.seccomp.filters}`,
    `Cpus_allowed:\t${task.affinity.toString(16)}`,
    `Cpus_allowed_list:\t${listOf(task.affinity)}`,
    'Mems_allowed:\t1',
    'Mems_allowed_list:\t0',
    `voluntary_ctxt_switches:\t${times.voluntarySwitches}`,
    `nonvoluntary_ctxt_switches:\t${times.involuntarySwitches}`,
  );
  return `${lines.join('\n')}\n`;
}

/** The bits of `mask` as `cpulist_parse` reads them: "0-2,4". */
function listOf(mask: bigint): string {
  const runs: string[] = [];
  for (let n = 0; mask >> BigInt(n) !== 0n; n++) {
    if (((mask >> BigInt(n)) & 1n) === 0n) continue;
    const first = n;
    while (((mask >> BigInt(n + 1)) & 1n) === 1n) n++;
    runs.push(first === n ? String(first) : `${first}-${n}`);
  }
  return runs.join(',');
}

function queueLimit(task: TaskView): number {
  const limit = task.limits.find(({ name }) => name === 'Max pending signals');
  return limit === undefined || !Number.isFinite(limit.soft) ? 0 : limit.soft;
}

/** The 52 fields of /proc/PID/stat (proc_pid_stat(5)). */
export function statText(task: TaskView): string {
  const { times, memory, signals } = task;
  const may = task.mayInspect();
  const rss = task.limits.find(({ name }) => name === 'Max resident set')?.soft ?? Infinity;
  const fields: (number | bigint | string)[] = [
    task.tid,
    `(${task.comm})`,
    task.state,
    task.ppid,
    task.pgid,
    task.sid,
    task.terminalDevice,
    task.terminalGroup,
    0x400000,
    times.minorFaults,
    0,
    times.majorFaults,
    0,
    ticks(times.userNs),
    ticks(times.systemNs),
    ticks(times.childUserNs),
    ticks(times.childSystemNs),
    20 + task.nice,
    task.nice,
    task.threads().length,
    0,
    ticks(times.startNs),
    memory?.totalBytes ?? 0,
    Math.floor((memory?.residentBytes ?? 0) / PAGE),
    Number.isFinite(rss) ? rss : 18446744073709551615n,
    ...(may && memory !== undefined
      ? [memory.startCode, memory.endCode, memory.startStack]
      : [1, 1, 0]),
    0,
    0,
    signals.pending & 0x7fffffffn,
    signals.blocked & 0x7fffffffn,
    signals.ignored & 0x7fffffffn,
    signals.caught & 0x7fffffffn,
    0,
    0,
    0,
    task.exitSignal,
    task.cpu,
    0,
    0,
    0,
    0,
    0,
    ...(may && memory !== undefined ? [memory.startBrk, memory.brk, memory.startBrk] : [0, 0, 0]),
    ...[0, 0, 0, 0],
    task.exitCode,
  ];
  return `${fields.join(' ')}\n`;
}

export function statmText(task: TaskView): string {
  const { memory } = task;
  if (memory === undefined) return '0 0 0 0 0 0 0\n';
  const pages = [
    memory.totalBytes,
    memory.residentBytes,
    memory.residentFileBytes,
    memory.textBytes,
    0,
    memory.dataBytes + memory.stackBytes,
    0,
  ];
  return `${pages.map((bytes) => Math.floor(bytes / PAGE)).join(' ')}\n`;
}

export function limitsText(task: TaskView): string {
  const value = (limit: number): string => (Number.isFinite(limit) ? String(limit) : 'unlimited');
  const line = (a: string, b: string, c: string, d: string): string =>
    `${a.padEnd(25)} ${b.padEnd(20)} ${c.padEnd(20)} ${d.padEnd(10)}\n`;
  return (
    line('Limit', 'Soft Limit', 'Hard Limit', 'Units') +
    task.limits
      .map(({ name, soft, hard, unit }) => line(name, value(soft), value(hard), unit))
      .join('')
  );
}

function regionLine(root: Location, region: MemoryRegionView): string {
  const { prot, file } = region;
  const hex = (address: number): string => address.toString(16).padStart(8, '0');
  const rights =
    `${(prot & 1) !== 0 ? 'r' : '-'}${(prot & 2) !== 0 ? 'w' : '-'}` +
    `${(prot & 4) !== 0 ? 'x' : '-'}${region.isShared ? 's' : 'p'}`;
  const dev = file?.inode.fs.dev ?? 0;
  const device = [majorOf(dev), minorOf(dev)]
    .map((part) => part.toString(16).padStart(2, '0'))
    .join(':');
  const name = file === undefined ? region.label : describePlace(root, file);
  const head =
    `${hex(region.start)}-${hex(region.end)} ${rights} ${hex(region.offset)} ` +
    `${device} ${file?.inode.ino ?? 0} `;
  return name === '' ? `${head}\n` : `${head.padEnd(73)}${name}\n`;
}

export function mapsText(task: TaskView, root: Location): string {
  return (task.memory?.regions() ?? []).map((region) => regionLine(root, region)).join('');
}

export function smapsText(task: TaskView, root: Location): string {
  return (task.memory?.regions() ?? [])
    .map((region) => {
      const rows = [
        `Size:           ${kib(region.end - region.start)}`,
        'KernelPageSize:        4 kB',
        'MMUPageSize:           4 kB',
        ...residentRows(residentOf(region), false),
        'THPeligible:           0',
        `VmFlags: ${region.flags}`,
      ];
      return `${regionLine(root, region)}${rows.join('\n')}\n`;
    })
    .join('');
}

/** One line of the whole range, and the sums of all regions. */
export function smapsRollupText(task: TaskView): string {
  const regions = task.memory?.regions();
  if (regions === undefined) return '';
  const [first, last] = [regions[0]?.start ?? 0, regions.at(-1)?.end ?? 0];
  const sums = regions.map(residentOf).reduce(add, { anonymous: 0, ofFiles: 0, locked: 0 });
  const range = [first, last].map((at) => at.toString(16).padStart(8, '0')).join('-');
  const head = `${`${range} ---p 00000000 00:00 0`.padEnd(73)}[rollup]\n`;
  return `${head}${residentRows(sums, true).join('\n')}\n`;
}

interface Resident {
  readonly anonymous: number;
  readonly ofFiles: number;
  readonly locked: number;
}

function residentOf({ residentBytes, file, isLocked }: MemoryRegionView): Resident {
  const locked = isLocked ? residentBytes : 0;
  if (file === undefined) return { anonymous: residentBytes, ofFiles: 0, locked };
  return { anonymous: 0, ofFiles: residentBytes, locked };
}

const add = (a: Resident, b: Resident): Resident => ({
  anonymous: a.anonymous + b.anonymous,
  ofFiles: a.ofFiles + b.ofFiles,
  locked: a.locked + b.locked,
});

/** Who else has a page is not known: all counts as private, anonymous memory as changed. */
function residentRows(resident: Resident, isRollup: boolean): string[] {
  const { anonymous, ofFiles, locked } = resident;
  const all = anonymous + ofFiles;
  const kinds = { Pss_Anon: anonymous, Pss_File: ofFiles, Pss_Shmem: 0 };
  const rows: Readonly<Record<string, number>> = {
    ...{ Rss: all, Pss: all, Pss_Dirty: anonymous, ...(isRollup ? kinds : {}) },
    ...{ Shared_Clean: 0, Shared_Dirty: 0, Private_Clean: ofFiles, Private_Dirty: anonymous },
    ...{ Referenced: all, Anonymous: anonymous, KSM: 0, LazyFree: 0, AnonHugePages: 0 },
    ...{ ShmemPmdMapped: 0, FilePmdMapped: 0, Shared_Hugetlb: 0, Private_Hugetlb: 0 },
    ...{ Swap: 0, SwapPss: 0, Locked: locked },
  };
  return Object.entries(rows).map(([name, bytes]) => `${`${name}:`.padEnd(16)}${kib(bytes)}`);
}
