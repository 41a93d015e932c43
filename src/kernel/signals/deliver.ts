/**
 * Delivery of signals on the way back to guest code: `get_signal`, `handle_signal` and the restart
 * of interrupted calls (`arch_do_signal_or_restart`).
 */

import { EINTR } from '../../abi/errno.table.ts';
import { SA, SIGCONT, SIGKILL, SIGSTOP } from '../../abi/signal.table.ts';
import { exitGroup } from '../exit.ts';
import { ERESTART_RESTARTBLOCK, ERESTARTNOHAND, ERESTARTNOINTR, ERESTARTSYS } from '../outcome.ts';
import { forgetEnded } from '../ptrace/state.ts';
import { enterStop, handlerBegins, stopsAtExit, stopWithGroup } from '../ptrace/tracing.ts';
import { RESTART_SYSCALL, rewindSyscall, setResult } from '../runner-results.ts';
import type { Task } from '../task.ts';
import { forceSegv } from './fault.ts';
import { writeSignalFrame } from './frame.ts';
import { defaultAction, type SignalAction } from './handlers.ts';
import { stopGroup } from './send.ts';
import type { SignalInfo } from './signal-info.ts';

/** Handles every pending signal: sets up frames, stops or ends the process. */
export function deliverSignals(task: Task): void {
  for (;;) {
    const info = nextSignal(task);
    if (info === 'gone') return;
    if (info === undefined) break;
    handle(task, info);
  }
  const code = task.restartCode;
  if (code !== 0) {
    task.restartCode = 0;
    rewindSyscall(task, code === ERESTART_RESTARTBLOCK ? RESTART_SYSCALL : task.syscallNumber);
  }
  if (task.savedMask !== undefined) {
    const mask = task.savedMask;
    task.savedMask = undefined;
    task.setBlocked(mask);
  }
}

/** The next signal that a guest function handles; default actions happen on the way. */
function nextSignal(task: Task): SignalInfo | undefined | 'gone' {
  const { group } = task;
  for (;;) {
    if (group.isDying) {
      exitGroup(task, group.exitStatus);
      return 'gone';
    }
    const info = nextOf(task);
    if (info === undefined || info === 'gone') return info;
    const { signal } = info;
    if (signal !== SIGKILL && task.handlers.catches(signal)) return info;
    if (task.handlers.ignores(signal) && signal !== SIGKILL && signal !== SIGSTOP) continue;
    const action = defaultAction(signal);
    if (action === 'ignore' || signal === SIGCONT) continue;
    if (action === 'stop') {
      // POSIX: the terminal's stop signals do not stop an orphaned process group.
      if (signal !== SIGSTOP && group.processGroup.isOrphaned()) continue;
      stopGroup(group, signal);
      if (task.trace !== undefined) stopWithGroup(task, task.trace, signal);
      return 'gone';
    }
    if (signal === SIGKILL || !stopsAtExit(task, signal, () => exitGroup(task, signal)))
      exitGroup(task, signal);
    return 'gone';
  }
}

/** Takes a signal from the queues; a traced task stops first, and its tracer has its say. */
function nextOf(task: Task): SignalInfo | undefined | 'gone' {
  for (;;) {
    const { trace } = task;
    const decision = trace?.decision;
    if (trace !== undefined && decision !== undefined) {
      trace.decision = undefined;
      forgetEnded(task, trace);
      task.updateSignalPending();
      const { info } = decision;
      if (info === undefined) continue;
      // Blocked meanwhile: it waits like any other.
      if (!task.blocked.has(info.signal)) return info;
      task.pending.add(info);
      task.updateSignalPending();
      continue;
    }
    const info = dequeue(task);
    info?.onDelivered?.();
    const isTraced = task.trace?.isLive === true;
    if (info === undefined || !isTraced || info.signal === SIGKILL) return info;
    enterStop(task, { kind: 'signal', code: info.signal, info });
    return 'gone';
  }
}

/** Synchronous faults first, then the thread's own signals, then those of the process. */
function dequeue(task: Task): SignalInfo | undefined {
  const own = task.pending;
  const shared = task.group.pending;
  const ownNext = own.next(task.blocked);
  const sharedNext = shared.next(task.blocked);
  if (ownNext === 0 && sharedNext === 0) {
    task.updateSignalPending();
    return undefined;
  }
  const isOwn = ownNext !== 0;
  const signal = isOwn ? ownNext : sharedNext;
  const info = (isOwn ? own : shared).take(signal);
  task.updateSignalPending();
  return info ?? { signal, code: 0, pid: 0, uid: 0 };
}

/** Runs the guest's handler: frame, mask, flags. */
function handle(task: Task, info: SignalInfo): void {
  const { signal } = info;
  const action = task.handlers.get(signal);
  settleInterruptedCall(task, action);
  if (!writeSignalFrame(task, info, action)) {
    forceSegv(task, signal);
    return;
  }
  if ((action.flags & SA.SA_RESETHAND) !== 0) task.handlers.reset(signal);
  handlerBegins(task);
  task.savedMask = undefined;
  const mask = task.blocked.clone();
  mask.union(action.mask);
  if ((action.flags & SA.SA_NODEFER) === 0) mask.add(signal);
  task.setBlocked(mask);
}

/** The interrupted call answers EINTR to the handler's frame, or restarts when it returns. */
function settleInterruptedCall(task: Task, action: SignalAction): void {
  const code = task.restartCode;
  if (code === 0) return;
  task.restartCode = 0;
  const restarts =
    code === ERESTARTNOINTR || (code === ERESTARTSYS && (action.flags & SA.SA_RESTART) !== 0);
  if (restarts) rewindSyscall(task, task.syscallNumber);
  else if (code === ERESTARTSYS || code === ERESTARTNOHAND || code === ERESTART_RESTARTBLOCK)
    setResult(task, -EINTR);
}
