/** signalfd(2): pending signals read from a descriptor, always those of the reading task. */

import { EAGAIN, EINVAL } from '../../abi/errno.table.ts';
import { O_RDWR } from '../../abi/file-flags.ts';
import { POLLIN } from '../../abi/poll-events.ts';
import { CLD } from '../../abi/signal.table.ts';
import type { WaitQueue } from '../../base/wait-queue.ts';
import { AnonymousFile, anonymousRequest } from '../../vfs/anonymous.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task.ts';
import type { SignalInfo } from './signal-info.ts';
import { SignalSet } from './signal-set.ts';
import { takeSignal } from './take.ts';

const SIGNALFD_SIGINFO_BYTES = 128;

export class SignalfdFile extends AnonymousFile {
  protected override readonly kind = '[signalfd]';
  override readonly waitQueue: WaitQueue;
  readonly wanted: SignalSet;
  readonly #kernel: Kernel;

  constructor(task: Task, wanted: SignalSet, flags: number) {
    super(anonymousRequest(task.kernel.vfs, task.creds, O_RDWR | flags));
    this.#kernel = task.kernel;
    this.waitQueue = task.group.signalEvents;
    this.wanted = wanted;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    const task = this.#kernel.current;
    if (length < SIGNALFD_SIGINFO_BYTES) return -EINVAL;
    if (task === undefined) return -EAGAIN;
    let done = 0;
    while (done + SIGNALFD_SIGINFO_BYTES <= length) {
      const info = takeSignal(task, this.wanted);
      if (info === undefined) break;
      encode(info, target.subarray(start + done, start + done + SIGNALFD_SIGINFO_BYTES));
      done += SIGNALFD_SIGINFO_BYTES;
    }
    return done === 0 ? -EAGAIN : done;
  }

  override poll(): number {
    const task = this.#kernel.current;
    if (task === undefined) return 0;
    const others = new SignalSet(~this.wanted.lo, ~this.wanted.hi);
    const isPending = task.pending.next(others) !== 0 || task.group.pending.next(others) !== 0;
    return isPending ? POLLIN : 0;
  }

  override get extraInfo(): string {
    return `sigmask:\t${this.wanted.toBigInt().toString(16).padStart(16, '0')}\n`;
  }
}

/** `struct signalfd_siginfo`. */
function encode(info: SignalInfo, bytes: Uint8Array): void {
  bytes.fill(0);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const raw = info.raw && new DataView(info.raw.buffer, info.raw.byteOffset);
  view.setUint32(0, info.signal, true);
  view.setInt32(4, info.errno ?? 0, true);
  view.setInt32(8, info.code, true);
  view.setUint32(12, raw ? raw.getUint32(16, true) : (info.pid ?? 0), true);
  view.setUint32(16, raw ? raw.getUint32(20, true) : (info.uid ?? 0), true);
  view.setInt32(20, info.fd ?? 0, true);
  view.setUint32(24, info.timerId ?? 0, true);
  view.setUint32(28, info.band ?? 0, true);
  view.setUint32(32, info.overrun ?? 0, true);
  view.setUint32(36, info.trapNumber ?? 0, true);
  view.setInt32(40, info.code > 0 && info.code <= CLD.CLD_CONTINUED ? (info.status ?? 0) : 0, true);
  const value = raw ? raw.getBigUint64(24, true) : BigInt.asUintN(64, info.value ?? 0n);
  view.setInt32(44, Number(BigInt.asIntN(32, value)), true);
  view.setBigUint64(48, value, true);
  view.setBigUint64(72, BigInt.asUintN(64, info.address ?? 0n), true);
}
