/** System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2). */

import { EACCES, EFAULT, EIDRM, EINVAL, ENOMEM, EPERM } from '../abi/errno.table.ts';
import { IPC, IPC_64, IPC_CONTROL, SHM, SHM_DEST, SHMID_DS } from '../abi/ipc.ts';
import { nowSec, SegmentMapping, type SharedSegment } from '../kernel/shared-memory.ts';
import type { Task } from '../kernel/task.ts';
import * as arg from './args.ts';
import { putPermissions, takePermissions } from './ipc-permissions.ts';
import { effectiveProt } from './memory.ts';
import { row, type SyscallRow } from './row.ts';
import { putNumber } from './timespec.ts';

const PAGE = 4096;
const GUEST_END = 0x1_0000_0000;
/** In the mode of a segment: SHM_LOCK was asked for. */
const SHM_LOCKED = 0o2000;

function sysShmget(task: Task, key: number, size: number, flags: number): number {
  return task.kernel.sharedMemory.open(task, key, size, flags);
}

function sysShmat(task: Task, id: number, addr: number, flags: number): number {
  const segment = task.kernel.sharedMemory.get(id);
  if (id < 0 || segment === undefined) return -EINVAL;
  const isReadOnly = (flags & SHM.SHM_RDONLY) !== 0;
  if (!segment.permissions.permits(task, isReadOnly ? 4 : 6)) return -EACCES;
  let at = addr;
  if (at % PAGE !== 0) {
    if ((flags & SHM.SHM_RND) === 0) return -EINVAL;
    at -= at % PAGE;
  }
  const isRemap = (flags & SHM.SHM_REMAP) !== 0;
  if (at === 0 && isRemap) return -EINVAL;
  const length = Math.ceil(segment.sizeBytes / PAGE) * PAGE;
  if (at + length > GUEST_END) return -ENOMEM;
  if (segment.isRemoved && segment.attachCount === 0) return -EIDRM;
  const isExecutable = (flags & SHM.SHM_EXEC) !== 0;
  const result = task.space.map({
    addr: at,
    length,
    prot: effectiveProt(task, 1 | (isReadOnly ? 0 : 2) | (isExecutable ? 4 : 0)),
    shared: true,
    fixed: at !== 0,
    noReplace: at !== 0 && !isRemap,
    file: segment.mapping,
    fileOffset: 0,
  });
  if (result < 0) return at === 0 ? -ENOMEM : -EINVAL;
  segment.lastPid = task.group.pid;
  segment.attachTimeSec = nowSec(task);
  return result;
}

function sysShmdt(task: Task, addr: number): number {
  if (addr % PAGE !== 0 || addr >= GUEST_END) return -EINVAL;
  const { space } = task;
  const first = space.areaAt(addr);
  const mapping = first?.file;
  if (first?.start !== addr || first.fileOffset !== 0 || !(mapping instanceof SegmentMapping))
    return -EINVAL;
  const { segment } = mapping;
  const limit = addr + Math.ceil(segment.sizeBytes / PAGE) * PAGE;
  // mprotect may have cut it into several areas.
  for (let at = addr; at < limit; ) {
    const area = space.areaAt(at);
    if (area === undefined || area.file !== mapping) break;
    const end = Math.min(area.end, limit);
    space.unmap(at, end - at);
    at = end;
  }
  segment.lastPid = task.group.pid;
  segment.detachTimeSec = nowSec(task);
  return 0;
}

function sysShmctl(task: Task, id: number, rawCommand: number, addr: number): number {
  const command = rawCommand & ~IPC_64;
  const { sharedMemory } = task.kernel;
  if (command === IPC_CONTROL.IPC_INFO || command === IPC_CONTROL.SHM_INFO)
    return writeInfo(task, command, addr);
  const segment = sharedMemory.get(id);
  if (id < 0 || segment === undefined) return -EINVAL;
  const isOwner = segment.permissions.isOwnedBy(task);
  switch (command) {
    case IPC_CONTROL.IPC_STAT:
    case IPC_CONTROL.SHM_STAT:
      return segment.permissions.permits(task, 4)
        ? writeStatus(task, segment, addr, command)
        : -EACCES;
    case IPC_CONTROL.SHM_STAT_ANY:
      return writeStatus(task, segment, addr, command);
    case IPC_CONTROL.IPC_RMID:
      if (!isOwner) return -EPERM;
      sharedMemory.remove(segment);
      return 0;
    case IPC_CONTROL.IPC_SET:
      return isOwner ? setOwner(task, segment, addr) : -EPERM;
    case IPC_CONTROL.SHM_LOCK:
    case IPC_CONTROL.SHM_UNLOCK:
      if (!isOwner) return -EPERM;
      segment.isLocked = command === IPC_CONTROL.SHM_LOCK;
      return 0;
    default:
      return -EINVAL;
  }
}

function setOwner(task: Task, segment: SharedSegment, addr: number): number {
  const bytes = new Uint8Array(SHMID_DS.bytes);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  takePermissions(view, segment.permissions);
  segment.changeTimeSec = nowSec(task);
  return 0;
}

function writeStatus(task: Task, segment: SharedSegment, addr: number, command: number): number {
  const bytes = new Uint8Array(SHMID_DS.bytes);
  const view = new DataView(bytes.buffer);
  const { isRemoved, key, permissions } = segment;
  const bits = (isRemoved ? SHM_DEST : 0) | (segment.isLocked ? SHM_LOCKED : 0);
  putPermissions(view, isRemoved ? 0 : key, permissions, bits);
  putNumber(view, SHMID_DS.size, segment.sizeBytes);
  putNumber(view, SHMID_DS.attachTime, segment.attachTimeSec);
  putNumber(view, SHMID_DS.detachTime, segment.detachTimeSec);
  putNumber(view, SHMID_DS.changeTime, segment.changeTimeSec);
  view.setInt32(SHMID_DS.creatorPid, segment.creatorPid, true);
  view.setInt32(SHMID_DS.lastPid, segment.lastPid, true);
  putNumber(view, SHMID_DS.attachCount, segment.attachCount);
  if (task.space.copyOut(addr, bytes) < 0) return -EFAULT;
  return command === IPC_CONTROL.IPC_STAT ? 0 : segment.id;
}

/** `struct shminfo64` and `struct shm_info`. */
function writeInfo(task: Task, command: number, addr: number): number {
  const { count, pages, highestId } = task.kernel.sharedMemory.summary();
  const bytes = new Uint8Array(72);
  const view = new DataView(bytes.buffer);
  if (command === IPC_CONTROL.IPC_INFO) {
    const { segments, bytes: most, pages: all } = task.kernel.sharedMemory.limits;
    const words = [most, 1n, BigInt(segments), BigInt(segments), all];
    for (const [i, word] of words.entries()) view.setBigUint64(8 * i, word, true);
  } else {
    view.setInt32(0, count, true);
    putNumber(view, 8, pages);
    putNumber(view, 16, pages);
  }
  const used = bytes.subarray(0, command === IPC_CONTROL.IPC_INFO ? 72 : 48);
  return task.space.copyOut(addr, used) < 0 ? -EFAULT : highestId;
}

const { int, pointer, size } = arg;

export const SHARED_MEMORY_ROWS: readonly SyscallRow[] = [
  row('shmget', [int, size, arg.flags(IPC)], sysShmget),
  row('shmat', [int, pointer, arg.flags(SHM)], sysShmat, { result: 'hex' }),
  row('shmdt', [pointer], sysShmdt),
  row('shmctl', [int, arg.oneOf(IPC_CONTROL), pointer], sysShmctl),
];
