/** timerfd_create(2): a timer whose expiries are read from a descriptor. */

import { EAGAIN, EINVAL } from '../abi/errno.table.ts';
import { O_RDWR } from '../abi/file-flags.ts';
import { POLLIN } from '../abi/poll-events.ts';
import { WaitQueue } from '../base/wait-queue.ts';
import { AnonymousFile, anonymousRequest } from '../vfs/anonymous.ts';
import { IntervalTimer } from './interval-timer.ts';
import type { Task } from './task.ts';

export class TimerfdFile extends AnonymousFile {
  protected override readonly kind = '[timerfd]';
  override readonly waitQueue: WaitQueue = new WaitQueue();
  readonly clock: number;
  readonly timer: IntervalTimer;
  #expiries = 0;
  settingFlags = 0;

  constructor(task: Task, clock: number, flags: number) {
    super(anonymousRequest(task.kernel.vfs, task.creds, O_RDWR | flags));
    const { kernel } = task;
    this.clock = clock;
    this.timer = new IntervalTimer(
      kernel.timers,
      () => kernel.nowNs(),
      () => {
        this.#expiries += 1 + this.timer.missed;
        this.waitQueue.wakeAll(POLLIN);
      },
    );
  }

  /** timerfd_settime(2) starts counting anew. */
  resetExpiries(): void {
    this.#expiries = 0;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    if (length < 8) return -EINVAL;
    this.timer.fireDue();
    if (this.#expiries === 0) return -EAGAIN;
    const view = new DataView(target.buffer, target.byteOffset + start, 8);
    view.setBigUint64(0, BigInt(this.#expiries), true);
    this.#expiries = 0;
    return 8;
  }

  override poll(): number {
    this.timer.fireDue();
    return this.#expiries > 0 ? POLLIN : 0;
  }

  protected override closed(): void {
    this.timer.disarm();
  }
}
