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

/** Writes `siginfo_t` at `at`; the union is chosen as `copy_siginfo_to_user` does. */
export function encodeSignalInfo(info: SignalInfo, view: DataView, at: number): void {
  if (info.raw !== undefined) {
    new Uint8Array(view.buffer, view.byteOffset + at, SIGINFO_BYTES).set(info.raw);
    return;
  }
  for (let word = at; word < at + SIGINFO_BYTES; word += 4) view.setInt32(word, 0, true);
  view.setInt32(at, info.signal, true);
  view.setInt32(at + 4, info.errno ?? 0, true);
  view.setInt32(at + 8, info.code, true);
  if (info.timerId !== undefined) {
    view.setInt32(at + 16, info.timerId, true);
    view.setInt32(at + 20, info.overrun ?? 0, true);
    view.setBigUint64(at + 24, BigInt.asUintN(64, info.value ?? 0n), true);
    return;
  }
  if (info.address !== undefined && isFault(info.signal)) {
    view.setBigUint64(at + 16, BigInt.asUintN(64, info.address), true);
    return;
  }
  if (info.band !== undefined) {
    view.setBigInt64(at + 16, BigInt(info.band), true);
    view.setInt32(at + 24, info.fd ?? -1, true);
    return;
  }
  view.setInt32(at + 16, info.pid ?? 0, true);
  view.setUint32(at + 20, info.uid ?? 0, true);
  if (info.signal === SIGCHLD && info.code > 0) {
    view.setInt32(at + 24, info.status ?? 0, true);
    view.setBigInt64(at + 32, BigInt(info.userTicks ?? 0), true);
    view.setBigInt64(at + 40, BigInt(info.systemTicks ?? 0), true);
  } else if (info.value !== undefined)
    view.setBigUint64(at + 24, BigInt.asUintN(64, info.value), true);
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
