/** Messages of sendmsg(2) and recvmsg(2): vectors, control data, descriptors in flight (unix(7)). */

import { CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN } from '../abi/capability.ts';
import { EBADF, EFAULT, EINVAL, EMSGSIZE, ENOBUFS, EPERM } from '../abi/errno.table.ts';
import {
  CMSGHDR_BYTES,
  MSG,
  MSGHDR,
  SCM_CREDENTIALS,
  SCM_MAX_FD,
  SCM_PIDFD,
  SCM_RIGHTS,
  SOCKADDR_STORAGE_BYTES,
  SOL_SOCKET,
} from '../abi/socket.ts';
import { PidfdFile } from '../kernel/pidfd.ts';
import type { Task } from '../kernel/task.ts';
import type { PeerIdentity } from '../net/peer-identity.ts';
import type { UnixSocket } from '../net/unix-socket.ts';
import type { OpenFile } from '../vfs/open-file.ts';

const IOV_MAX = 1024;
const MAX_CONTROL_BYTES = 65536;
const MAX_MESSAGE_BYTES = 0x7fff_f000;
export const align8 = (length: number) => Math.ceil(length / 8) * 8;

export interface Vector {
  readonly addr: number;
  readonly length: number;
}

/** A `struct msghdr` that was read. */
export interface MessageHeader {
  readonly nameAt: number;
  readonly nameLength: number;
  readonly vectors: readonly Vector[];
  readonly totalBytes: number;
  readonly controlAt: number;
  readonly controlLength: number;
}

export function readHeader(task: Task, addr: number): MessageHeader | number {
  const bytes = new Uint8Array(MSGHDR.bytes);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const word = (at: number) => Number(view.getBigUint64(at, true));
  const vectors = readVectors(task, word(MSGHDR.vectors), word(MSGHDR.vectorCount));
  if (typeof vectors === 'number') return vectors;
  const nameLength = view.getInt32(MSGHDR.nameLength, true);
  if (nameLength < 0) return -EINVAL;
  const controlLength = word(MSGHDR.controlLength);
  if (controlLength > MAX_CONTROL_BYTES) return -ENOBUFS;
  return {
    nameAt: word(MSGHDR.name),
    nameLength: Math.min(nameLength, SOCKADDR_STORAGE_BYTES),
    vectors,
    totalBytes: vectors.reduce((sum, { length }) => sum + length, 0),
    controlAt: word(MSGHDR.control),
    controlLength,
  };
}

function readVectors(task: Task, addr: number, count: number): Vector[] | number {
  if (count > IOV_MAX) return -EMSGSIZE;
  const bytes = new Uint8Array(16 * count);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const vectors: Vector[] = [];
  let total = 0;
  for (let i = 0; i < count; i++) {
    const length = Number(view.getBigUint64(16 * i + 8, true));
    total += length;
    if (total > MAX_MESSAGE_BYTES) return -EINVAL;
    vectors.push({ addr: Number(view.getBigUint64(16 * i, true)), length });
  }
  return vectors;
}

/** All bytes of the vectors, or -EFAULT. */
export function gather(task: Task, vectors: readonly Vector[], total: number): Uint8Array | number {
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const { addr, length } of vectors) {
    if (task.space.copyIn(addr, bytes.subarray(at, at + length)) < 0) return -EFAULT;
    at += length;
  }
  return bytes;
}

/** Spreads bytes over the vectors from `skip` on; the bytes that found room, or -EFAULT. */
export function scatter(
  task: Task,
  vectors: readonly Vector[],
  bytes: Uint8Array,
  skip: number,
): number {
  let at = 0;
  let passed = 0;
  for (const { addr, length } of vectors) {
    const inside = Math.max(0, skip - passed);
    passed += length;
    if (inside >= length) continue;
    const part = bytes.subarray(at, at + length - inside);
    if (task.space.copyOut(addr + inside, part) < 0) return -EFAULT;
    at += part.length;
    if (at === bytes.length) break;
  }
  return at;
}

/** What control data adds to a message. */
export interface ControlData {
  readonly rights: OpenFile[];
  readonly sender: PeerIdentity;
}

/** Reads SCM_RIGHTS and SCM_CREDENTIALS; the caller owns the references. */
export function readControl(task: Task, header: MessageHeader): ControlData | number {
  let sender = senderIdentity(task);
  const rights: OpenFile[] = [];
  const fail = (error: number): number => {
    for (const file of rights) file.release();
    return error;
  };
  if (header.controlLength < CMSGHDR_BYTES) return { rights, sender };
  const bytes = new Uint8Array(header.controlLength);
  if (task.space.copyIn(header.controlAt, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + CMSGHDR_BYTES <= bytes.length; ) {
    const length = Number(view.getBigUint64(at, true));
    if (length < CMSGHDR_BYTES || at + length > bytes.length) return fail(-EINVAL);
    const level = view.getInt32(at + 8, true);
    const type = view.getInt32(at + 12, true);
    if (level === SOL_SOCKET && type === SCM_RIGHTS) {
      const count = Math.floor((length - CMSGHDR_BYTES) / 4);
      if (rights.length + count > SCM_MAX_FD) return fail(-EINVAL);
      for (let i = 0; i < count; i++) {
        const file = task.files.get(view.getInt32(at + CMSGHDR_BYTES + 4 * i, true));
        if (file === undefined) return fail(-EBADF);
        rights.push(file.retain());
      }
    } else if (level === SOL_SOCKET && type === SCM_CREDENTIALS) {
      if (length < CMSGHDR_BYTES + 12) return fail(-EINVAL);
      const given = {
        pid: view.getInt32(at + CMSGHDR_BYTES, true),
        uid: view.getUint32(at + CMSGHDR_BYTES + 4, true),
        gid: view.getUint32(at + CMSGHDR_BYTES + 8, true),
      };
      if (!mayClaim(task, given)) return fail(-EPERM);
      sender = given;
    } else if (level === SOL_SOCKET) return fail(-EINVAL);
    at += align8(length);
  }
  return { rights, sender };
}

/** A descriptor of the process of a peer or sender, or -errno. */
export function installPidfd(task: Task, { pid }: PeerIdentity): number {
  const group = task.kernel.processes.group(pid);
  if (group === undefined) return -EINVAL;
  const file = new PidfdFile(task, group, 0);
  const fd = task.files.install(file, task.group.limits.openFiles, true);
  if (fd < 0) file.release();
  return fd;
}

/** Of messages: the real ids, where peers tell the effective ones (`scm_send`, `cred_to_ucred`). */
export const senderIdentity = ({ group, creds }: Task): PeerIdentity => ({
  pid: group.pid,
  uid: creds.uid,
  gid: creds.gid,
});

export const ownIdentity = (task: Task): PeerIdentity => ({
  pid: task.group.pid,
  uid: task.creds.euid,
  gid: task.creds.egid,
  groups: task.creds.groups,
});

function mayClaim(task: Task, given: PeerIdentity): boolean {
  const { creds } = task;
  const isOwnPid = given.pid === task.group.pid || creds.has(CAP_SYS_ADMIN);
  const isOwnUid = [creds.uid, creds.euid, creds.suid].includes(given.uid) || creds.has(CAP_SETUID);
  const isOwnGid = [creds.gid, creds.egid, creds.sgid].includes(given.gid) || creds.has(CAP_SETGID);
  return isOwnPid && isOwnUid && isOwnGid;
}

/** `struct ucred`. */
const UCRED_BYTES = 12;

/** Control data that was written: its bytes, and MSG_CTRUNC when some did not fit. */
export interface WrittenControl {
  readonly length: number;
  readonly flags: number;
}

/**
 * Writes credentials and descriptors of a message; the descriptors are installed, or dropped where
 * there is no room. Takes over their references (a peek duplicates them first).
 */
export function writeControl(
  task: Task,
  header: MessageHeader,
  sender: PeerIdentity,
  rights: readonly OpenFile[],
  { passesCredentials, passesPidfd }: UnixSocket,
  closeOnExec: boolean,
): WrittenControl {
  const bytes = new Uint8Array(header.controlLength);
  const view = new DataView(bytes.buffer);
  let at = 0;
  let flags = 0;
  const begin = (type: number, length: number) => {
    view.setBigUint64(at, BigInt(CMSGHDR_BYTES + length), true);
    view.setInt32(at + 8, SOL_SOCKET, true);
    view.setInt32(at + 12, type, true);
  };
  if (passesCredentials) {
    // `put_cmsg`: what does not fit is cut, a header is not.
    const room = Math.min(bytes.length - at - CMSGHDR_BYTES, UCRED_BYTES);
    if (room < UCRED_BYTES) flags |= MSG.MSG_CTRUNC;
    if (room >= 0) {
      const { pid, uid, gid } = sender;
      const ucred = new Uint8Array(Uint32Array.of(pid, uid, gid).buffer);
      begin(SCM_CREDENTIALS, room);
      bytes.set(ucred.subarray(0, room), at + CMSGHDR_BYTES);
      at = Math.min(align8(at + CMSGHDR_BYTES + room), bytes.length);
    }
  }
  if (rights.length > 0) {
    const room = Math.max(0, Math.floor((bytes.length - at - CMSGHDR_BYTES) / 4));
    let count = 0;
    for (const file of rights) {
      const fd =
        count < room
          ? task.files.install(file, task.group.limits.openFiles, closeOnExec)
          : -EMSGSIZE;
      if (fd < 0) {
        file.release();
        flags |= MSG.MSG_CTRUNC;
        continue;
      }
      view.setInt32(at + CMSGHDR_BYTES + 4 * count++, fd, true);
    }
    if (count > 0) {
      begin(SCM_RIGHTS, 4 * count);
      at = Math.min(align8(at + CMSGHDR_BYTES + 4 * count), bytes.length);
    }
  }
  if (passesPidfd) {
    if (at + CMSGHDR_BYTES < bytes.length) {
      begin(SCM_PIDFD, 4);
      view.setInt32(at + CMSGHDR_BYTES, installPidfd(task, sender), true);
      at = Math.min(align8(at + CMSGHDR_BYTES + 4), bytes.length);
    } else flags |= MSG.MSG_CTRUNC;
  }
  if (at > 0 && task.space.copyOut(header.controlAt, bytes.subarray(0, at)) < 0)
    return { length: 0, flags };
  return { length: at, flags };
}
