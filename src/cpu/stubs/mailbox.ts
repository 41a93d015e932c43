/**
 * The page through which JavaScript and stubs exchange arguments: calls without arguments are the
 * cheapest that node:ffi has (measured: 3–5 ns against 11–20 with integers). One per host thread
 * that enters guests; byte offsets.
 */
export const MAILBOX_BYTES = 4096;
export const MAILBOX = {
  /** Number and six arguments of a raw system call; the result replaces the number. */
  syscall: 0,
  /** Host address of the state block to enter with. */
  state: 64,
  /** Safe copy: destination, source (or fill byte), length; then what is left to copy. */
  copyTo: 72,
  copyFrom: 80,
  copyLength: 88,
  copyLeft: 96,
  /** Pieces: address and number of their pairs of offsets; `copyFrom` and `copyTo` are their bases. */
  pieces: 160,
  pieceCount: 168,
  /** cpuid: eax, ecx in; eax, ebx, ecx, edx out. xgetbv: eax out. counter: low, high half out. */
  cpuid: 104,
  /** Address of clock_gettime(3); the `timespec` that it fills; which clock. */
  clockFunction: 176,
  clockTime: 184,
  clockId: 200,
  /** 32 zero bytes: a kernel `struct sigaction` with the default action. */
  defaultAction: 128,
  /** Handlers that were there before ours, 8 bytes a signal number. */
  oldHandlers: 512,
  /**
   * The partner thread (`partner.ts`). Each side's words lie in cache lines of their own: number of the
   * last request, whether its maker sleeps, and did; of the last one done, and with which kind of exit.
   */
  request: 2048,
  callerSleeps: 2052,
  /** How often it went to sleep. */
  callerSlept: 2056,
  done: 2176,
  exitKind: 2180,
  partnerSleeps: 2184,
  /** Its `stack_t`, 24 bytes, and its thread number, 0 before it runs. */
  partnerStack: 2304,
  partnerThread: 2328,
  /** Runners (`runner.ts`): the block of the one that is meant; numbers of this process and thread. */
  runner: 2432,
  process: 2440,
  kernelThread: 2444,
  /** This thread is in a guest beside runners; how often one of them left, as far as it was seen. */
  isInGuest: 2448,
  leftSeen: 2452,
  left: 2560,
} as const;
