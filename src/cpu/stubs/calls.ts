/** What the stubs are made for, and where their parts lie. */

export interface StubConfig {
  /** Host address where the first byte will lie: start of executable code memory. */
  readonly origin: number;
  /** End of executable code memory. */
  readonly codeEnd: number;
  /** Where translated code begins: `origin` + this. */
  readonly codeStart: number;
  readonly tlsDisplacement: number;
  readonly mailbox: number;
  readonly hasAvx512: boolean;
  readonly hasFsgsbase: boolean;
  readonly tickSignal: number;
}

/** Functions callable from C, by the slot of the shared object that jumps to them. */
export const CALLS = {
  enter: 0,
  syscall: 1,
  copy: 2,
  fill: 3,
  cpuid: 4,
  xgetbv: 5,
  counter: 6,
  pieces: 7,
  handOver: 8,
  clock: 9,
  startRunner: 10,
  haltRunner: 11,
  enterBeside: 12,
} as const;

export interface Stubs {
  readonly bytes: Uint8Array;
  readonly calls: Readonly<Record<keyof typeof CALLS, number>>;
  readonly exits: Readonly<Record<number, number>>;
  readonly miss: number;
  readonly missReturn: number;
  readonly missJump: number;
  readonly signalHandler: number;
  /** Thread that takes the signals of the process. */
  readonly pauseLoop: number;
  /** Thread that enters guests when `handOver` is called. */
  readonly partnerLoop: number;
  /** Thread that enters guests at the same time; its argument is its block. */
  readonly runnerLoop: number;
}

export interface ProbeStubs {
  readonly bytes: Uint8Array;
  readonly cpuid: number;
  readonly xgetbv: number;
}
