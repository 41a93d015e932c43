/** Sockets: socket(2), bind, listen, accept, connect, names, options, shutdown. */

import {
  EADDRINUSE,
  EAFNOSUPPORT,
  EAGAIN,
  EBADF,
  EEXIST,
  EFAULT,
  EINVAL,
  ENOPROTOOPT,
  ENOTCONN,
  ENOTSOCK,
  EOPNOTSUPP,
} from '../abi/errno.table.ts';
import { S_IFSOCK } from '../abi/file-mode.ts';
import {
  AF,
  SHUT,
  SO,
  SOCK,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_TYPE_MASK,
  SOL_SOCKET,
} from '../abi/socket.ts';
import { NS_PER_SEC } from '../abi/time.ts';
import type { Task } from '../kernel/task.ts';
import { UnixSocket } from '../net/unix-socket.ts';
import { mknodAt } from '../vfs/names.ts';
import { walk } from '../vfs/walk.ts';
import * as arg from './args.ts';
import { isNonBlocking, waitForFile } from './file-support.ts';
import { row, type SyscallRow } from './row.ts';
import { ownIdentity } from './socket-messages.ts';
import { findUnixSocket, readAddress, writeAddress } from './socket-names.ts';
import { putNumber, readTimeval } from './timespec.ts';

/** The socket of a descriptor, or -EBADF, -ENOTSOCK. */
export function socketOf(task: Task, fd: number): UnixSocket | number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  return file instanceof UnixSocket ? file : -ENOTSOCK;
}

function create(task: Task, family: number, type: number, protocol: number): UnixSocket | number {
  if ((type & ~(SOCK_TYPE_MASK | SOCK_NONBLOCK | SOCK_CLOEXEC)) !== 0) return -EINVAL;
  const { net } = task.kernel;
  const socket = net.create(
    family,
    type & SOCK_TYPE_MASK,
    protocol,
    task.creds,
    ownIdentity(task),
    (type & SOCK_NONBLOCK) !== 0,
  );
  if (socket === -EAFNOSUPPORT)
    task.kernel.logOnce(`AF ${family}`, `sockets of family ${family} are refused: no network yet`);
  return socket;
}

function install(task: Task, socket: UnixSocket, type: number): number {
  const closeOnExec = (type & SOCK_CLOEXEC) !== 0;
  const fd = task.files.install(socket, task.group.limits.openFiles, closeOnExec);
  if (fd < 0) socket.release();
  return fd;
}

function sysSocket(task: Task, family: number, type: number, protocol: number): number {
  const socket = create(task, family, type, protocol);
  return typeof socket === 'number' ? socket : install(task, socket, type);
}

function sysSocketpair(
  task: Task,
  family: number,
  type: number,
  protocol: number,
  addr: number,
): number {
  const first = create(task, family, type, protocol);
  if (typeof first === 'number') return first === -EAFNOSUPPORT ? -EOPNOTSUPP : first;
  const second = create(task, family, type, protocol) as UnixSocket;
  first.pairWith(second);
  const a = install(task, first, type);
  if (a < 0) {
    second.release();
    return a;
  }
  const b = install(task, second, type);
  if (b < 0) {
    task.files.close(a);
    return b;
  }
  if (task.space.writeU32(addr, a) >= 0 && task.space.writeU32(addr + 4, b) >= 0) return 0;
  task.files.close(a);
  task.files.close(b);
  return -EFAULT;
}

function sysBind(task: Task, fd: number, addr: number, length: number): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  const address = readAddress(task, addr, length);
  if (typeof address === 'number') return address;
  if (address.family !== AF.AF_UNIX) return -EINVAL;
  const { name } = address;
  const { net, vfs } = task.kernel;
  const isPath = name.length > 0 && name[0] !== 0;
  if (!isPath) return socket.name === undefined ? net.bindAbstract(socket, name.slice()) : -EINVAL;
  const path = vfs.paths.find(name, 0, name.length);
  // A socket that has a name hears of the file in the way first.
  if (socket.name !== undefined)
    return walk(vfs, task, undefined, path, 0) === 0 ? -EADDRINUSE : -EINVAL;
  const made = mknodAt(vfs, task, undefined, path, S_IFSOCK | (0o777 & ~task.fs.umask), 0);
  if (made < 0) return made === -EEXIST ? -EADDRINUSE : made;
  const found = walk(vfs, task, undefined, path, 0);
  if (found < 0) return found;
  net.bindInode(socket, vfs.walk.dentry.inode, name.slice());
  return 0;
}

function sysListen(task: Task, fd: number, backlog: number): number {
  const socket = socketOf(task, fd);
  return typeof socket === 'number' ? socket : socket.listen(backlog);
}

function sysConnect(task: Task, fd: number, addr: number, length: number): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  const address = readAddress(task, addr, length);
  if (typeof address === 'number') return address;
  if (address.family === AF.AF_UNSPEC && socket.isDatagram) {
    socket.disconnect();
    return 0;
  }
  const attempt = (): number => {
    const target = findUnixSocket(task, address);
    return typeof target === 'number' ? target : socket.connect(target);
  };
  const first = attempt();
  if (first !== -EAGAIN || isNonBlocking(socket)) return first;
  const target = findUnixSocket(task, address);
  return typeof target === 'number' ? target : waitForFile(task, target, 'unix_connect', attempt);
}

function sysAccept4(task: Task, fd: number, addr: number, lengthAt: number, flags: number): number {
  if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) !== 0) return -EINVAL;
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  if (socket.isDatagram) return -EOPNOTSUPP;
  const attempt = (): number => {
    const accepted = socket.accept();
    if (typeof accepted === 'number') return accepted;
    accepted.flags |= flags & SOCK_NONBLOCK;
    if (addr !== 0) {
      const written = writeAddress(task, addr, lengthAt, accepted.peerName);
      if (written < 0) {
        accepted.release();
        return written;
      }
    }
    return install(task, accepted, flags);
  };
  const first = attempt();
  if (first !== -EAGAIN || isNonBlocking(socket)) return first;
  return waitForFile(task, socket, 'inet_csk_accept', attempt);
}

const sysAccept = (task: Task, fd: number, addr: number, lengthAt: number) =>
  sysAccept4(task, fd, addr, lengthAt, 0);

function sysGetsockname(task: Task, fd: number, addr: number, lengthAt: number): number {
  const socket = socketOf(task, fd);
  return typeof socket === 'number' ? socket : writeAddress(task, addr, lengthAt, socket.name);
}

function sysGetpeername(task: Task, fd: number, addr: number, lengthAt: number): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  if (!socket.isConnected) return -ENOTCONN;
  return writeAddress(task, addr, lengthAt, socket.peerName);
}

function sysShutdown(task: Task, fd: number, how: number): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  if (how < 0 || how > 2) return -EINVAL;
  return socket.shutdown(how !== SHUT.SHUT_WR, how !== SHUT.SHUT_RD);
}

// --- options ---------------------------------------------------------------------------------------

const BUFFER_BYTES = 212_992;

function optionValue(task: Task, socket: UnixSocket, option: number): number | undefined {
  switch (option) {
    case SO.SO_TYPE:
      return socket.type;
    case SO.SO_DOMAIN:
      return AF.AF_UNIX;
    case SO.SO_ERROR:
      return socket.takeError();
    case SO.SO_SNDBUF:
    case SO.SO_RCVBUF:
      return BUFFER_BYTES;
    case SO.SO_ACCEPTCONN:
      return socket.isListening ? 1 : 0;
    case SO.SO_PASSCRED:
      return socket.passesCredentials ? 1 : 0;
    case SO.SO_RCVLOWAT:
      return 1;
    case SO.SO_PROTOCOL:
    case SO.SO_REUSEADDR:
    case SO.SO_KEEPALIVE:
    case SO.SO_BROADCAST:
    case SO.SO_DONTROUTE:
    case SO.SO_DEBUG:
    case SO.SO_OOBINLINE:
    case SO.SO_PRIORITY:
    case SO.SO_REUSEPORT:
      return task.kernel.net.optionOf(socket, option);
    default:
      return undefined;
  }
}

function sysGetsockopt(
  task: Task,
  fd: number,
  level: number,
  option: number,
  addr: number,
  lengthAt: number,
): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  if (level !== SOL_SOCKET) return -EOPNOTSUPP;
  const room = task.space.readI32(lengthAt);
  if (room === undefined) return -EFAULT;
  if (room < 0) return -EINVAL;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  let length = 4;
  if (option === SO.SO_PEERCRED) {
    const { pid, uid, gid } = socket.peerIdentity;
    view.setInt32(0, pid, true);
    view.setUint32(4, uid, true);
    view.setUint32(8, gid, true);
    length = 12;
  } else if (option === SO.SO_RCVTIMEO || option === SO.SO_SNDTIMEO) {
    const ns = option === SO.SO_RCVTIMEO ? socket.receiveTimeoutNs : socket.sendTimeoutNs;
    if (ns !== Number.POSITIVE_INFINITY) {
      putNumber(view, 0, Math.floor(ns / NS_PER_SEC));
      putNumber(view, 8, Math.floor((ns % NS_PER_SEC) / 1000));
    }
    length = 16;
  } else if (option === SO.SO_LINGER) length = 8;
  else {
    const value = optionValue(task, socket, option);
    if (value === undefined) return -ENOPROTOOPT;
    view.setInt32(0, value, true);
  }
  const given = Math.min(length, room);
  if (task.space.copyOut(addr, bytes.subarray(0, given)) < 0) return -EFAULT;
  return task.space.writeU32(lengthAt, given) < 0 ? -EFAULT : 0;
}

function sysSetsockopt(
  task: Task,
  fd: number,
  level: number,
  option: number,
  addr: number,
  length: number,
): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  if (level !== SOL_SOCKET) return -EOPNOTSUPP;
  if (option === SO.SO_RCVTIMEO || option === SO.SO_SNDTIMEO) {
    if (length < 16) return -EINVAL;
    const ns = readTimeval(task, addr);
    if (ns < 0) return ns;
    const timeout = ns === 0 ? Number.POSITIVE_INFINITY : ns;
    if (option === SO.SO_RCVTIMEO) socket.receiveTimeoutNs = timeout;
    else socket.sendTimeoutNs = timeout;
    return 0;
  }
  if (length < 4) return -EINVAL;
  const value = task.space.readI32(addr);
  if (value === undefined) return -EFAULT;
  if (option === SO.SO_PASSCRED) {
    socket.passesCredentials = value !== 0;
    return 0;
  }
  if (option === SO.SO_SNDBUF || option === SO.SO_RCVBUF || option === SO.SO_LINGER) return 0;
  if (option === SO.SO_TYPE || option === SO.SO_ERROR || option === SO.SO_DOMAIN)
    return -ENOPROTOOPT;
  if (optionValue(task, socket, option) === undefined) return -ENOPROTOOPT;
  task.kernel.net.setOption(socket, option, value);
  return 0;
}

const { fd, int, uint, pointer, outPointer } = arg;
const family = arg.oneOf(AF);
const type = arg.kind(arg.DECODE.int, (value) => {
  const names = Object.entries(SOCK).filter(([, number]) => number === (value & SOCK_TYPE_MASK));
  const parts = [names[0]?.[0] ?? String(value & SOCK_TYPE_MASK)];
  if ((value & SOCK_CLOEXEC) !== 0) parts.push('SOCK_CLOEXEC');
  if ((value & SOCK_NONBLOCK) !== 0) parts.push('SOCK_NONBLOCK');
  return parts.join('|');
});
const acceptFlags = arg.flags({ SOCK_CLOEXEC, SOCK_NONBLOCK });
const option = arg.oneOf(SO);
const unixOnly = { coverage: 'partial', note: 'AF_UNIX' } as const;

export const SOCKET_ROWS: readonly SyscallRow[] = [
  row('socket', [family, type, int], sysSocket, unixOnly),
  row('socketpair', [family, type, int, outPointer], sysSocketpair),
  row('bind', [fd, pointer, int], sysBind, unixOnly),
  row('listen', [fd, int], sysListen, unixOnly),
  row('connect', [fd, pointer, int], sysConnect, unixOnly),
  row('accept', [fd, outPointer, pointer], sysAccept, unixOnly),
  row('accept4', [fd, outPointer, pointer, acceptFlags], sysAccept4, unixOnly),
  row('getsockname', [fd, outPointer, pointer], sysGetsockname, unixOnly),
  row('getpeername', [fd, outPointer, pointer], sysGetpeername, unixOnly),
  row('shutdown', [fd, arg.oneOf(SHUT)], sysShutdown, unixOnly),
  row('getsockopt', [fd, int, option, outPointer, pointer], sysGetsockopt, unixOnly),
  row('setsockopt', [fd, int, option, pointer, uint], sysSetsockopt, unixOnly),
];
