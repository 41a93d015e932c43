/** Calls on sockets with plain addresses (AF_INET, AF_INET6, AF_NETLINK): names, options, connect. */

import { EAGAIN, EDOM, EFAULT, EINPROGRESS, EINVAL } from '../abi/errno.table.ts';
import { SO, SOCKADDR_STORAGE_BYTES, SOL_SOCKET } from '../abi/socket.ts';
import { NS_PER_SEC, NS_PER_US } from '../abi/time.ts';
import type { Task } from '../kernel/task.ts';
import type { AddressedSocket } from '../net/addressed-socket.ts';
import type { SocketFile } from '../net/socket-file.ts';
import { isNonBlocking, waitForFile } from './file-support.ts';
import { putNumber } from './timespec.ts';

/** A socket address as it stands in guest memory; -EINVAL, -EFAULT. */
export function readRawAddress(task: Task, addr: number, length: number): Uint8Array | number {
  if (length < 0 || length > SOCKADDR_STORAGE_BYTES) return -EINVAL;
  const bytes = new Uint8Array(length);
  if (length > 0 && task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  return bytes.length < 2 ? -EINVAL : bytes;
}

/** `move_addr_to_user`: cut to the room that the caller has, with its true length. 0 or -errno. */
export function writeRawAddress(
  task: Task,
  addr: number,
  lengthAt: number,
  bytes: Uint8Array,
): number {
  const room = task.space.readI32(lengthAt);
  if (room === undefined) return -EFAULT;
  if (room < 0) return -EINVAL;
  if (task.space.copyOut(addr, bytes.subarray(0, room)) < 0) return -EFAULT;
  return task.space.writeU32(lengthAt, bytes.length) < 0 ? -EFAULT : 0;
}

export function bindAddressed(task: Task, socket: AddressedSocket, addr: number, length: number) {
  const address = readRawAddress(task, addr, length);
  return typeof address === 'number' ? address : socket.bind(address, task.creds);
}

export function connectAddressed(
  task: Task,
  socket: AddressedSocket,
  addr: number,
  length: number,
): number {
  const address = readRawAddress(task, addr, length);
  if (typeof address === 'number') return address;
  const started = socket.connect(address);
  if (started !== -EINPROGRESS || isNonBlocking(socket)) return started;
  const first = socket.finishConnect();
  if (first !== -EAGAIN) return first;
  const attempt = () => socket.finishConnect();
  return waitForFile(
    task,
    socket,
    'inet_stream_connect',
    attempt,
    undefined,
    socket.sendTimeoutNs,
    () => -EINPROGRESS,
  );
}

// --- options ---------------------------------------------------------------------------------------

const TIMEOUTS: ReadonlySet<number> = new Set([
  ...[SO.SO_RCVTIMEO, SO.SO_SNDTIMEO, SO.SO_RCVTIMEO_NEW, SO.SO_SNDTIMEO_NEW],
]);
const isReceive = (option: number): boolean =>
  option === SO.SO_RCVTIMEO || option === SO.SO_RCVTIMEO_NEW;

export const isTimeout = (level: number, option: number): boolean =>
  level === SOL_SOCKET && TIMEOUTS.has(option);

/** The time limit as a `struct timeval`; 0 for none. */
export function timeoutBytes(socket: SocketFile, option: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  const ns = isReceive(option) ? socket.receiveTimeoutNs : socket.sendTimeoutNs;
  if (ns === Number.POSITIVE_INFINITY) return bytes;
  putNumber(view, 0, Math.floor(ns / NS_PER_SEC));
  putNumber(view, 8, Math.floor((ns % NS_PER_SEC) / 1000));
  return bytes;
}

/** 0 or -errno. */
export function setTimeLimit(
  task: Task,
  socket: SocketFile,
  option: number,
  addr: number,
  length: number,
): number {
  if (length < 16) return -EINVAL;
  const limit = readLimit(task, addr);
  if (limit < 0) return limit;
  if (isReceive(option)) socket.receiveTimeoutNs = limit;
  else socket.sendTimeoutNs = limit;
  return 0;
}

/** `sock_set_timeout`: 0 s is for ever, less than that is not at all. ns, -EFAULT, -EDOM. */
function readLimit(task: Task, addr: number): number {
  const bytes = new Uint8Array(16);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const seconds = Number(view.getBigInt64(0, true));
  const microseconds = Number(view.getBigInt64(8, true));
  if (microseconds < 0 || microseconds >= 1_000_000) return -EDOM;
  if (seconds < 0) return 0;
  return seconds * NS_PER_SEC + microseconds * NS_PER_US || Number.POSITIVE_INFINITY;
}

/** Writes an option's value, cut to the room at `lengthAt`. 0 or -errno. */
export function writeOption(
  task: Task,
  addr: number,
  lengthAt: number,
  value: Uint8Array | number,
): number {
  const room = task.space.readI32(lengthAt);
  if (room === undefined) return -EFAULT;
  if (room < 0) return -EINVAL;
  if (typeof value === 'number') return value;
  const given = Math.min(value.length, room);
  if (task.space.copyOut(addr, value.subarray(0, given)) < 0) return -EFAULT;
  return task.space.writeU32(lengthAt, given) < 0 ? -EFAULT : 0;
}

export function getAddressedOption(
  task: Task,
  socket: AddressedSocket,
  level: number,
  option: number,
  addr: number,
  lengthAt: number,
): number {
  const value = isTimeout(level, option)
    ? timeoutBytes(socket, option)
    : socket.getOption(level, option);
  return writeOption(task, addr, lengthAt, value);
}

/** What is read of an option's value at most. */
export const OPTION_MAX_BYTES = 4096;

export function setAddressedOption(
  task: Task,
  socket: AddressedSocket,
  level: number,
  option: number,
  addr: number,
  length: number,
): number {
  if (isTimeout(level, option)) return setTimeLimit(task, socket, option, addr, length);
  if (length > 0x7fff_ffff) return -EINVAL;
  const value = new Uint8Array(Math.min(length, OPTION_MAX_BYTES));
  if (length > 0 && task.space.copyIn(addr, value) < 0) return -EFAULT;
  return socket.setOption(level, option, value, task.creds);
}
