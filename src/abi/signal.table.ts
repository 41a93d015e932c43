/** Signals of Linux x86-64: signal(7), `asm-generic/signal.h`, `asm-generic/siginfo.h`. */

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGILL = 4;
export const SIGTRAP = 5;
export const SIGABRT = 6;
export const SIGBUS = 7;
export const SIGFPE = 8;
export const SIGKILL = 9;
export const SIGUSR1 = 10;
export const SIGSEGV = 11;
export const SIGUSR2 = 12;
export const SIGPIPE = 13;
export const SIGALRM = 14;
export const SIGTERM = 15;
export const SIGSTKFLT = 16;
export const SIGCHLD = 17;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTSTP = 20;
export const SIGTTIN = 21;
export const SIGTTOU = 22;
export const SIGURG = 23;
export const SIGXCPU = 24;
export const SIGXFSZ = 25;
export const SIGVTALRM = 26;
export const SIGPROF = 27;
export const SIGWINCH = 28;
export const SIGIO = 29;
export const SIGPWR = 30;
export const SIGSYS = 31;
/** First and last real-time signal. */
export const SIGRTMIN = 32;
export const SIGRTMAX = 64;

/** Names by number, 0 … 31. */
export const SIGNAL_NAMES: readonly string[] = [
  '0',
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGKILL',
  'SIGUSR1',
  'SIGSEGV',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGTERM',
  'SIGSTKFLT',
  'SIGCHLD',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGWINCH',
  'SIGIO',
  'SIGPWR',
  'SIGSYS',
];

/** As strace(1) prints it: SIGRT_1 for 33. */
export function signalName(signal: number): string {
  if (signal >= 0 && signal < 32) return SIGNAL_NAMES[signal] as string;
  if (signal >= 32 && signal <= 64) return signal === 32 ? 'SIGRTMIN' : `SIGRT_${signal - 32}`;
  return String(signal);
}

export const SIG_DFL = 0;
export const SIG_IGN = 1;

/** sigaction(2) flags. */
export const SA = {
  SA_NOCLDSTOP: 0x1,
  SA_NOCLDWAIT: 0x2,
  SA_SIGINFO: 0x4,
  SA_UNSUPPORTED: 0x400,
  SA_EXPOSE_TAGBITS: 0x800,
  SA_RESTORER: 0x04000000,
  SA_ONSTACK: 0x08000000,
  SA_RESTART: 0x10000000,
  SA_NODEFER: 0x40000000,
  SA_RESETHAND: 0x80000000 | 0,
} as const;

/** Flags that Linux keeps (`UAPI_SA_FLAGS`); others are cleared on set. */
export const SA_KNOWN =
  SA.SA_NOCLDSTOP |
  SA.SA_NOCLDWAIT |
  SA.SA_SIGINFO |
  SA.SA_EXPOSE_TAGBITS |
  SA.SA_RESTORER |
  SA.SA_ONSTACK |
  SA.SA_RESTART |
  SA.SA_NODEFER |
  SA.SA_RESETHAND;

/** sigaltstack(2). */
export const SS_ONSTACK = 1;
export const SS_DISABLE = 2;
export const SS_AUTODISARM = 0x80000000 | 0;
/** Smallest alternate stack that is accepted; `AT_MINSIGSTKSZ` says what is really needed. */
export const MINSIGSTKSZ = 2048;

/** How rt_sigprocmask(2) combines. */
export const SIG_HOW = { SIG_BLOCK: 0, SIG_UNBLOCK: 1, SIG_SETMASK: 2 } as const;

/** si_code: who sent it. */
export const SI_USER = 0;
export const SI_KERNEL = 0x80;
export const SI_QUEUE = -1;
export const SI_TIMER = -2;
export const SI_MESGQ = -3;
export const SI_TKILL = -6;

/** si_code of SIGCHLD. */
export const CLD = {
  CLD_EXITED: 1,
  CLD_KILLED: 2,
  CLD_DUMPED: 3,
  CLD_TRAPPED: 4,
  CLD_STOPPED: 5,
  CLD_CONTINUED: 6,
} as const;

export const SEGV_MAPERR = 1;
export const SEGV_ACCERR = 2;
export const BUS_ADRERR = 2;
export const ILL_ILLOPN = 2;
export const TRAP_BRKPT = 1;
