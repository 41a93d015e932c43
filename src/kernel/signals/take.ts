/** Taking pending signals without a handler: sigtimedwait(2), signalfd(2). */

import type { Task } from '../task.ts';
import type { SignalInfo } from './signal-info.ts';
import { SignalSet } from './signal-set.ts';

/** The next pending signal of `wanted`, removed from its queue. */
export function takeSignal(task: Task, wanted: SignalSet): SignalInfo | undefined {
  const others = new SignalSet(~wanted.lo, ~wanted.hi);
  for (const queue of [task.pending, task.group.pending]) {
    const signal = queue.next(others);
    if (signal === 0) continue;
    const info = queue.take(signal) ?? { signal, code: 0, pid: 0, uid: 0 };
    info.onDelivered?.();
    task.updateSignalPending();
    return info;
  }
  return undefined;
}
