/**
 * Listeners of seccomp(2) (seccomp_unotify(2)): calls that a filter answers with
 * SECCOMP_RET_USER_NOTIF wait until another process has looked at them through a descriptor. The
 * filter owns the listener; a listener that is closed, or a filter without one, means ENOSYS.
 */

import { ENOENT, ENOSYS } from '../abi/errno.table.ts';
import { O_RDWR } from '../abi/file-flags.ts';
import { POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from '../abi/poll-events.ts';
import { WaitQueue } from '../base/wait-queue.ts';
import { AnonymousFile, anonymousRequest } from '../vfs/anonymous.ts';
import { BLOCKED, ERESTART_RESTARTBLOCK, ERESTARTSYS, REGISTERS_SET } from './outcome.ts';
import { TASK_STATE, type Task } from './task.ts';

const RESPONSE_CONTINUE = 1;

/** A call that waits. */
export interface Notification {
  readonly id: bigint;
  readonly task: Task;
  /** `struct seccomp_data`. */
  readonly data: Uint8Array;
  state: 'new' | 'sent' | 'answered';
  /** Result of the call, -errno, or SECCOMP_USER_NOTIF_FLAG_CONTINUE. */
  answer: { readonly result: number; readonly flags: number };
  readonly answered: WaitQueue;
}

export class SeccompListener extends AnonymousFile {
  protected override readonly kind = 'seccomp notify';
  override readonly waitQueue: WaitQueue = new WaitQueue();
  /** SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: a call that was received is not interrupted. */
  readonly #waitsKillable: boolean;
  readonly #owner: Task;
  #calls: Notification[] = [];
  #nextId: bigint;
  #isClosed = false;
  /** The filter whose calls come here, once it is in place. */
  filter: object | undefined = undefined;

  constructor(task: Task, waitsKillable: boolean) {
    super(anonymousRequest(task.kernel.vfs, task.creds, O_RDWR));
    this.#owner = task;
    this.#waitsKillable = waitsKillable;
    const seed = new Uint8Array(8);
    task.kernel.entropy.fill(seed);
    this.#nextId = new DataView(seed.buffer).getBigUint64(0, true);
  }

  override get anonymousName(): string {
    return 'anon_inode:seccomp notify';
  }

  get isOpen(): boolean {
    return !this.#isClosed;
  }

  /** A filter's verdict on the call that `task` makes: waits for the listener's. */
  ask(task: Task, data: Uint8Array): number {
    const call: Notification = {
      ...{ id: this.#nextId, task, data, state: 'new' },
      ...{ answer: { result: 0, flags: 0 }, answered: new WaitQueue() },
    };
    this.#nextId = BigInt.asUintN(64, this.#nextId + 1n);
    this.#calls.push(call);
    const forget = (): void => {
      this.#calls = this.#calls.filter((each) => each !== call);
    };
    const mayNotInterrupt = () => this.#waitsKillable && call.state === 'sent';
    const result = task.sleep({
      queues: [call.answered],
      attempt: () => {
        if (call.state !== 'answered' && this.isOpen) return BLOCKED;
        forget();
        if (call.state !== 'answered') return -ENOSYS;
        const { result, flags } = call.answer;
        if ((flags & RESPONSE_CONTINUE) !== 0) return task.kernel.syscalls.dispatch(task, true);
        if (result >= 0 || result < -ERESTART_RESTARTBLOCK || result > -ERESTARTSYS) return result;
        // What means a restart inside the kernel is a number like any other here.
        task.cpu.gprs[0] = BigInt.asUintN(64, BigInt(result));
        return REGISTERS_SET;
      },
      interrupted: () => {
        forget();
        return -ERESTARTSYS;
      },
      abandoned: forget,
      get uninterruptible() {
        return mayNotInterrupt();
      },
      reason: 'seccomp_do_user_notification',
    });
    this.waitQueue.wake(POLLIN | POLLRDNORM);
    return result;
  }

  /** The oldest call that nobody has received. */
  next(): Notification | undefined {
    return this.#calls.find(({ state }) => state === 'new');
  }

  /** The call of that number while it has not gone on. */
  find(id: bigint): Notification | undefined {
    return this.#calls.find((call) => call.id === id);
  }

  received(call: Notification): void {
    call.state = 'sent';
    this.waitQueue.wake(POLLOUT | POLLWRNORM);
  }

  /** 0, or -ENOENT where the call is no longer there. */
  reply(call: Notification, result: number, flags: number): number {
    if (!this.#calls.includes(call)) return -ENOENT;
    call.answer = { result, flags };
    call.state = 'answered';
    call.answered.wakeAll();
    return 0;
  }

  /** Some task lives under the filter. */
  get hasUsers(): boolean {
    for (const { seccomp, state } of this.#owner.kernel.processes.tasks()) {
      if (typeof seccomp !== 'object' || state === TASK_STATE.dead) continue;
      for (let at: typeof seccomp | undefined = seccomp; at !== undefined; at = at.older)
        if (at === this.filter) return true;
    }
    return false;
  }

  override poll(): number {
    let events = 0;
    for (const { state } of this.#calls)
      if (state === 'new') events |= POLLIN | POLLRDNORM;
      else if (state === 'sent') events |= POLLOUT | POLLWRNORM;
    return this.hasUsers ? events : events | POLLHUP;
  }

  protected override closed(): void {
    this.#isClosed = true;
    for (const { answered } of this.#calls) answered.wakeAll();
  }
}

/** A task has ended: listeners of its filters may have lost the last one. */
export function seccompUserEnded({ seccomp }: Task): void {
  if (typeof seccomp !== 'object') return;
  for (let at: typeof seccomp | undefined = seccomp; at !== undefined; at = at.older)
    at.listener?.waitQueue.wake(POLLHUP);
}
