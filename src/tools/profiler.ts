/**
 * A profiler that samples by the engine's tick, which stops guest code at an exact instruction: per
 * sample the process, the calls it is in, and what the kernel did for it. Time is processor time of the
 * thread that runs guests, so a guest that waits takes none.
 */

import { SYSCALL_NAMES } from '../abi/syscall-numbers.table.ts';
import { EXIT } from '../cpu/sandbox/layout.ts';
import type { SyscallDispatcher } from '../kernel/kernel.ts';
import type { GuestCpu } from '../kernel/platform.ts';
import { TASK_STATE, type Task } from '../kernel/task.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { PlatformObserver } from '../platform/observer.ts';
import { Modules } from './modules.ts';
import { hexOf } from './names.ts';
import { Unwinder } from './unwind.ts';

/** A node of the tree of calls. */
export interface ProfileNode {
  readonly name: string;
  /** File that the code is of; empty for what is no guest code. */
  readonly path: string;
  readonly children: Map<string, ProfileNode>;
  /** Number in order of appearance, from 1. */
  readonly id: number;
  hits: number;
}

export interface Sample {
  readonly node: ProfileNode;
  /** Processor time since the sample before. */
  readonly ns: number;
}

/** What the engine did, by the exit that led to it. */
const ENGINE: Readonly<Record<number, string>> = {
  [EXIT.link]: '[engine: translate, link]',
  [EXIT.indirect]: '[engine: indirect jump, return]',
  [EXIT.illegal]: '[engine: illegal instruction]',
  [EXIT.int3]: '[engine: breakpoint]',
  [EXIT.emulate]: '[engine: interpret]',
  [EXIT.stale]: '[engine: code changed]',
  [EXIT.fault]: '[engine: fault]',
};
const MAX_NODES = 1 << 20;
const START = '[start-up]';
const KERNEL = '[kernel]';

export class Profiler implements PlatformObserver {
  readonly root: ProfileNode;
  readonly samples: Sample[] = [];
  readonly #unwinder: Unwinder;
  readonly #cpuNs: () => number;
  readonly #current: () => Task | undefined;
  #lastNs: number;
  #nodeCount = 0;
  /** What was done outside of guest code since guest code ran, and for whom. */
  #activity = KERNEL;
  #caller: Task | undefined;

  /** `cpuNs`: processor time of this thread; `current`: the task whose turn it is. */
  constructor(cpuNs: () => number, current: () => Task | undefined, modules = new Modules()) {
    this.#cpuNs = cpuNs;
    this.#current = current;
    this.#unwinder = new Unwinder(modules);
    this.#lastNs = cpuNs();
    this.root = this.#node('(root)', '');
  }

  /** Guests run from now on; accounts what was done until here. */
  begin(): void {
    this.#add(this.#child(this.root, START, ''));
  }

  /** Calls of guests pass through here, so that samples know them by name. */
  watch(calls: SyscallDispatcher): SyscallDispatcher {
    return {
      dispatch: (task, isPermitted) => {
        const result = calls.dispatch(task, isPermitted);
        this.#activity = SYSCALL_NAMES[task.syscallNumber] ?? `syscall ${task.syscallNumber}`;
        this.#caller = task;
        return result;
      },
      finished: (task, result) => calls.finished(task, result),
    };
  }

  left(kind: number): void {
    const name = ENGINE[kind];
    if (name === undefined) return;
    this.#activity = name;
    this.#caller = this.#current();
  }

  ticked(cpu: GuestCpu, space: AddressSpace, inGuest: boolean): void {
    if (inGuest) {
      this.#add(this.#stack(this.#current(), cpu, space));
      this.#activity = KERNEL;
      this.#caller = undefined;
      return;
    }
    const task = this.#caller ?? this.#current();
    const isGone = task === undefined || task.state === TASK_STATE.dead;
    const parent = isGone ? this.root : this.#stack(task, task.cpu, task.space);
    this.#add(this.#child(parent, this.#activity, ''));
  }

  /** Accounts what came after the last tick. */
  finish(): void {
    this.#add(this.#child(this.root, '[after the last tick]', ''));
  }

  #add(node: ProfileNode): void {
    const now = this.#cpuNs();
    node.hits++;
    this.samples.push({ node, ns: Math.max(0, now - this.#lastNs) });
    // What the sample itself cost is nobody's.
    this.#lastNs = this.#cpuNs();
  }

  #stack(task: Task | undefined, cpu: GuestCpu, space: AddressSpace): ProfileNode {
    const { root } = this;
    let node =
      task === undefined ? root : this.#child(root, `${commOf(task)} (pid ${task.group.pid})`, '');
    for (const { rip, place } of this.#unwinder.frames(cpu, space).reverse()) {
      const range = place?.module.rangeAt(place.address);
      const name = range?.name ?? labelOf(space, rip);
      node = this.#child(node, name, place?.module.path ?? '');
    }
    return node;
  }

  #child(parent: ProfileNode, name: string, path: string): ProfileNode {
    const key = `${name}\0${path}`;
    const known = parent.children.get(key);
    if (known) return known;
    if (this.#nodeCount >= MAX_NODES) return parent;
    const made = this.#node(name, path);
    parent.children.set(key, made);
    return made;
  }

  #node(name: string, path: string): ProfileNode {
    return { name, path, children: new Map(), id: ++this.#nodeCount, hits: 0 };
  }
}

/** Code that no file holds: by page, made by a compiler of the guest, or what Linux would name it. */
function labelOf(space: AddressSpace, rip: number): string {
  const area = space.areaAt(rip);
  if (area === undefined) return `[unmapped] ${hexOf(rip)}`;
  return area.label === '' ? `[anonymous] ${hexOf(rip - (rip % 4096))}` : area.label;
}

function commOf(task: Task): string {
  const { comm } = task;
  const end = comm.indexOf(0);
  return new TextDecoder().decode(end < 0 ? comm : comm.subarray(0, end));
}
