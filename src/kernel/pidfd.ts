/** Process descriptors (pidfd_open(2)): readable when the process has ended. */

import { O_RDWR } from '../abi/file-flags.ts';
import { POLLHUP, POLLIN, POLLRDNORM } from '../abi/poll-events.ts';
import type { WaitQueue } from '../base/wait-queue.ts';
import { AnonymousFile, anonymousRequest } from '../vfs/anonymous.ts';
import type { Task } from './task.ts';
import type { ThreadGroup } from './thread-group.ts';

export class PidfdFile extends AnonymousFile {
  protected override readonly kind = '[pidfd]';
  override readonly waitQueue: WaitQueue;
  readonly group: ThreadGroup;

  constructor(task: Task, group: ThreadGroup, flags: number) {
    super(anonymousRequest(task.kernel.vfs, task.creds, O_RDWR | flags));
    this.group = group;
    this.waitQueue = group.exitEvents;
  }

  override poll(): number {
    if (!this.group.isZombie) return 0;
    const isReaped = this.group.kernel.processes.group(this.group.pid) !== this.group;
    return POLLIN | POLLRDNORM | (isReaped ? POLLHUP : 0);
  }

  override get extraInfo(): string {
    const { pid, kernel } = this.group;
    const { processes } = kernel;
    const isKnown = this.group === processes.init || processes.group(pid) === this.group;
    const shown = isKnown ? pid : -1;
    return `Pid:\t${shown}\nNSpid:\t${shown}\n`;
  }
}
