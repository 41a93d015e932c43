/** seccomp(2), and its older form in prctl(2). */

import { CAP_SYS_ADMIN } from '../abi/capability.ts';
import { EACCES, EFAULT, EINVAL, EMFILE, EOPNOTSUPP, ESRCH } from '../abi/errno.table.ts';
import { BPF_MAX_INSTRUCTIONS, type BpfInstruction, isValidBpf } from '../kernel/bpf.ts';
import { addFilter, SECCOMP_ACTION, seccompMode } from '../kernel/seccomp.ts';
import { SeccompListener } from '../kernel/seccomp-listener.ts';
import type { Task } from '../kernel/task.ts';
import * as arg from './args.ts';
import { allBits } from './flags.ts';
import { row, type SyscallRow } from './row.ts';
import { NOTIF } from './seccomp-listener.ts';

const OPERATION = {
  SECCOMP_SET_MODE_STRICT: 0,
  SECCOMP_SET_MODE_FILTER: 1,
  SECCOMP_GET_ACTION_AVAIL: 2,
  SECCOMP_GET_NOTIF_SIZES: 3,
} as const;
const FLAG = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_NEW_LISTENER: 8,
  SECCOMP_FILTER_FLAG_TSYNC_ESRCH: 16,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
} as const;
const KNOWN_FLAGS = allBits(FLAG);
const INSTRUCTION_BYTES = 8;

function sysSeccomp(task: Task, operation: number, flags: number, addr: number): number {
  switch (operation) {
    case OPERATION.SECCOMP_SET_MODE_STRICT:
      return flags !== 0 || addr !== 0 ? -EINVAL : setStrict(task);
    case OPERATION.SECCOMP_SET_MODE_FILTER:
      return setFilter(task, flags, addr);
    case OPERATION.SECCOMP_GET_ACTION_AVAIL: {
      if (flags !== 0) return -EINVAL;
      const action = task.space.readI32(addr);
      if (action === undefined) return -EFAULT;
      return Object.values<number>(SECCOMP_ACTION).includes(action) ? 0 : -EOPNOTSUPP;
    }
    case OPERATION.SECCOMP_GET_NOTIF_SIZES: {
      if (flags !== 0) return -EINVAL;
      const sizes = new Uint16Array([NOTIF.bytes, NOTIF.responseBytes, NOTIF.dataBytes]);
      return task.space.copyOut(addr, new Uint8Array(sizes.buffer)) < 0 ? -EFAULT : 0;
    }
    default:
      return -EINVAL;
  }
}

function setStrict(task: Task): number {
  if (seccompMode(task) === 2) return -EINVAL;
  task.seccomp = 'strict';
  return 0;
}

function setFilter(task: Task, flags: number, addr: number): number {
  if ((flags & ~KNOWN_FLAGS) !== 0) return -EINVAL;
  const has = (flag: number) => (flags & flag) !== 0;
  const listens = has(FLAG.SECCOMP_FILTER_FLAG_NEW_LISTENER);
  const asError = has(FLAG.SECCOMP_FILTER_FLAG_TSYNC_ESRCH);
  // Both would answer with a number.
  if (has(FLAG.SECCOMP_FILTER_FLAG_TSYNC) && listens && !asError) return -EINVAL;
  if (has(FLAG.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) && !listens) return -EINVAL;
  const length = task.space.readU32(addr);
  const at = task.space.readU64(addr + 8);
  if (length === undefined || at === undefined) return -EFAULT;
  const count = length & 0xffff;
  if (count === 0 || count > BPF_MAX_INSTRUCTIONS) return -EINVAL;
  if (!task.creds.noNewPrivs && !task.creds.has(CAP_SYS_ADMIN)) return -EACCES;
  const bytes = new Uint8Array(count * INSTRUCTION_BYTES);
  if (task.space.copyIn(at, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const program: BpfInstruction[] = Array.from({ length: count }, (_, i) => ({
    code: view.getUint16(8 * i, true),
    whenTrue: view.getUint8(8 * i + 2),
    whenFalse: view.getUint8(8 * i + 3),
    k: view.getUint32(8 * i + 4, true),
  }));
  if (!isValidBpf(program)) return -EINVAL;
  const synchronizes = has(FLAG.SECCOMP_FILTER_FLAG_TSYNC);
  if (!listens) {
    const result = addFilter(task, program, synchronizes);
    return result > 0 && asError ? -ESRCH : result;
  }
  const waitsKillable = has(FLAG.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  return addListener(task, program, synchronizes, new SeccompListener(task, waitsKillable));
}

/** The descriptor of the listener, or -errno. */
function addListener(
  task: Task,
  program: readonly BpfInstruction[],
  synchronizes: boolean,
  listener: SeccompListener,
): number {
  if (task.files.isFull(task.group.limits.openFiles)) {
    listener.release();
    return -EMFILE;
  }
  const result = addFilter(task, program, synchronizes, listener);
  if (result === 0) return task.files.install(listener, task.group.limits.openFiles, true);
  listener.release();
  return result > 0 ? -ESRCH : result;
}

/** PR_SET_SECCOMP. */
export function prctlSeccomp(task: Task, mode: number, addr: number): number {
  if (mode === 1) return setStrict(task);
  return mode === 2 ? setFilter(task, 0, addr) : -EINVAL;
}

export const SECCOMP_ROWS: readonly SyscallRow[] = [
  row('seccomp', [arg.oneOf(OPERATION), arg.flags(FLAG), arg.pointer], sysSeccomp, {}),
];
