/**
 * Turns on more than one processor. The kernel's thread gives one task a turn and serves system calls;
 * tasks that compute get their turns beside it, on threads that only run guest code, and come back to
 * it when they need the kernel. It never waits for one of them: when it has nothing else to run, it
 * takes one back, whose calls then cost what they cost with one processor.
 */

import type { Kernel } from './kernel.ts';
import type { GuestCpu, GuestsBeside } from './platform.ts';
import { finishSleep } from './runner.ts';
import { TASK_STATE, type Task } from './task.ts';

/** Who computes so long between two waits, on average, is worth a processor. */
const COMPUTES_NS = 80_000;
/** So many of those that wait are looked at. */
const LOOKS = 16;

interface Turn {
  readonly task: Task;
  sinceNs: number;
}

export class ParallelTurns {
  readonly #kernel: Kernel;
  readonly #guests: GuestsBeside;
  readonly #turns = new Map<GuestCpu, Turn>();

  constructor(kernel: Kernel, guests: GuestsBeside) {
    this.#kernel = kernel;
    this.#guests = guests;
    const { scheduler } = kernel;
    const { onQueued } = scheduler;
    scheduler.onQueued = (task) => {
      onQueued?.(task);
      // There is a processor for it, as soon as this turn is over.
      if (task.isComputing && guests.hasRoom && kernel.current !== undefined)
        scheduler.isOutranked = true;
    };
  }

  /** Some task has its turn beside. */
  get isBusy(): boolean {
    return this.#turns.size > 0;
  }

  /** How long the turn of `task` beside has lasted; 0: it has none. */
  turnNs(task: Task): number {
    const turn = this.#turns.get(task.cpu);
    return turn === undefined ? 0 : Math.max(0, this.#kernel.nowNs() - turn.sinceNs);
  }

  /** The task whose turn it is here; others that compute begin theirs beside it. */
  next(nowNs: number): Task | undefined {
    const { scheduler } = this.#kernel;
    const task = this.#returned(nowNs) ?? scheduler.next() ?? this.#takeBack(nowNs);
    if (task !== undefined && this.#guests.hasRoom && !scheduler.isEmpty) this.#fill(nowNs);
    return task;
  }

  /** A turn of `task` took `ns`. */
  noteTurn(task: Task, ns: number): void {
    // One that was cut short says nothing.
    if (task.state === TASK_STATE.runnable && ns < task.turnNs) return;
    task.turnNs += (ns - task.turnNs) / 4;
    task.isComputing = task.turnNs >= COMPUTES_NS;
  }

  /** `task` is about to end: its turn is over. */
  recall(task: Task): void {
    if (this.#turns.has(task.cpu)) this.#end(task.cpu, this.#kernel.nowNs(), true);
  }

  /** A word of guest memory is about to be read and written as one: nobody runs until the next turns. */
  hold(): void {
    this.#guests.halt();
  }

  /** `task` has something to see to: it waits for its next turn. */
  comeBack(task: Task): void {
    const { cpu } = task;
    if (this.#turns.has(cpu)) this.#requeue(this.#end(cpu, this.#kernel.nowNs(), true));
  }

  /** All turns are over; those tasks wait for their next ones. */
  recallAll(): void {
    const now = this.#kernel.nowNs();
    for (const cpu of [...this.#turns.keys()]) this.#requeue(this.#end(cpu, now, true));
  }

  /** Of those whose turns are over the first one that needs the kernel; the others wait again. */
  #returned(nowNs: number): Task | undefined {
    const guests = this.#guests;
    for (let cpu = guests.takeReturned(); cpu !== undefined; cpu = guests.takeReturned()) {
      const task = this.#end(cpu, nowNs, false);
      if (cpu.hasLeft) {
        task.isQueued = false;
        return task;
      }
      this.#requeue(task);
    }
    return undefined;
  }

  #requeue(task: Task): void {
    task.involuntarySwitches++;
    task.isQueued = false;
    this.#kernel.scheduler.enqueue(task);
  }

  #takeBack(nowNs: number): Task | undefined {
    for (const cpu of this.#turns.keys()) {
      const task = this.#end(cpu, nowNs, true);
      task.isQueued = false;
      return task;
    }
    return undefined;
  }

  #end(cpu: GuestCpu, nowNs: number, isRecalled: boolean): Task {
    const turn = this.#turns.get(cpu) as Turn;
    if (isRecalled) this.#guests.recall(cpu);
    this.#turns.delete(cpu);
    const ns = Math.max(0, nowNs - turn.sinceNs);
    this.#kernel.account(turn.task, ns);
    this.noteTurn(turn.task, ns);
    return turn.task;
  }

  #fill(nowNs: number): void {
    const { scheduler } = this.#kernel;
    for (const task of scheduler.firstWaiting(LOOKS)) {
      if (!this.#guests.hasRoom) return;
      if (!task.isComputing || task.trace !== undefined || task.group.isStopped) continue;
      scheduler.remove(task);
      if (task.isSleeping && !this.#wakes(task)) continue;
      if (mayRunBeside(task) && this.#guests.start(task.cpu, task.space)) {
        // Nobody may queue it while it runs.
        task.isQueued = true;
        this.#turns.set(task.cpu, { task, sinceNs: nowNs });
      } else scheduler.enqueue(task);
    }
  }

  /** The end of its sleep, as at the beginning of a turn here; false: it sleeps on, or is no more. */
  #wakes(task: Task): boolean {
    const kernel = this.#kernel;
    kernel.current = task;
    const isAwake = finishSleep(kernel, task);
    kernel.current = undefined;
    return isAwake;
  }
}

/** Nothing is to be done for it before its next instruction. */
function mayRunBeside(task: Task): boolean {
  return (
    task.state === TASK_STATE.runnable &&
    !task.signalPending &&
    task.restartCode === 0 &&
    !task.cpu.hasLeft
  );
}
