/**
 * How guest code runs, as the kernel sees it. Implemented by `platform/` over `cpu/`; by scripted
 * fakes in tests. A register file, a call that runs it until the kernel is needed, nothing else.
 */

import type { AddressSpace } from '../mm/address-space.ts';

/** Why {@link Platform.run} returned. */
export const RUN = {
  /** The guest executed `syscall`; number in rax, rip already behind it. */
  syscall: 0,
  /** A synchronous fault: `fault` holds the signal that Linux would send. */
  fault: 1,
  /** The time slice is over. */
  preempted: 2,
} as const;
export type RunExit = (typeof RUN)[keyof typeof RUN];

/** Index into `gprs`, in encoding order. */
export const GPR = {
  rax: 0,
  rcx: 1,
  rdx: 2,
  rbx: 3,
  rsp: 4,
  rbp: 5,
  rsi: 6,
  rdi: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  r12: 12,
  r13: 13,
  r14: 14,
  r15: 15,
} as const;

/** The synchronous fault of the last run; fields as in siginfo_t and sigcontext. */
export interface GuestFault {
  signal: number;
  /** si_code. */
  code: number;
  /** si_addr: the true effective address (may be above 4 GiB), or rip for SIGILL and SIGFPE. */
  address: bigint;
  /** Trap number and error code of the processor, cr2: for `ucontext`. */
  trapNumber: number;
  errorCode: number;
}

/** The processor state of one guest thread. Lives in the thread's state block: no copies. */
export interface GuestCpu extends Disposable {
  /** 16 general registers. */
  readonly gprs: BigUint64Array;
  /** The same memory as 32-bit halves (low half of register n at 2 × n): no BigInt in hot paths. */
  readonly gprHalves: Int32Array;
  rip: number;
  rflags: number;
  fsBase: bigint;
  gsBase: bigint;
  readonly fault: GuestFault;
  /** It ran beside and left for the kernel: `run` says why before it runs anything. */
  readonly hasLeft: boolean;
  /** Bytes of the XSAVE image (standard format) that this processor model has. */
  readonly extendedBytes: number;
  /** XCR0 as guests see it, its low half: the components in that image. */
  readonly extendedFeatures: number;
  /**
   * x87, MXCSR, vectors, masks as an XSAVE image in standard format (SDM vol. 1, 13.4); reserved
   * bytes of `target` stay as they are.
   */
  saveExtended(target: Uint8Array): void;
  /** Takes a guest-made image; sanitises MXCSR and header. False when it is malformed. */
  loadExtended(source: Uint8Array): boolean;
  /**
   * The same straight into guest memory, `words` of which {@link AddressSpace.directWords} gave for the
   * whole image; reserved bytes are zero.
   */
  saveExtendedTo(space: AddressSpace, addr: number, words: Int32Array): void;
  /** False: not an image that can be taken straight from there; nothing is changed then. */
  loadExtendedFrom(space: AddressSpace, addr: number, words: Int32Array): boolean;
  /** x87, vectors and masks as at process start: signal handlers begin with it. */
  resetExtended(): void;
  /** Whole state of another thread: fork and clone. */
  copyFrom(other: GuestCpu): void;
  /** State at process start (x87 control word 0x37f, MXCSR 0x1f80, the rest zero). */
  reset(): void;
}

/** Guests that run at the same time as the one that {@link Platform.run} runs. */
export interface GuestsBeside {
  /** Makes room for `count`; false: the host does not give so many threads. */
  grow(count: number): boolean;
  readonly hasRoom: boolean;
  /** Some run, or have not been taken since they left. */
  readonly isBusy: boolean;
  /** Lets `cpu` run; false: there is no room, or `run` must run it first. */
  start(cpu: GuestCpu, space: AddressSpace): boolean;
  /** One that has left guest code since it was started: `run` tells why, or goes on with it. */
  takeReturned(): GuestCpu | undefined;
  /** `cpu` runs no more, and is not returned. */
  recall(cpu: GuestCpu): void;
  /** Nobody runs until somebody is started again. */
  halt(): void;
  /** The same of those in the sandbox at `base`. */
  haltIn(base: number): void;
}

export interface Platform {
  /** Undefined: the platform runs one guest at a time. */
  readonly beside?: GuestsBeside;
  createCpu(): GuestCpu;
  /** Runs until the kernel is needed. `space` is the address space that `cpu` runs in. */
  run(cpu: GuestCpu, space: AddressSpace): RunExit;
  /**
   * Hears of changes to the pages of `space`: to be called once, before it runs. `parent`: the space
   * that it was forked from just now; they share translations until their code differs.
   */
  adopt(space: AddressSpace, parent?: AddressSpace): void;
  /** `space` is about to be disposed of: forgets it. */
  release(space: AddressSpace): void;
  /** How much CPU time there is between two ticks, which end {@link run}, in microseconds; 0: none. */
  setTick(periodUs: number): void;
  /** The counter that guests read with `rdtsc`; undefined: there is none to rely on. */
  counter(): bigint | undefined;
  /** AT_HWCAP, AT_HWCAP2, and the text of /proc/cpuinfo: they follow from the processor model. */
  readonly hwcap: number;
  readonly hwcap2: number;
  cpuinfo(processors: number): string;
}
