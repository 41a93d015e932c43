/** Masks for the time of one call: sigsuspend(2), ppoll(2), pselect(2), epoll_pwait(2). */

import { ERESTARTNOHAND } from '../outcome.ts';
import type { Task } from '../task.ts';
import type { SignalSet } from './signal-set.ts';

/** Blocks `set` instead; a handler that runs meanwhile goes back to the old mask afterwards. */
export function useTemporaryMask(task: Task, set: SignalSet): void {
  task.savedMask = task.blocked.clone();
  task.setBlocked(set);
}

/**
 * The call has ended: the old mask is back, unless a signal interrupted it (then delivery restores
 * it). To be applied to every result of the call; gives the result back.
 */
export function endTemporaryMask(task: Task, result: number): number {
  if (result !== -ERESTARTNOHAND && task.savedMask !== undefined) {
    const mask = task.savedMask;
    task.savedMask = undefined;
    task.setBlocked(mask);
  }
  return result;
}
