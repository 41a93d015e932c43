/** Texts directly under /proc about the whole instance. */

import type { SystemView, TaskSource } from '../../vfs/task-view.ts';

const NS_PER_SEC = 1e9;
const NS_PER_TICK = 1e7;
const KIB = 1024;

const row = (name: string, kib: number): string => `${`${name}:`.padEnd(16)}${pad(kib)} kB\n`;
const pad = (value: number): string => String(Math.floor(value)).padStart(8);

export function meminfoText(system: SystemView): string {
  const total = system.memoryTotalBytes / KIB;
  const free = system.memoryFreeBytes / KIB;
  const rows: readonly (readonly [string, number])[] = [
    ['MemTotal', total],
    ['MemFree', free],
    ['MemAvailable', free],
    ['Buffers', 0],
    ['Cached', 0],
    ['SwapCached', 0],
    ['Active', total - free],
    ['Inactive', 0],
    ['Active(anon)', total - free],
    ['Inactive(anon)', 0],
    ['Active(file)', 0],
    ['Inactive(file)', 0],
    ['Unevictable', 0],
    ['Mlocked', 0],
    ['SwapTotal', 0],
    ['SwapFree', 0],
    ['Dirty', 0],
    ['Writeback', 0],
    ['AnonPages', total - free],
    ['Mapped', 0],
    ['Shmem', 0],
    ['KReclaimable', 0],
    ['Slab', 0],
    ['SReclaimable', 0],
    ['SUnreclaim', 0],
    ['KernelStack', 0],
    ['PageTables', 0],
    ['CommitLimit', total],
    ['Committed_AS', total - free],
    ['VmallocTotal', 0],
    ['VmallocUsed', 0],
    ['VmallocChunk', 0],
  ];
  const text = rows.map(([name, kib]) => row(name, kib)).join('');
  return `${text}HugePages_Total:       0\nHugePages_Free:        0\n${row('Hugepagesize', 2048)}`;
}

export function statText(system: SystemView): string {
  const idle = Math.floor(system.idleNs / NS_PER_TICK);
  const busy = Math.max(0, Math.floor(system.uptimeNs / NS_PER_TICK) - idle);
  const cpu = `${busy} 0 0 ${idle} 0 0 0 0 0 0`;
  let text = `cpu  ${cpu}\n`;
  for (let i = 0; i < system.cpuCount; i++) text += `cpu${i} ${cpu}\n`;
  text += `intr 0\nctxt ${system.contextSwitches}\nbtime ${system.bootTimeSec}\n`;
  text += `processes ${system.forks}\nprocs_running ${system.runningTasks}\nprocs_blocked 0\n`;
  return `${text}softirq 0 0 0 0 0 0 0 0 0 0 0\n`;
}

export const uptimeText = (system: SystemView): string =>
  `${(system.uptimeNs / NS_PER_SEC).toFixed(2)} ${(system.idleNs / NS_PER_SEC).toFixed(2)}\n`;

export function loadText(system: SystemView, tasks: TaskSource): string {
  const [a, b, c] = system.loadAverages.map((load) => load.toFixed(2));
  let count = 0;
  for (const leader of tasks.processes()) count += leader.threads().length;
  return `${a} ${b} ${c} ${system.runningTasks}/${count} ${system.lastPid}\n`;
}

export const versionText = (system: SystemView): string =>
  `Linux version ${system.release} (cloister) ${system.version}\n`;

export const FILE_SYSTEMS_TEXT: string = [
  'nodev\tsysfs',
  'nodev\tproc',
  'nodev\ttmpfs',
  'nodev\tdevtmpfs',
  'nodev\tdevpts',
  'nodev\tramfs',
  'nodev\tpipefs',
  'nodev\tsockfs',
  'nodev\toverlay',
  '',
].join('\n');

export const DEVICES_TEXT: string = [
  'Character devices:',
  '  1 mem',
  '  5 /dev/tty',
  '  5 /dev/console',
  '  5 /dev/ptmx',
  '136 pts',
  '',
  'Block devices:',
  '',
].join('\n');
