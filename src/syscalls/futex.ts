/** futex(2), set_robust_list(2), get_robust_list(2), set_tid_address(2). */

import { EAGAIN, EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from '../abi/errno.table.ts';
import { FUTEX, FUTEX_CLOCK_REALTIME, FUTEX_PRIVATE_FLAG } from '../abi/futex.ts';
import { type FutexKey, futexKey } from '../kernel/futex.ts';
import { mayInspect } from '../kernel/inspect.ts';
import { GPR } from '../kernel/platform.ts';
import type { Task } from '../kernel/task.ts';
import * as arg from './args.ts';
import { renderOneOf } from './flags.ts';
import { lockPi, requeuePi, unlockPi, waitRequeuePi } from './futex-pi.ts';
import { row, type SyscallRow } from './row.ts';
import { readTimespec } from './timespec.ts';

const ROBUST_LIST_HEAD_BYTES = 24;

function sysFutex(
  task: Task,
  addr: number,
  operation: number,
  value: number,
  timeout: number,
  addr2: number,
  value3: number,
): number {
  const command = operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
  const isPrivate = (operation & FUTEX_PRIVATE_FLAG) !== 0;
  const isRealtime = (operation & FUTEX_CLOCK_REALTIME) !== 0;
  if (isRealtime && !TIMED.has(command)) return -ENOSYS;
  // No double holds such an address exactly: its lowest bits are in the register.
  const isBeyond = addr > Number.MAX_SAFE_INTEGER;
  if (isBeyond && ((task.cpu.gprHalves[2 * GPR.rdi] as number) & 3) !== 0) return -EINVAL;
  const { futexes } = task.kernel;
  switch (command) {
    case FUTEX.FUTEX_WAIT:
      return wait(task, addr, isPrivate, value, timeout, isRealtime, false, -1);
    case FUTEX.FUTEX_WAIT_BITSET:
      return wait(task, addr, isPrivate, value, timeout, isRealtime, true, value3);
    case FUTEX.FUTEX_WAKE:
    case FUTEX.FUTEX_WAKE_BITSET: {
      const bitset = command === FUTEX.FUTEX_WAKE ? -1 : value3;
      if (bitset === 0) return -EINVAL;
      const key = futexKey(task.space, addr, isPrivate);
      if (typeof key === 'number') return key;
      return futexes.wake(key, Math.max(value, 1), bitset);
    }
    case FUTEX.FUTEX_REQUEUE:
    case FUTEX.FUTEX_CMP_REQUEUE:
      return requeue(task, addr, addr2, isPrivate, value, countIn(task), {
        compares: command === FUTEX.FUTEX_CMP_REQUEUE,
        expected: value3,
      });
    case FUTEX.FUTEX_WAKE_OP:
      return wakeOperation(task, addr, addr2, isPrivate, value, countIn(task), value3);
    default:
      return priorityInheritance(
        task,
        { command, isPrivate, isRealtime },
        addr,
        value,
        timeout,
        addr2,
        value3,
      );
  }
}

/** Operations that FUTEX_CLOCK_REALTIME is for. */
const TIMED: ReadonlySet<number> = new Set([
  FUTEX.FUTEX_WAIT_BITSET,
  FUTEX.FUTEX_WAIT_REQUEUE_PI,
  FUTEX.FUTEX_LOCK_PI2,
]);

/** The operation argument, taken apart. */
interface FutexOperation {
  readonly command: number;
  readonly isPrivate: boolean;
  readonly isRealtime: boolean;
}

function priorityInheritance(
  task: Task,
  { command, isPrivate, isRealtime }: FutexOperation,
  addr: number,
  value: number,
  timeoutAt: number,
  addr2: number,
  value3: number,
): number {
  switch (command) {
    case FUTEX.FUTEX_LOCK_PI:
    case FUTEX.FUTEX_LOCK_PI2: {
      const realtime = isRealtime || command === FUTEX.FUTEX_LOCK_PI;
      const deadlineNs = deadlineOf(task, timeoutAt, realtime, true);
      if (deadlineNs !== undefined && deadlineNs < 0) return deadlineNs;
      return lockPi(task, addr, isPrivate, false, deadlineNs);
    }
    case FUTEX.FUTEX_TRYLOCK_PI:
      return lockPi(task, addr, isPrivate, true, undefined);
    case FUTEX.FUTEX_UNLOCK_PI:
      return unlockPi(task, addr, isPrivate);
    case FUTEX.FUTEX_WAIT_REQUEUE_PI: {
      const deadlineNs = deadlineOf(task, timeoutAt, isRealtime, true);
      if (deadlineNs !== undefined && deadlineNs < 0) return deadlineNs;
      return waitRequeuePi(task, addr, addr2, isPrivate, value, deadlineNs);
    }
    case FUTEX.FUTEX_CMP_REQUEUE_PI: {
      if (value < 0 || countIn(task) < 0 || addr === addr2) return -EINVAL;
      const keys = twoKeys(task, addr, addr2, isPrivate);
      if (typeof keys === 'number') return keys;
      return requeuePi(task, keys, addr, value, countIn(task), value3);
    }
    default:
      return -ENOSYS;
  }
}

/** The argument in the place of the timeout, where it is a number. */
const countIn = (task: Task): number => task.cpu.gprHalves[2 * GPR.r10] as number;

/** The time at `timeoutAt` as a deadline; undefined for none, or -errno. */
function deadlineOf(
  task: Task,
  timeoutAt: number,
  isRealtime: boolean,
  isAbsolute: boolean,
): number | undefined {
  if (timeoutAt === 0) return undefined;
  const timeout = readTimespec(task, timeoutAt);
  if (timeout < 0) return timeout;
  const now = task.kernel.nowNs();
  if (!isAbsolute) return now + timeout;
  if (!isRealtime) return timeout;
  return Math.max(0, now + (timeout - Number(task.kernel.clock.realtimeNs())));
}

function wait(
  task: Task,
  addr: number,
  isPrivate: boolean,
  expected: number,
  timeoutAt: number,
  isRealtime: boolean,
  isAbsolute: boolean,
  bitset: number,
): number {
  if (bitset === 0) return -EINVAL;
  const deadlineNs = deadlineOf(task, timeoutAt, isRealtime, isAbsolute);
  if (deadlineNs !== undefined && deadlineNs < 0) return deadlineNs;
  return waitUntil(task, addr, isPrivate, expected, bitset, deadlineNs);
}

function waitUntil(
  task: Task,
  addr: number,
  isPrivate: boolean,
  expected: number,
  bitset: number,
  deadlineNs: number | undefined,
): number {
  const key = futexKey(task.space, addr, isPrivate);
  if (typeof key === 'number') return key;
  const word = task.space.readI32(addr);
  if (word === undefined) return -EFAULT;
  if (word !== expected) return -EAGAIN;
  // Without a deadline the call itself is made again.
  if (deadlineNs !== undefined)
    task.restartBlock = (again) => waitUntil(again, addr, isPrivate, expected, bitset, deadlineNs);
  return task.kernel.futexes.wait(task, key, bitset, deadlineNs);
}

function requeue(
  task: Task,
  addr: number,
  addr2: number,
  isPrivate: boolean,
  wakeCount: number,
  moveCount: number,
  compare: { compares: boolean; expected: number },
): number {
  if (wakeCount < 0 || moveCount < 0) return -EINVAL;
  const keys = twoKeys(task, addr, addr2, isPrivate);
  if (typeof keys === 'number') return keys;
  const word = task.space.readI32(addr);
  if (compare.compares) {
    if (word === undefined) return -EFAULT;
    if (word !== compare.expected) return -EAGAIN;
  }
  const { futexes } = task.kernel;
  const woken = futexes.wake(keys[0], wakeCount, -1);
  return woken + futexes.requeue(keys[0], keys[1], moveCount);
}

function twoKeys(
  task: Task,
  addr: number,
  addr2: number,
  isPrivate: boolean,
): readonly [FutexKey, FutexKey] | number {
  const first = futexKey(task.space, addr, isPrivate);
  if (typeof first === 'number') return first;
  const second = futexKey(task.space, addr2, isPrivate);
  return typeof second === 'number' ? second : [first, second];
}

/** FUTEX_WAKE_OP: changes the second word, then wakes by what it was. */
function wakeOperation(
  task: Task,
  addr: number,
  addr2: number,
  isPrivate: boolean,
  wakeCount: number,
  wakeCount2: number,
  encoded: number,
): number {
  const keys = twoKeys(task, addr, addr2, isPrivate);
  if (typeof keys === 'number') return keys;
  let operand = (encoded << 8) >> 20;
  if ((encoded & (8 << 28)) !== 0) operand = 1 << (operand & 31);
  task.kernel.parallel?.hold();
  const before = task.space.readI32(addr2);
  if (before === undefined) return -EFAULT;
  const after = applyOperation((encoded >>> 28) & 7, before, operand);
  if (after === undefined) return -ENOSYS;
  if (task.space.writeU32(addr2, after >>> 0) < 0) return -EFAULT;
  const holds = compareWord((encoded >>> 24) & 15, before, (encoded << 20) >> 20);
  if (holds === undefined) return -ENOSYS;
  const { futexes } = task.kernel;
  const woken = futexes.wake(keys[0], Math.max(wakeCount, 1), -1);
  return holds ? woken + futexes.wake(keys[1], Math.max(wakeCount2, 1), -1) : woken;
}

function applyOperation(code: number, word: number, operand: number): number | undefined {
  const results = [operand, word + operand, word | operand, word & ~operand, word ^ operand];
  const result = results[code];
  return result === undefined ? undefined : result | 0;
}

function compareWord(code: number, word: number, operand: number): boolean | undefined {
  const results = [
    word === operand,
    word !== operand,
    word < operand,
    word <= operand,
    word > operand,
    word >= operand,
  ];
  return results[code];
}

function sysSetRobustList(task: Task, head: number, length: number): number {
  if (length !== ROBUST_LIST_HEAD_BYTES) return -EINVAL;
  task.robustList = head;
  return 0;
}

function sysGetRobustList(task: Task, tid: number, headAt: number, lengthAt: number): number {
  const target = tid === 0 ? task : task.kernel.processes.task(tid);
  if (target === undefined) return -ESRCH;
  if (!mayInspect(task, target.group)) return -EPERM;
  if (task.space.writeU64(lengthAt, ROBUST_LIST_HEAD_BYTES) < 0) return -EFAULT;
  return task.space.writeU64(headAt, target.robustList) < 0 ? -EFAULT : 0;
}

function sysSetTidAddress(task: Task, addr: number): number {
  task.clearChildTid = addr;
  return task.tid;
}

const operation = arg.kind(arg.DECODE.int, (value) => {
  const command = value & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
  const flags = [renderOneOf(FUTEX, command)];
  if ((value & FUTEX_PRIVATE_FLAG) !== 0) flags[0] += '_PRIVATE';
  if ((value & FUTEX_CLOCK_REALTIME) !== 0) flags.push('FUTEX_CLOCK_REALTIME');
  return flags.join('|');
});

export const FUTEX_ROWS: readonly SyscallRow[] = [
  row('futex', [arg.pointer, operation, arg.int, arg.pointer, arg.pointer, arg.int], sysFutex, {
    coverage: 'partial',
    note: 'the owner of a lock with priority inheritance is not boosted',
  }),
  row('set_robust_list', [arg.pointer, arg.size], sysSetRobustList),
  row('get_robust_list', [arg.pid, arg.outPointer, arg.outPointer], sysGetRobustList),
  row('set_tid_address', [arg.pointer], sysSetTidAddress),
];
