/** System V semaphores: semget(2), semop(2), semtimedop(2), semctl(2). */

import {
  E2BIG,
  EACCES,
  EAGAIN,
  EFAULT,
  EIDRM,
  EINTR,
  EINVAL,
  EPERM,
  ERANGE,
} from '../abi/errno.table.ts';
import { IPC, IPC_64, SEM_CONTROL, SEMID_DS, SEMVMX } from '../abi/ipc.ts';
import { BLOCKED } from '../kernel/outcome.ts';
import { BAD_INDEX, type SemaphoreOperation, type SemaphoreSet } from '../kernel/semaphores.ts';
import { nowSec } from '../kernel/shared-memory.ts';
import type { Task } from '../kernel/task.ts';
import * as arg from './args.ts';
import { putPermissions, takePermissions } from './ipc-permissions.ts';
import { row, type SyscallRow } from './row.ts';
import { timespec } from './time.ts';
import { putNumber, readTimespec } from './timespec.ts';

const SEMBUF_BYTES = 6;

const sysSemget = (task: Task, key: number, count: number, flags: number) =>
  task.kernel.semaphores.open(task, key, count, flags);

function operate(task: Task, id: number, addr: number, count: number, timeoutNs: number): number {
  if (count < 1 || id < 0) return -EINVAL;
  if (count > task.kernel.semaphores.limits.operations) return -E2BIG;
  const bytes = new Uint8Array(SEMBUF_BYTES * count);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const operations: SemaphoreOperation[] = Array.from({ length: count }, (_, i) => ({
    index: view.getUint16(SEMBUF_BYTES * i, true),
    change: view.getInt16(SEMBUF_BYTES * i + 2, true),
    flags: view.getUint16(SEMBUF_BYTES * i + 4, true),
  }));
  const set = task.kernel.semaphores.get(id);
  if (set === undefined) return -EINVAL;
  if (operations.some(({ index }) => index >= set.values.length)) return BAD_INDEX;
  const changes = operations.some(({ change }) => change !== 0);
  if (!set.permissions.permits(task, changes ? 2 : 4)) return -EACCES;
  return waitFor(task, set, operations, timeoutNs);
}

function waitFor(
  task: Task,
  set: SemaphoreSet,
  operations: readonly SemaphoreOperation[],
  timeoutNs: number,
): number {
  const blocker: { operation: SemaphoreOperation | undefined } = { operation: undefined };
  const attempt = () => set.tryOperate(task, operations, blocker);
  const first = attempt();
  if (first !== -EAGAIN) return done(task, set, first);
  const waiting = blocker.operation as SemaphoreOperation;
  if ((waiting.flags & IPC.IPC_NOWAIT) !== 0) return first;
  const counter = waiting.change === 0 ? set.zeroWaiters : set.increaseWaiters;
  (counter[waiting.index] as number)++;
  const end = (result: number): number => {
    (counter[waiting.index] as number)--;
    return done(task, set, result);
  };
  return task.sleep({
    queues: [set.changed],
    attempt: () => {
      const result = attempt();
      return result === -EAGAIN ? BLOCKED : end(result);
    },
    deadlineNs: task.kernel.nowNs() + timeoutNs,
    timedOut: () => end(-EAGAIN),
    interrupted: () => end(-EINTR),
    abandoned: () => end(-EINTR),
    reason: 'do_semtimedop',
  });
}

function done(task: Task, set: SemaphoreSet, result: number): number {
  if (result === 0) set.operationTimeSec = nowSec(task);
  return result;
}

const sysSemop = (task: Task, id: number, addr: number, count: number) =>
  operate(task, id, addr, count, Number.POSITIVE_INFINITY);

function sysSemtimedop(task: Task, id: number, addr: number, count: number, timeoutAt: number) {
  if (timeoutAt === 0) return sysSemop(task, id, addr, count);
  const timeoutNs = readTimespec(task, timeoutAt);
  return timeoutNs < 0 ? timeoutNs : operate(task, id, addr, count, timeoutNs);
}

function sysSemctl(task: Task, id: number, index: number, rawCommand: number, value: number) {
  const command = rawCommand & ~IPC_64;
  const { semaphores } = task.kernel;
  if (command === SEM_CONTROL.IPC_INFO || command === SEM_CONTROL.SEM_INFO)
    return writeInfo(task, value, command);
  const set = semaphores.get(id);
  if (id < 0 || set === undefined) return -EINVAL;
  const isOwner = set.permissions.isOwnedBy(task);
  switch (command) {
    case SEM_CONTROL.IPC_RMID:
      if (!isOwner) return -EPERM;
      semaphores.remove(set);
      return 0;
    case SEM_CONTROL.IPC_SET:
      return isOwner ? setOwner(task, set, value) : -EPERM;
    case SEM_CONTROL.IPC_STAT:
    case SEM_CONTROL.SEM_STAT:
      return set.permissions.permits(task, 4) ? writeStatus(task, set, value, command) : -EACCES;
    case SEM_CONTROL.SEM_STAT_ANY:
      return writeStatus(task, set, value, command);
    case SEM_CONTROL.GETALL:
    case SEM_CONTROL.SETALL:
      return all(task, set, command, value);
    default:
      return single(task, set, index, command, value);
  }
}

function single(task: Task, set: SemaphoreSet, index: number, command: number, value: number) {
  const arrays: Readonly<Record<number, Int32Array>> = {
    [SEM_CONTROL.GETPID]: set.pids,
    [SEM_CONTROL.GETVAL]: set.values,
    [SEM_CONTROL.GETNCNT]: set.increaseWaiters,
    [SEM_CONTROL.GETZCNT]: set.zeroWaiters,
  };
  const array = arrays[command];
  if (array === undefined && command !== SEM_CONTROL.SETVAL) return -EINVAL;
  if (index < 0 || index >= set.values.length) return -EINVAL;
  if (!set.permissions.permits(task, array === undefined ? 2 : 4)) return -EACCES;
  if (array !== undefined) return array[index] as number;
  const number = value | 0;
  if (number < 0 || number > SEMVMX) return -ERANGE;
  set.setValue(task, index, number);
  set.changeTimeSec = nowSec(task);
  return 0;
}

function all(task: Task, set: SemaphoreSet, command: number, addr: number): number {
  const isRead = command === SEM_CONTROL.GETALL;
  if (!set.permissions.permits(task, isRead ? 4 : 2)) return -EACCES;
  const words = Uint16Array.from(set.values);
  const bytes = new Uint8Array(words.buffer);
  if (isRead) return task.space.copyOut(addr, bytes) < 0 ? -EFAULT : 0;
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  if (set.isRemoved) return -EIDRM;
  if (words.some((word) => word > SEMVMX)) return -ERANGE;
  for (const [i, word] of words.entries()) set.setValue(task, i, word);
  set.changeTimeSec = nowSec(task);
  return 0;
}

function setOwner(task: Task, set: SemaphoreSet, addr: number): number {
  const bytes = new Uint8Array(SEMID_DS.bytes);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  takePermissions(view, set.permissions);
  set.changeTimeSec = nowSec(task);
  return 0;
}

function writeStatus(task: Task, set: SemaphoreSet, addr: number, command: number): number {
  const bytes = new Uint8Array(SEMID_DS.bytes);
  const view = new DataView(bytes.buffer);
  putPermissions(view, set.key, set.permissions);
  putNumber(view, SEMID_DS.operationTime, set.operationTimeSec);
  putNumber(view, SEMID_DS.changeTime, set.changeTimeSec);
  putNumber(view, SEMID_DS.count, set.values.length);
  if (task.space.copyOut(addr, bytes) < 0) return -EFAULT;
  return command === SEM_CONTROL.IPC_STAT ? 0 : set.id;
}

/** `struct seminfo`: limits, for SEM_INFO with what there is; the highest number. */
function writeInfo(task: Task, addr: number, command: number): number {
  const { limits: most, count, used, highestId } = task.kernel.semaphores;
  const { perSet, all, operations, sets } = most;
  const isUse = command === SEM_CONTROL.SEM_INFO;
  const [size, values] = isUse ? [count, used] : [SEMUSZ, SEMVMX];
  // SEMMAP and SEMMNU are unused: `include/uapi/linux/sem.h` makes both SEMMNS.
  const limits = [all, sets, all, all, perSet, operations, operations, size, SEMVMX, values];
  const words = Int32Array.from(limits);
  const bytes = new Uint8Array(words.buffer);
  return task.space.copyOut(addr, bytes) < 0 ? -EFAULT : highestId;
}

/** Bytes of an undo structure, long ago. */
const SEMUSZ = 20;

const { int, uint, pointer, ulong } = arg;

export const SEMAPHORE_ROWS: readonly SyscallRow[] = [
  row('semget', [int, int, arg.flags(IPC)], sysSemget),
  row('semop', [int, pointer, ulong], sysSemop),
  row('semtimedop', [int, pointer, uint, timespec()], sysSemtimedop),
  row('semctl', [int, int, arg.oneOf(SEM_CONTROL), ulong], sysSemctl),
];
