/** What an instance tells about itself: its processes, and what it has used. */

import { SYSCALL_NAMES } from '../../abi/syscall-numbers.table.ts';
import { KernelTaskSource } from '../../kernel/views/sources.ts';
import { countersOf } from '../../tools/counters.ts';
import type { TaskView } from '../../vfs/task-view.ts';
import type { Instance } from '../instance.ts';
import type { ProcessRow, Statistics } from './messages.ts';

/** What only the host knows of the process that holds the instance. */
export interface HostUsage {
  readonly cpuNs: number;
  readonly residentBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

const MAX_COMMAND_BYTES = 1024;

/**
 * Arguments of a measured image can be secrets, which are not for the host: `withCommands` false
 * leaves them out.
 */
export function processesOf(instance: Instance, withCommands: boolean): ProcessRow[] {
  return new KernelTaskSource(instance.kernel).guests().map((task) => {
    const row = {
      pid: task.pid,
      ppid: task.ppid,
      uid: task.identity.uids[1],
      state: task.state,
      threads: task.threads().length,
      cpuNs: Math.round(task.times.userNs + task.times.systemNs),
      residentBytes: task.memory?.residentBytes ?? 0,
      calls: task.io.calls,
      readBytes: task.io.readBytes,
      writtenBytes: task.io.writtenBytes,
      translations: translationsOf(instance, task.pid),
    };
    return withCommands ? { ...row, command: commandOf(task) } : row;
  });
}

function translationsOf({ kernel, platform }: Instance, pid: number): number {
  const task = kernel.processes.task(pid);
  return task === undefined ? 0 : platform.unitCountOf(task.space);
}

/** As ps(1): the command line; the name in brackets where there is none, of a zombie. */
function commandOf(task: TaskView): string {
  const line = task.state === 'Z' ? new Uint8Array(0) : task.commandLine();
  const words = new TextDecoder().decode(line.subarray(0, MAX_COMMAND_BYTES)).split('\0');
  return words.join(' ').trim() || `[${task.comm}]`;
}

/** `withCalls`: calls and interpreted instructions by name, which tell what the program does. */
export function statisticsOf(instance: Instance, usage: HostUsage, withCalls: boolean): Statistics {
  const { kernel, platform, dispatcher } = instance;
  const processes = new KernelTaskSource(kernel).guests();
  const { units, bytes } = platform.cache.statistics;
  return {
    ...usage,
    uptimeNs: Math.round(kernel.nowNs() - kernel.bootNs),
    guestBytes: kernel.usedMemoryBytes(),
    guestLimitBytes: kernel.memoryBytes,
    processes: processes.length,
    threads: processes.reduce((sum, task) => sum + task.threads().length, 0),
    systemCalls: dispatcher.counts.reduce((sum, calls) => sum + calls, 0),
    translations: units,
    translationBytes: bytes,
    counters: {
      ...countersOf(platform),
      ...(withCalls ? { calls: callsByName(dispatcher.counts) } : { calls: {}, interpreted: {} }),
    },
  };
}

/** Those that were made, the most frequent first. */
function callsByName(counts: Float64Array): Record<string, number> {
  const made = [...counts.entries()].filter(([, count]) => count > 0);
  made.sort((a, b) => b[1] - a[1]);
  return Object.fromEntries(
    made.map(([number, count]) => [SYSCALL_NAMES[number] ?? `number ${number}`, count]),
  );
}
