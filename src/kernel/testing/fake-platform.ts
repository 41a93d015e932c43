/**
 * A platform without a processor: guest "programs" are generators that yield system calls. They
 * have addresses, so that exec, signal handlers and restarts work as with real code: a generator's
 * `syscall` instruction lies at its base − 1, the next instruction at base + 1.
 */

import { NR, type SyscallName } from '../../abi/syscall-numbers.table.ts';
import { assert } from '../../base/assert.ts';
import type { AddressSpace } from '../../mm/address-space.ts';
import {
  GPR,
  type GuestCpu,
  type GuestFault,
  type Platform,
  RUN,
  type RunExit,
} from '../platform.ts';

/** `[name, ...arguments]`, or a fault (`{ signal, code, address }`), or a spent time slice. */
export type Step =
  | readonly [SyscallName, ...(number | bigint)[]]
  | { readonly fault: Partial<GuestFault> }
  | 'preempted';
export type Script = (cpu: FakeCpu) => Generator<Step, void, number>;

interface Frame {
  readonly base: number;
  readonly run: Generator<Step, void, number>;
  step: Step | undefined;
}

const ARGUMENTS = [GPR.rdi, GPR.rsi, GPR.rdx, GPR.r10, GPR.r8, GPR.r9];
const EXTENDED_BYTES = 576;

export class FakeCpu implements GuestCpu {
  readonly gprs = new BigUint64Array(16);
  readonly gprHalves = new Int32Array(this.gprs.buffer);
  rip = 0;
  rflags = 0x202;
  fsBase = 0n;
  gsBase = 0n;
  readonly fault: GuestFault = { signal: 0, code: 0, address: 0n, trapNumber: 0, errorCode: 0 };
  readonly extendedBytes = EXTENDED_BYTES;
  readonly hasLeft = false;
  readonly extendedFeatures = 3;
  /** Stands for the vector state. */
  extended = new Uint8Array(EXTENDED_BYTES);
  /** What the next child made by fork or clone runs. */
  childScript: Script | undefined = undefined;
  frames: Frame[] = [];
  space: AddressSpace | undefined = undefined;
  readonly #platform: FakePlatform;

  constructor(platform: FakePlatform) {
    this.#platform = platform;
  }

  saveExtended(target: Uint8Array): void {
    target.set(this.extended);
  }

  loadExtended(source: Uint8Array): boolean {
    this.extended.set(source.subarray(0, EXTENDED_BYTES));
    return true;
  }

  saveExtendedTo(space: AddressSpace, addr: number): void {
    assert(space.copyOut(addr, this.extended) === 0, 'memory that may be written');
  }

  loadExtendedFrom(space: AddressSpace, addr: number): boolean {
    return space.copyIn(addr, this.extended) === 0;
  }

  resetExtended(): void {
    this.extended.fill(0);
  }

  copyFrom(other: GuestCpu): void {
    assert(other instanceof FakeCpu && other.childScript, 'a script for the child');
    this.gprs.set(other.gprs);
    this.fsBase = other.fsBase;
    this.extended = other.extended.slice();
    this.rip = this.#platform.addressOf(other.childScript);
    other.childScript = undefined;
  }

  reset(): void {
    this.gprs.fill(0n);
    this.frames = [];
    this.resetExtended();
  }

  /** Guest memory of the program: `cpu.memory.writeU32(addr, …)`. */
  get memory(): AddressSpace {
    assert(this.space, 'the program runs');
    return this.space;
  }

  [Symbol.dispose](): void {
    this.frames = [];
  }
}

export class FakePlatform implements Platform {
  readonly hwcap = 0;
  readonly hwcap2 = 0;
  cpuinfo(): string {
    return 'fake';
  }
  readonly #scripts = new Map<number, Script>();
  readonly #addresses = new Map<Script, number>();
  #next = 0x40_0000;
  tickUs = 0;

  /** Where a script's code lies: entry of a program, or a handler. */
  addressOf(script: Script): number {
    let address = this.#addresses.get(script);
    if (address === undefined) {
      address = this.#next;
      this.#next += 16;
      this.#addresses.set(script, address);
      this.#scripts.set(address, script);
    }
    return address;
  }

  createCpu(): GuestCpu {
    return new FakeCpu(this);
  }

  setTick(periodUs: number): void {
    this.tickUs = periodUs;
  }

  counter(): undefined {
    return undefined;
  }

  adopt(): void {
    // Nothing to translate.
  }

  release(): void {
    // Nothing to forget.
  }

  run(cpu: GuestCpu, space: AddressSpace): RunExit {
    assert(cpu instanceof FakeCpu);
    cpu.space = space;
    for (;;) {
      const frame = this.#frameOf(cpu);
      if (cpu.rip === frame.base + 1 || frame.step === undefined) {
        const result = Number(BigInt.asIntN(64, cpu.gprs[GPR.rax] as bigint));
        const next = frame.run.next(result);
        if (next.done === true) {
          this.#finish(cpu, frame);
          return RUN.syscall;
        }
        frame.step = next.value;
        if (next.value === 'preempted') {
          cpu.rip = frame.base + 1;
          return RUN.preempted;
        }
        if ('fault' in next.value) {
          Object.assign(cpu.fault, next.value.fault);
          cpu.rip = frame.base + 1;
          return RUN.fault;
        }
        this.#load(cpu, next.value);
      }
      cpu.rip = frame.base + 1;
      return RUN.syscall;
    }
  }

  /** The generator whose code rip points into; a fresh one at the address of a script. */
  #frameOf(cpu: FakeCpu): Frame {
    for (let i = cpu.frames.length - 1; i >= 0; i--) {
      const frame = cpu.frames[i] as Frame;
      if (cpu.rip !== frame.base + 1 && cpu.rip !== frame.base - 1) continue;
      cpu.frames.length = i + 1;
      return frame;
    }
    const script = this.#scripts.get(cpu.rip);
    assert(script, `code at ${cpu.rip.toString(16)}`);
    const base = cpu.rip + 4 + 0x1000 * (cpu.frames.length + 1);
    const frame: Frame = { base, run: script(cpu), step: undefined };
    cpu.frames.push(frame);
    return frame;
  }

  #load(cpu: FakeCpu, step: readonly [SyscallName, ...(number | bigint)[]]): void {
    const [name, ...args] = step;
    cpu.gprs[GPR.rax] = BigInt(NR[name]);
    for (const [i, arg] of args.entries())
      cpu.gprs[ARGUMENTS[i] as number] = BigInt.asUintN(64, BigInt(arg));
  }

  /** A script that ends returns from its handler, or exits with status 0. */
  #finish(cpu: FakeCpu, frame: Frame): void {
    cpu.frames = cpu.frames.filter((other) => other !== frame);
    if (cpu.frames.length > 0) {
      cpu.gprs[GPR.rsp] = (cpu.gprs[GPR.rsp] as bigint) + 8n;
      this.#load(cpu, ['rt_sigreturn']);
    } else this.#load(cpu, ['exit_group', 0]);
    cpu.rip = frame.base + 1;
  }
}
