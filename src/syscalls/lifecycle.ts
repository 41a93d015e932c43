/** Making, replacing and ending processes: fork, vfork, clone, clone3, execve, exit, exit_group. */

import { E2BIG, EBADF, EFAULT, EINVAL, ENOENT } from '../abi/errno.table.ts';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../abi/file-flags.ts';
import { CLONE, CLONE_ARGS, CLONE_CLEAR_SIGHAND_HIGH } from '../abi/task-flags.ts';
import { clone } from '../kernel/clone.ts';
import { exec } from '../kernel/exec/exec.ts';
import { MAX_STRING_BYTES } from '../kernel/exec/stack.ts';
import { exitGroup, exitTask } from '../kernel/exit.ts';
import { BLOCKED, EXITED } from '../kernel/outcome.ts';
import { stopsAtExit } from '../kernel/ptrace/tracing.ts';
import type { Task } from '../kernel/task.ts';
import { bytesOf } from '../vfs/byte-string.ts';
import * as arg from './args.ts';
import { makePidfdFor } from './pidfd.ts';
import { row, type SyscallRow } from './row.ts';

const MAX_TOTAL_BYTES = 6 * 1024 * 1024;

function sysFork(task: Task): number {
  return clone(task, request(0, 17, 0));
}

function sysVfork(task: Task): number {
  return clone(task, request(CLONE.CLONE_VM | CLONE.CLONE_VFORK, 17, 0));
}

function request(flags: number, exitSignal: number, stackPointer: number) {
  return { flags, exitSignal, stackPointer, parentTid: 0, childTid: 0, tls: 0n };
}

function sysClone(
  task: Task,
  flags: number,
  stackPointer: number,
  parentTid: number,
  childTid: number,
): number {
  const hasPidfd = (flags & CLONE.CLONE_PIDFD) !== 0;
  // The pidfd is stored where CLONE_PARENT_SETTID would store the tid.
  if (hasPidfd && (flags & CLONE.CLONE_PARENT_SETTID) !== 0) return -EINVAL;
  return clone(task, {
    flags: flags & ~0xff,
    exitSignal: flags & 0xff,
    stackPointer,
    parentTid,
    childTid,
    tls: task.cpu.gprs[8] as bigint,
    makePidfd: hasPidfd ? makePidfdFor(task, parentTid) : undefined,
  });
}

/** What clone3(2) refuses: CSIGNAL, but for the bit that is CLONE_NEWTIME here. */
const SIGNAL_BITS = 0xff & ~CLONE.CLONE_NEWTIME;

function sysClone3(task: Task, addr: number, size: number): number {
  if (size < CLONE_ARGS.minimumBytes) return -EINVAL;
  if (size > 4096) return -E2BIG;
  const bytes = new Uint8Array(size);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  if (bytes.subarray(CLONE_ARGS.bytes).some((byte) => byte !== 0)) return -E2BIG;
  const view = new DataView(bytes.buffer);
  const field = (at: number) => (at + 8 <= size ? Number(view.getBigUint64(at, true)) : 0);
  const flags = view.getInt32(CLONE_ARGS.flags, true);
  const highFlags = view.getUint32(CLONE_ARGS.flags + 4, true);
  const exitSignal = field(CLONE_ARGS.exitSignal);
  if ((highFlags & ~CLONE_CLEAR_SIGHAND_HIGH) !== 0 || (flags & SIGNAL_BITS) !== 0) return -EINVAL;
  if ((flags & CLONE.CLONE_DETACHED) !== 0 || exitSignal > 64) return -EINVAL;
  const clearsHandlers = highFlags !== 0;
  if (clearsHandlers && (flags & CLONE.CLONE_SIGHAND) !== 0) return -EINVAL;
  const isChild = (flags & (CLONE.CLONE_THREAD | CLONE.CLONE_PARENT)) === 0;
  if (!isChild && exitSignal !== 0) return -EINVAL;
  const stack = field(CLONE_ARGS.stack);
  const stackSize = field(CLONE_ARGS.stackSize);
  if ((stack === 0) !== (stackSize === 0)) return -EINVAL;
  if (field(CLONE_ARGS.setTid) !== 0 || field(CLONE_ARGS.setTidSize) !== 0) return -EINVAL;
  return clone(task, {
    flags,
    exitSignal,
    stackPointer: stack + stackSize,
    parentTid: field(CLONE_ARGS.parentTid),
    childTid: field(CLONE_ARGS.childTid),
    tls: view.getBigUint64(CLONE_ARGS.tls, true),
    makePidfd:
      (flags & CLONE.CLONE_PIDFD) !== 0 ? makePidfdFor(task, field(CLONE_ARGS.pidfd)) : undefined,
    clearsHandlers,
  });
}

/** Reads a null-terminated array of strings; a null array counts as empty, as on Linux. */
function readStrings(task: Task, addr: number): Uint8Array[] | number {
  const strings: Uint8Array[] = [];
  if (addr === 0) return strings;
  let total = 0;
  for (let at = addr; ; at += 8) {
    const pointer = task.space.readU64(at);
    if (pointer === undefined) return -EFAULT;
    if (pointer === 0) return strings;
    const text = task.space.readCString(pointer, MAX_STRING_BYTES);
    if (typeof text === 'number') return text === -EFAULT ? -EFAULT : -E2BIG;
    total += text.length + 9;
    if (total > MAX_TOTAL_BYTES) return -E2BIG;
    strings.push(text);
  }
}

function sysExecve(task: Task, path: number, argv: number, env: number): number {
  return execAt(task, AT_FDCWD, path, argv, env, 0);
}

function sysExecveat(
  task: Task,
  dirfd: number,
  path: number,
  argv: number,
  env: number,
  flags: number,
): number {
  if ((flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) !== 0) return -EINVAL;
  return execAt(task, dirfd, path, argv, env, flags);
}

function execAt(
  task: Task,
  dirfd: number,
  pathAt: number,
  argvAt: number,
  envAt: number,
  flags: number,
): number {
  const path = task.space.readCString(pathAt, 4096);
  if (typeof path === 'number') return path;
  const argv = readStrings(task, argvAt);
  if (typeof argv === 'number') return argv;
  const env = readStrings(task, envAt);
  if (typeof env === 'number') return env;
  const isAbsolute = path[0] === 0x2f;
  if (isAbsolute || dirfd === AT_FDCWD) {
    if (path.length === 0) return -ENOENT;
    const keepsLink = (flags & AT_SYMLINK_NOFOLLOW) !== 0;
    return exec(task, { path, scriptName: path, argv, env, keepsLink });
  }
  const file = task.files.get(dirfd);
  if (file === undefined) return -EBADF;
  const nameVanishes = task.files.getCloseOnExec(dirfd);
  if (path.length === 0) {
    if ((flags & AT_EMPTY_PATH) === 0) return -ENOENT;
    const name = bytesOf(`/dev/fd/${dirfd}`);
    return exec(task, { path: name, scriptName: name, file, argv, env, nameVanishes });
  }
  const { mount, dentry } = file;
  const keepsLink = (flags & AT_SYMLINK_NOFOLLOW) !== 0;
  const name = new Uint8Array([...bytesOf(`/dev/fd/${dirfd}/`), ...path]);
  const base = { mount, dentry };
  return exec(task, { path, base, scriptName: name, argv, env, keepsLink, nameVanishes });
}

function sysExit(task: Task, status: number): number {
  const code = (status & 0xff) << 8;
  if (stopsAtExit(task, code, () => exitTask(task, code))) return BLOCKED;
  exitTask(task, code);
  return EXITED;
}

function sysExitGroup(task: Task, status: number): number {
  const code = (status & 0xff) << 8;
  if (stopsAtExit(task, code, () => exitGroup(task, code))) return BLOCKED;
  exitGroup(task, code);
  return EXITED;
}

const CLONE_FLAGS = arg.flags(CLONE);
const EXECVEAT_FLAGS = arg.flags({ AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW });

/** argv and envp as strace shows them: the first as strings, the second as a count. */
const stringList = arg.struct((task, addr) => {
  const strings = readStrings(task, addr);
  if (typeof strings === 'number') return undefined;
  return `[${strings.map((text) => arg.quoted(text)).join(', ')}]`;
});
const environment = arg.struct((task, addr) => {
  const strings = readStrings(task, addr);
  if (typeof strings === 'number') return undefined;
  return `0x${addr.toString(16)} /* ${strings.length} vars */`;
});

export const PROCESS_ROWS: readonly SyscallRow[] = [
  row('fork', [], sysFork),
  row('vfork', [], sysVfork),
  row('clone', [CLONE_FLAGS, arg.pointer, arg.pointer, arg.pointer, arg.pointer], sysClone, {
    coverage: 'partial',
    note: 'namespaces are refused with EPERM',
  }),
  row('clone3', [arg.pointer, arg.size], sysClone3, {
    coverage: 'partial',
    note: 'namespaces are refused with EPERM; set_tid and cgroup with EINVAL',
  }),
  row('execve', [arg.path, stringList, environment], sysExecve),
  row('execveat', [arg.dirfd, arg.path, stringList, environment, EXECVEAT_FLAGS], sysExecveat),
  row('exit', [arg.int], sysExit, { result: 'never' }),
  row('exit_group', [arg.int], sysExitGroup, { result: 'never' }),
];
