/**
 * Guests that run at the same time as the one that the kernel's thread runs, on threads of their own.
 * The kernel, the translations and the mappings are that thread's alone: before it changes what a guest
 * beside may be using, that guest is halted, and what it left for is settled while all is as it was.
 */

import { assert } from '../base/assert.ts';
import type { CodeHost, CodeRunner } from '../cpu/code-host.ts';
import { EXIT, STATE } from '../cpu/sandbox/layout.ts';
import type { GuestCpu, GuestsBeside } from '../kernel/platform.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { isBroken } from './broken-translation.ts';
import type { TranslatedCpu } from './guest-cpu.ts';
import type { SpaceState } from './space.ts';

/** `TranslatedCpu.left`: it goes on where it is, on the kernel's thread: for a translation, or a fault. */
export const GO_ON = 255;
/** The same: it left in a way that no translation leaves in. */
const BROKEN = 254;
/** Exits of which the registers say all: they can wait until the kernel comes to them. */
const BY_REGISTERS: ReadonlySet<number> = new Set([
  EXIT.syscall,
  EXIT.indirect,
  EXIT.illegal,
  EXIT.int3,
  EXIT.emulate,
  EXIT.stale,
]);

interface Place {
  readonly runner: CodeRunner;
  cpu: TranslatedCpu | undefined;
  known: SpaceState | undefined;
}

export interface BesideSteps {
  /** Makes `cpu` ready to be entered; undefined: it has to run on the kernel's thread first. */
  prepare(cpu: GuestCpu, space: AddressSpace): SpaceState | undefined;
  /** Where it was interrupted, its registers become those of the guest. */
  makeExact(cpu: TranslatedCpu, known: SpaceState): void;
  /** Where the link leads that it left by; undefined: it is none. */
  linkTarget(cpu: TranslatedCpu): number | undefined;
  /** Told of each exit. */
  left(kind: number): void;
}

export class Beside implements GuestsBeside {
  readonly #host: CodeHost;
  readonly #steps: BesideSteps;
  readonly #places: Place[] = [];
  readonly #returned: TranslatedCpu[] = [];
  /** How many run, as far as was seen. */
  #running = 0;
  /** Turns that began beside, and how many of them were halted for a change. */
  readonly counts = { turns: 0, halts: 0 };
  /** Somebody was halted: the turn under way ends at the next chance, for it to go on. */
  hasHalted = false;

  constructor(host: CodeHost, steps: BesideSteps) {
    this.#host = host;
    this.#steps = steps;
  }

  get isBusy(): boolean {
    return this.#running > 0;
  }

  get hasRoom(): boolean {
    return this.#running < this.#places.length;
  }

  grow(count: number): boolean {
    while (this.#places.length < count) {
      const runner = this.#host.createRunner();
      if (runner === undefined) return false;
      this.#places.push({ runner, cpu: undefined, known: undefined });
    }
    return true;
  }

  start(cpu: GuestCpu, space: AddressSpace): boolean {
    const place = this.#places.find((each) => each.cpu === undefined);
    if (place === undefined) return false;
    const known = this.#steps.prepare(cpu, space);
    if (known === undefined) return false;
    place.cpu = cpu as TranslatedCpu;
    place.known = known;
    this.#running++;
    this.counts.turns++;
    place.runner.start(place.cpu.state);
    return true;
  }

  takeReturned(): GuestCpu | undefined {
    this.hasHalted = false;
    if (this.#running > 0) {
      // Before the look: who leaves after it ticks this thread out of the next guest.
      this.#host.sawRunners();
      for (const place of this.#places)
        if (place.cpu !== undefined && !place.runner.isRunning) this.#finish(place);
    }
    return this.#returned.shift();
  }

  #finish(place: Place): void {
    const { cpu, known, runner } = place;
    assert(cpu !== undefined && known !== undefined);
    place.cpu = undefined;
    place.known = undefined;
    this.#running--;
    this.#returned.push(cpu);
    this.#settle(cpu, known, runner.exitKind);
  }

  /**
   * What it left for, so that it holds whatever changes afterwards: what depends on translations is done
   * at once, and a fault comes again where the guest goes on, should it still be one.
   */
  #settle(cpu: TranslatedCpu, known: SpaceState, kind: number): void {
    this.#steps.left(kind);
    // As after any exit: only `indirect` reports 64 bits.
    if (kind !== EXIT.indirect) cpu.state.i32[STATE.rip / 4 + 1] = 0;
    if (kind === EXIT.tickBeforeEntry) return;
    if (kind === EXIT.tick || kind === EXIT.fault) {
      const isExact = this.#isExact(cpu, known);
      if (!isExact) cpu.left = BROKEN;
      else if (kind === EXIT.fault) cpu.left = GO_ON;
      return;
    }
    if (kind !== EXIT.link) {
      cpu.left = BY_REGISTERS.has(kind) ? kind : BROKEN;
      return;
    }
    const target = this.#steps.linkTarget(cpu);
    if (target !== undefined) cpu.rip = target;
    cpu.left = target === undefined ? BROKEN : GO_ON;
  }

  /** False: its translation is broken, for which the process is killed when the kernel comes to it. */
  #isExact(cpu: TranslatedCpu, known: SpaceState): boolean {
    try {
      this.#steps.makeExact(cpu, known);
      return true;
    } catch (error) {
      if (!isBroken(error)) throw error;
      return false;
    }
  }

  halt(): void {
    if (this.#running === 0) return;
    for (const place of this.#places) if (place.cpu !== undefined) this.#halt(place);
    this.hasHalted = true;
  }

  /** The same of those in the sandbox at `base`. */
  haltIn(base: number): void {
    if (this.#running === 0) return;
    for (const place of this.#places) {
      if (place.known?.space.pages.base !== base) continue;
      this.#halt(place);
      this.hasHalted = true;
    }
  }

  #halt(place: Place): void {
    place.runner.halt();
    this.counts.halts++;
    this.#finish(place);
  }

  recall(cpu: GuestCpu): void {
    for (const place of this.#places) if (place.cpu === cpu) this.#halt(place);
    const at = this.#returned.indexOf(cpu as TranslatedCpu);
    if (at >= 0) this.#returned.splice(at, 1);
  }
}
