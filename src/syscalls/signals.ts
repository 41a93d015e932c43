/** Signal calls: rt_sigaction(2), rt_sigprocmask, sigaltstack, kill and their kin. */

import { EAGAIN, EFAULT, EINTR, EINVAL, ENOMEM, EPERM, ESRCH } from '../abi/errno.table.ts';
import {
  MINSIGSTKSZ,
  SA,
  SA_KNOWN,
  SI_TKILL,
  SIG_HOW,
  SIGKILL,
  SIGSTOP,
  SS_AUTODISARM,
  SS_DISABLE,
  SS_ONSTACK,
  signalName,
} from '../abi/signal.table.ts';
import { SIGINFO_BYTES } from '../abi/signal-frame.ts';
import { BLOCKED, ERESTARTNOHAND, REGISTERS_SET } from '../kernel/outcome.ts';
import { GPR } from '../kernel/platform.ts';
import { forceSegv } from '../kernel/signals/fault.ts';
import { readSignalFrame } from '../kernel/signals/frame-return.ts';
import { useTemporaryMask } from '../kernel/signals/mask.ts';
import { checkKill, checkKillInit, kill, sendToGroup, sendToTask } from '../kernel/signals/send.ts';
import { signalInfoBytes, userSignal } from '../kernel/signals/signal-info.ts';
import { SignalSet } from '../kernel/signals/signal-set.ts';
import { takeSignal } from '../kernel/signals/take.ts';
import type { Task } from '../kernel/task.ts';
import * as arg from './args.ts';
import { renderFlags } from './flags.ts';
import { row, type SyscallRow } from './row.ts';
import { readTimespec } from './timespec.ts';

const SIGSET_BYTES = 8;
const SIGACTION_BYTES = 32;
const isSignal = (signal: number) => signal >= 1 && signal <= 64;

/** Reads a sigset_t; undefined on a fault. */
export function readSignalSet(task: Task, addr: number): SignalSet | undefined {
  const lo = task.space.readI32(addr);
  const hi = task.space.readI32(addr + 4);
  return lo === undefined || hi === undefined ? undefined : new SignalSet(lo, hi);
}

function writeSignalSet(task: Task, addr: number, set: SignalSet): number {
  const { space } = task;
  const failed = space.writeU32(addr, set.lo) < 0 || space.writeU32(addr + 4, set.hi) < 0;
  return failed ? -EFAULT : 0;
}

function sysRtSigaction(
  task: Task,
  signal: number,
  newAt: number,
  oldAt: number,
  size: number,
): number {
  if (size !== SIGSET_BYTES) return -EINVAL;
  if (!isSignal(signal)) return -EINVAL;
  const { scratch, scratchView: view } = task.kernel;
  const bytes = scratch.subarray(0, SIGACTION_BYTES);
  const before = task.handlers.get(signal);
  if (newAt !== 0) {
    if (task.space.copyIn(newAt, bytes) < 0) return -EFAULT;
    if (signal === SIGKILL || signal === SIGSTOP) return -EINVAL;
    const mask = new SignalSet(view.getInt32(24, true), view.getInt32(28, true));
    task.handlers.set(signal, {
      handler: Number(view.getBigUint64(0, true)),
      flags: view.getInt32(8, true) & SA_KNOWN,
      restorer: Number(view.getBigUint64(16, true)),
      mask: mask.withoutUnblockable(),
    });
    if (task.handlers.ignores(signal)) {
      task.group.pending.discard(signal);
      for (const thread of task.group.tasks) thread.pending.discard(signal);
      task.group.updateSignalPending();
    } else task.group.timers?.unignore(signal);
  }
  if (oldAt === 0) return 0;
  view.setBigUint64(0, BigInt(before.handler), true);
  view.setBigUint64(8, BigInt(before.flags >>> 0), true);
  view.setBigUint64(16, BigInt(before.restorer), true);
  view.setInt32(24, before.mask.lo, true);
  view.setInt32(28, before.mask.hi, true);
  return task.space.copyOut(oldAt, bytes) < 0 ? -EFAULT : 0;
}

function sysRtSigprocmask(
  task: Task,
  how: number,
  setAt: number,
  oldAt: number,
  size: number,
): number {
  if (size !== SIGSET_BYTES) return -EINVAL;
  const { lo, hi } = task.blocked;
  if (setAt !== 0) {
    const set = readSignalSet(task, setAt);
    if (set === undefined) return -EFAULT;
    if (how === SIG_HOW.SIG_BLOCK) set.union(task.blocked);
    else if (how === SIG_HOW.SIG_UNBLOCK) {
      set.lo = lo & ~set.lo;
      set.hi = hi & ~set.hi;
    } else if (how !== SIG_HOW.SIG_SETMASK) return -EINVAL;
    task.setBlocked(set);
  }
  return oldAt === 0 ? 0 : writeSignalSet(task, oldAt, new SignalSet(lo, hi));
}

function sysRtSigpending(task: Task, setAt: number, size: number): number {
  if (size > SIGSET_BYTES) return -EINVAL;
  const set = task.pending.set.clone();
  set.union(task.group.pending.set);
  set.lo &= task.blocked.lo;
  set.hi &= task.blocked.hi;
  return writeSignalSet(task, setAt, set);
}

function sysRtSigsuspend(task: Task, setAt: number, size: number): number {
  if (size !== SIGSET_BYTES) return -EINVAL;
  const set = readSignalSet(task, setAt);
  if (set === undefined) return -EFAULT;
  useTemporaryMask(task, set);
  return sleepForSignal(task);
}

const sysPause = (task: Task): number => sleepForSignal(task);

function sleepForSignal(task: Task): number {
  return task.sleep({
    queues: [],
    attempt: () => BLOCKED,
    interrupted: -ERESTARTNOHAND,
    reason: 'sigsuspend',
  });
}

function sysRtSigtimedwait(
  task: Task,
  setAt: number,
  infoAt: number,
  timeoutAt: number,
  size: number,
): number {
  if (size !== SIGSET_BYTES) return -EINVAL;
  const set = readSignalSet(task, setAt);
  if (set === undefined) return -EFAULT;
  set.withoutUnblockable();
  let timeoutNs = Number.POSITIVE_INFINITY;
  if (timeoutAt !== 0) {
    timeoutNs = readTimespec(task, timeoutAt);
    if (timeoutNs < 0) return timeoutNs;
  }
  const attempt = (): number => {
    const info = takeSignal(task, set);
    if (info === undefined) return BLOCKED;
    if (infoAt === 0) return info.signal;
    return task.space.copyOut(infoAt, signalInfoBytes(info)) < 0 ? -EFAULT : info.signal;
  };
  const now = attempt();
  if (now !== BLOCKED) return now;
  if (timeoutNs === 0) return -EAGAIN;
  // Linux unblocks the awaited signals for the time of the sleep, so that they wake it.
  const saved = task.blocked.clone();
  const awaited = saved.clone();
  awaited.lo &= ~set.lo;
  awaited.hi &= ~set.hi;
  task.setBlocked(awaited);
  const restore = (result: number) => {
    task.setBlocked(saved);
    return result;
  };
  return task.sleep({
    queues: [],
    attempt: () => {
      const result = attempt();
      return result === BLOCKED ? BLOCKED : restore(result);
    },
    deadlineNs: task.kernel.nowNs() + timeoutNs,
    timedOut: () => restore(-EAGAIN),
    interrupted: () => restore(-EINTR),
    reason: 'do_sigtimedwait',
  });
}

function sysRtSigreturn(task: Task): number {
  task.restartBlock = undefined;
  if (!readSignalFrame(task)) forceSegv(task, 0);
  return REGISTERS_SET;
}

function sysSigaltstack(task: Task, newAt: number, oldAt: number): number {
  const stack = task.alternateStack;
  const sp = Number(task.cpu.gprs[GPR.rsp]);
  const { scratch, scratchView: view } = task.kernel;
  const bytes = scratch.subarray(0, 24);
  const before = {
    pointer: stack.pointer,
    flags: stack.reportedFlags(sp),
    sizeBytes: stack.sizeBytes,
  };
  if (newAt !== 0) {
    if (task.space.copyIn(newAt, bytes) < 0) return -EFAULT;
    const pointer = Number(view.getBigUint64(0, true));
    const flags = view.getInt32(8, true);
    const sizeBytes = Number(view.getBigUint64(16, true));
    if (stack.contains(sp)) return -EPERM;
    const mode = flags & ~SS_AUTODISARM;
    if (mode !== SS_DISABLE && mode !== SS_ONSTACK && mode !== 0) return -EINVAL;
    if (mode === SS_DISABLE) {
      stack.disable();
      stack.flags = flags & SS_AUTODISARM;
    } else {
      if (sizeBytes < MINSIGSTKSZ) return -ENOMEM;
      stack.pointer = pointer;
      stack.sizeBytes = sizeBytes;
      stack.flags = flags & SS_AUTODISARM;
    }
  }
  if (oldAt === 0) return 0;
  view.setBigUint64(0, BigInt(before.pointer), true);
  view.setInt32(8, before.flags, true);
  view.setInt32(12, 0, true);
  view.setBigUint64(16, BigInt(before.sizeBytes), true);
  return task.space.copyOut(oldAt, bytes) < 0 ? -EFAULT : 0;
}

function sysKill(task: Task, pid: number, signal: number): number {
  return kill(task, pid, userSignal(signal, task.group.pid, task.creds.uid));
}

function sendToThread(
  task: Task,
  tgid: number | undefined,
  tid: number,
  signal: number,
  raw?: Uint8Array,
): number {
  if (tid <= 0 || (tgid !== undefined && tgid <= 0)) return -EINVAL;
  const { processes } = task.kernel;
  const target = processes.task(tid);
  if (target === undefined && tid === processes.init.pid && (tgid ?? tid) === tid) {
    if (signal < 0 || signal > 64) return -EINVAL;
    return checkKillInit(task);
  }
  if (target === undefined || (tgid !== undefined && target.group.pid !== tgid)) return -ESRCH;
  if (signal < 0 || signal > 64) return -EINVAL;
  const allowed = checkKill(task, target.group, signal);
  if (allowed !== 0 || signal === 0) return allowed;
  const sender = { pid: task.group.pid, uid: task.creds.uid };
  if (raw === undefined) return sendToTask(target, { signal, code: SI_TKILL, ...sender });
  const code = new DataView(raw.buffer).getInt32(8, true);
  return sendToTask(target, { signal, code, raw, ...sender });
}

const sysTkill = (task: Task, tid: number, signal: number) =>
  sendToThread(task, undefined, tid, signal);
const sysTgkill = (task: Task, tgid: number, tid: number, signal: number) =>
  sendToThread(task, tgid, tid, signal);

/** The guest's siginfo; only codes that the kernel itself never uses may go to others. */
function readInfo(task: Task, infoAt: number, signal: number, toSelf: boolean) {
  const raw = new Uint8Array(SIGINFO_BYTES);
  if (task.space.copyIn(infoAt, raw) < 0) return -EFAULT;
  const view = new DataView(raw.buffer);
  view.setInt32(0, signal, true);
  const code = view.getInt32(8, true);
  if ((code >= 0 || code === SI_TKILL) && !toSelf) return -EPERM;
  return raw;
}

function sysRtSigqueueinfo(task: Task, pid: number, signal: number, infoAt: number): number {
  const raw = readInfo(task, infoAt, signal, pid === task.group.pid);
  if (typeof raw === 'number') return raw;
  if (signal < 0 || signal > 64) return -EINVAL;
  const { processes } = task.kernel;
  if (pid === processes.init.pid) return checkKillInit(task);
  const target = processes.group(pid) ?? processes.task(pid)?.group;
  if (target === undefined) return -ESRCH;
  const allowed = checkKill(task, target, signal);
  if (allowed !== 0 || signal === 0) return allowed;
  const code = new DataView(raw.buffer).getInt32(8, true);
  return sendToGroup(target, { signal, code, raw });
}

function sysRtTgsigqueueinfo(
  task: Task,
  tgid: number,
  tid: number,
  signal: number,
  infoAt: number,
): number {
  const raw = readInfo(task, infoAt, signal, tid === task.tid);
  return typeof raw === 'number' ? raw : sendToThread(task, tgid, tid, signal, raw);
}

function sysRestartSyscall(task: Task): number {
  const block = task.restartBlock;
  return block === undefined ? -EINTR : block(task);
}

function renderSet(set: SignalSet): string {
  const names: string[] = [];
  for (let signal = 1; signal <= 64; signal++)
    if (set.has(signal)) names.push(signalName(signal).replace(/^SIG/, ''));
  if (names.length > 48) {
    const missing: string[] = [];
    for (let signal = 1; signal <= 64; signal++)
      if (!set.has(signal)) missing.push(signalName(signal).replace(/^SIG/, ''));
    return `~[${missing.join(' ')}]`;
  }
  return `[${names.join(' ')}]`;
}

const sigset = (direction: 'in' | 'out') =>
  arg.struct((task, addr) => {
    const set = readSignalSet(task, addr);
    return set === undefined ? undefined : renderSet(set);
  }, direction);

const sigaction = (direction: 'in' | 'out') =>
  arg.struct((task, addr) => {
    const bytes = new Uint8Array(SIGACTION_BYTES);
    if (task.space.copyIn(addr, bytes) < 0) return undefined;
    const view = new DataView(bytes.buffer);
    const handler = Number(view.getBigUint64(0, true));
    const names = ['SIG_DFL', 'SIG_IGN'];
    const mask = new SignalSet(view.getInt32(24, true), view.getInt32(28, true));
    const flags = renderFlags(SA, view.getInt32(8, true));
    const shown = names[handler] ?? `0x${handler.toString(16)}`;
    return `{sa_handler=${shown}, sa_mask=${renderSet(mask)}, sa_flags=${flags}}`;
  }, direction);

const { signal, pid, pointer, outPointer, size } = arg;

export const SIGNAL_ROWS: readonly SyscallRow[] = [
  row('rt_sigaction', [signal, sigaction('in'), sigaction('out'), size], sysRtSigaction),
  row('rt_sigprocmask', [arg.oneOf(SIG_HOW), sigset('in'), sigset('out'), size], sysRtSigprocmask),
  row('rt_sigpending', [sigset('out'), size], sysRtSigpending),
  row('rt_sigsuspend', [sigset('in'), size], sysRtSigsuspend),
  row('rt_sigtimedwait', [sigset('in'), outPointer, pointer, size], sysRtSigtimedwait),
  row('rt_sigreturn', [], sysRtSigreturn),
  row('sigaltstack', [pointer, outPointer], sysSigaltstack),
  row('pause', [], sysPause),
  row('kill', [pid, signal], sysKill),
  row('tkill', [pid, signal], sysTkill),
  row('tgkill', [pid, pid, signal], sysTgkill),
  row('rt_sigqueueinfo', [pid, signal, pointer], sysRtSigqueueinfo),
  row('rt_tgsigqueueinfo', [pid, pid, signal, pointer], sysRtTgsigqueueinfo),
  row('restart_syscall', [], sysRestartSyscall),
];
