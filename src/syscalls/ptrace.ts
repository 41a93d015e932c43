/** ptrace(2): tracing other tasks. */

import { EFAULT, EINVAL, EIO, EPERM, ESRCH } from '../abi/errno.table.ts';
import * as P from '../abi/ptrace.ts';
import { SIGKILL } from '../abi/signal.table.ts';
import { SIGINFO_BYTES } from '../abi/signal-frame.ts';
import { mayInspect } from '../kernel/inspect.ts';
import { GPR } from '../kernel/platform.ts';
import * as registers from '../kernel/ptrace/registers.ts';
import type { ResumeMode, Tracing } from '../kernel/ptrace/state.ts';
import * as tracing from '../kernel/ptrace/tracing.ts';
import { sendToTask } from '../kernel/signals/send.ts';
import { signalInfoBytes, userSignal } from '../kernel/signals/signal-info.ts';
import { SignalSet } from '../kernel/signals/signal-set.ts';
import type { Task } from '../kernel/task.ts';
import { setUserDispatch } from '../kernel/user-dispatch.ts';
import * as arg from './args.ts';
import { row, type SyscallRow } from './row.ts';

const { PTRACE } = P;
const GUEST_END = 0x1_0000_0000;

function sysPtrace(task: Task, request: number, pid: number, addr: number, data: number): number {
  if (request === PTRACE.PTRACE_TRACEME) return traceMe(task);
  const target = task.kernel.processes.task(pid);
  const attaches = request === PTRACE.PTRACE_ATTACH || request === PTRACE.PTRACE_SEIZE;
  if (target === undefined)
    return attaches && pid === task.kernel.processes.init.pid ? -EPERM : -ESRCH;
  if (attaches) return attach(task, target, request === PTRACE.PTRACE_SEIZE, addr, data);
  const { trace } = target;
  if (trace?.tracer !== task || !trace.isLive) return -ESRCH;
  if (request === PTRACE.PTRACE_KILL) {
    sendToTask(target, userSignal(SIGKILL, task.group.pid, task.creds.uid));
    return 0;
  }
  if (request === PTRACE.PTRACE_INTERRUPT) return interrupt(target, trace);
  if (trace.stop === undefined || trace.isListening) return -ESRCH;
  const handler = REQUESTS[request];
  return handler === undefined ? -EIO : handler(task, target, trace, addr, data);
}

function traceMe(task: Task): number {
  const { parent } = task.group;
  if (task.trace?.isLive === true) return -EPERM;
  if (parent === undefined || parent === task.kernel.processes.init) return -EPERM;
  const tracer = task.group.leader.creator ?? parent.leader;
  tracing.startTracing(task, tracer.group === parent ? tracer : parent.leader, false, 0);
  return 0;
}

function attach(task: Task, target: Task, seizes: boolean, addr: number, data: number): number {
  if (seizes && addr !== 0) return -EIO;
  if (seizes && (data & ~P.PTRACE_O_MASK) !== 0) return -EIO;
  if (target.group === task.group || target.group.isZombie) return -EPERM;
  if (!mayInspect(task, target.group) || target.trace?.isLive === true) return -EPERM;
  if (!seizes) tracing.attach(target, task);
  else tracing.startTracing(target, task, true, data);
  return 0;
}

function interrupt(target: Task, trace: Tracing): number {
  if (!trace.isSeized) return -EIO;
  if (trace.stop === undefined) tracing.requestStop(target, trace);
  else if (trace.isListening) tracing.enterStop(target, trace.stop);
  return 0;
}

type Request = (task: Task, target: Task, trace: Tracing, addr: number, data: number) => number;

/** The word of the fourth argument, all 64 bits. */
const dataWord = (task: Task): bigint => task.cpu.gprs[GPR.r10] as bigint;

const peek: Request = (task, target, _trace, addr, data) => {
  const word = new Uint8Array(8);
  if (addr >= GUEST_END || target.space.peek(addr, word) < 0) return -EIO;
  return task.space.copyOut(data, word) < 0 ? -EFAULT : 0;
};

const poke: Request = (task, target, _trace, addr) => {
  const word = new Uint8Array(8);
  new DataView(word.buffer).setBigUint64(0, dataWord(task), true);
  return addr >= GUEST_END || target.space.poke(addr, word) < 0 ? -EIO : 0;
};

const resuming =
  (mode: ResumeMode): Request =>
  (_task, target, trace, _addr, data) => {
    if (data < 0 || data > 64) return -EIO;
    tracing.resume(target, trace, mode, data);
    return 0;
  };

const detach: Request = (_task, target, trace, _addr, data) => {
  if (data < 0 || data > 64) return -EIO;
  tracing.resume(target, trace, MODE.runs, data);
  tracing.stopTracing(target, trace);
  return 0;
};

const listen: Request = (_task, _target, trace) => {
  if (!trace.isSeized || trace.stop === undefined) return -EIO;
  if (trace.stop.code >> 8 !== P.PTRACE_EVENT.STOP) return -EIO;
  trace.isListening = true;
  trace.hasReport = false;
  return 0;
};

const out =
  (read: (target: Task, trace: Tracing) => Uint8Array): Request =>
  (task, target, trace, _addr, data) =>
    task.space.copyOut(data, read(target, trace)) < 0 ? -EFAULT : 0;

const into =
  (bytes: number, write: (target: Task, trace: Tracing, given: Uint8Array) => boolean): Request =>
  (task, target, trace, _addr, data) => {
    const given = new Uint8Array(bytes);
    if (task.space.copyIn(data, given) < 0) return -EFAULT;
    return write(target, trace, given) ? 0 : -EIO;
  };

function setAll(target: Task, trace: Tracing, given: Uint8Array): boolean {
  registers.writeRegisters(target, trace, given);
  return true;
}

const readSets: Readonly<Record<number, (target: Task, trace: Tracing) => Uint8Array>> = {
  [P.NT_PRSTATUS]: registers.readRegisters,
  [P.NT_PRFPREG]: registers.readFloating,
  [P.NT_X86_XSTATE]: registers.readExtended,
};

/** `addr` names the set, `data` points to a struct iovec; what the set holds now, and the room for it. */
function registerSet(task: Task, target: Task, trace: Tracing, addr: number, data: number) {
  const { space } = task;
  const base = space.readU64(data);
  const length = space.readU64(data + 8);
  if (base === undefined || length === undefined) return -EFAULT;
  const read = readSets[addr];
  if (read === undefined || length % 8 !== 0) return -EINVAL;
  const bytes = read(target, trace);
  return { bytes, base, count: Math.min(length, bytes.length) };
}

const getRegisterSet: Request = (task, target, trace, addr, data) => {
  const set = registerSet(task, target, trace, addr, data);
  if (typeof set === 'number') return set;
  const { bytes, base, count } = set;
  if (task.space.copyOut(base, bytes.subarray(0, count)) < 0) return -EFAULT;
  return task.space.writeU64(data + 8, count) < 0 ? -EFAULT : 0;
};

const setRegisterSet: Request = (task, target, trace, addr, data) => {
  const set = registerSet(task, target, trace, addr, data);
  if (typeof set === 'number') return set;
  const given = new Uint8Array(set.count);
  if (task.space.copyIn(set.base, given) < 0) return -EFAULT;
  if (addr === P.NT_PRSTATUS) registers.writeRegisters(target, trace, given);
  else if (addr === P.NT_X86_XSTATE) {
    if (given.length < set.bytes.length) return -EFAULT;
    if (!target.cpu.loadExtended(given)) return -EINVAL;
  } else if (given.length < P.FPREGS_BYTES || !registers.writeFloating(target, given))
    return -EINVAL;
  return task.space.writeU64(data + 8, given.length) < 0 ? -EFAULT : 0;
};

const setOptions: Request = (_task, _target, trace, _addr, data) => {
  if ((data & ~P.PTRACE_O_MASK) !== 0 || data > P.PTRACE_O_MASK) return -EINVAL;
  trace.options = data;
  return 0;
};

const getInfo: Request = (task, _target, trace, _addr, data) => {
  const info = trace.stop?.info;
  if (info === undefined) return -EINVAL;
  return task.space.copyOut(data, signalInfoBytes(info)) < 0 ? -EFAULT : 0;
};

const setInfo: Request = (task, _target, { stop }, _addr, data) => {
  const raw = new Uint8Array(SIGINFO_BYTES);
  if (task.space.copyIn(data, raw) < 0) return -EFAULT;
  if (stop?.info === undefined) return -EINVAL;
  const view = new DataView(raw.buffer);
  stop.info = { signal: view.getInt32(0, true), code: view.getInt32(8, true), raw };
  return 0;
};

const getMask: Request = (task, target, _trace, addr, data) => {
  if (addr !== 8) return -EINVAL;
  const mask = target.savedMask ?? target.blocked;
  return task.space.writeBigU64(data, mask.toBigInt()) < 0 ? -EFAULT : 0;
};

const setMask: Request = (task, target, _trace, addr, data) => {
  if (addr !== 8) return -EINVAL;
  const mask = task.space.readBigU64(data);
  if (mask === undefined) return -EFAULT;
  const [low, high] = [Number(mask & 0xffff_ffffn) | 0, Number(mask >> 32n) | 0];
  target.setBlocked(new SignalSet(low, high));
  return 0;
};

const PEEK_SHARED = 1;

/** Up to `nr` queued signals from the `off`th on; how many there were. */
const peekInfo: Request = (task, target, _trace, addr, data) => {
  const raw = new Uint8Array(16);
  if (task.space.copyIn(addr, raw) < 0) return -EFAULT;
  const view = new DataView(raw.buffer);
  const [flags, count] = [view.getUint32(8, true), view.getInt32(12, true)];
  if ((flags & ~PEEK_SHARED) !== 0 || count < 0) return -EINVAL;
  const { pending } = (flags & PEEK_SHARED) !== 0 ? target.group : target;
  const from = Number(view.getBigUint64(0, true));
  const infos = pending.entries().slice(from, from + count);
  for (const [i, info] of infos.entries())
    if (task.space.copyOut(data + SIGINFO_BYTES * i, signalInfoBytes(info)) < 0)
      return i > 0 ? i : -EFAULT;
  return infos.length;
};

/** `struct ptrace_sud_config`: mode, selector, offset, length. */
const DISPATCH_BYTES = 32;

const getDispatch: Request = (task, target, _trace, addr, data) => {
  if (addr !== DISPATCH_BYTES) return -EINVAL;
  const own = target.userDispatch;
  const bytes = new Uint8Array(DISPATCH_BYTES);
  const words = [own === undefined ? 0n : 1n, own?.selector, own?.offset, own?.length];
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setBigUint64(8 * i, word ?? 0n, true);
  return task.space.copyOut(data, bytes) < 0 ? -EFAULT : 0;
};

const setDispatch: Request = (task, target, _trace, addr, data) => {
  if (addr !== DISPATCH_BYTES) return -EINVAL;
  const bytes = new Uint8Array(DISPATCH_BYTES);
  if (task.space.copyIn(data, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const word = (i: number) => view.getBigUint64(8 * i, true);
  return setUserDispatch(target, word(0), { selector: word(1), offset: word(2), length: word(3) });
};

/** `struct ptrace_syscall_info`; `addr` is the room for it. The result is its size. */
const getCallInfo: Request = (task, target, trace, addr, data) => {
  const L = P.SYSCALL_INFO;
  const bytes = new Uint8Array(L.bytes);
  const view = new DataView(bytes.buffer);
  const { cpu } = target;
  const kind = trace.stop?.kind;
  view.setUint32(4, L.arch, true);
  view.setBigUint64(8, BigInt(cpu.rip), true);
  view.setBigUint64(16, cpu.gprs[GPR.rsp] as bigint, true);
  let length: number = L.noneBytes;
  const isSeccomp = kind === 'event' && trace.stop?.code === P.SECCOMP_STOP;
  if (kind === 'call-entry' || isSeccomp) {
    bytes[0] = isSeccomp ? 3 : 1;
    length = isSeccomp ? L.seccompBytes : L.entryBytes;
    if (isSeccomp) view.setUint32(80, trace.message, true);
    view.setBigUint64(24, BigInt.asUintN(64, trace.callNumber), true);
    const args = [GPR.rdi, GPR.rsi, GPR.rdx, GPR.r10, GPR.r8, GPR.r9];
    for (const [i, gpr] of args.entries())
      view.setBigUint64(32 + 8 * i, cpu.gprs[gpr] as bigint, true);
  } else if (kind === 'call-exit') {
    bytes[0] = 2;
    length = L.exitBytes;
    const value = BigInt.asIntN(64, cpu.gprs[GPR.rax] as bigint);
    view.setBigInt64(24, value, true);
    bytes[32] = Number(value < 0n && value >= -4095n);
  }
  if (task.space.copyOut(data, bytes.subarray(0, Math.min(addr, length))) < 0) return -EFAULT;
  return length;
};

const MODE = {
  runs: { stopsAtCalls: false, skipsCalls: false, steps: false },
  calls: { stopsAtCalls: true, skipsCalls: false, steps: false },
  steps: { stopsAtCalls: false, skipsCalls: false, steps: true },
  emulates: { stopsAtCalls: true, skipsCalls: true, steps: false },
  emulatesSteps: { stopsAtCalls: true, skipsCalls: true, steps: true },
} as const;

const REQUESTS: Readonly<Record<number, Request>> = {
  [PTRACE.PTRACE_PEEKTEXT]: peek,
  [PTRACE.PTRACE_PEEKDATA]: peek,
  [PTRACE.PTRACE_POKETEXT]: poke,
  [PTRACE.PTRACE_POKEDATA]: poke,
  [PTRACE.PTRACE_PEEKUSER]: (task, target, trace, addr, data) => {
    const word = registers.readUserWord(target, trace, addr);
    if (word === undefined) return -EIO;
    return task.space.writeBigU64(data, word) < 0 ? -EFAULT : 0;
  },
  [PTRACE.PTRACE_POKEUSER]: (task, target, trace, addr) =>
    registers.writeUserWord(target, trace, addr, dataWord(task)) ? 0 : -EIO,
  [PTRACE.PTRACE_CONT]: resuming(MODE.runs),
  [PTRACE.PTRACE_SYSCALL]: resuming(MODE.calls),
  [PTRACE.PTRACE_SINGLESTEP]: resuming(MODE.steps),
  [PTRACE.PTRACE_SYSEMU]: resuming(MODE.emulates),
  [PTRACE.PTRACE_SYSEMU_SINGLESTEP]: resuming(MODE.emulatesSteps),
  [PTRACE.PTRACE_DETACH]: detach,
  [PTRACE.PTRACE_LISTEN]: listen,
  [PTRACE.PTRACE_GETREGS]: out(registers.readRegisters),
  [PTRACE.PTRACE_SETREGS]: into(P.USER_REGS.bytes, setAll),
  [PTRACE.PTRACE_GETFPREGS]: out(registers.readFloating),
  [PTRACE.PTRACE_SETFPREGS]: into(P.FPREGS_BYTES, (target, _trace, given) =>
    registers.writeFloating(target, given),
  ),
  [PTRACE.PTRACE_GETREGSET]: getRegisterSet,
  [PTRACE.PTRACE_SETREGSET]: setRegisterSet,
  [PTRACE.PTRACE_SETOPTIONS]: setOptions,
  [PTRACE.PTRACE_GETEVENTMSG]: (task, _target, trace, _addr, data) =>
    task.space.writeU64(data, trace.message) < 0 ? -EFAULT : 0,
  [PTRACE.PTRACE_GETSIGINFO]: getInfo,
  [PTRACE.PTRACE_SETSIGINFO]: setInfo,
  [PTRACE.PTRACE_PEEKSIGINFO]: peekInfo,
  [PTRACE.PTRACE_GETSIGMASK]: getMask,
  [PTRACE.PTRACE_SETSIGMASK]: setMask,
  [PTRACE.PTRACE_GET_SYSCALL_INFO]: getCallInfo,
  [PTRACE.PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG]: getDispatch,
  [PTRACE.PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG]: setDispatch,
};

export const PTRACE_ROWS: readonly SyscallRow[] = [
  row('ptrace', [arg.oneOf(PTRACE), arg.pid, arg.pointer, arg.pointer], sysPtrace, {
    coverage: 'partial',
    note: 'no debug registers',
  }),
];
