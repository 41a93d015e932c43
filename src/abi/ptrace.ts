/** ptrace(2): `linux/ptrace.h`, `asm/ptrace-abi.h`, `sys/user.h`. */

export const PTRACE = {
  PTRACE_TRACEME: 0,
  PTRACE_PEEKTEXT: 1,
  PTRACE_PEEKDATA: 2,
  PTRACE_PEEKUSER: 3,
  PTRACE_POKETEXT: 4,
  PTRACE_POKEDATA: 5,
  PTRACE_POKEUSER: 6,
  PTRACE_CONT: 7,
  PTRACE_KILL: 8,
  PTRACE_SINGLESTEP: 9,
  PTRACE_GETREGS: 12,
  PTRACE_SETREGS: 13,
  PTRACE_GETFPREGS: 14,
  PTRACE_SETFPREGS: 15,
  PTRACE_ATTACH: 16,
  PTRACE_DETACH: 17,
  PTRACE_SYSCALL: 24,
  PTRACE_ARCH_PRCTL: 30,
  PTRACE_SYSEMU: 31,
  PTRACE_SYSEMU_SINGLESTEP: 32,
  PTRACE_SETOPTIONS: 0x4200,
  PTRACE_GETEVENTMSG: 0x4201,
  PTRACE_GETSIGINFO: 0x4202,
  PTRACE_SETSIGINFO: 0x4203,
  PTRACE_GETREGSET: 0x4204,
  PTRACE_SETREGSET: 0x4205,
  PTRACE_SEIZE: 0x4206,
  PTRACE_INTERRUPT: 0x4207,
  PTRACE_LISTEN: 0x4208,
  PTRACE_PEEKSIGINFO: 0x4209,
  PTRACE_GETSIGMASK: 0x420a,
  PTRACE_SETSIGMASK: 0x420b,
  PTRACE_GET_SYSCALL_INFO: 0x420e,
  PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG: 0x4210,
  PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG: 0x4211,
} as const;

/** Option bits; those of events are 1 << event. */
export const PTRACE_O = {
  TRACESYSGOOD: 1,
  TRACEFORK: 1 << 1,
  TRACEVFORK: 1 << 2,
  TRACECLONE: 1 << 3,
  TRACEEXEC: 1 << 4,
  TRACEVFORKDONE: 1 << 5,
  TRACEEXIT: 1 << 6,
  TRACESECCOMP: 1 << 7,
  EXITKILL: 1 << 20,
} as const;
/** Also PTRACE_O_SUSPEND_SECCOMP, which is refused. */
export const PTRACE_O_MASK: number = 0xff | PTRACE_O.EXITKILL;

export const PTRACE_EVENT = {
  FORK: 1,
  VFORK: 2,
  CLONE: 3,
  EXEC: 4,
  VFORK_DONE: 5,
  EXIT: 6,
  SECCOMP: 7,
  STOP: 128,
} as const;
/** The status of a stop at PTRACE_EVENT_SECCOMP, above the low byte: SIGTRAP and the event. */
export const SECCOMP_STOP: number = 5 | (PTRACE_EVENT.SECCOMP << 8);
export type PtraceEvent = (typeof PTRACE_EVENT)[keyof typeof PTRACE_EVENT];

/** Register sets of PTRACE_GETREGSET. */
export const NT_PRSTATUS = 1;
export const NT_PRFPREG = 2;
export const NT_X86_XSTATE = 0x202;

/** `struct user_regs_struct`: 27 words, in this order. */
export const USER_REGS = {
  bytes: 216,
  origRax: 15,
  rip: 16,
  cs: 17,
  eflags: 18,
  rsp: 19,
  ss: 20,
  fsBase: 21,
  gsBase: 22,
} as const;
/** `struct user` of the kernel, which has two words more than that of libc: PTRACE_PEEKUSER reads its words; debug registers start at `debugRegisters`. */
export const USER = { bytes: 928, fpregs: 224, debugRegisters: 848 } as const;
export const FPREGS_BYTES = 512;

/** `struct ptrace_syscall_info`. */
export const SYSCALL_INFO = {
  bytes: 88,
  noneBytes: 24,
  entryBytes: 80,
  exitBytes: 33,
  seccompBytes: 84,
  arch: 0xc000003e,
} as const;
