/** Record locks of fcntl(2): POSIX locks of a process, and those of an open file description. */

import { EAGAIN, EBADF, EDEADLK, EFAULT, EINVAL, EOVERFLOW } from '../abi/errno.table.ts';
import { F_RDLCK, F_UNLCK, F_WRLCK, SEEK_CUR, SEEK_END, SEEK_SET } from '../abi/file-flags.ts';
import { FLOCK } from '../abi/stat-layout.ts';
import { BLOCKED, ERESTARTSYS } from '../kernel/outcome.ts';
import type { Task } from '../kernel/task.ts';
import { InodeLocks, LOCK_END, type LockOwner, type RecordLock } from '../vfs/file-locks.ts';
import type { OpenFile } from '../vfs/open-file.ts';

/** Longest chain of waiters that is searched for a deadlock. */
const CHAIN_LIMIT = 64;

export function recordLock(
  task: Task,
  file: OpenFile,
  addr: number,
  what: 'get' | 'set' | 'wait',
  ofFile: boolean,
): number {
  const wish = readLock(task, file, addr, ofFile, what === 'get');
  if (typeof wish === 'number') return wish;
  if (what === 'get') return report(task, file.inode.locks?.blocking(wish), addr);
  if (wish.type === F_RDLCK && !file.isReadable) return -EBADF;
  if (wish.type === F_WRLCK && !file.isWritable) return -EBADF;
  file.inode.locks ??= new InodeLocks();
  const { locks } = file.inode;
  if (ofFile) file.addCloseListener(OFD_RELEASE);
  const result = locks.setRecord(wish);
  if (result !== -EAGAIN || what !== 'wait') return result;
  if (!ofFile && wouldDeadlock(task, locks, wish)) return -EDEADLK;
  return waitForLock(task, file, locks, wish);
}

/** Closing the description gives its locks up. */
const OFD_RELEASE = {
  onClose(file: OpenFile): void {
    file.inode.locks?.dropRecords(file);
  },
};

function waitForLock(task: Task, file: OpenFile, locks: InodeLocks, wish: RecordLock): number {
  file.retain();
  const waiting = task.kernel.vfs.lockWaiters;
  waiting.set(wish.owner, { locks, wish });
  const done = (): void => {
    waiting.delete(wish.owner);
    file.release();
  };
  return task.sleep({
    queues: [locks.released],
    attempt: () => {
      const again = locks.setRecord(wish);
      if (again === -EAGAIN) return BLOCKED;
      done();
      return again;
    },
    interrupted: () => {
      done();
      return -ERESTARTSYS;
    },
    abandoned: done,
    reason: 'fcntl_setlk',
  });
}

function wouldDeadlock(task: Task, locks: InodeLocks, wish: RecordLock): boolean {
  const waiting = task.kernel.vfs.lockWaiters;
  let blocker = locks.conflict(wish);
  for (let i = 0; i < CHAIN_LIMIT && blocker !== undefined; i++) {
    if (blocker.owner === wish.owner) return true;
    const next = waiting.get(blocker.owner);
    if (next === undefined) return false;
    const held = next.locks.conflict(next.wish);
    if (held?.owner === wish.owner) return true;
    blocker = held;
  }
  return false;
}

/** struct flock from the guest, resolved to absolute offsets. */
function readLock(
  task: Task,
  file: OpenFile,
  addr: number,
  ofFile: boolean,
  isQuery: boolean,
): RecordLock | number {
  const raw = new Uint8Array(FLOCK.bytes);
  if (task.space.copyIn(addr, raw) < 0) return -EFAULT;
  const view = new DataView(raw.buffer);
  const type = view.getInt16(FLOCK.type, true);
  if (type !== F_RDLCK && type !== F_WRLCK && type !== F_UNLCK) return -EINVAL;
  if (isQuery && type === F_UNLCK && !ofFile) return -EINVAL;
  if (ofFile && view.getInt32(FLOCK.pid, true) !== 0) return -EINVAL;
  const base = whenceBase(file, view.getInt16(FLOCK.whence, true));
  if (base < 0) return -EINVAL;
  let start = base + Number(view.getBigInt64(FLOCK.start, true));
  const length = Number(view.getBigInt64(FLOCK.len, true));
  let end = length === 0 ? LOCK_END : start + length;
  if (length < 0) {
    end = start;
    start += length;
  }
  if (start < 0) return -EINVAL;
  if (start > LOCK_END) return -EOVERFLOW;
  const owner: LockOwner = ofFile ? file : task.files;
  return { type, start, end: Math.min(end, LOCK_END), owner, pid: ofFile ? -1 : task.group.pid };
}

function whenceBase(file: OpenFile, whence: number): number {
  switch (whence) {
    case SEEK_SET:
      return 0;
    case SEEK_CUR:
      return file.position;
    case SEEK_END:
      return file.inode.size;
    default:
      return -1;
  }
}

/** F_GETLK: the lock that stands in the way, or F_UNLCK. */
function report(task: Task, held: RecordLock | undefined, addr: number): number {
  const { space } = task;
  if (held === undefined) return space.writeU16(addr + FLOCK.type, F_UNLCK) < 0 ? -EFAULT : 0;
  const raw = new Uint8Array(FLOCK.bytes);
  const view = new DataView(raw.buffer);
  view.setInt16(FLOCK.type, held.type, true);
  view.setInt16(FLOCK.whence, SEEK_SET, true);
  view.setBigInt64(FLOCK.start, BigInt(held.start), true);
  view.setBigInt64(FLOCK.len, held.end === LOCK_END ? 0n : BigInt(held.end - held.start), true);
  view.setInt32(FLOCK.pid, held.pid, true);
  return space.copyOut(addr, raw) < 0 ? -EFAULT : 0;
}
