/**
 * Turns on more than one processor. The kernel's thread gives one task a turn and serves system calls;
 * tasks that compute get their turns beside it, on threads that only run guest code, and come back to
 * it when they need the kernel. It never waits for one of them: when it has nothing else to run, it
 * takes one back, whose calls then cost what they cost with one processor.
 */

import type { Kernel } from './kernel.ts';
import type { GuestCpu, GuestsBeside } from './platform.ts';
import { TASK_STATE, type Task } from './task.ts';

/** A turn of this length is computing; one that ends so much sooner, by a wait, is not. */
const LONG_NS = 500_000;
const SHORT_NS = 100_000;
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

  /** A turn of `task` here took `ns`. */
  noteTurn(task: Task, ns: number): void {
    if (ns >= LONG_NS) task.isComputing = true;
    else if (ns < SHORT_NS && task.state !== TASK_STATE.runnable) task.isComputing = false;
  }

  /** `task` is about to end: its turn is over. */
  recall(task: Task): void {
    if (this.#turns.has(task.cpu)) this.#end(task.cpu, this.#kernel.nowNs(), true);
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
    this.#kernel.account(turn.task, Math.max(0, nowNs - turn.sinceNs));
    return turn.task;
  }

  #fill(nowNs: number): void {
    const { scheduler } = this.#kernel;
    for (const task of scheduler.firstWaiting(LOOKS)) {
      if (!this.#guests.hasRoom) return;
      if (!mayRunBeside(task) || !this.#guests.start(task.cpu, task.space)) continue;
      scheduler.remove(task);
      // As while it runs here: nobody may queue it.
      task.isQueued = true;
      this.#turns.set(task.cpu, { task, sinceNs: nowNs });
    }
  }
}

/** Nothing is to be done for it before its next instruction. */
function mayRunBeside(task: Task): boolean {
  return (
    task.isComputing &&
    task.state === TASK_STATE.runnable &&
    !task.isSleeping &&
    !task.signalPending &&
    task.restartCode === 0 &&
    task.trace === undefined &&
    !task.group.isStopped &&
    !task.cpu.hasLeft
  );
}
