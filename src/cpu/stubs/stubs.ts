/**
 * The engine's own machine code, assembled once per host process for its place at the start of code
 * memory. Trusted: no code verifier looks at it.
 *
 * Invariants between calls: GS base = TLS.sandboxBase; the x87 stack is empty with the default
 * control word; MXCSR is the host's; DF is clear.
 */

import { Assembler } from '../../x86/assemble.ts';
import { EXIT } from '../sandbox/layout.ts';
import { emitEntry } from './entry.ts';
import { emitExits } from './exits.ts';
import { emitHandler } from './handler.ts';
import { emitCpuid, emitHelpers } from './helpers.ts';
import { emitMiss } from './miss.ts';

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
}

/** CPUID and XGETBV alone, to learn which stubs the processor needs. */
export function assembleProbe(origin: number, mailbox: number): ProbeStubs {
  const a = new Assembler(origin);
  const cpuid = a.label('cpuid');
  const xgetbv = a.label('xgetbv');
  emitCpuid(a, mailbox, cpuid, xgetbv);
  return { bytes: a.finish(), cpuid: a.addressOf(cpuid), xgetbv: a.addressOf(xgetbv) };
}

export interface ProbeStubs {
  readonly bytes: Uint8Array;
  readonly cpuid: number;
  readonly xgetbv: number;
}

export function assembleStubs(config: StubConfig): Stubs {
  const a = new Assembler(config.origin);
  const names = (list: readonly string[]) => new Map(list.map((n) => [n, a.label(n)]));
  const kinds = new Map(
    Object.entries(EXIT).map(([name, kind]) => [kind as number, a.label(name)]),
  );
  const labels = names([
    ...['enter', 'syscall', 'copy', 'fill', 'cpuid', 'xgetbv', 'miss', 'handler', 'pause'],
    ...['missReturn', 'missReturnLoad', 'missReturnLoaded', 'missJump'],
    ...['restartStart', 'restartEnd', 'copyStart', 'copyEnd', 'copyDone'],
  ]);
  const at = (name: string) => {
    const label = labels.get(name);
    if (!label) throw new Error(`no stub ${name}`);
    return label;
  };
  const context = {
    a,
    config,
    at,
    exit: (kind: number) => kinds.get(kind) as ReturnType<typeof at>,
  };
  emitEntry(context);
  emitExits(context);
  emitMiss(context);
  emitHelpers(context);
  emitHandler(context);
  const address = (name: string) => a.addressOf(at(name));
  const calls = Object.fromEntries(Object.keys(CALLS).map((name) => [name, address(name)]));
  return {
    bytes: a.finish(),
    calls: calls as Record<keyof typeof CALLS, number>,
    exits: Object.fromEntries([...kinds].map(([kind, label]) => [kind, a.addressOf(label)])),
    miss: address('miss'),
    missReturn: address('missReturn'),
    missJump: address('missJump'),
    signalHandler: address('handler'),
    pauseLoop: address('pause'),
  };
}
