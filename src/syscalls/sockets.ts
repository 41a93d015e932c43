/** Sockets: socket(2), bind, listen, accept, connect, names, options, shutdown. */

import { CAP_NET_ADMIN } from '../abi/capability.ts';
import {
  EADDRINUSE,
  EAFNOSUPPORT,
  EAGAIN,
  EBADF,
  EEXIST,
  EFAULT,
  EINVAL,
  ENODATA,
  ENODEV,
  ENOPROTOOPT,
  ENOTCONN,
  ENOTSOCK,
  EOPNOTSUPP,
  EPERM,
  ERANGE,
} from '../abi/errno.table.ts';
import { O_PATH } from '../abi/file-flags.ts';
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
import { ERESTARTSYS } from '../kernel/outcome.ts';
import type { Task } from '../kernel/task.ts';
import { AddressedSocket, intBytes } from '../net/addressed-socket.ts';
import { doubled, RECEIVE_BUFFER, SEND_BUFFER } from '../net/socket-options.table.ts';
import { UnixSocket } from '../net/unix-socket.ts';
import { mknodAt } from '../vfs/names.ts';
import { unlinkAt } from '../vfs/remove.ts';
import { walk } from '../vfs/walk.ts';
import {
  bindAddressed,
  connectAddressed,
  getAddressedOption,
  isTimeout,
  OPTION_MAX_BYTES,
  setAddressedOption,
  setTimeLimit,
  timeoutBytes,
  writeOption,
  writeRawAddress,
} from './addressed-sockets.ts';
import * as arg from './args.ts';
import { isNonBlocking, waitForFile } from './file-support.ts';
import { row, type SyscallRow } from './row.ts';
import { installPidfd, ownIdentity } from './socket-messages.ts';
import { encodeAddress, findUnixSocket, readAddress, writeAddress } from './socket-names.ts';

type AnySocket = UnixSocket | AddressedSocket;

/** The socket of a descriptor, or -EBADF, -ENOTSOCK. */
export function socketOf(task: Task, fd: number): AnySocket | number {
  const file = task.files.get(fd);
  if (file === undefined || (file.flags & O_PATH) !== 0) return -EBADF;
  return file instanceof UnixSocket || file instanceof AddressedSocket ? file : -ENOTSOCK;
}

function create(task: Task, family: number, type: number, protocol: number): AnySocket | number {
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
    task.kernel.logOnce(`AF ${family}`, `sockets of family ${family} are refused (EAFNOSUPPORT)`);
  return socket;
}

function install(task: Task, socket: AnySocket, type: number): number {
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
  if ((type & ~(SOCK_TYPE_MASK | SOCK_NONBLOCK | SOCK_CLOEXEC)) !== 0) return -EINVAL;
  // `__sys_socketpair`: the numbers are chosen and told before there are sockets.
  const { files } = task;
  const limit = task.group.limits.openFiles;
  const a = files.lowestFree(0, limit);
  const b = a < 0 ? a : files.lowestFree(a + 1, limit);
  if (b < 0) return b;
  if (task.space.writeU32(addr, a) < 0 || task.space.writeU32(addr + 4, b) < 0) return -EFAULT;
  const first = create(task, family, type, protocol);
  if (typeof first === 'number') return first;
  if (!(first instanceof UnixSocket)) {
    first.release();
    return -EOPNOTSUPP;
  }
  const second = create(task, family, type, protocol) as UnixSocket;
  first.pairWith(second);
  const installed = install(task, first, type);
  if (installed >= 0) return Math.min(0, install(task, second, type));
  second.release();
  return installed;
}

function sysBind(task: Task, fd: number, addr: number, length: number): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  if (!(socket instanceof UnixSocket)) return bindAddressed(task, socket, addr, length);
  const address = readAddress(task, addr, length);
  if (typeof address === 'number') return address;
  if (address.family !== AF.AF_UNIX) return -EINVAL;
  const { name } = address;
  const { net, vfs } = task.kernel;
  const isPath = name.length > 0 && name[0] !== 0;
  if (!isPath) {
    if (socket.name === undefined) return net.bindAbstract(socket, name.slice());
    // `unix_autobind`: it has a name already.
    return name.length === 0 ? 0 : -EINVAL;
  }
  const path = vfs.paths.find(name, 0, name.length);
  const made = mknodAt(vfs, task, undefined, path, S_IFSOCK | (0o777 & ~task.fs.umask), 0);
  if (made < 0) return made === -EEXIST ? -EADDRINUSE : made;
  // `unix_bind_bsd` looks only now whether the socket has a name already.
  if (socket.name !== undefined) {
    unlinkAt(vfs, task, undefined, path);
    return -EINVAL;
  }
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
  if (!(socket instanceof UnixSocket)) return connectAddressed(task, socket, addr, length);
  const address = readAddress(task, addr, length);
  if (typeof address === 'number') return address;
  if (address.family === AF.AF_UNSPEC && socket.isDatagram) {
    socket.disconnect();
    return 0;
  }
  task.kernel.net.nameForCredentials(socket);
  const attempt = (): number => {
    const target = findUnixSocket(task, address);
    return typeof target === 'number' ? target : socket.connect(target);
  };
  const first = attempt();
  if (first !== -EAGAIN || isNonBlocking(socket)) return first;
  const target = findUnixSocket(task, address);
  if (typeof target === 'number') return target;
  const interrupted = () => -ERESTARTSYS;
  const limit = socket.sendTimeoutNs;
  return waitForFile(task, target, 'unix_connect', attempt, interrupted, limit);
}

function sysAccept4(task: Task, fd: number, addr: number, lengthAt: number, flags: number): number {
  if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) !== 0) return -EINVAL;
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  if (socket instanceof UnixSocket && socket.isDatagram) return -EOPNOTSUPP;
  const mayWait = !isNonBlocking(socket);
  const attempt = (): number => {
    const accepted = socket instanceof UnixSocket ? socket.accept(mayWait) : socket.accept();
    if (typeof accepted === 'number') return accepted;
    accepted.flags |= flags & SOCK_NONBLOCK;
    if (addr !== 0) {
      const written =
        accepted instanceof UnixSocket
          ? writeAddress(task, addr, lengthAt, accepted.peerName)
          : writeRawAddress(task, addr, lengthAt, nameOr(accepted.peerName()));
      if (written < 0) {
        accepted.release();
        return written;
      }
    }
    return install(task, accepted, flags);
  };
  const first = attempt();
  if (first !== -EAGAIN || !mayWait) return first;
  const interrupted = () => -ERESTARTSYS;
  const limit = socket.receiveTimeoutNs;
  return waitForFile(task, socket, 'inet_csk_accept', attempt, interrupted, limit);
}

/** A connection that ended before it was accepted has no peer any more. */
const nameOr = (name: Uint8Array | number): Uint8Array =>
  typeof name === 'number' ? new Uint8Array(16) : name;

const sysAccept = (task: Task, fd: number, addr: number, lengthAt: number) =>
  sysAccept4(task, fd, addr, lengthAt, 0);

function sysGetsockname(task: Task, fd: number, addr: number, lengthAt: number): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  if (!(socket instanceof UnixSocket))
    return writeRawAddress(task, addr, lengthAt, socket.localName());
  return writeAddress(task, addr, lengthAt, socket.name);
}

function sysGetpeername(task: Task, fd: number, addr: number, lengthAt: number): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  if (!(socket instanceof UnixSocket)) {
    const name = socket.peerName();
    return typeof name === 'number' ? name : writeRawAddress(task, addr, lengthAt, name);
  }
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

/** What SO_SNDBUF and SO_RCVBUF make of a value. */
const sendBuffer = doubled(SEND_BUFFER.least);
const receiveBuffer = doubled(RECEIVE_BUFFER.least);

/** Options of unix sockets that are more than kept. */
function optionValue(socket: UnixSocket, option: number): number | undefined {
  switch (option) {
    case SO.SO_TYPE:
      return socket.type;
    case SO.SO_DOMAIN:
      return AF.AF_UNIX;
    case SO.SO_PROTOCOL:
    case SO.SO_PASSSEC:
      return 0;
    case SO.SO_ERROR:
      return socket.takeError();
    case SO.SO_SNDBUF:
      return socket.sendBytes;
    case SO.SO_RCVBUF:
      return socket.receiveBytes;
    case SO.SO_ACCEPTCONN:
      return socket.isListening ? 1 : 0;
    case SO.SO_PASSCRED:
      return socket.passesCredentials ? 1 : 0;
    case SO.SO_PASSPIDFD:
      return socket.passesPidfd ? 1 : 0;
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
  if (!(socket instanceof UnixSocket))
    return getAddressedOption(task, socket, level, option, addr, lengthAt);
  if (level !== SOL_SOCKET) return -EOPNOTSUPP;
  if (option === SO.SO_PEERGROUPS) return peerGroups(task, socket, addr, lengthAt);
  if (option === SO.SO_PEERPIDFD) return peerPidfd(task, socket, addr, lengthAt);
  return writeOption(task, addr, lengthAt, unixOption(socket, option));
}

/** All groups or none: ERANGE says how much room they need. */
function peerGroups(task: Task, socket: UnixSocket, addr: number, lengthAt: number): number {
  const { groups, pid } = socket.peerIdentity;
  if (pid === 0 || groups === undefined) return -ENODATA;
  const room = task.space.readI32(lengthAt);
  if (room === undefined) return -EFAULT;
  const bytes = new Uint8Array(Uint32Array.from(groups).buffer);
  if (task.space.writeU32(lengthAt, bytes.length) < 0) return -EFAULT;
  if (room < bytes.length) return -ERANGE;
  return task.space.copyOut(addr, bytes) < 0 ? -EFAULT : 0;
}

function peerPidfd(task: Task, socket: UnixSocket, addr: number, lengthAt: number): number {
  if (socket.peerIdentity.pid === 0) return -ENODATA;
  const fd = installPidfd(task, socket.peerIdentity);
  if (fd < 0) return fd;
  const written = writeOption(task, addr, lengthAt, intBytes(fd));
  if (written < 0) task.files.close(fd);
  return written;
}

/** The value of an option at SOL_SOCKET, or -ENOPROTOOPT. */
function unixOption(socket: UnixSocket, option: number): Uint8Array | number {
  if (isTimeout(SOL_SOCKET, option)) return timeoutBytes(socket, option);
  if (option === SO.SO_LINGER) return socket.lingerBytes();
  if (option === SO.SO_BINDTODEVICE) return new Uint8Array(0);
  if (option === SO.SO_PEERNAME)
    return socket.isConnected ? encodeAddress(socket.peerName) : -ENOTCONN;
  if (option === SO.SO_PEERCRED) {
    const bytes = new Uint8Array(12);
    const view = new DataView(bytes.buffer);
    const { pid, uid, gid } = socket.peerIdentity;
    view.setInt32(0, pid, true);
    view.setUint32(4, uid, true);
    view.setUint32(8, gid, true);
    return bytes;
  }
  const value = optionValue(socket, option);
  if (value !== undefined) return intBytes(value);
  const may = socket.options.mayRead(SOL_SOCKET, option) ?? -ENOPROTOOPT;
  return may < 0 ? may : intBytes(socket.options.value(SOL_SOCKET, option));
}

/** Names, errors and the like can be read only. */
const READ_ONLY: ReadonlySet<number> = new Set([
  ...[SO.SO_TYPE, SO.SO_ERROR, SO.SO_DOMAIN, SO.SO_PROTOCOL, SO.SO_ACCEPTCONN],
  ...[SO.SO_PEERCRED, SO.SO_PEERGROUPS, SO.SO_PEERPIDFD, SO.SO_PEERNAME, SO.SO_COOKIE],
]);

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
  if (!(socket instanceof UnixSocket))
    return setAddressedOption(task, socket, level, option, addr, length);
  if (level !== SOL_SOCKET) return -EOPNOTSUPP;
  if (isTimeout(level, option)) return setTimeLimit(task, socket, option, addr, length);
  if (length < 4) return -EINVAL;
  const bytes = new Uint8Array(Math.min(length, OPTION_MAX_BYTES));
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  return setUnixOption(task, socket, option, bytes);
}

function setUnixOption(task: Task, socket: UnixSocket, option: number, bytes: Uint8Array): number {
  if (READ_ONLY.has(option)) return -ENOPROTOOPT;
  const value = new DataView(bytes.buffer).getInt32(0, true);
  const isForced = option === SO.SO_SNDBUFFORCE || option === SO.SO_RCVBUFFORCE;
  if (isForced && !task.creds.has(CAP_NET_ADMIN)) return -EPERM;
  switch (option) {
    case SO.SO_PASSCRED:
      socket.passesCredentials = value !== 0;
      return 0;
    case SO.SO_PASSPIDFD:
      socket.passesPidfd = value !== 0;
      return 0;
    case SO.SO_PASSSEC:
      // No security module labels anything.
      return 0;
    case SO.SO_LINGER:
      return socket.setLinger(bytes);
    case SO.SO_SNDBUF:
    case SO.SO_SNDBUFFORCE:
      socket.sendBytes = sendBuffer(value);
      return 0;
    case SO.SO_RCVBUF:
    case SO.SO_RCVBUFFORCE:
      socket.receiveBytes = receiveBuffer(value);
      return 0;
    case SO.SO_BINDTODEVICE:
      return bytes.every((byte) => byte === 0) ? 0 : -ENODEV;
    default:
      return socket.options.set(SOL_SOCKET, option, bytes, task.creds);
  }
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

export const SOCKET_ROWS: readonly SyscallRow[] = [
  row('socket', [family, type, int], sysSocket, {
    coverage: 'partial',
    note: 'AF_UNIX, AF_INET and AF_INET6 (TCP, UDP), AF_NETLINK (routes, device events)',
  }),
  row('socketpair', [family, type, int, outPointer], sysSocketpair),
  row('bind', [fd, pointer, int], sysBind),
  row('listen', [fd, int], sysListen),
  row('connect', [fd, pointer, int], sysConnect),
  row('accept', [fd, outPointer, pointer], sysAccept),
  row('accept4', [fd, outPointer, pointer, acceptFlags], sysAccept4),
  row('getsockname', [fd, outPointer, pointer], sysGetsockname),
  row('getpeername', [fd, outPointer, pointer], sysGetpeername),
  row('shutdown', [fd, arg.oneOf(SHUT)], sysShutdown),
  row('getsockopt', [fd, int, option, outPointer, pointer], sysGetsockopt),
  row('setsockopt', [fd, int, option, pointer, uint], sysSetsockopt),
];
