/**
 * Layout of what a signal handler sees on its stack: `struct rt_sigframe` of
 * `arch/x86/include/asm/sigframe.h`, `ucontext` and `sigcontext_64` of `asm/sigcontext.h`,
 * `siginfo_t` of `asm-generic/siginfo.h`. Byte offsets.
 */

/** In the frame: return address, then ucontext, then siginfo; the FPU image lies above. */
export const FRAME = { pretcode: 0, ucontext: 8, siginfo: 312, bytes: 440 } as const;

export const UCONTEXT = {
  flags: 0,
  link: 8,
  stackPointer: 16,
  stackFlags: 24,
  stackSize: 32,
  mcontext: 40,
  sigmask: 296,
  bytes: 304,
} as const;

/** Flags in `uc_flags`. */
export const UC_FP_XSTATE = 1;
export const UC_SIGCONTEXT_SS = 2;
export const UC_STRICT_RESTORE_SS = 4;

/** In `uc_mcontext`: general registers in the order of {@link SIGCONTEXT_GPRS}, then these. */
export const SIGCONTEXT = {
  rip: 128,
  eflags: 136,
  cs: 144,
  gs: 146,
  fs: 148,
  ss: 150,
  err: 152,
  trapno: 160,
  oldmask: 168,
  cr2: 176,
  fpstate: 184,
  bytes: 256,
} as const;

/** Encoding numbers of r8…r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, as they lie in memory. */
export const SIGCONTEXT_GPRS: readonly number[] = [
  8, 9, 10, 11, 12, 13, 14, 15, 7, 6, 5, 3, 2, 0, 1, 4,
];

/** User segment selectors of Linux. */
export const USER_CS = 0x33;
export const USER_DS = 0x2b;

/** `struct _fpx_sw_bytes` at byte 464 of the legacy area, and the mark behind the image. */
export const FPX = {
  magic1At: 464,
  extendedSizeAt: 468,
  featuresAt: 472,
  stateSizeAt: 480,
  magic1: 0x46505853,
  magic2: 0x46505845,
  legacyBytes: 512,
  headerBytes: 64,
  magic2Bytes: 4,
} as const;

/** Flags that a handler's return may set (`FIX_EFLAGS`). */
export const EFLAGS_RESTORABLE = 0x50dd5;
export const EFLAGS_TF = 0x100;
export const EFLAGS_DF = 0x400;
export const EFLAGS_RF = 0x10000;

export const SIGINFO_BYTES = 128;
