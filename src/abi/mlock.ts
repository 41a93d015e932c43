/** mlock2(2), mlockall(2) and memory policies: `asm-generic/mman.h`, `linux/mempolicy.h`. */

export const MCL = { MCL_CURRENT: 1, MCL_FUTURE: 2, MCL_ONFAULT: 4 } as const;
export const MLOCK_ONFAULT = 1;
