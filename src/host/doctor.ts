/**
 * What this machine has of what running guests needs, for `cloister doctor` and for the one line
 * that `run` says where something is missing. Reads /proc only; works with any Node.js.
 */

import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { release } from 'node:os';

export interface MachineFact {
  readonly name: string;
  readonly found: string;
  readonly state: 'ok' | 'slow' | 'limited' | 'missing';
  /** What it means and what to do; empty when all is well. */
  readonly advice: string;
}

/** Where facts are read from; replaced in tests. */
export interface MachineView {
  readonly platform: string;
  readonly architecture: string;
  readonly kernelRelease: string;
  readonly nodeVersion: string;
  readonly hasFfi: boolean;
  /** A file's text, or undefined. */
  readText(path: string): string | undefined;
}

export function thisMachine(): MachineView {
  return {
    platform: process.platform,
    architecture: process.arch,
    kernelRelease: release(),
    nodeVersion: process.version,
    hasFfi: isBuiltin('node:ffi'),
    readText(path) {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return undefined;
      }
    },
  };
}

export function machineFacts(machine: MachineView = thisMachine()): MachineFact[] {
  const facts = [system(machine), processor(machine), kernel(machine), ffi(machine)];
  if (machine.platform !== 'linux' || machine.architecture !== 'x64') return facts;
  return [
    ...facts,
    vectorUnit(machine),
    fsgsbase(machine),
    mapCount(machine),
    overcommit(machine),
    addressSpace(machine),
  ];
}

/** The quick part of the question: what needs no file to be read. */
export function mayRunGuests(machine: MachineView = thisMachine()): boolean {
  const first = [system(machine), processor(machine), kernel(machine), ffi(machine)];
  return first.every(({ state }) => state !== 'missing');
}

/** The first thing without which no guest can run, in one line; undefined when there is none. */
export function whyGuestsCannotRun(machine: MachineView = thisMachine()): string | undefined {
  const missing = machineFacts(machine).find(({ state }) => state === 'missing');
  return missing && `${missing.name}: ${missing.found}; ${missing.advice}`;
}

function fact(
  name: string,
  found: string,
  state: MachineFact['state'] = 'ok',
  advice = '',
): MachineFact {
  return { name, found, state, advice: state === 'ok' ? '' : advice };
}

function system({ platform }: MachineView): MachineFact {
  const advice = 'guests run on Linux only; images can be built, inspected and verified here';
  return fact('operating system', platform, platform === 'linux' ? 'ok' : 'missing', advice);
}

function processor({ architecture }: MachineView): MachineFact {
  const advice = 'guests run on x86-64 only, because their own instructions are executed';
  return fact('processor', architecture, architecture === 'x64' ? 'ok' : 'missing', advice);
}

/** SS_AUTODISARM came with 4.7, FSGSBASE with 5.9, PAGEMAP_SCAN with 6.7. */
function kernel({ kernelRelease, platform }: MachineView): MachineFact {
  if (platform !== 'linux') return fact('kernel', kernelRelease);
  const [major = 0, minor = 0] = kernelRelease.split('.').map((part) => Number.parseInt(part, 10));
  const version = major * 1000 + minor;
  if (version < 4007)
    return fact('kernel', kernelRelease, 'missing', 'signals need Linux 4.7 (SS_AUTODISARM)');
  return fact(
    'kernel',
    kernelRelease,
    version < 6007 ? 'slow' : 'ok',
    'before Linux 6.7 a fork reads /proc/self/pagemap entry by entry',
  );
}

function ffi({ hasFfi, nodeVersion }: MachineView): MachineFact {
  const advice = 'needs Node.js 26.10 with node:ffi; `npm ci` installs it beside Cloister';
  return fact(
    'node:ffi',
    hasFfi ? nodeVersion : `not in ${nodeVersion}`,
    hasFfi ? 'ok' : 'missing',
    advice,
  );
}

function cpuFlags(machine: MachineView): ReadonlySet<string> {
  const line = /^flags\s*:(.*)$/m.exec(machine.readText('/proc/cpuinfo') ?? '');
  return new Set(line?.[1]?.trim().split(/\s+/));
}

function vectorUnit(machine: MachineView): MachineFact {
  const flags = cpuFlags(machine);
  const needed = ['avx', 'xsave', 'lahf_lm', 'fxsr'];
  const missing = needed.filter((flag) => !flags.has(flag));
  if (missing.length > 0)
    return fact(
      'vector registers',
      `no ${missing[0]}`,
      'missing',
      'a processor with AVX is needed',
    );
  return fact('vector registers', flags.has('avx512bw') ? 'AVX-512' : 'AVX');
}

function fsgsbase(machine: MachineView): MachineFact {
  const has = cpuFlags(machine).has('fsgsbase');
  const advice =
    'each switch between processes costs a system call (Linux 5.9 and a newer processor help)';
  return fact('FSGSBASE', has ? 'yes' : 'no', has ? 'ok' : 'slow', advice);
}

function mapCount(machine: MachineView): MachineFact {
  const path = '/proc/sys/vm/max_map_count';
  const value = Number(machine.readText(path)?.trim() ?? Number.NaN);
  const advice =
    'about 30 mappings a process: raise it for more than 1,000 processes at once ' +
    '(sysctl -w vm.max_map_count=1048576)';
  return fact('vm.max_map_count', String(value), value >= 262144 ? 'ok' : 'limited', advice);
}

function overcommit(machine: MachineView): MachineFact {
  const value = machine.readText('/proc/sys/vm/overcommit_memory')?.trim() ?? '?';
  const advice =
    'the host counts reserved address space as memory: use vm.overcommit_memory=0 or 1';
  return fact('vm.overcommit_memory', value, value === '2' ? 'limited' : 'ok', advice);
}

/** RLIMIT_AS would refuse the 4 GiB of a sandbox. */
function addressSpace(machine: MachineView): MachineFact {
  const line = /^Max address space\s+(\S+)/m.exec(machine.readText('/proc/self/limits') ?? '');
  const limit = line?.[1] ?? 'unlimited';
  const enough = limit === 'unlimited' || Number(limit) >= 2 ** 40;
  return fact(
    'address space',
    limit,
    enough ? 'ok' : Number(limit) < 2 ** 34 ? 'missing' : 'limited',
    'each process reserves 4 GiB of addresses: raise `ulimit -v`',
  );
}
