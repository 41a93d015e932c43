/**
 * The engine's own machine code, assembled for a place at the start of code memory. Trusted: no code
 * verifier looks at it. Assembling takes longer than a small program runs, so it is done beforehand
 * (`templates.ts`), and a start puts its addresses in (`place.ts`).
 *
 * Invariants between calls: GS base = TLS.sandboxBase; the x87 stack is empty with the default
 * control word; MXCSR is the host's; DF is clear.
 */

import { Assembler } from '../../x86/assemble.ts';
import { EXIT } from '../sandbox/layout.ts';
import { CALLS, type ProbeStubs, type StubConfig, type Stubs } from './calls.ts';
import { emitEntry } from './entry.ts';
import { emitExits } from './exits.ts';
import { emitHandler } from './handler.ts';
import { emitCpuid, emitHelpers } from './helpers.ts';
import { emitMiss } from './miss.ts';
import { emitPartner } from './partner.ts';
import { emitRunner } from './runner.ts';

/** CPUID and XGETBV alone, to learn which stubs the processor needs. */
export function assembleProbe(origin: number, mailbox: number): ProbeStubs {
  const a = new Assembler(origin);
  const cpuid = a.label('cpuid');
  const xgetbv = a.label('xgetbv');
  emitCpuid(a, mailbox, cpuid, xgetbv);
  return { bytes: a.finish(), cpuid: a.addressOf(cpuid), xgetbv: a.addressOf(xgetbv) };
}

export function assembleStubs(config: StubConfig): Stubs {
  const a = new Assembler(config.origin);
  const names = (list: readonly string[]) => new Map(list.map((n) => [n, a.label(n)]));
  const kinds = new Map(
    Object.entries(EXIT).map(([name, kind]) => [kind as number, a.label(name)]),
  );
  const labels = names([
    ...['enter', 'syscall', 'copy', 'fill', 'cpuid', 'xgetbv', 'counter', 'pieces', 'handOver'],
    ...['clock', 'miss', 'handler', 'pause', 'partner', 'enterState', 'runner'],
    ...['startRunner', 'haltRunner', 'enterBeside'],
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
  emitPartner(context);
  emitRunner(context);
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
    partnerLoop: address('partner'),
    runnerLoop: address('runner'),
  };
}
