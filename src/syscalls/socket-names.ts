/** Socket addresses in guest memory, and the unix sockets that they name. */

import { ECONNREFUSED, EFAULT, EINVAL } from '../abi/errno.table.ts';
import { W_OK } from '../abi/file-flags.ts';
import { AF, SOCKADDR_STORAGE_BYTES, SOCKADDR_UN_BYTES, SUN_PATH_AT } from '../abi/socket.ts';
import type { Task } from '../kernel/task.ts';
import type { UnixSocket } from '../net/unix-socket.ts';
import { checkAccess } from '../vfs/credentials.ts';
import { WALK_FOLLOW, walk } from '../vfs/walk.ts';

/** An address as bytes with its family; -errno. */
export interface SocketAddress {
  readonly family: number;
  /** For AF_UNIX the path or abstract name; empty for an unnamed socket. */
  readonly name: Uint8Array;
}

export function readAddress(task: Task, addr: number, length: number): SocketAddress | number {
  if (length < 2 || length > SOCKADDR_STORAGE_BYTES) return -EINVAL;
  const bytes = new Uint8Array(length);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  const family = (bytes[0] as number) | ((bytes[1] as number) << 8);
  if (family !== AF.AF_UNIX) return { family, name: bytes.subarray(2) };
  if (length > SOCKADDR_UN_BYTES) return -EINVAL;
  const name = bytes.subarray(SUN_PATH_AT);
  if (name.length === 0 || name[0] === 0) return { family, name };
  const end = name.indexOf(0);
  return { family, name: end < 0 ? name : name.subarray(0, end) };
}

/**
 * Writes the address of a unix socket and its true length (`move_addr_to_user`): cut to what the
 * caller has room for. 0 or -errno.
 */
export function writeAddress(
  task: Task,
  addr: number,
  lengthAt: number,
  name: Uint8Array | undefined,
): number {
  const room = task.space.readI32(lengthAt);
  if (room === undefined) return -EFAULT;
  if (room < 0) return -EINVAL;
  const bytes = encodeAddress(name);
  if (task.space.copyOut(addr, bytes.subarray(0, room)) < 0) return -EFAULT;
  return task.space.writeU32(lengthAt, bytes.length) < 0 ? -EFAULT : 0;
}

/** Family and name; a path has its NUL. */
export function encodeAddress(name: Uint8Array | undefined): Uint8Array {
  const isPath = name !== undefined && name.length > 0 && name[0] !== 0;
  const bytes = new Uint8Array(2 + (name?.length ?? 0) + (isPath ? 1 : 0));
  bytes[0] = AF.AF_UNIX;
  if (name !== undefined) bytes.set(name, 2);
  return bytes;
}

/** The bound socket of a name, for connect(2) and sendto(2). */
export function findUnixSocket(task: Task, address: SocketAddress): UnixSocket | number {
  if (address.family !== AF.AF_UNIX) return -EINVAL;
  const { name } = address;
  if (name.length === 0) return -EINVAL;
  const { net, vfs } = task.kernel;
  if (name[0] === 0) return net.findAbstract(name) ?? -ECONNREFUSED;
  const found = walk(vfs, task, undefined, vfs.paths.find(name, 0, name.length), WALK_FOLLOW);
  if (found < 0) return found;
  const { inode } = vfs.walk.dentry;
  const allowed = checkAccess(task.creds, inode, W_OK);
  if (allowed < 0) return allowed;
  return net.findInode(inode) ?? -ECONNREFUSED;
}
