/** `siginfo_t` (sigaction(2)): one value a signal, and its 128 bytes as the ABI lays them out. */

import {
  SI_KERNEL,
  SI_USER,
  SIGBUS,
  SIGCHLD,
  SIGFPE,
  SIGILL,
  SIGSEGV,
  SIGTRAP,
} from '../../abi/signal.table.ts';
import { SIGINFO_BYTES } from '../../abi/signal-frame.ts';

export interface SignalInfo {
  readonly signal: number;
  readonly code: number;
  readonly errno?: number;
  /** Sender; with SIGCHLD the child. */
  readonly pid?: number;
  readonly uid?: number;
  /** sigval of sigqueue(3), timers and message queues. */
  readonly value?: bigint;
  /** SIGCHLD. */
  readonly status?: number;
  readonly userTicks?: number;
  readonly systemTicks?: number;
  /** Faults. */
  readonly address?: bigint;
  readonly trapNumber?: number;
  readonly errorCode?: number;
  /** POSIX timers: `si_tid`, `si_overrun`, and the timer to ask when it is delivered. */
  readonly timerId?: number;
  overrun?: number;
  /** SIGIO. */
  readonly band?: number;
  readonly fd?: number;
  /** rt_sigqueueinfo: the guest's own 128 bytes. */
  readonly raw?: Uint8Array;
  /** Called when the signal leaves the queue: timers go on counting. */
  onDelivered?(): void;
}

/** kill(2) and the kernel itself. */
export const userSignal = (signal: number, pid: number, uid: number): SignalInfo => ({
  signal,
  code: SI_USER,
  pid,
  uid,
});

export const kernelSignal = (signal: number): SignalInfo => ({ signal, code: SI_KERNEL });

/** Writes `siginfo_t` from index `at` of `words` on; the union is chosen as `copy_siginfo_to_user` does. */
export function encodeSignalInfo(info: SignalInfo, words: Int32Array, at: number): void {
  if (info.raw !== undefined) {
    const raw = new DataView(info.raw.buffer, info.raw.byteOffset, SIGINFO_BYTES);
    for (let n = 0; n < SIGINFO_BYTES / 4; n++) words[at + n] = raw.getInt32(4 * n, true);
    return;
  }
  for (let n = 3; n < SIGINFO_BYTES / 4; n++) words[at + n] = 0;
  words[at] = info.signal;
  words[at + 1] = info.errno ?? 0;
  words[at + 2] = info.code;
  if (info.timerId !== undefined) {
    words[at + 4] = info.timerId;
    words[at + 5] = info.overrun ?? 0;
    putBigWord(words, at + 6, info.value ?? 0n);
    return;
  }
  if (info.address !== undefined && isFault(info.signal)) {
    putBigWord(words, at + 4, info.address);
    return;
  }
  if (info.band !== undefined) {
    putWord(words, at + 4, info.band);
    words[at + 6] = info.fd ?? -1;
    return;
  }
  words[at + 4] = info.pid ?? 0;
  words[at + 5] = (info.uid ?? 0) | 0;
  if (info.signal === SIGCHLD && info.code > 0) {
    words[at + 6] = info.status ?? 0;
    putWord(words, at + 8, info.userTicks ?? 0);
    putWord(words, at + 10, info.systemTicks ?? 0);
  } else if (info.value !== undefined) putBigWord(words, at + 6, info.value);
}

/** The bytes of `siginfo_t`. */
export function signalInfoBytes(info: SignalInfo): Uint8Array {
  const words = new Int32Array(SIGINFO_BYTES / 4);
  encodeSignalInfo(info, words, 0);
  return new Uint8Array(words.buffer);
}

const TWO_32 = 0x1_0000_0000;

/** A number as a 64-bit word, in two's complement; what is below 2^53 is exact. */
export function putWord(words: Int32Array, at: number, value: number): void {
  words[at] = value | 0;
  words[at + 1] = Math.floor(value / TWO_32);
}

export function putBigWord(words: Int32Array, at: number, value: bigint): void {
  const small = Number(value);
  if (small >= 0 && small <= Number.MAX_SAFE_INTEGER) {
    putWord(words, at, small);
    return;
  }
  words[at] = Number(BigInt.asIntN(32, value));
  words[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

function isFault(signal: number): boolean {
  return (
    signal === SIGSEGV ||
    signal === SIGBUS ||
    signal === SIGFPE ||
    signal === SIGILL ||
    signal === SIGTRAP
  );
}
