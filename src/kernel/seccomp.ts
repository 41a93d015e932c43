/**
 * seccomp(2): strict mode and filters. A filter can only make a program's world smaller: each one
 * stays for the rest of the thread's life and its children's, execve included.
 */

import { EBUSY, EINVAL, ENOMEM, ENOSYS } from '../abi/errno.table.ts';
import { SIGKILL, SIGSYS } from '../abi/signal.table.ts';
import { NR } from '../abi/syscall-numbers.table.ts';
import { BPF_DATA_BYTES, type BpfInstruction, loweredLength, runBpf } from './bpf.ts';
import { exitGroup, exitTask } from './exit.ts';
import { EXITED, REGISTERS_SET } from './outcome.ts';
import { stopsAtSeccomp } from './ptrace/seccomp-stop.ts';
import type { SeccompListener } from './seccomp-listener.ts';
import { callSignal } from './signals/call-signal.ts';
import { forceSignal } from './signals/send.ts';
import type { Task } from './task.ts';

/** What a filter returns: an action in the high half, data in the low one. */
export const SECCOMP_ACTION = {
  KILL_PROCESS: 0x8000_0000 | 0,
  KILL_THREAD: 0,
  TRAP: 0x3_0000,
  ERRNO: 0x5_0000,
  USER_NOTIF: 0x7fc0_0000,
  TRACE: 0x7ff0_0000,
  LOG: 0x7ffc_0000,
  ALLOW: 0x7fff_0000,
} as const;
const ACTION_MASK = 0xffff_0000 | 0;
const DATA_MASK = 0xffff;
const MAX_ERRNO = 4095;
const AUDIT_ARCH_X86_64 = 0xc000_003e;
const SYS_SECCOMP = 1;
/** Argument registers: rdi rsi rdx r10 r8 r9. */
const ARGUMENTS = [7, 6, 2, 10, 8, 9] as const;

/** What of `struct seccomp_data` is the same for all calls of one number: `nr` and `arch`. */
const COMMON_BYTES = 8;
/** `MAX_INSNS_PER_PATH`, and what each filter of a path counts beside its own. */
const PATH_LIMIT = (1 << 18) / 8;
const FILTER_COST = 4;

/** The filters of a thread, the newest first. */
export interface SeccompFilter {
  readonly program: readonly BpfInstruction[];
  readonly older: SeccompFilter | undefined;
  /** Instructions of this filter and the older ones, as the limit counts them. */
  readonly pathLength: number;
  /** Who is asked about SECCOMP_RET_USER_NOTIF. */
  readonly listener: SeccompListener | undefined;
  /** Calls that this filter and all older ones allow whatever the arguments, as far as is known. */
  readonly allows: Map<number, boolean>;
}

/** Strict mode, or a chain of filters. */
export type Seccomp = 'strict' | SeccompFilter;

/** As PR_GET_SECCOMP and /proc tell it. */
export function seccompMode(task: Task): number {
  return task.seccomp === undefined ? 0 : task.seccomp === 'strict' ? 1 : 2;
}

/** For /proc/PID/status. */
export function filterCount({ seccomp }: Task): number {
  let count = 0;
  if (seccomp === 'strict') return 0;
  for (let at = seccomp; at !== undefined; at = at.older) count++;
  return count;
}

const STRICT_CALLS: ReadonlySet<number> = new Set([NR.read, NR.write, NR.exit, NR.rt_sigreturn]);

/** Asks the task's filters; undefined to go on, else the outcome of the call. */
export function checkSyscall(task: Task, seccomp: Seccomp, number: number): number | undefined {
  if (seccomp === 'strict') return STRICT_CALLS.has(number) ? undefined : endThread(task, SIGKILL);
  if (alwaysAllows(seccomp, number)) return undefined;
  const isRecheck = task.trace?.isPastSeccomp === true;
  if (task.trace !== undefined) task.trace.isPastSeccomp = false;
  const call = dataOf(task, number);
  const { verdict, filter } = ask(seccomp, call);
  const data = verdict & DATA_MASK;
  switch (verdict & ACTION_MASK) {
    case SECCOMP_ACTION.ALLOW:
      return undefined;
    case SECCOMP_ACTION.LOG:
      task.kernel.logger.log('info', `seccomp: ${task} makes system call ${number}`);
      return undefined;
    case SECCOMP_ACTION.ERRNO:
      return -Math.min(data, MAX_ERRNO);
    case SECCOMP_ACTION.TRAP:
      // The handler finds the number of the call in rax still.
      forceSignal(task, callSignal(task, number, SYS_SECCOMP, data));
      return REGISTERS_SET;
    case SECCOMP_ACTION.TRACE:
      // What the tracer has seen goes on, unless another filter refuses what it made of it.
      return isRecheck ? undefined : (stopsAtSeccomp(task, data) ?? -ENOSYS);
    case SECCOMP_ACTION.USER_NOTIF:
      if (filter.listener?.isOpen !== true) return -ENOSYS;
      return filter.listener.ask(task, new Uint8Array(call.buffer));
    case SECCOMP_ACTION.KILL_THREAD:
      return endThread(task, SIGSYS);
    default:
      exitGroup(task, SIGSYS);
      return EXITED;
  }
}

/**
 * Linux' cache of what a filter allows (`seccomp_cache_prepare`): a program that decides without
 * looking at arguments or instruction pointer decides once. Chains may be thousands long: no recursion.
 */
function alwaysAllows(newest: SeccompFilter, number: number): boolean {
  const unknown: SeccompFilter[] = [];
  let allows = true;
  for (let at: SeccompFilter | undefined = newest; at !== undefined; at = at.older) {
    const known = at.allows.get(number);
    if (known !== undefined) {
      allows = known;
      break;
    }
    unknown.push(at);
  }
  if (unknown.length === 0) return allows;
  const view = commonData(number);
  for (const filter of unknown.reverse()) {
    const verdict = allows ? runBpf(filter.program, view, COMMON_BYTES) : undefined;
    allows = verdict !== undefined && ((verdict | 0) & ACTION_MASK) === SECCOMP_ACTION.ALLOW;
    if (filter.allows.size < KEPT_VERDICTS) filter.allows.set(number, allows);
  }
  return allows;
}

/** Numbers that a filter remembers: all there are, and a few that there are not. */
const KEPT_VERDICTS = 1024;

function commonData(number: number): DataView {
  const view = new DataView(new ArrayBuffer(BPF_DATA_BYTES));
  view.setInt32(0, number, true);
  view.setUint32(4, AUDIT_ARCH_X86_64, true);
  return view;
}

/** All filters run; the action that comes first in the order of their numbers counts. */
function ask(newest: SeccompFilter, view: DataView): { verdict: number; filter: SeccompFilter } {
  let verdict: number = SECCOMP_ACTION.ALLOW;
  let filter = newest;
  for (let at: SeccompFilter | undefined = newest; at !== undefined; at = at.older) {
    const own = (runBpf(at.program, view) ?? 0) | 0;
    if ((own & ACTION_MASK) >= (verdict & ACTION_MASK)) continue;
    verdict = own;
    filter = at;
  }
  return { verdict, filter };
}

/** `struct seccomp_data` of the call that the task makes. */
function dataOf(task: Task, number: number): DataView {
  const view = commonData(number);
  view.setBigUint64(8, BigInt(task.cpu.rip), true);
  for (const [i, register] of ARGUMENTS.entries())
    view.setBigUint64(16 + 8 * i, task.cpu.gprs[register] as bigint, true);
  return view;
}

/** The last thread takes the process with it, as a signal would. */
function endThread(task: Task, signal: number): number {
  if (task.group.tasks.size === 1) exitGroup(task, signal);
  else exitTask(task, signal);
  return EXITED;
}

/** Adds a filter to the task; with `synchronize` to all threads. 0, the tid of one that cannot, or -errno. */
export function addFilter(
  task: Task,
  program: readonly BpfInstruction[],
  synchronize: boolean,
  listener?: SeccompListener,
): number {
  const { seccomp } = task;
  if (seccomp === 'strict') return -EINVAL;
  if (listener !== undefined && hasListener(seccomp)) return -EBUSY;
  if (synchronize) {
    const stranger = [...task.group.tasks].find((each) => !isAncestor(each.seccomp, seccomp));
    if (stranger !== undefined) return stranger.tid;
  }
  const before = seccomp === undefined ? 0 : seccomp.pathLength + FILTER_COST;
  const pathLength = before + loweredLength(program);
  if (pathLength > PATH_LIMIT) return -ENOMEM;
  const filter: SeccompFilter = {
    program,
    older: seccomp,
    pathLength,
    listener,
    allows: new Map(),
  };
  if (listener !== undefined) listener.filter = filter;
  task.seccomp = filter;
  if (!synchronize) return 0;
  for (const each of task.group.tasks) {
    each.seccomp = filter;
    if (task.creds.noNewPrivs && !each.creds.noNewPrivs)
      each.creds = each.creds.with({ noNewPrivs: true });
  }
  return 0;
}

/** There is one listener in a chain at most. */
function hasListener(newest: SeccompFilter | undefined): boolean {
  for (let at = newest; at !== undefined; at = at.older) if (at.listener !== undefined) return true;
  return false;
}

function isAncestor(older: Seccomp | undefined, newer: SeccompFilter | undefined): boolean {
  if (older === undefined) return true;
  for (let at = newer; at !== undefined; at = at.older) if (at === older) return true;
  return false;
}
