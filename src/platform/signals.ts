/** Which signal Linux raises for a fault of the processor (arch/x86/kernel/traps.c, mm/fault.c). */

/** Signal numbers and si_codes that hardware faults have (signal(7), sigaction(2)). */
export const SIGILL = 4;
export const SIGTRAP = 5;
export const SIGBUS = 7;
export const SIGFPE = 8;
export const SIGKILL = 9;
export const SIGSEGV = 11;

export const ILL_ILLOPN = 2;
export const SEGV_MAPERR = 1;
export const TRAP_BRKPT = 1;
export const TRAP_TRACE = 2;
export const SI_KERNEL = 0x80;

/** Vectors of the processor (Intel SDM vol. 3, 6.3.1). */
export const TRAP = {
  divide: 0,
  debug: 1,
  breakpoint: 3,
  overflow: 4,
  undefined: 6,
  stack: 12,
  protection: 13,
  page: 14,
  x87: 16,
  simd: 19,
} as const;

/** Page-fault error code: present, write, user, instruction fetch. */
export const PF_PRESENT = 1;
export const PF_WRITE = 2;
export const PF_USER = 4;
export const PF_FETCH = 16;
