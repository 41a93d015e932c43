/**
 * The run queue: fair by weighted run time (sched(7), SCHED_OTHER), real-time tasks first. A task
 * that slept long starts at the queue's own time, so it runs soon and starves nobody. With a
 * schedule seed the next task is drawn at random instead: a tool to explore interleavings.
 */

import { assert } from '../base/assert.ts';
import type { SeededRandom } from '../base/random.ts';
import { TASK_STATE, type Task } from './task.ts';

export class Scheduler {
  readonly #queue: Task[] = [];
  readonly #random: SeededRandom | undefined;
  /** Run time of the task that ran last: the floor for those that wake. */
  #floor = 0;
  #running: Task | undefined;
  /** A task of a higher real-time priority than the running one waits: the turn is over. */
  isOutranked = false;
  contextSwitches = 0;
  /** Told of every task that is queued. */
  onQueued: ((task: Task) => void) | undefined = undefined;

  constructor(random?: SeededRandom) {
    this.#random = random;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** Whether interleavings are drawn at random. */
  get isRandom(): boolean {
    return this.#random !== undefined;
  }

  get length(): number {
    return this.#queue.length;
  }

  enqueue(task: Task): void {
    if (task.isQueued) return;
    assert(task.state !== TASK_STATE.dead, 'dead tasks do not run');
    task.isQueued = true;
    if (task.virtualRuntime < this.#floor) task.virtualRuntime = this.#floor;
    this.#queue.push(task);
    this.onQueued?.(task);
    if (task.realtimePriority > 0) this.reconsider();
  }

  /** A real-time priority has changed, or a task that has one wants to run (sched(7)). */
  reconsider(): void {
    const ownPriority = this.#running?.realtimePriority ?? 0;
    this.isOutranked = this.#queue.some(({ realtimePriority }) => realtimePriority > ownPriority);
  }

  remove(task: Task): void {
    const at = this.#queue.indexOf(task);
    if (at >= 0) this.#queue.splice(at, 1);
    task.isQueued = false;
  }

  /** Takes the task whose turn it is. */
  next(): Task | undefined {
    const queue = this.#queue;
    const count = queue.length;
    if (count === 0) return undefined;
    let best = 0;
    if (count > 1) best = this.#random ? this.#random.below(count) : this.#pick();
    const task = queue[best] as Task;
    // measured: shift() and splice() are calls into the runtime; hand-overs have one task queued.
    if (best === count - 1) queue.pop();
    else if (best === 0) queue.shift();
    else queue.splice(best, 1);
    this.contextSwitches++;
    this.#running = task;
    this.isOutranked = false;
    if (task.virtualRuntime > this.#floor) this.#floor = task.virtualRuntime;
    return task;
  }

  /** The first `count` that were queued. */
  firstWaiting(count: number): readonly Task[] {
    return this.#queue.slice(0, count);
  }

  /** Index of the highest real-time priority, else of the smallest run time; first come first. */
  #pick(): number {
    const queue = this.#queue;
    let best = 0;
    let bestTask = queue[0] as Task;
    for (let i = 1; i < queue.length; i++) {
      const task = queue[i] as Task;
      const isBetter =
        task.realtimePriority !== bestTask.realtimePriority
          ? task.realtimePriority > bestTask.realtimePriority
          : task.virtualRuntime < bestTask.virtualRuntime;
      if (!isBetter) continue;
      best = i;
      bestTask = task;
    }
    return best;
  }

  /** Accounts `ns` of processor time to `task`. */
  charge(task: Task, ns: number): void {
    task.virtualRuntime += (ns * 1024) / weightOf(task.nice);
  }

  /** sched_yield(2): behind everybody who waits. */
  yieldTask(task: Task): void {
    let last = task.virtualRuntime;
    for (const other of this.#queue) last = Math.max(last, other.virtualRuntime + 1);
    task.virtualRuntime = last;
  }
}

/** `sched_prio_to_weight`: a step of nice is 10 % of processor time. */
function weightOf(nice: number): number {
  return nice === 0 ? 1024 : 1024 / 1.25 ** nice;
}
