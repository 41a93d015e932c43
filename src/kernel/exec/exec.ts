/** execve(2): the calling thread becomes the only one, in a new program. */

import { CAP_SYS_PTRACE } from '../../abi/capability.ts';
import { EAGAIN, EINTR } from '../../abi/errno.table.ts';
import { READ_IMPLIES_EXEC } from '../../abi/personality.ts';
import { PTRACE_EVENT, PTRACE_O } from '../../abi/ptrace.ts';
import { SIGTRAP } from '../../abi/signal.table.ts';
import { inheritedRule } from '../executable-rule.ts';
import { exitTask, releaseMemory } from '../exit.ts';
import { releaseRobustFutexes, wakeClearedTid } from '../futex-exit.ts';
import { REGISTERS_SET } from '../outcome.ts';
import { GPR } from '../platform.ts';
import { eventStop } from '../ptrace/state.ts';
import { stopInCall } from '../ptrace/tracing.ts';
import { sendToTask } from '../signals/send.ts';
import { userSignal } from '../signals/signal-info.ts';
import type { Task } from '../task.ts';
import { ExecFailure } from './errors.ts';
import { buildImage, type ProgramImage } from './image.ts';
import type { ProgramRequest } from './program-file.ts';

export interface ExecRequest extends ProgramRequest {
  readonly env: readonly Uint8Array[];
}

/** Replaces the program. REGISTERS_SET, or -errno with the caller unchanged. */
export function exec(task: Task, request: ExecRequest): number {
  const { kernel, group } = task;
  if (group.isDying) return -EINTR;
  const image = buildImage(kernel, {
    program: request,
    env: request.env,
    creds: task.creds,
    fs: task.fs,
    limits: group.limits,
    cpu: task.cpu,
    isTraced: isTracedByLesser(task),
    personality: group.personality,
  });
  if (image instanceof ExecFailure) {
    kernel.logger.log('debug', `execve: ${image.message}`);
    return image.errno === EAGAIN ? -EAGAIN : -image.errno;
  }
  const { tid } = task;
  endOtherThreads(task);
  leaveOldProgram(task);
  enterImage(task, image);
  return tellOfExec(task, tid);
}

/** A tracer hears of the new program: by an event where it asked for it, else by SIGTRAP. */
function tellOfExec(task: Task, tidBefore: number): number {
  const { trace } = task;
  if (trace === undefined) return REGISTERS_SET;
  if (trace.has(PTRACE_O.TRACEEXEC))
    return stopInCall(task, eventStop(task, PTRACE_EVENT.EXEC, tidBefore), () => REGISTERS_SET);
  if (!trace.isSeized) sendToTask(task, userSignal(SIGTRAP, task.group.pid, task.creds.uid));
  return REGISTERS_SET;
}

/** Set-id bits do not count for one whose tracer may not trace everybody. */
const isTracedByLesser = ({ trace }: Task): boolean =>
  trace !== undefined && !trace.tracer.creds.has(CAP_SYS_PTRACE);

/** `de_thread`: the others end, and the caller takes the number of the process. */
function endOtherThreads(task: Task): void {
  const { group, kernel } = task;
  const { leader } = group;
  if (group.tasks.size > 1)
    for (const other of [...group.tasks]) if (other !== task) exitTask(other, 0);
  if (leader === task) return;
  kernel.processes.removeTask(task);
  kernel.processes.removeTask(leader);
  task.tid = leader.tid;
  group.leader = task;
  kernel.processes.addTask(task);
}

/** Everything that does not survive execve (execve(2), "Effect on process attributes"). */
function leaveOldProgram(task: Task): void {
  const { group } = task;
  releaseRobustFutexes(task);
  wakeClearedTid(task);
  releaseMemory(task);
  if (task.handlers.isShared) {
    const own = task.handlers.clone();
    task.handlers.leave();
    task.handlers = own;
  }
  task.handlers.resetForExec();
  task.alternateStack.disable();
  task.keyrings.leaveProgram();
  if (task.files.isShared) {
    const own = task.files.clone();
    task.files.leave();
    task.files = own;
  }
  task.files.closeOnExec();
  group.timers?.deletePosixTimers();
  task.restartBlock = undefined;
  task.userDispatch = undefined;
  task.savedMask = undefined;
  group.exitSignal = 17;
  group.hasExeced = true;
  group.membarriers = 0;
  group.executableRule = inheritedRule(group.executableRule);
  group.personality &= ~READ_IMPLIES_EXEC;
}

/** Puts the task at the start of the image. */
export function enterImage(task: Task, image: ProgramImage): void {
  const { kernel, group, cpu } = task;
  task.space = kernel.spaces.enter(image.space);
  kernel.platform.adopt(image.space);
  group.dumpable = image.isSecure ? 0 : 1;
  if (image.isSecure) task.parentDeathSignal = 0;
  task.creds = image.creds;
  task.comm = image.comm;
  group.runs(image.executable);
  group.layout = image.layout;
  cpu.reset();
  cpu.rip = image.start;
  cpu.gprs[GPR.rsp] = BigInt(image.stackPointer);
}
