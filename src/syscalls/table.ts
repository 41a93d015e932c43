/** The system-call table: the rows of every family, by number. */

import { NR, SYSCALL_NAMES } from '../abi/syscall-numbers.table.ts';
import { assert } from '../base/assert.ts';
import { AIO_ROWS } from './aio.ts';
import { CONTROL_ROWS } from './control.ts';
import { DESCRIPTOR_ROWS } from './descriptors.ts';
import { FILE_ATTRIBUTE_ROWS } from './file-attributes.ts';
import { FILE_DATA_ROWS } from './file-data.ts';
import { FILE_HANDLE_ROWS } from './file-handles.ts';
import { FILE_NAME_ROWS } from './file-names.ts';
import { FILE_XATTR_ROWS } from './file-xattrs.ts';
import { FUTEX_ROWS } from './futex.ts';
import { FUTEX2_ROWS } from './futex2.ts';
import { GETDENTS_ROWS } from './getdents.ts';
import { IDENTITY_ROWS } from './identity.ts';
import { INOTIFY_ROWS } from './inotify.ts';
import { INSPECTION_ROWS } from './inspection.ts';
import { JOB_ROWS } from './jobs.ts';
import { KEY_ROWS } from './keys.ts';
import { PROCESS_ROWS } from './lifecycle.ts';
import { LIMIT_ROWS } from './limits.ts';
import { MEMFD_ROWS } from './memfd.ts';
import { MEMORY_ROWS } from './memory.ts';
import { MESSAGE_QUEUE_ROWS } from './message-queues.ts';
import { MOUNT_ROWS } from './mounts.ts';
import { MULTIPLEXING_ROWS } from './multiplexing.ts';
import { NAMESPACE_ROWS } from './namespaces.ts';
import { NUMA_ROWS } from './numa.ts';
import { OPEN_CLOSE_ROWS } from './open-close.ts';
import { PIDFD_ROWS } from './pidfd.ts';
import { POSIX_QUEUE_ROWS } from './posix-queues.ts';
import { PROCESS_MEMORY_ROWS } from './process-memory.ts';
import { PTRACE_ROWS } from './ptrace.ts';
import { READ_WRITE_ROWS } from './read-write.ts';
import { REFUSED_ROWS } from './refused.ts';
import type { SyscallRow } from './row.ts';
import { RUSAGE_ROWS } from './rusage.ts';
import { SCHEDULING_ROWS } from './scheduling.ts';
import { SECCOMP_ROWS } from './seccomp.ts';
import { SEMAPHORE_ROWS } from './semaphores.ts';
import { SHARED_MEMORY_ROWS } from './shared-memory.ts';
import { SIGNAL_ROWS } from './signals.ts';
import { SOCKET_DATA_ROWS } from './socket-data.ts';
import { SOCKET_ROWS } from './sockets.ts';
import { STAT_ROWS } from './stat.ts';
import { SYSTEM_ROWS } from './system.ts';
import { TIME_ROWS } from './time.ts';
import { TIMER_ROWS } from './timers.ts';
import { TRANSFER_ROWS } from './transfer.ts';
import { WAITING_ROWS } from './waiting.ts';

/** Every family's rows. A family file exports them beside its handlers. */
export const ALL_ROWS: readonly SyscallRow[] = [
  ...IDENTITY_ROWS,
  ...PROCESS_ROWS,
  ...PIDFD_ROWS,
  ...WAITING_ROWS,
  ...TIMER_ROWS,
  ...TIME_ROWS,
  ...SYSTEM_ROWS,
  ...SIGNAL_ROWS,
  ...SCHEDULING_ROWS,
  ...RUSAGE_ROWS,
  ...REFUSED_ROWS,
  ...NAMESPACE_ROWS,
  ...MEMORY_ROWS,
  ...NUMA_ROWS,
  ...LIMIT_ROWS,
  ...JOB_ROWS,
  ...FUTEX_ROWS,
  ...FUTEX2_ROWS,
  ...CONTROL_ROWS,
  ...READ_WRITE_ROWS,
  ...OPEN_CLOSE_ROWS,
  ...FILE_DATA_ROWS,
  ...STAT_ROWS,
  ...SEMAPHORE_ROWS,
  ...MESSAGE_QUEUE_ROWS,
  ...POSIX_QUEUE_ROWS,
  ...SECCOMP_ROWS,
  ...SHARED_MEMORY_ROWS,
  ...INSPECTION_ROWS,
  ...PTRACE_ROWS,
  ...PROCESS_MEMORY_ROWS,
  ...SOCKET_ROWS,
  ...SOCKET_DATA_ROWS,
  ...FILE_ATTRIBUTE_ROWS,
  ...FILE_NAME_ROWS,
  ...GETDENTS_ROWS,
  ...DESCRIPTOR_ROWS,
  ...FILE_XATTR_ROWS,
  ...TRANSFER_ROWS,
  ...MEMFD_ROWS,
  ...INOTIFY_ROWS,
  ...MOUNT_ROWS,
  ...FILE_HANDLE_ROWS,
  ...MULTIPLEXING_ROWS,
  ...AIO_ROWS,
  ...KEY_ROWS,
];

/** Rows by number; holes are calls that answer ENOSYS. */
export function buildTable(
  rows: readonly SyscallRow[] = ALL_ROWS,
): readonly (SyscallRow | undefined)[] {
  const table = new Array<SyscallRow | undefined>(SYSCALL_NAMES.length).fill(undefined);
  for (const row of rows) {
    assert(table[NR[row.name]] === undefined, `one row for ${row.name}`);
    table[NR[row.name]] = row;
  }
  return table;
}
