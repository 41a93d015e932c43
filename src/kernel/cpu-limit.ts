/** RLIMIT_CPU (setrlimit(2)): SIGXCPU once a second beyond the soft limit, SIGKILL at the hard one. */

import { SIGKILL, SIGXCPU } from '../abi/signal.table.ts';
import { NS_PER_SEC } from '../abi/time.ts';
import { RLIMIT } from './limits.ts';
import { sendToGroup } from './signals/send.ts';
import { kernelSignal } from './signals/signal-info.ts';
import type { ThreadGroup } from './thread-group.ts';

/** To be called after the process ran. */
export function enforceCpuLimit(group: ThreadGroup): void {
  const { userNs, systemNs } = group.times();
  const seconds = Math.floor((userNs + systemNs) / NS_PER_SEC);
  if (seconds >= (group.limits.hard[RLIMIT.CPU] as number)) {
    sendToGroup(group, kernelSignal(SIGKILL));
    return;
  }
  const soft = group.limits.soft[RLIMIT.CPU] as number;
  if (seconds < soft || seconds === group.cpuLimitSpokeSec) return;
  group.cpuLimitSpokeSec = seconds;
  sendToGroup(group, kernelSignal(SIGXCPU));
}
