/** What SIGCHLD tells a parent about a child. */

import { CLD } from '../abi/signal.table.ts';
import { CLK_TCK } from '../abi/task-flags.ts';
import { NS_PER_SEC } from '../abi/time.ts';
import type { SignalInfo } from './signals/signal-info.ts';
import type { ThreadGroup } from './thread-group.ts';

const NS_PER_TICK = NS_PER_SEC / CLK_TCK;

/** SIGCHLD (or the signal chosen at clone) of a child that has ended. */
export function exitInfo(child: ThreadGroup): SignalInfo {
  const status = child.exitStatus;
  const bySignal = (status & 0x7f) !== 0;
  return childInfo(
    child,
    child.exitSignal,
    bySignal ? CLD.CLD_KILLED : CLD.CLD_EXITED,
    bySignal ? status & 0x7f : (status >> 8) & 0xff,
  );
}

/** `siginfo_t` about a child. */
export function childInfo(
  child: ThreadGroup,
  signal: number,
  code: number,
  status: number,
): SignalInfo {
  const times = child.times();
  return {
    signal,
    code,
    pid: child.pid,
    uid: child.leader.creds.uid,
    status,
    userTicks: Math.floor(times.userNs / NS_PER_TICK),
    systemTicks: Math.floor(times.systemNs / NS_PER_TICK),
  };
}
