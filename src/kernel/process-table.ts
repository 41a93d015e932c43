/** All tasks, processes and process groups of a kernel by number, and the numbers themselves. */

import type { Pid, Tid } from '../base/brand.ts';
import { InitTask } from './init-task.ts';
import type { Kernel } from './kernel.ts';
import { Limits } from './limits.ts';
import { ProcessGroup, Session } from './process-group.ts';
import type { Task } from './task.ts';
import { ThreadGroup } from './thread-group.ts';

/** `kernel.pid_max` of 64-bit Linux. */
export const PID_MAX = 4194304;
const DEFAULT_MAX_TASKS = 32768;
const FIRST_PID_AFTER_WRAP = 300;

export class ProcessTable {
  readonly #tasks = new Map<number, Task>();
  readonly #groups = new Map<number, ThreadGroup>();
  readonly #processGroups = new Map<number, ProcessGroup>();
  #lastPid = 1;
  readonly maxTasks: number;
  /**
   * The process with number 1: runs nothing, adopts orphans and forgets them when they end. A
   * program that is started from outside is its child.
   */
  readonly init: ThreadGroup;
  readonly initTask: InitTask;
  /** Told of each process that was waited for. */
  readonly goneListeners: ((pid: number) => void)[] = [];

  constructor(kernel: Kernel) {
    this.maxTasks = kernel.options.maxTasks ?? DEFAULT_MAX_TASKS;
    this.init = new ThreadGroup(kernel, 1 as Pid, new Limits());
    this.initTask = new InitTask(this.init);
    const session = new Session(this.init);
    const group = new ProcessGroup(1 as Pid, session);
    this.#processGroups.set(1, group);
    group.add(this.init);
  }

  /** No process is left but zombies that nobody waits for. */
  get isEmpty(): boolean {
    return this.#tasks.size === 0;
  }

  get taskCount(): number {
    return this.#tasks.size;
  }

  get lastPid(): number {
    return this.#lastPid;
  }

  task(tid: number): Task | undefined {
    return this.#tasks.get(tid);
  }

  /** A process that lives or is a zombie; not init. */
  group(pid: number): ThreadGroup | undefined {
    return this.#groups.get(pid);
  }

  /** In the order of their numbers. */
  groups(): ThreadGroup[] {
    return [...this.#groups.values()].sort((a, b) => a.pid - b.pid);
  }

  tasks(): IterableIterator<Task> {
    return this.#tasks.values();
  }

  /** A process group that has members. */
  processGroup(id: number): ProcessGroup | undefined {
    const group = this.#processGroups.get(id);
    if (group !== undefined && group.members.size === 0) {
      this.#processGroups.delete(id);
      return undefined;
    }
    return group;
  }

  /** Numbers go up and wrap at PID_MAX; none that is still in use is given twice. */
  allocatePid(): Pid & Tid {
    for (;;) {
      this.#lastPid = this.#lastPid + 1 >= PID_MAX ? FIRST_PID_AFTER_WRAP : this.#lastPid + 1;
      const pid = this.#lastPid;
      const used = this.#tasks.has(pid) || this.#groups.has(pid) || this.processGroup(pid);
      if (!used) return pid as Pid & Tid;
    }
  }

  addTask(task: Task): void {
    this.#tasks.set(task.tid, task);
  }

  removeTask(task: Task): void {
    this.#tasks.delete(task.tid);
  }

  addGroup(group: ThreadGroup): void {
    this.#groups.set(group.pid, group);
  }

  /** The process was waited for: its number is free. */
  removeGroup(group: ThreadGroup): void {
    this.#groups.delete(group.pid);
    group.processGroup.remove(group);
    for (const listener of this.goneListeners) listener(group.pid);
  }

  /** Enters `group` into the process group `id` of `session`, made when it does not exist. */
  joinProcessGroup(group: ThreadGroup, id: Pid, session: Session): void {
    let target = this.processGroup(id);
    if (target === undefined) {
      target = new ProcessGroup(id, session);
      this.#processGroups.set(id, target);
    }
    (group.processGroup as ProcessGroup | undefined)?.remove(group);
    target.add(group);
  }
}
