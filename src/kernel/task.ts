/**
 * A task: one thread of a guest process, an explicit state machine. Groups of tasks that share an
 * address space and a process id are a {@link ThreadGroup}. Owned by the kernel's task table.
 */

import type { Tid } from '../base/brand.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { Credentials } from './credentials.ts';
import type { FdTable } from './fd-table.ts';
import type { FsContext } from './fs-context.ts';
import type { Kernel } from './kernel.ts';
import type { GuestCpu } from './platform.ts';
import type { Sleep } from './sleep.ts';
import type { ThreadGroup } from './thread-group.ts';

export interface Task {
  readonly kernel: Kernel;
  readonly tid: Tid;
  /** The process: pid, parent, children, signal actions, limits, session and process group. */
  readonly group: ThreadGroup;
  readonly cpu: GuestCpu;
  /** Guest memory: `task.space.copyIn(addr, target)` and so on. */
  space: AddressSpace;
  files: FdTable;
  /** Root, working directory, umask. */
  fs: FsContext;
  creds: Credentials;
  /** Goes to sleep; handlers return what it returns (BLOCKED). */
  sleep(sleep: Sleep): number;
  /** A signal is waiting to be handled: long loops in handlers stop and return what they have. */
  readonly signalPending: boolean;
}
