/** The settings of /proc/sys that the kernel itself obeys. */

import { EINVAL } from '../../abi/errno.table.ts';
import type { SysctlView } from '../../vfs/task-view.ts';
import type { Kernel } from '../kernel.ts';

const INT_MAX = 0x7fff_ffff;

/** `proc_dointvec_minmax`: numbers by white space, each within bounds. */
function numbers(
  path: string,
  read: () => readonly number[],
  write: (values: readonly number[]) => void,
  [least, most]: readonly [least: number, most: number] = [0, INT_MAX],
): SysctlView {
  return {
    path,
    read: () => read().join('\t'),
    write(text) {
      const given = text.trim().split(/\s+/).map(Number);
      const isGood = (value: number) => Number.isInteger(value) && value >= least && value <= most;
      if (given.length > read().length || !given.every(isGood)) return -EINVAL;
      write([...given, ...read().slice(given.length)]);
      return 0;
    },
  };
}

/** `proc_doulongvec_minmax` of one number. */
function wide<K extends string>(path: string, holder: Record<K, bigint>, key: K): SysctlView {
  return {
    path,
    read: () => String(holder[key]),
    write(text) {
      if (!/^\s*\d+\s*$/.test(text)) return -EINVAL;
      holder[key] = BigInt.asUintN(64, BigInt(text.trim()));
      return 0;
    },
  };
}

export function sysctlViews(kernel: Kernel): readonly SysctlView[] {
  const { messageQueues, semaphores, sharedMemory, posixQueues, keys } = kernel;
  const one = <K extends string>(
    path: string,
    holder: Record<K, number>,
    key: K,
    bounds?: readonly [number, number],
  ): SysctlView =>
    numbers(
      path,
      () => [holder[key]],
      ([value]) => {
        holder[key] = value as number;
      },
      bounds,
    );
  const semaphoreLimits = semaphores.limits;
  const queueLimits = posixQueues.limits;
  return [
    one('kernel/shm_next_id', sharedMemory.ids, 'wish', [-1, INT_MAX]),
    one('kernel/msg_next_id', messageQueues.ids, 'wish', [-1, INT_MAX]),
    one('kernel/sem_next_id', semaphores.ids, 'wish', [-1, INT_MAX]),
    one('kernel/shmmni', sharedMemory.limits, 'segments', [0, 32768]),
    wide('kernel/shmmax', sharedMemory.limits, 'bytes'),
    wide('kernel/shmall', sharedMemory.limits, 'pages'),
    one('kernel/msgmni', messageQueues.limits, 'queues', [0, 32768]),
    one('kernel/msgmax', messageQueues.limits, 'messageBytes'),
    one('kernel/msgmnb', messageQueues.limits, 'queueBytes'),
    numbers(
      'kernel/sem',
      () => [
        semaphoreLimits.perSet,
        semaphoreLimits.all,
        semaphoreLimits.operations,
        semaphoreLimits.sets,
      ],
      ([perSet = 0, all = 0, operations = 0, sets = 0]) =>
        Object.assign(semaphoreLimits, { perSet, all, operations, sets }),
    ),
    one('fs/mqueue/msg_max', queueLimits, 'messages', [1, 65536]),
    one('fs/mqueue/msgsize_max', queueLimits, 'bytes', [128, 16_777_216]),
    one('fs/mqueue/msg_default', queueLimits, 'defaultMessages', [1, 65536]),
    one('fs/mqueue/msgsize_default', queueLimits, 'defaultBytes', [128, 16_777_216]),
    one('fs/mqueue/queues_max', queueLimits, 'queues'),
    one('kernel/keys/maxkeys', keys.limits, 'keys', [1, INT_MAX]),
    one('kernel/keys/maxbytes', keys.limits, 'bytes', [1, INT_MAX]),
    one('kernel/keys/root_maxkeys', keys.limits, 'rootKeys', [1, INT_MAX]),
    one('kernel/keys/root_maxbytes', keys.limits, 'rootBytes', [1, INT_MAX]),
    one('kernel/keys/gc_delay', keys.limits, 'collectSec'),
    one('kernel/keys/persistent_keyring_expiry', keys.limits, 'persistSec'),
  ];
}
