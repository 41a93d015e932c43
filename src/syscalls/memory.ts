/** Address spaces: mmap(2), munmap, mremap, mprotect, msync, madvise, brk, mincore, mlock. */

import { CAP_IPC_LOCK } from '../abi/capability.ts';
import {
  EACCES,
  EBADF,
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  ENOMEM,
  ENOSYS,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
} from '../abi/errno.table.ts';
import { MCL, MLOCK_ONFAULT } from '../abi/mlock.ts';
import { MADV, MAP, MREMAP, MSYNC, PROT } from '../abi/mman.ts';
import { READ_IMPLIES_EXEC } from '../abi/personality.ts';
import { mappingOf } from '../kernel/exec/context.ts';
import { gainsExecution } from '../kernel/executable-rule.ts';
import type { Task } from '../kernel/task.ts';
import { LOCK, type LockKind } from '../mm/lock-kind.ts';
import { noteMapping } from '../vfs/access-time.ts';
import { FileMapping } from '../vfs/file-mapping.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import * as arg from './args.ts';
import { dataFile } from './file-support.ts';
import { row, type SyscallRow } from './row.ts';

const PAGE = 4096;
const GUEST_END = 0x1_0000_0000;
/** Where Linux' own address spaces end: up to there nothing is mapped, which is no error. */
const TASK_END = 0x7fff_ffff_f000;
const PROT_SEM = 8;
const PROT_KNOWN = PROT.PROT_READ | PROT.PROT_WRITE | PROT.PROT_EXEC | PROT_SEM;
const PROT_ACCESS = PROT.PROT_READ | PROT.PROT_WRITE | PROT.PROT_EXEC;
/** Flags that MAP_SHARED_VALIDATE accepts (`LEGACY_MAP_MASK`, MAP_SYNC refused). */
const MAP_TYPE = 0xf;
const MAP_KNOWN = Object.values(MAP).reduce((all, bit) => all | bit, 0) & ~MAP.MAP_SYNC;

function sysMmap(
  task: Task,
  addr: number,
  length: number,
  prot: number,
  flags: number,
  fd: number,
  offset: number,
): number {
  if (offset % PAGE !== 0) return -EINVAL;
  const type = flags & MAP_TYPE;
  const shared = type === MAP.MAP_SHARED || type === MAP.MAP_SHARED_VALIDATE;
  if (!shared && type !== MAP.MAP_PRIVATE) return -EINVAL;
  const isAnonymous = (flags & MAP.MAP_ANONYMOUS) !== 0;
  if (type === MAP.MAP_SHARED_VALIDATE) {
    if (isAnonymous) return -EINVAL;
    if ((flags & ~MAP_KNOWN) !== 0) return -EOPNOTSUPP;
  }
  let file: OpenFile | undefined;
  if (!isAnonymous) {
    file = dataFile(task, fd);
    if (file === undefined) return -EBADF;
    // An offset counts pages without a sign: negative ones lie beyond every file.
    if (offset < 0) return -EOVERFLOW;
  }
  if (length === 0) return -EINVAL;
  if (isAnonymous && shared && (flags & MAP.MAP_GROWSDOWN) !== 0) return -EINVAL;
  // There are no huge pages to give (`vm.nr_hugepages`).
  if (isAnonymous && (flags & MAP.MAP_HUGETLB) !== 0) return -ENOMEM;
  const bytes = Math.ceil(length / PAGE) * PAGE;
  const fixed = (flags & (MAP.MAP_FIXED | MAP.MAP_FIXED_NOREPLACE)) !== 0;
  if (bytes > GUEST_END || (fixed && addr + bytes > GUEST_END)) return -ENOMEM;
  if (fixed && addr % PAGE !== 0) return -EINVAL;
  if (file?.mount.forbidsExec !== true) prot = effectiveProt(task, prot);
  if (file !== undefined) {
    const refused = checkFile(file, prot, shared);
    if (refused !== 0) return refused;
    if (file.mapsAnonymously) file = undefined;
  }
  if (gainsExecution(task.group, PROT.PROT_EXEC, prot)) return -EACCES;
  const hint = addr < GUEST_END ? Math.floor(addr / PAGE) * PAGE : 0;
  const result = task.space.map({
    addr: hint,
    length: bytes,
    prot: prot & PROT_ACCESS,
    shared,
    fixed,
    noReplace: (flags & MAP.MAP_FIXED_NOREPLACE) !== 0,
    growsDown: (flags & MAP.MAP_GROWSDOWN) !== 0,
    locked: (flags & MAP.MAP_LOCKED) !== 0,
    file: file === undefined ? undefined : mappingOf(task.kernel.vfs, file),
    fileOffset: offset,
    placement: file !== undefined && !shared ? 'module' : 'data',
    isSparse: (flags & (MAP.MAP_NORESERVE | MAP.MAP_STACK)) !== 0 || task.group.hugePagesOff,
    populate: (flags & MAP.MAP_POPULATE) !== 0 || isLibraryData(file, prot, shared),
  });
  if (result >= 0 && file !== undefined) noteMapping(file);
  return result === -EEXIST && (flags & MAP.MAP_FIXED_NOREPLACE) === 0 ? -ENOMEM : result;
}

/**
 * Data of libraries is relocated as soon as it is mapped. Pages of a file that can change must not be
 * copied before the guest writes to them: until then they show the changes.
 */
function isLibraryData(file: OpenFile | undefined, prot: number, shared: boolean): boolean {
  if (file === undefined || shared || (prot & PROT.PROT_WRITE) === 0) return false;
  return file.inode.contentKey !== undefined;
}

/** mmap(2), EACCES: how the file is open must allow what is asked. */
function checkFile(file: OpenFile, prot: number, shared: boolean): number {
  if (!file.isReadable) return -EACCES;
  if (shared && (prot & PROT.PROT_WRITE) !== 0 && !file.isWritable) return -EACCES;
  if ((prot & PROT.PROT_EXEC) !== 0 && file.mount.forbidsExec) return -EPERM;
  if (shared && (prot & PROT.PROT_WRITE) !== 0 && file.inode.isWriteSealed) return -EPERM;
  if (file.mapsAnonymously) return 0;
  const mapping = file.mapping();
  return typeof mapping === 'number' ? mapping : 0;
}

function sysMunmap(task: Task, addr: number, length: number): number {
  if (addr % PAGE !== 0 || length === 0) return -EINVAL;
  const bytes = Math.ceil(length / PAGE) * PAGE;
  if (addr + bytes > TASK_END) return -EINVAL;
  if (addr >= GUEST_END) return 0;
  return task.space.unmap(addr, Math.min(bytes, GUEST_END - addr));
}

function sysMprotect(task: Task, addr: number, length: number, prot: number): number {
  if ((prot & ~(PROT_KNOWN | PROT.PROT_GROWSDOWN | PROT.PROT_GROWSUP)) !== 0) return -EINVAL;
  if (addr % PAGE !== 0) return -EINVAL;
  if (length === 0) return 0;
  const bytes = Math.ceil(length / PAGE) * PAGE;
  if (addr + bytes > GUEST_END) return -ENOMEM;
  if ((prot & PROT.PROT_GROWSDOWN) !== 0) {
    const area = task.space.areaAt(addr);
    if (area === undefined) return -ENOMEM;
    if (!area.growsDown) return -EINVAL;
    return task.space.protect(area.start, addr + bytes - area.start, prot & PROT_ACCESS);
  }
  if ((prot & PROT.PROT_GROWSUP) !== 0) return -EINVAL;
  prot = effectiveProt(task, prot);
  if ((prot & PROT.PROT_WRITE) !== 0 && !mayWriteShared(task, addr, addr + bytes)) return -EACCES;
  if (task.group.executableRule !== 0 && gainsWithin(task, addr, addr + bytes, prot))
    return -EACCES;
  return task.space.protect(addr, bytes, prot & PROT_ACCESS);
}

function gainsWithin(task: Task, start: number, end: number, prot: number): boolean {
  for (let at = start; at < end; ) {
    const area = task.space.areaAt(at);
    if (area === undefined) return false;
    if (gainsExecution(task.group, area.prot, prot)) return true;
    at = area.end;
  }
  return false;
}

/** A shared mapping of a file that was opened for reading stays read-only (VM_MAYWRITE). */
function mayWriteShared(task: Task, start: number, end: number): boolean {
  const { space } = task;
  for (let at = start; at < end; ) {
    const area = space.areaAt(at);
    if (area === undefined) return true;
    if (area.shared && area.file instanceof FileMapping) {
      const { file } = area.file;
      if (!file.isWritable || file.inode.isWriteSealed) return false;
    }
    at = area.end;
  }
  return true;
}

/** READ_IMPLIES_EXEC of personality(2). */
export function effectiveProt({ group }: Task, prot: number): number {
  const implies = (group.personality & READ_IMPLIES_EXEC) !== 0 && (prot & PROT.PROT_READ) !== 0;
  return implies ? prot | PROT.PROT_EXEC : prot;
}

/** PAGE_ALIGN: the last page of 64 bits wraps to 0. */
function pageAlign(length: number): number {
  const bytes = Math.ceil(length / PAGE) * PAGE;
  return bytes >= 2 ** 64 ? 0 : bytes;
}

/** The old call, as Linux emulates it: a shared file mapping is replaced by another part of it. */
function sysRemapFilePages(
  task: Task,
  addr: number,
  length: number,
  prot: number,
  pageOffset: number,
): number {
  const start = addr - (addr % PAGE);
  const bytes = length - (length % PAGE);
  if (prot !== 0 || bytes === 0 || start + bytes > GUEST_END) return -EINVAL;
  const area = task.space.areaAt(start);
  if (area === undefined || !area.shared || !(area.file instanceof FileMapping)) return -EINVAL;
  if (start + bytes > area.end) return -EINVAL;
  const result = task.space.map({
    addr: start,
    length: bytes,
    prot: area.prot,
    shared: true,
    fixed: true,
    file: mappingOf(task.kernel.vfs, area.file.file),
    fileOffset: pageOffset * PAGE,
  });
  return Math.min(result, 0);
}

function sysMremap(
  task: Task,
  addr: number,
  oldLength: number,
  newLength: number,
  flags: number,
  newAddr: number,
): number {
  const known = MREMAP.MREMAP_MAYMOVE | MREMAP.MREMAP_FIXED | MREMAP.MREMAP_DONTUNMAP;
  if ((flags & ~known) !== 0) return -EINVAL;
  const moves = (flags & MREMAP.MREMAP_MAYMOVE) !== 0;
  if ((flags & (MREMAP.MREMAP_FIXED | MREMAP.MREMAP_DONTUNMAP)) !== 0 && !moves) return -EINVAL;
  const oldBytes = pageAlign(oldLength);
  const newBytes = pageAlign(newLength);
  if (addr % PAGE !== 0 || newBytes === 0) return -EINVAL;
  // Shrinking begins with unmapping what goes.
  if (addr + oldBytes > GUEST_END) return newBytes < oldBytes ? -EINVAL : -EFAULT;
  if (newBytes > GUEST_END) return -ENOMEM;
  if ((flags & MREMAP.MREMAP_FIXED) !== 0)
    if (newAddr % PAGE !== 0 || newAddr + newBytes > GUEST_END) return -EINVAL;
  return task.space.remap(addr, oldBytes, newBytes, flags, newAddr);
}

function sysMsync(task: Task, addr: number, length: number, flags: number): number {
  const known = MSYNC.MS_ASYNC | MSYNC.MS_INVALIDATE | MSYNC.MS_SYNC;
  if ((flags & ~known) !== 0 || addr % PAGE !== 0) return -EINVAL;
  if ((flags & MSYNC.MS_ASYNC) !== 0 && (flags & MSYNC.MS_SYNC) !== 0) return -EINVAL;
  const bytes = Math.ceil(length / PAGE) * PAGE;
  // A length that wraps around is none (`PAGE_ALIGN`).
  if (bytes === 0 || bytes >= 2 ** 64) return 0;
  if (addr + bytes > GUEST_END) return -ENOMEM;
  if ((flags & MSYNC.MS_INVALIDATE) !== 0 && isLockedWithin(task, addr, addr + bytes))
    return -EBUSY;
  return task.space.sync(addr, bytes, flags);
}

/** Locked pages must not be invalidated (msync(2), EBUSY). */
function isLockedWithin(task: Task, from: number, to: number): boolean {
  for (let at = from; at < to; ) {
    const area = task.space.areaAt(at);
    if (area === undefined) return false;
    if (area.locked) return true;
    at = area.end;
  }
  return false;
}

/** madvise(2) in the memory of `task`. */
export function madvise(task: Task, addr: number, length: number, advice: number): number {
  if (addr % PAGE !== 0) return -EINVAL;
  const bytes = Math.ceil(length / PAGE) * PAGE;
  if (addr + bytes > GUEST_END) return bytes > GUEST_END ? -EINVAL : -ENOMEM;
  return task.space.advise(addr, bytes, advice);
}

const HEAP_PROT = PROT.PROT_READ | PROT.PROT_WRITE;

function sysBrk(task: Task, addr: number): number {
  return task.space.brk(addr < GUEST_END ? addr : 0, effectiveProt(task, HEAP_PROT));
}

function sysMincore(task: Task, addr: number, length: number, target: number): number {
  if (addr % PAGE !== 0) return -EINVAL;
  const bytes = Math.ceil(length / PAGE) * PAGE;
  if (addr + bytes > GUEST_END) return -ENOMEM;
  if (bytes === 0) return 0;
  const map = new Uint8Array(bytes / PAGE);
  const result = task.space.residency(addr, bytes, map);
  return result < 0 ? result : task.space.copyOut(target, map);
}

function lock(task: Task, addr: number, length: number, kind: LockKind): number {
  // `can_do_mlock` comes first, whatever the length.
  if (kind !== LOCK.none && task.space.limitLocked === 0 && !task.creds.has(CAP_IPC_LOCK))
    return -EPERM;
  const start = Math.floor(addr / PAGE) * PAGE;
  const bytes = Math.ceil((length + addr - start) / PAGE) * PAGE;
  // A length that wraps around is none (`PAGE_ALIGN`).
  if (bytes >= 2 ** 64) return 0;
  if (start + bytes > GUEST_END) return start + bytes >= 2 ** 64 ? -EINVAL : -ENOMEM;
  return bytes === 0 ? 0 : task.space.lock(start, bytes, kind);
}

const sysMlock = (task: Task, addr: number, length: number) => lock(task, addr, length, LOCK.all);
const sysMunlock = (task: Task, addr: number, length: number) =>
  lock(task, addr, length, LOCK.none);

function sysMlock2(task: Task, addr: number, length: number, flags: number): number {
  if ((flags & ~MLOCK_ONFAULT) !== 0) return -EINVAL;
  return lock(task, addr, length, flags === 0 ? LOCK.all : LOCK.onFault);
}

function sysMlockall(task: Task, flags: number): number {
  const known = MCL.MCL_CURRENT | MCL.MCL_FUTURE | MCL.MCL_ONFAULT;
  if (flags === 0 || (flags & ~known) !== 0 || flags === MCL.MCL_ONFAULT) return -EINVAL;
  const isAll = (flags & MCL.MCL_CURRENT) !== 0;
  if (!task.creds.has(CAP_IPC_LOCK)) {
    const limit = task.space.limitLocked;
    if (limit === 0) return -EPERM;
    if (isAll && task.space.usage().totalPages * PAGE > limit) return -ENOMEM;
  }
  const kind = (flags & MCL.MCL_ONFAULT) === 0 ? LOCK.all : LOCK.onFault;
  task.space.lockFuture = (flags & MCL.MCL_FUTURE) === 0 ? LOCK.none : kind;
  if (isAll) lockAll(task, kind);
  return 0;
}

function lockAll({ space }: Task, kind: LockKind): void {
  for (const { start, end } of [...space.areas()]) space.lock(start, end - start, kind);
}

function sysMunlockall(task: Task): number {
  task.space.lockFuture = LOCK.none;
  lockAll(task, LOCK.none);
  return 0;
}

function sysMseal(task: Task, addr: number, length: number, flags: number): number {
  const bytes = pageAlign(length);
  if (flags !== 0 || addr % PAGE !== 0 || (bytes === 0 && length !== 0)) return -EINVAL;
  if (addr + bytes >= 2 ** 64) return -EINVAL;
  if (addr + bytes > GUEST_END) return -ENOMEM;
  return bytes === 0 ? 0 : task.space.seal(addr, bytes);
}

/** Protection keys are hidden from guests (CPUID), so there is none to give. */
const sysPkeyAlloc = (_task: Task, flags: number) => (flags !== 0 ? -EINVAL : -ENOSYS);
const sysPkeyFree = () => -EINVAL;

function sysPkeyMprotect(
  task: Task,
  addr: number,
  length: number,
  prot: number,
  key: number,
): number {
  return key === -1 ? sysMprotect(task, addr, length, prot) : -EINVAL;
}

const protection = arg.flags(PROT);

export const MEMORY_ROWS: readonly SyscallRow[] = [
  row('mmap', [arg.pointer, arg.size, protection, arg.flags(MAP), arg.fd, arg.offsetHex], sysMmap, {
    result: 'hex',
  }),
  row('munmap', [arg.pointer, arg.size], sysMunmap),
  row('mprotect', [arg.pointer, arg.size, protection], sysMprotect),
  row('mremap', [arg.pointer, arg.size, arg.size, arg.flags(MREMAP), arg.pointer], sysMremap, {
    result: 'hex',
  }),
  row(
    'remap_file_pages',
    [arg.pointer, arg.size, arg.ulong, arg.size, arg.uint],
    sysRemapFilePages,
  ),
  row('msync', [arg.pointer, arg.size, arg.flags(MSYNC)], sysMsync),
  row('madvise', [arg.pointer, arg.size, arg.oneOf(MADV)], madvise),
  row('brk', [arg.pointer], sysBrk, { result: 'hex' }),
  row('mincore', [arg.pointer, arg.size, arg.outPointer], sysMincore),
  row('mlock', [arg.pointer, arg.size], sysMlock),
  row('mlock2', [arg.pointer, arg.size, arg.flags({ MLOCK_ONFAULT })], sysMlock2),
  row('munlock', [arg.pointer, arg.size], sysMunlock),
  row('mlockall', [arg.flags(MCL)], sysMlockall, {
    coverage: 'partial',
    note: 'the host decides what stays resident',
  }),
  row('munlockall', [], sysMunlockall),
  row('mseal', [arg.pointer, arg.size, arg.ulong], sysMseal),
  row('pkey_alloc', [arg.uint, arg.ulong], sysPkeyAlloc, {
    coverage: 'refused',
    note: 'protection keys are hidden from guests',
  }),
  row('pkey_free', [arg.int], sysPkeyFree, { coverage: 'refused' }),
  row('pkey_mprotect', [arg.pointer, arg.size, protection, arg.int], sysPkeyMprotect, {
    coverage: 'partial',
    note: 'key -1 only',
  }),
];
