/** Signals that end a process whatever it waits for (`sig_fatal`, TASK_KILLABLE). */

import { SIG_DFL } from '../../abi/signal.table.ts';
import type { Task } from '../task.ts';
import { defaultAction } from './handlers.ts';

/** An unblocked signal is pending whose default is the end, without a core. */
export function hasFatalPending(task: Task): boolean {
  if (task.trace?.isLive === true) return false;
  const [own, shared] = [task.pending.set, task.group.pending.set];
  for (let signal = 1; signal <= 64; signal++) {
    if (!own.has(signal) && !shared.has(signal)) continue;
    if (task.blocked.has(signal) || task.handlers.get(signal).handler !== SIG_DFL) continue;
    if (defaultAction(signal) === 'terminate') return true;
  }
  return false;
}
