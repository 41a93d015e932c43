/** dup(2), fcntl(2), flock(2), ioctl(2), pipe(2), eventfd(2). */

import { CAP_LINUX_IMMUTABLE, CAP_SYS_RESOURCE } from '../abi/capability.ts';
import {
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  EMFILE,
  ENFILE,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  EROFS,
  ESRCH,
} from '../abi/errno.table.ts';
import {
  F_ADD_SEALS,
  F_CREATED_QUERY,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_DUPFD_QUERY,
  F_GET_RW_HINT,
  F_GET_SEALS,
  F_GETFD,
  F_GETFL,
  F_GETLEASE,
  F_GETLK,
  F_GETOWN,
  F_GETOWN_EX,
  F_GETPIPE_SZ,
  F_GETSIG,
  F_NOTIFY,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_OWNER_PGRP,
  F_OWNER_PID,
  F_OWNER_TID,
  F_RDLCK,
  F_SET_RW_HINT,
  F_SETFD,
  F_SETFL,
  F_SETLEASE,
  F_SETLK,
  F_SETLKW,
  F_SETOWN,
  F_SETOWN_EX,
  F_SETPIPE_SZ,
  F_SETSIG,
  F_UNLCK,
  F_WRLCK,
  FD_CLOEXEC,
  LOCK_EX,
  LOCK_MAND,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_ACCMODE,
  O_APPEND,
  O_ASYNC,
  O_CLOEXEC,
  O_DIRECT,
  O_NOATIME,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
} from '../abi/file-flags.ts';
import { isDirectory, isRegular, S_IFMT, S_IFSOCK } from '../abi/file-mode.ts';
import {
  FICLONE,
  FICLONERANGE,
  FIDEDUPERANGE,
  FIGETBSZ,
  FIOQSIZE,
  FS_APPEND_FL,
  FS_IMMUTABLE_FL,
  FS_IOC_GETFLAGS,
  FS_IOC_SETFLAGS,
} from '../abi/inode-flags.ts';
import { EFD_CLOEXEC } from '../abi/poll-events.ts';
import { FIOASYNC, FIOCLEX, FIONBIO, FIONCLEX, FIONREAD, TIOCGPTPEER } from '../abi/terminal.ts';
import { EventFile } from '../fs/anonfs/eventfd.ts';
import { PipeFile } from '../fs/pipefs/pipe-file.ts';
import { NamespaceFile } from '../fs/procfs/namespaces.ts';
import { TmpfsFile } from '../fs/tmpfs/file.ts';
import { BLOCKED, ERESTARTSYS } from '../kernel/outcome.ts';
import { SeccompListener } from '../kernel/seccomp-listener.ts';
import { AsyncNotifier } from '../kernel/signals/file-signals.ts';
import type { Task } from '../kernel/task.ts';
import { ownsOrCapable } from '../vfs/credentials.ts';
import { InodeLocks } from '../vfs/file-locks.ts';
import { FileMapping } from '../vfs/file-mapping.ts';
import type { Inode } from '../vfs/inode.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import { fd, flags, oneOf, pointer, uint, ulong } from './args.ts';
import { notifyOfDirectory } from './dnotify.ts';
import { EVENTFD_FLAG_SET, FCNTL_SET, LOCK_FLAG_SET, PIPE_FLAG_SET } from './file-flag-sets.ts';
import { dataFile, TaskMemory } from './file-support.ts';
import { allBits } from './flags.ts';
import { getLease, setLease } from './leases.ts';
import { namespaceIoctl } from './namespaces.ts';
import { installFile } from './open-close.ts';
import { recordLock } from './record-locks.ts';
import { row, type SyscallRow } from './row.ts';
import { listenerIoctl } from './seccomp-listener.ts';

function duplicate(task: Task, fd: number, from: number, closeOnExec: boolean): number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  const limit = task.group.limits.openFiles;
  if (from < 0 || from >= limit) return -EINVAL;
  const result = task.files.install(file.retain(), limit, closeOnExec, from);
  if (result < 0) file.release();
  return result;
}

const sysDup = (task: Task, fd: number): number => {
  const result = duplicate(task, fd, 0, false);
  return result === -EINVAL ? -EMFILE : result;
};

function sysDup3(task: Task, fd: number, target: number, how: number): number {
  if ((how & ~O_CLOEXEC) !== 0) return -EINVAL;
  if (fd === target) return -EINVAL;
  return dupTo(task, fd, target, (how & O_CLOEXEC) !== 0);
}

function sysDup2(task: Task, fd: number, target: number): number {
  if (fd === target) return task.files.get(fd) === undefined ? -EBADF : fd;
  return dupTo(task, fd, target, false);
}

function dupTo(task: Task, fd: number, target: number, closeOnExec: boolean): number {
  if (target < 0 || target >= task.group.limits.openFiles) return -EBADF;
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  task.files.replace(target, file.retain(), closeOnExec);
  return target;
}

// --- fcntl ---------------------------------------------------------------------------------------

type FcntlCommand = (task: Task, file: OpenFile, argument: number, fd: number) => number;

/** What F_SETFL changes; it ignores the rest. */
const SETFL_BITS = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;

function setFlags(task: Task, file: OpenFile, argument: number, fd: number): number {
  const before = file.flags;
  const bits = file.sendsSignals ? SETFL_BITS | O_ASYNC : SETFL_BITS;
  const after = (before & ~bits) | (argument & bits);
  if ((after & ~before & O_NOATIME) !== 0 && !ownsOrCapable(task.creds, file.inode)) return -EPERM;
  // Of pipes it makes packets.
  if ((argument & O_DIRECT) !== 0 && !file.takesDirectIo && !(file instanceof PipeFile))
    return -EINVAL;
  file.flags = after;
  const result = file.flagsChanged(before);
  if (result < 0) file.flags = before;
  else if (((before ^ after) & O_ASYNC) !== 0) switchSignals(task, file, fd);
  return result;
}

/** O_ASYNC was set or cleared. */
function switchSignals(task: Task, file: OpenFile, fd: number): void {
  const { notifiers } = task.kernel;
  notifiers.get(file)?.stop();
  if ((file.flags & O_ASYNC) === 0) notifiers.delete(file);
  else notifiers.set(file, new AsyncNotifier(task.kernel, file, fd));
}

function setOwner(task: Task, file: OpenFile, type: number, id: number): number {
  if (id !== 0 && !ownerExists(task, type, id)) return -ESRCH;
  const signal = file.owner?.signal ?? 0;
  file.owner = id === 0 ? { type: -1, id: 0, signal } : { type, id, signal };
  return 0;
}

/** A shared mapping, in whatever process, that may write: F_SEAL_WRITE must not meet one. */
function isMappedForWriting(task: Task, inode: Inode): boolean {
  for (const { space } of task.kernel.processes.tasks())
    for (const { shared, file } of space.areas()) {
      if (!shared || !(file instanceof FileMapping)) continue;
      if (file.file.inode === inode && file.file.isWritable) return true;
    }
  return false;
}

/** F_GETOWN: a process group as a negative number. */
function ownerOf({ owner }: OpenFile): number {
  if (owner === undefined || owner.type < 0) return 0;
  return owner.type === F_OWNER_PGRP ? -owner.id : owner.id;
}

function ownerExists(task: Task, type: number, id: number): boolean {
  const { processes } = task.kernel;
  if (type === F_OWNER_PGRP) return processes.processGroup(id) !== undefined;
  return (type === F_OWNER_TID ? processes.task(id) : processes.group(id)) !== undefined;
}

/** The size that a pipe of this task may have (`pipe_set_size`). */
const pipeLimit = (task: Task): number =>
  task.creds.has(CAP_SYS_RESOURCE) ? Number.POSITIVE_INFINITY : task.kernel.vfs.pipeMaxBytes;

/** F_SET_RW_HINT: RWH_WRITE_LIFE_NOT_SET … EXTREME, kept and reported. */
const RW_HINT_MAX = 5;

const COMMANDS: Readonly<Record<number, FcntlCommand>> = {
  [F_DUPFD]: (task, _file, argument, fd) => duplicate(task, fd, argument | 0, false),
  [F_DUPFD_CLOEXEC]: (task, _file, argument, fd) => duplicate(task, fd, argument | 0, true),
  [F_DUPFD_QUERY]: (task, file, argument) => {
    const other = task.files.get(argument | 0);
    return other === undefined ? -EBADF : Number(other === file);
  },
  [F_CREATED_QUERY]: (_task, file) => Number(file.wasCreated),
  [F_GETFD]: (task, _file, _argument, fd) => Number(task.files.getCloseOnExec(fd)),
  [F_SETFD]: (task, _file, argument, fd) => {
    task.files.setCloseOnExec(fd, (argument & FD_CLOEXEC) !== 0);
    return 0;
  },
  [F_GETFL]: (_task, file) => file.flags,
  [F_SETFL]: setFlags,
  [F_GETLK]: (task, file, argument) => recordLock(task, file, argument, 'get', false),
  [F_SETLK]: (task, file, argument) => recordLock(task, file, argument, 'set', false),
  [F_SETLKW]: (task, file, argument) => recordLock(task, file, argument, 'wait', false),
  [F_OFD_GETLK]: (task, file, argument) => recordLock(task, file, argument, 'get', true),
  [F_OFD_SETLK]: (task, file, argument) => recordLock(task, file, argument, 'set', true),
  [F_OFD_SETLKW]: (task, file, argument) => recordLock(task, file, argument, 'wait', true),
  [F_SETOWN]: (task, file, argument) => {
    const id = argument | 0;
    if (id < 0) return setOwner(task, file, F_OWNER_PGRP, -id);
    return setOwner(task, file, F_OWNER_PID, id);
  },
  [F_GET_RW_HINT]: (task, file, argument) =>
    task.space.writeU64(argument, file.inode.writeHint) < 0 ? -EFAULT : 0,
  [F_SET_RW_HINT]: (task, file, argument) => {
    const hint = task.space.readU64(argument);
    if (hint === undefined) return -EFAULT;
    if (hint > RW_HINT_MAX) return -EINVAL;
    file.inode.writeHint = hint;
    return 0;
  },
  [F_GETOWN]: (_task, file) => ownerOf(file),
  [F_SETOWN_EX]: (task, file, argument) => {
    const type = task.space.readI32(argument);
    const id = task.space.readI32(argument + 4);
    if (type === undefined || id === undefined) return -EFAULT;
    if (type !== F_OWNER_TID && type !== F_OWNER_PID && type !== F_OWNER_PGRP) return -EINVAL;
    return setOwner(task, file, type, id);
  },
  [F_GETOWN_EX]: (task, file, argument) => {
    const { space } = task;
    const type = Math.max(0, file.owner?.type ?? F_OWNER_PID);
    if (space.writeU32(argument, type) < 0) return -EFAULT;
    return space.writeU32(argument + 4, file.owner?.id ?? 0) < 0 ? -EFAULT : 0;
  },
  [F_SETSIG]: (_task, file, argument) => {
    if (argument < 0 || argument > 64) return -EINVAL;
    file.owner = { type: file.owner?.type ?? -1, id: file.owner?.id ?? 0, signal: argument };
    return 0;
  },
  [F_GETSIG]: (_task, file) => file.owner?.signal ?? 0,
  [F_GETLEASE]: getLease,
  [F_SETLEASE]: (task, file, argument, fd) => setLease(task, file, fd, argument | 0),
  [F_NOTIFY]: (task, file, argument, fd) => notifyOfDirectory(task, file, fd, argument),
  [F_SETPIPE_SZ]: (task, file, argument) =>
    file instanceof PipeFile ? file.setCapacity(argument, pipeLimit(task)) : -EBADF,
  [F_GETPIPE_SZ]: (_task, file) => (file instanceof PipeFile ? file.pipe.capacity : -EBADF),
  [F_ADD_SEALS]: (task, file, argument) => {
    if (!file.isWritable) return -EPERM;
    if (!(file.inode instanceof TmpfsFile)) return -EINVAL;
    return file.inode.addSeals(argument, () => isMappedForWriting(task, file.inode));
  },
  [F_GET_SEALS]: (_task, file) => (file.inode instanceof TmpfsFile ? file.inode.seals : -EINVAL),
};

/** What an O_PATH descriptor still answers. */
const PATH_COMMANDS: ReadonlySet<number> = new Set([
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_SETFD,
  F_GETFL,
  F_DUPFD_QUERY,
  F_CREATED_QUERY,
]);

function sysFcntl(task: Task, fd: number, command: number, argument: number): number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  if ((file.flags & O_PATH) !== 0 && !PATH_COMMANDS.has(command)) return -EBADF;
  const handler = COMMANDS[command];
  return handler === undefined ? -EINVAL : handler(task, file, argument, fd);
}

// --- flock ---------------------------------------------------------------------------------------

const FLOCK_TYPES: Readonly<Record<number, number>> = {
  [LOCK_SH]: F_RDLCK,
  [LOCK_EX]: F_WRLCK,
  [LOCK_UN]: F_UNLCK,
};

function sysFlock(task: Task, fd: number, operation: number): number {
  // Mandatory locks are gone: Linux answers 0 to whoever asks for one, whatever the descriptor.
  if ((operation & LOCK_MAND) !== 0) return 0;
  const type = FLOCK_TYPES[operation & ~LOCK_NB];
  if (type === undefined) return -EINVAL;
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  const { inode } = file;
  if (inode.locks === undefined) {
    if (type === F_UNLCK) return 0;
    inode.locks = new InodeLocks();
  }
  const { locks } = inode;
  const result = locks.setFlock(file, type);
  if (type !== F_UNLCK) file.addCloseListener(FLOCK_RELEASE);
  if (result !== -EAGAIN || (operation & LOCK_NB) !== 0) return result;
  file.retain();
  return task.sleep({
    queues: [locks.released],
    attempt: () => {
      const again = locks.setFlock(file, type);
      if (again === -EAGAIN) return BLOCKED;
      file.release();
      return again;
    },
    interrupted: () => {
      file.release();
      return -ERESTARTSYS;
    },
    abandoned: () => file.release(),
    reason: 'flock',
  });
}

/** The last close gives a flock up. */
const FLOCK_RELEASE = {
  onClose(file: OpenFile): void {
    file.inode.locks?.setFlock(file, F_UNLCK);
  },
};

/** The owner of a socket by ioctl, asm/sockios.h. */
const FIOSETOWN = 0x8901;
const SIOCSPGRP = 0x8902;
const FIOGETOWN = 0x8903;
const SIOCGPGRP = 0x8904;

// --- ioctl ---------------------------------------------------------------------------------------

/** What every descriptor has. */
const GENERAL_COMMANDS: ReadonlySet<number> = new Set([FIOCLEX, FIONCLEX, FIONBIO, FIOASYNC]);

function sysIoctl(task: Task, fd: number, command: number, argument: number): number {
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  if (file instanceof SeccompListener && !GENERAL_COMMANDS.has(command >>> 0))
    return listenerIoctl(task, file, command, argument);
  if (file instanceof NamespaceFile) {
    const result = namespaceIoctl(task, file, command, argument);
    if (result !== undefined) return result;
  }
  switch (command >>> 0) {
    case FICLONE:
    case FICLONERANGE:
    case FIDEDUPERANGE:
      // No file system here shares blocks between files.
      return isRegular(file.inode.mode) ? -EOPNOTSUPP : -ENOTTY;
    case FIOSETOWN:
    case SIOCSPGRP: {
      if ((file.inode.mode & S_IFMT) !== S_IFSOCK) break;
      const id = task.space.readI32(argument);
      if (id === undefined) return -EFAULT;
      return setOwner(task, file, id < 0 ? F_OWNER_PGRP : F_OWNER_PID, Math.abs(id));
    }
    case FIOGETOWN:
    case SIOCGPGRP:
      if ((file.inode.mode & S_IFMT) !== S_IFSOCK) break;
      return task.space.writeU32(argument, ownerOf(file) >>> 0) < 0 ? -EFAULT : 0;
    case TIOCGPTPEER: {
      const peer = file.openPeer(argument & (O_ACCMODE | O_NOCTTY | O_NONBLOCK));
      if (typeof peer === 'number') return peer;
      return installFile(task, peer, (argument & O_CLOEXEC) !== 0);
    }
    case FIOCLEX:
      task.files.setCloseOnExec(fd, true);
      return 0;
    case FIONCLEX:
      task.files.setCloseOnExec(fd, false);
      return 0;
    case FIONBIO:
    case FIOASYNC: {
      const on = task.space.readI32(argument);
      if (on === undefined) return -EFAULT;
      const bit = command === FIONBIO ? O_NONBLOCK : O_ASYNC;
      const changes = (on !== 0) !== ((file.flags & bit) !== 0);
      if (bit === O_ASYNC && changes && !file.sendsSignals) return -ENOTTY;
      return setFlags(task, file, on !== 0 ? file.flags | bit : file.flags & ~bit, fd);
    }
    case FIGETBSZ:
      return task.space.writeU32(argument, file.inode.fs.blockSize) < 0 ? -EFAULT : 0;
    case FIOQSIZE:
      if (!isRegular(file.inode.mode) && !isDirectory(file.inode.mode)) return -ENOTTY;
      return task.space.writeU64(argument, file.inode.size) < 0 ? -EFAULT : 0;
    case FS_IOC_GETFLAGS:
    case FS_IOC_SETFLAGS:
      return inodeFlags(task, file, command === FS_IOC_SETFLAGS, argument);
    case FIONREAD:
      if (isRegular(file.inode.mode)) {
        const left = file.inode.size - file.position;
        return task.space.writeU32(argument, left >>> 0) < 0 ? -EFAULT : 0;
      }
      break;
    default:
  }
  if (isRegular(file.inode.mode) || isDirectory(file.inode.mode)) return -ENOTTY;
  return file.ioctl(command, argument, new TaskMemory(task));
}

/** FS_IOC_GETFLAGS and FS_IOC_SETFLAGS, ioctl_iflags(2): an int. */
function inodeFlags(task: Task, file: OpenFile, isSet: boolean, addr: number): number {
  const { inode, mount } = file;
  if (!isRegular(inode.mode) && !isDirectory(inode.mode)) return -ENOTTY;
  const before = inode.getFlags();
  if (before < 0) return before;
  if (!isSet) return task.space.writeU32(addr, before) < 0 ? -EFAULT : 0;
  const wanted = task.space.readU32(addr);
  if (wanted === undefined) return -EFAULT;
  if (mount.isReadOnly) return -EROFS;
  if (!ownsOrCapable(task.creds, inode)) return -EPERM;
  const changed = before ^ wanted;
  const isGuarded = (changed & (FS_IMMUTABLE_FL | FS_APPEND_FL)) !== 0;
  if (isGuarded && !task.creds.has(CAP_LINUX_IMMUTABLE)) return -EPERM;
  return inode.setFlags(wanted);
}

// --- pipes and counters --------------------------------------------------------------------------

function sysPipe2(task: Task, addr: number, how: number): number {
  if ((how & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) !== 0) return -EINVAL;
  const { nodeOpener } = task.kernel.vfs;
  if (nodeOpener === undefined) return -ENFILE;
  const [reader, writer] = nodeOpener.makePipe(task.creds, how, pipeLimit(task));
  const closeOnExec = (how & O_CLOEXEC) !== 0;
  const readFd = installFile(task, reader, closeOnExec);
  if (readFd < 0) {
    writer.release();
    return readFd;
  }
  const writeFd = installFile(task, writer, closeOnExec);
  if (writeFd < 0) {
    task.files.close(readFd);
    return writeFd;
  }
  const { space } = task;
  if (space.writeU32(addr, readFd) < 0 || space.writeU32(addr + 4, writeFd) < 0) {
    task.files.close(readFd);
    task.files.close(writeFd);
    return -EFAULT;
  }
  return 0;
}

const sysPipe = (task: Task, addr: number): number => sysPipe2(task, addr, 0);

const EVENTFD_BITS = allBits(EVENTFD_FLAG_SET);

function sysEventfd2(task: Task, initial: number, how: number): number {
  if ((how & ~EVENTFD_BITS) !== 0) return -EINVAL;
  const file = new EventFile(task.kernel.vfs, task.creds, initial, how);
  return installFile(task, file, (how & EFD_CLOEXEC) !== 0);
}

const sysEventfd = (task: Task, initial: number): number => sysEventfd2(task, initial, 0);

export const DESCRIPTOR_ROWS: readonly SyscallRow[] = [
  row('dup', [fd], sysDup),
  row('dup2', [fd, fd], sysDup2),
  row('dup3', [fd, fd, flags(PIPE_FLAG_SET)], sysDup3),
  row('fcntl', [fd, oneOf(FCNTL_SET), ulong], sysFcntl),
  row('flock', [fd, flags(LOCK_FLAG_SET)], sysFlock),
  row('ioctl', [fd, uint, ulong], sysIoctl),
  row('pipe', [pointer], sysPipe),
  row('pipe2', [pointer, flags(PIPE_FLAG_SET)], sysPipe2),
  row('eventfd', [uint], sysEventfd),
  row('eventfd2', [uint, flags(EVENTFD_FLAG_SET)], sysEventfd2),
];
