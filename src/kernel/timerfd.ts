/** timerfd_create(2): a timer whose expiries are read from a descriptor. */

import { EAGAIN, ECANCELED, EINVAL } from '../abi/errno.table.ts';
import { O_RDWR } from '../abi/file-flags.ts';
import { POLLIN } from '../abi/poll-events.ts';
import { WaitQueue } from '../base/wait-queue.ts';
import { AnonymousFile, anonymousRequest } from '../vfs/anonymous.ts';
import type { GuestClock, WallFollower } from './guest-clock.ts';
import { IntervalTimer } from './interval-timer.ts';
import type { Task } from './task.ts';

export class TimerfdFile extends AnonymousFile implements WallFollower {
  protected override readonly kind = '[timerfd]';
  override readonly waitQueue: WaitQueue = new WaitQueue();
  readonly clock: number;
  readonly timer: IntervalTimer;
  #expiries = 0;
  /** TFD_TIMER_CANCEL_ON_SET: the clock to hear of; and it was set. */
  #watched: GuestClock | undefined;
  #isCancelled = false;

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

  /** Whether it was cancelled since it was set last; from now on `clock` cancels it when it is set. */
  watch(clock: GuestClock | undefined): boolean {
    const wasCancelled = this.#isCancelled;
    this.#isCancelled = false;
    this.#watched?.followers.delete(this);
    this.#watched = clock;
    clock?.followers.add(this);
    return wasCancelled;
  }

  /** `timerfd_clock_was_set`. */
  clockMoved(): void {
    this.#isCancelled = true;
    this.waitQueue.wakeAll(POLLIN);
  }

  /** timerfd_settime(2) starts counting anew. */
  resetExpiries(): void {
    this.#expiries = 0;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    if (length < 8) return -EINVAL;
    this.timer.fireDue();
    if (this.#isCancelled) {
      this.#isCancelled = false;
      this.#expiries = 0;
      return -ECANCELED;
    }
    if (this.#expiries === 0) return -EAGAIN;
    const view = new DataView(target.buffer, target.byteOffset + start, 8);
    view.setBigUint64(0, BigInt(this.#expiries), true);
    this.#expiries = 0;
    return 8;
  }

  override poll(): number {
    this.timer.fireDue();
    return this.#expiries > 0 || this.#isCancelled ? POLLIN : 0;
  }

  protected override closed(): void {
    this.#watched?.followers.delete(this);
    this.timer.disarm();
  }
}
