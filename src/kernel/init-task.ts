/**
 * The thread of process 1 as other processes see it: it exists, belongs to root, has properties
 * that can be asked for and set, and never runs.
 */

import { Credentials } from './credentials.ts';
import type { DeadlineParameters, Task } from './task.ts';
import type { ThreadGroup } from './thread-group.ts';

/** What scheduling calls read and change. */
export type Schedulable = Pick<
  Task,
  | 'creds'
  | 'policy'
  | 'deadline'
  | 'realtimePriority'
  | 'resetsOnFork'
  | 'nice'
  | 'ioPriority'
  | 'affinity'
> & { readonly group: ThreadGroup };

export class InitTask implements Schedulable {
  readonly creds: Credentials = Credentials.forUser(0, 0, []);
  readonly group: ThreadGroup;
  policy = 0;
  deadline: DeadlineParameters | undefined = undefined;
  realtimePriority = 0;
  resetsOnFork = false;
  nice = 0;
  ioPriority = 0;
  affinity: bigint;

  constructor(group: ThreadGroup) {
    this.group = group;
    this.affinity = group.kernel.allProcessors;
  }
}
