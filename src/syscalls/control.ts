/**
 * Knobs of a process: prctl(2), arch_prctl(2), personality(2), capget(2), capset(2), membarrier(2),
 * and the calls that are refused on purpose (unshare).
 */

import { CAP_LAST, CAP_SETPCAP, CAP_SYS_RESOURCE } from '../abi/capability.ts';
import { EFAULT, EINVAL, ENODEV, ENOSYS, EPERM, ESRCH } from '../abi/errno.table.ts';
import { ARCH, CLONE, CLONE_NAMESPACES, PR } from '../abi/task-flags.ts';
import { ALL_CAPABILITIES } from '../kernel/credentials.ts';
import { setExecutableRule } from '../kernel/executable-rule.ts';
import { GPR } from '../kernel/platform.ts';
import { seccompMode } from '../kernel/seccomp.ts';
import type { Task } from '../kernel/task.ts';
import { setUserDispatch } from '../kernel/user-dispatch.ts';
import * as arg from './args.ts';
import { row, type SyscallRow } from './row.ts';
import { prctlSeccomp } from './seccomp.ts';

const TASK_SIZE = 0x7fff_ffff_f000n;
const KEEP_CAPS = 1 << 4;
const NO_CAP_AMBIENT_RAISE = 1 << 6;
const MCE_KILL = { CLEAR: 0, SET: 1, DEFAULT: 2 } as const;

function sysPrctl(task: Task, option: number, a: number, b: number, c: number, d: number): number {
  const { group, space } = task;
  const write = (addr: number, value: number) => (space.writeU32(addr, value) < 0 ? -EFAULT : 0);
  switch (option) {
    case PR.PR_SET_PDEATHSIG:
      if (a > 64) return -EINVAL;
      task.parentDeathSignal = a;
      return 0;
    case PR.PR_GET_PDEATHSIG:
      return write(a, task.parentDeathSignal);
    case PR.PR_GET_DUMPABLE:
      return group.dumpable;
    case PR.PR_SET_DUMPABLE:
      if (a > 1) return -EINVAL;
      group.dumpable = a;
      return 0;
    case PR.PR_SET_NAME:
      return setName(task, a);
    case PR.PR_GET_NAME: {
      const name = new Uint8Array(16);
      name.set(task.comm);
      return space.copyOut(a, name) < 0 ? -EFAULT : 0;
    }
    case PR.PR_SET_CHILD_SUBREAPER:
      group.isSubreaper = a !== 0;
      return 0;
    case PR.PR_GET_CHILD_SUBREAPER:
      return write(a, group.isSubreaper ? 1 : 0);
    case PR.PR_SET_NO_NEW_PRIVS:
      if (a !== 1 || b !== 0 || c !== 0 || d !== 0) return -EINVAL;
      task.creds = task.creds.with({ noNewPrivs: true });
      return 0;
    case PR.PR_GET_NO_NEW_PRIVS:
      return a !== 0 || b !== 0 || c !== 0 || d !== 0 ? -EINVAL : task.creds.noNewPrivs ? 1 : 0;
    case PR.PR_SET_TIMERSLACK:
      task.timerSlackNs = a <= 0 ? task.defaultTimerSlackNs : a;
      return 0;
    case PR.PR_GET_TIMERSLACK:
      return task.timerSlackNs;
    case PR.PR_GET_TID_ADDRESS:
      return space.writeU64(a, task.clearChildTid) < 0 ? -EFAULT : 0;
    default:
      return (
        capabilityControl(task, option, a, b, c, d) ?? minorControl(task, option, [a, b, c, d])
      );
  }
}

function setName(task: Task, addr: number): number {
  const bytes = new Uint8Array(16);
  // A name without an end is cut after 15 bytes; it may stop at the end of a page.
  const text = task.space.readCString(addr, 16);
  if (typeof text !== 'number') bytes.set(text.subarray(0, 15));
  else if (task.space.copyIn(addr, bytes.subarray(0, 15)) < 0) return -EFAULT;
  const end = bytes.indexOf(0);
  task.comm = bytes.slice(0, end < 0 ? 15 : end);
  return 0;
}

function capabilityControl(
  task: Task,
  option: number,
  a: number,
  b: number,
  c: number,
  d: number,
): number | undefined {
  const { creds } = task;
  const bit = a <= CAP_LAST ? 1n << BigInt(a) : 0n;
  switch (option) {
    case PR.PR_GET_KEEPCAPS:
      return (creds.secureBits & KEEP_CAPS) !== 0 ? 1 : 0;
    case PR.PR_SET_KEEPCAPS:
      if (a > 1) return -EINVAL;
      task.creds = creds.with({
        secureBits: a === 1 ? creds.secureBits | KEEP_CAPS : creds.secureBits & ~KEEP_CAPS,
      });
      return 0;
    case PR.PR_GET_SECUREBITS:
      return creds.secureBits;
    case PR.PR_SET_SECUREBITS:
      if (!creds.has(CAP_SETPCAP)) return -EPERM;
      if (a > 0xff) return -EPERM;
      task.creds = creds.with({ secureBits: a });
      return 0;
    case PR.PR_CAPBSET_READ:
      if (bit === 0n) return -EINVAL;
      return (creds.bounding & bit) !== 0n ? 1 : 0;
    case PR.PR_CAPBSET_DROP:
      if (!creds.has(CAP_SETPCAP)) return -EPERM;
      if (bit === 0n) return -EINVAL;
      task.creds = creds.with({ bounding: creds.bounding & ~bit });
      return 0;
    case PR.PR_CAP_AMBIENT:
      return c !== 0 || d !== 0 ? -EINVAL : ambientControl(task, a, b);
    default:
      return undefined;
  }
}

const AMBIENT = { IS_SET: 1, RAISE: 2, LOWER: 3, CLEAR_ALL: 4 } as const;

function ambientControl(task: Task, operation: number, capability: number): number {
  const { creds } = task;
  if (operation === AMBIENT.CLEAR_ALL) {
    if (capability !== 0) return -EINVAL;
    task.creds = creds.with({ ambient: 0n });
    return 0;
  }
  if (capability > CAP_LAST) return -EINVAL;
  const bit = 1n << BigInt(capability);
  if (operation === AMBIENT.IS_SET) return (creds.ambient & bit) !== 0n ? 1 : 0;
  if (operation === AMBIENT.LOWER) {
    task.creds = creds.with({ ambient: creds.ambient & ~bit });
    return 0;
  }
  if (operation !== AMBIENT.RAISE) return -EINVAL;
  if ((creds.permitted & creds.inheritable & bit) === 0n) return -EPERM;
  if ((creds.secureBits & NO_CAP_AMBIENT_RAISE) !== 0) return -EPERM;
  task.creds = creds.with({ ambient: creds.ambient | bit });
  return 0;
}

/** Options that need nothing here but an honest answer. */
function minorControl(task: Task, option: number, args: readonly number[]): number {
  const [a = 0, ...rest] = args;
  const { group } = task;
  switch (option) {
    case PR.PR_GET_SECCOMP:
      return seccompMode(task);
    case PR.PR_SET_SECCOMP:
      return prctlSeccomp(task, a, args[1] ?? 0);
    case PR.PR_GET_TIMING:
    case PR.PR_TASK_PERF_EVENTS_DISABLE:
    case PR.PR_TASK_PERF_EVENTS_ENABLE:
      return 0;
    case PR.PR_GET_THP_DISABLE:
      return args.some((arg) => arg !== 0) ? -EINVAL : group.hugePagesOff ? 1 : 0;
    case PR.PR_SET_THP_DISABLE:
      if (rest.some((arg) => arg !== 0)) return -EINVAL;
      group.hugePagesOff = a !== 0;
      return 0;
    case PR.PR_MCE_KILL_GET:
      return args.some((arg) => arg !== 0) ? -EINVAL : group.memoryErrorPolicy;
    case PR.PR_MCE_KILL:
      return setMemoryErrorPolicy(task, args);
    case PR.PR_SET_TIMING:
      return a === 0 ? 0 : -EINVAL;
    case PR.PR_GET_TSC:
      return task.space.writeU32(a, 1) < 0 ? -EFAULT : 0;
    case PR.PR_SET_TSC:
      return a === 1 ? 0 : -EINVAL;
    case PR.PR_GET_SPECULATION_CTRL:
      return rest.some((arg) => arg !== 0) ? -EINVAL : -ENODEV;
    case PR.PR_SET_SPECULATION_CTRL:
      return args.slice(2).some((arg) => arg !== 0) ? -EINVAL : -ENODEV;
    case PR.PR_SET_IO_FLUSHER:
    case PR.PR_GET_IO_FLUSHER:
      return ioFlusher(task, option === PR.PR_SET_IO_FLUSHER, args);
    case PR.PR_SET_MM:
      return task.creds.has(CAP_SYS_RESOURCE) ? -EINVAL : -EPERM;
    case PR.PR_SET_SYSCALL_USER_DISPATCH:
      return userDispatch(task);
    case PR.PR_GET_AUXV:
      return getAuxiliaryVector(task, args);
    case PR.PR_SET_MDWE:
      return rest.some((arg) => arg !== 0) ? -EINVAL : setExecutableRule(group, a);
    case PR.PR_GET_MDWE:
      return args.every((arg) => arg === 0) ? group.executableRule : -EINVAL;
    case PR.PR_SET_MEMORY_MERGE:
      // No pages are merged: that can be asked for.
      return args.every((arg) => arg === 0) ? 0 : -EINVAL;
    case PR.PR_GET_MEMORY_MERGE:
      return args.every((arg) => arg === 0) ? 0 : -EINVAL;
    case PR.PR_SET_VMA:
      return 0;
    default:
      return -EINVAL;
  }
}

/** All 64 bits of the arguments count. */
function userDispatch(task: Task): number {
  const word = (gpr: number) => task.cpu.gprs[gpr] as bigint;
  const wish = { offset: word(GPR.rdx), length: word(GPR.r10), selector: word(GPR.r8) };
  return setUserDispatch(task, word(GPR.rsi), wish);
}

/** Kept and reported: nothing here waits for memory to be written back. */
function ioFlusher(task: Task, isSet: boolean, args: readonly number[]): number {
  if (!task.creds.has(CAP_SYS_RESOURCE)) return -EPERM;
  const [state = 0, ...rest] = args;
  if (rest.some((arg) => arg !== 0) || state > (isSet ? 1 : 0)) return -EINVAL;
  if (!isSet) return Number(task.group.isIoFlusher);
  task.group.isIoFlusher = state === 1;
  return 0;
}

/** Copies what fits and answers the whole length (PR_GET_AUXV). */
function getAuxiliaryVector(task: Task, args: readonly number[]): number {
  const [addr = 0, length = 0, ...rest] = args;
  if (rest.some((arg) => arg !== 0)) return -EINVAL;
  const vector = task.group.layout?.auxv ?? new Uint8Array(0);
  const part = vector.subarray(0, Math.min(length, vector.length));
  return task.space.copyOut(addr, part) < 0 ? -EFAULT : vector.length;
}

/** Kept and reported: no memory error ever reaches a guest. */
function setMemoryErrorPolicy(task: Task, args: readonly number[]): number {
  const [operation = 0, policy = 0, c = 0, d = 0] = args;
  if (c !== 0 || d !== 0) return -EINVAL;
  if (operation === MCE_KILL.CLEAR && policy === 0) task.group.memoryErrorPolicy = MCE_KILL.DEFAULT;
  else if (operation === MCE_KILL.SET && policy <= MCE_KILL.DEFAULT)
    task.group.memoryErrorPolicy = policy;
  else return -EINVAL;
  return 0;
}

function sysArchPrctl(task: Task, option: number, addr: number): number {
  const { cpu, space } = task;
  switch (option) {
    case ARCH.ARCH_SET_FS:
    case ARCH.ARCH_SET_GS: {
      const base = cpu.gprs[6] as bigint;
      if (base >= TASK_SIZE) return -EPERM;
      if (option === ARCH.ARCH_SET_FS) cpu.fsBase = base;
      else cpu.gsBase = base;
      return 0;
    }
    case ARCH.ARCH_GET_FS:
      return space.writeBigU64(addr, cpu.fsBase) < 0 ? -EFAULT : 0;
    case ARCH.ARCH_GET_GS:
      return space.writeBigU64(addr, cpu.gsBase) < 0 ? -EFAULT : 0;
    case ARCH.ARCH_GET_CPUID:
      return 1;
    case ARCH.ARCH_SET_CPUID:
      // As on a processor that cannot be told to trap CPUID.
      return -ENODEV;
    default:
      return -EINVAL;
  }
}

function sysPersonality(task: Task, persona: number): number {
  const { group } = task;
  const before = group.personality;
  if (persona !== 0xffffffff) group.personality = persona;
  return before;
}

const CAP_VERSION_1 = 0x19980330;
const CAP_VERSION_2 = 0x20071026;
const CAP_VERSION_3 = 0x20080522;

/** Words a set of that version has; -EINVAL (and the version that we know) otherwise. */
function capabilityWords(task: Task, headerAt: number, wantsVersionOnly: boolean): number {
  const version = task.space.readU32(headerAt);
  if (version === undefined) return -EFAULT;
  if (version === CAP_VERSION_1) return 1;
  if (version === CAP_VERSION_2 || version === CAP_VERSION_3) return 2;
  if (task.space.writeU32(headerAt, CAP_VERSION_3) < 0) return -EFAULT;
  return wantsVersionOnly ? 0 : -EINVAL;
}

function sysCapget(task: Task, headerAt: number, dataAt: number): number {
  const words = capabilityWords(task, headerAt, dataAt === 0);
  if (words <= 0) return words;
  const pid = task.space.readI32(headerAt + 4);
  if (pid === undefined) return -EFAULT;
  if (pid < 0) return -EINVAL;
  const { processes } = task.kernel;
  const target =
    pid === 0 ? task : pid === processes.init.pid ? processes.initTask : processes.task(pid);
  if (target === undefined) return -ESRCH;
  if (dataAt === 0) return 0;
  const { effective, permitted, inheritable } = target.creds;
  const bytes = new Uint8Array(12 * words);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < words; i++)
    for (const [j, set] of [effective, permitted, inheritable].entries())
      view.setUint32(12 * i + 4 * j, Number((set >> BigInt(32 * i)) & 0xffff_ffffn), true);
  return task.space.copyOut(dataAt, bytes) < 0 ? -EFAULT : 0;
}

function sysCapset(task: Task, headerAt: number, dataAt: number): number {
  const words = capabilityWords(task, headerAt, false);
  if (words < 0) return words;
  const pid = task.space.readI32(headerAt + 4);
  if (pid === undefined) return -EFAULT;
  if (pid !== 0 && pid !== task.tid) return -EPERM;
  const bytes = new Uint8Array(12 * words);
  if (task.space.copyIn(dataAt, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const read = (j: number) => {
    let set = 0n;
    for (let i = 0; i < words; i++)
      set |= BigInt(view.getUint32(12 * i + 4 * j, true)) << BigInt(32 * i);
    return set & ALL_CAPABILITIES;
  };
  const [effective, permitted, inheritable] = [read(0), read(1), read(2)];
  const { creds } = task;
  const mayInherit = creds.has(CAP_SETPCAP)
    ? creds.inheritable | creds.bounding
    : creds.inheritable | creds.permitted;
  if ((inheritable & ~mayInherit) !== 0n) return -EPERM;
  if ((permitted & ~creds.permitted) !== 0n) return -EPERM;
  if ((effective & ~permitted) !== 0n) return -EPERM;
  const ambient = creds.ambient & permitted & inheritable;
  task.creds = creds.with({ effective, permitted, inheritable, ambient });
  return 0;
}

const MEMBARRIER_QUERY = 0;
const MEMBARRIER_GET_REGISTRATIONS = 512;
/** The registrations of GLOBAL_EXPEDITED, PRIVATE_EXPEDITED and PRIVATE_EXPEDITED_SYNC_CORE. */
const MEMBARRIER_REGISTRATIONS = 4 | 16 | 64;
/** What needs a registration, and which. */
const MEMBARRIER_NEEDS: Readonly<Record<number, number>> = { 8: 16, 32: 64 };
/** GLOBAL, GLOBAL_EXPEDITED, PRIVATE_EXPEDITED (also SYNC_CORE); without rseq none of its own. */
const MEMBARRIER_COMMANDS =
  1 | 2 | 8 | 32 | MEMBARRIER_REGISTRATIONS | MEMBARRIER_GET_REGISTRATIONS;

/** Nobody runs while the kernel does; who has a turn beside it (`--cpus`) is stopped once. */
function sysMembarrier({ group, kernel }: Task, command: number, flags: number): number {
  if (flags !== 0) return -EINVAL;
  if (command === MEMBARRIER_QUERY) return MEMBARRIER_COMMANDS;
  const isOne = (command & (command - 1)) === 0;
  if (!isOne || (command & ~MEMBARRIER_COMMANDS) !== 0) return -EINVAL;
  if (command === MEMBARRIER_GET_REGISTRATIONS) return group.membarriers;
  const needs = MEMBARRIER_NEEDS[command] ?? 0;
  if ((group.membarriers & needs) !== needs) return -EPERM;
  if ((command & MEMBARRIER_REGISTRATIONS) === 0) kernel.parallel?.hold();
  group.membarriers |= command & MEMBARRIER_REGISTRATIONS;
  return 0;
}

/** glibc registers at start and goes on without; threads are never moved between processors. */
const sysRseq = () => -ENOSYS;

const THREAD_FLAGS = CLONE.CLONE_THREAD | CLONE.CLONE_SIGHAND | CLONE.CLONE_VM;
const UNSHARE_FLAGS = THREAD_FLAGS | CLONE.CLONE_FS | CLONE.CLONE_FILES | CLONE.CLONE_SYSVSEM;

function sysUnshare(task: Task, flags: number): number {
  if ((flags & ~(UNSHARE_FLAGS | CLONE_NAMESPACES)) !== 0) return -EINVAL;
  if ((flags & CLONE_NAMESPACES) !== 0) return -EPERM;
  // What threads share cannot be unshared while there are several; alone there is nothing to do.
  const isAlone = task.group.tasks.size === 1 && task.kernel.spaces.users(task.space) === 1;
  if ((flags & THREAD_FLAGS) !== 0 && !isAlone) return -EINVAL;
  if ((flags & CLONE.CLONE_FILES) !== 0 && task.files.isShared) {
    const own = task.files.clone();
    task.files.leave();
    task.files = own;
  }
  if ((flags & CLONE.CLONE_FS) !== 0 && task.kernel.fsContexts.users(task.fs) > 1) {
    const own = task.kernel.fsContexts.enter(task.fs.clone());
    task.kernel.fsContexts.leave(task.fs);
    task.fs = own;
  }
  return 0;
}

const { int, uint, ulong, pointer, outPointer } = arg;

export const CONTROL_ROWS: readonly SyscallRow[] = [
  row('prctl', [arg.oneOf(PR), ulong, ulong, ulong, ulong], sysPrctl, {
    coverage: 'partial',
    note: 'PR_SET_MM and speculation controls are EINVAL',
  }),
  row('arch_prctl', [arg.oneOf(ARCH), pointer], sysArchPrctl),
  row('personality', [uint], sysPersonality, {
    coverage: 'partial',
    note: 'ADDR_NO_RANDOMIZE and READ_IMPLIES_EXEC have an effect, the others are kept and reported',
  }),
  row('capget', [pointer, outPointer], sysCapget),
  row('capset', [pointer, pointer], sysCapset),
  row('membarrier', [int, uint, int], sysMembarrier),
  row('rseq', [pointer, uint, int, uint], sysRseq, {
    coverage: 'refused',
    note: 'ENOSYS, as without CONFIG_RSEQ: C libraries go on without it',
  }),
  row('unshare', [arg.uint], sysUnshare, {
    coverage: 'partial',
    note: 'CLONE_FILES, CLONE_FS and CLONE_SYSVSEM; namespaces are EPERM',
  }),
];
