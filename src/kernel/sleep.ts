/**
 * How a task sleeps: a value that says what it waits for and how it goes on. Handlers call
 * `return task.sleep({...})`. There are no promises: when a queue wakes the task, the scheduler
 * calls `attempt` again at the task's next turn; a result other than BLOCKED ends the call.
 */

import type { WaitQueue } from '../base/wait-queue.ts';
import type { Task } from './task.ts';

export interface Sleep {
  /** Registered before the handler returns; any of them wakes the task. */
  readonly queues: readonly WaitQueue[];
  /** Wait as an exclusive waiter (accept, futex): one event wakes one of them. */
  readonly exclusive?: boolean;
  /**
   * Tries again: the result of the call, or BLOCKED to sleep on. Must not call `task.sleep`
   * unless it waits for something else from now on.
   */
  attempt(task: Task): number;
  /** Absolute, on the kernel's monotonic clock (`kernel.nowNs()`). None: waits for ever. */
  deadlineNs?: number | undefined;
  /** The deadline is a time of CLOCK_REALTIME, and moves when that is set. */
  readonly followsWall?: boolean;
  /** Result when the deadline passes after a last `attempt`; default 0. */
  readonly timedOut?: number | ((task: Task) => number) | undefined;
  /**
   * Result when a signal interrupts: `-ERESTARTSYS` (the default), `-ERESTARTNOHAND`, `-EINTR`, …
   * A function may also write out what remains of a timeout.
   */
  readonly interrupted?: number | ((task: Task) => number);
  /** The task ends while it sleeps: takes back what was registered. */
  readonly abandoned?: (task: Task) => void;
  /** Only a fatal signal ends it (vfork's parent). */
  readonly uninterruptible?: boolean;
  /** What `/proc/pid/wchan` and traces say. */
  readonly reason?: string;
}
