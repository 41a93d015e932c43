/** Faults of guest code as signals (arch/x86/kernel/traps.c): filled into `cpu.fault`. */

import type { Decoded } from '../cpu/interpret/decoded.ts';
import type { FaultAccess } from '../mm/address-space.ts';
import type { TranslatedCpu } from './guest-cpu.ts';
import {
  PF_FETCH,
  PF_PRESENT,
  PF_USER,
  PF_WRITE,
  SEGV_MAPERR,
  SI_KERNEL,
  SIGBUS,
  SIGFPE,
  SIGSEGV,
  SIGTRAP,
  TRAP,
  TRAP_BRKPT,
} from './signals.ts';

/** An offset of code memory to go on at, or a negative number that says why not. */
export type Next = number;
/** The fault in `cpu.fault` goes to the kernel. */
export const LEAVE_FAULT: Next = -1;
export const LEAVE_PREEMPTED: Next = -2;
export const LEAVE_SYSCALL: Next = -3;
/** The instruction is done and RIP stands behind it. */
export const COMPLETED: Next = -4;

export function raise(
  cpu: TranslatedCpu,
  signal: number,
  code: number,
  address: bigint,
  trapNumber: number,
  errorCode: number,
): Next {
  const { fault } = cpu;
  fault.signal = signal;
  fault.code = code;
  fault.address = address;
  fault.trapNumber = trapNumber;
  fault.errorCode = errorCode;
  return LEAVE_FAULT;
}

/** int3, int1, int 4, with RIP behind the instruction. */
export function raiseTrap(cpu: TranslatedCpu, vector: number): Next {
  if (vector === TRAP.overflow) return raise(cpu, SIGSEGV, SI_KERNEL, 0n, vector, 0);
  if (vector === TRAP.breakpoint) return raise(cpu, SIGTRAP, SI_KERNEL, 0n, vector, 0);
  return raise(cpu, SIGTRAP, TRAP_BRKPT, BigInt(cpu.rip), vector, 0);
}

/** What the host's kernel made of a trap that is neither a page fault nor an undefined instruction. */
export function raiseHostTrap(
  cpu: TranslatedCpu,
  signal: number,
  code: number,
  vector: number,
): Next {
  if (signal === SIGFPE || signal === SIGTRAP)
    return raise(cpu, signal, code, BigInt(cpu.rip), vector, 0);
  if (signal === SIGBUS) return raise(cpu, SIGBUS, code, 0n, vector, 0);
  return raise(cpu, SIGSEGV, SI_KERNEL, 0n, TRAP.protection, 0);
}

/** Addresses from here to there are not canonical (48 bits). */
const CANONICAL_END = 2n ** 47n;
const CANONICAL_HIGH = 2n ** 64n - 2n ** 47n;
/** The last page below is never mapped. */
const TASK_SIZE_MAX = CANONICAL_END - 4096n;

function isCanonical(address: bigint): boolean {
  return address < CANONICAL_END || address >= CANONICAL_HIGH;
}

/** Error code of a page fault in user mode, without the bit for a page that is there. */
export function errorBits(access: FaultAccess): number {
  return PF_USER | (access === 'write' ? PF_WRITE : 0) | (access === 'execute' ? PF_FETCH : 0);
}

/** An access to an address above guest space, where nothing is mapped. */
export function raiseOutside(
  cpu: TranslatedCpu,
  ins: Decoded['instruction'],
  address: bigint,
  access: FaultAccess,
): Next {
  if (!isCanonical(address)) return raiseWild(cpu, ins, access);
  const bits = errorBits(access);
  // Linux hides from programs whether an address that is not theirs is mapped.
  const shown = address >= TASK_SIZE_MAX ? bits | PF_PRESENT : bits;
  return raise(cpu, SIGSEGV, SEGV_MAPERR, address, TRAP.page, shown);
}

/** Addresses that are not canonical: #SS where RSP or RBP is the base, else #GP. */
function raiseWild(cpu: TranslatedCpu, ins: Decoded['instruction'], access: FaultAccess): Next {
  const { base, hasMemory, row } = ins;
  const onStack = hasMemory
    ? base === 4 || base === 5
    : access !== 'execute' && row.implicitMemory.some(({ segment }) => segment === 'ss');
  if (access !== 'execute' && onStack) return raise(cpu, SIGBUS, SI_KERNEL, 0n, TRAP.stack, 0);
  return raise(cpu, SIGSEGV, SI_KERNEL, 0n, TRAP.protection, 0);
}
