/**
 * System V shared memory (shmget(2)): segments are unnamed files of the kernel's own tmpfs, mapped
 * shared, so that all processes see the same host pages. A segment that was removed lives until its
 * last mapping is gone.
 */

import { CAP_IPC_LOCK } from '../abi/capability.ts';
import { EACCES, EEXIST, EINVAL, ENOENT, ENOMEM, ENOSPC, EPERM } from '../abi/errno.table.ts';
import { O_RDWR } from '../abi/file-flags.ts';
import { S_IFREG } from '../abi/file-mode.ts';
import { IPC, IPC_PRIVATE, SHM, SHMMAX, SHMMNI } from '../abi/ipc.ts';
import { placeless } from '../vfs/anonymous.ts';
import { FileMapping } from '../vfs/file-mapping.ts';
import { RegularFile } from '../vfs/regular-file.ts';
import { IpcIds } from './ipc/ids.ts';
import { IpcPermissions } from './ipc/permissions.ts';
import type { Kernel } from './kernel.ts';
import type { Task } from './task.ts';

/** What an address space could show. */
const MOST_BYTES = 2 ** 32;

/** A mapping of a segment: counts how often it is attached. */
export class SegmentMapping extends FileMapping {
  readonly segment: SharedSegment;

  constructor(segment: SharedSegment) {
    super(
      segment.file,
      () => `/SYSV${(segment.key >>> 0).toString(16).padStart(8, '0')} (deleted)`,
    );
    this.segment = segment;
  }

  override addReference(): void {
    super.addReference();
    this.segment.attachCount++;
    this.segment.touched('attachTimeSec');
  }

  override dropReference(): void {
    this.segment.attachCount--;
    this.segment.touched('detachTimeSec');
    super.dropReference();
    this.segment.settle();
  }
}

export class SharedSegment {
  readonly id: number;
  readonly key: number;
  readonly sizeBytes: number;
  readonly file: RegularFile;
  readonly permissions: IpcPermissions;
  readonly creatorPid: number;
  readonly mapping: SegmentMapping;
  lastPid = 0;
  attachTimeSec = 0;
  detachTimeSec = 0;
  changeTimeSec: number;
  attachCount = 0;
  isRemoved = false;
  isLocked = false;
  readonly #kernel: Kernel;
  readonly #forget: () => void;

  constructor(
    task: Task,
    id: number,
    key: number,
    sizeBytes: number,
    mode: number,
    file: RegularFile,
    forget: () => void,
  ) {
    this.id = id;
    this.key = key;
    this.sizeBytes = sizeBytes;
    this.file = file;
    this.permissions = new IpcPermissions(task, mode);
    this.creatorPid = task.group.pid;
    this.changeTimeSec = nowSec(task);
    this.#kernel = task.kernel;
    this.#forget = forget;
    this.mapping = new SegmentMapping(this);
  }

  /** `shm_open` and `shm_close` of areas: by shmat(2), shmdt(2), and by fork(2) and exit(2), too. */
  touched(time: 'attachTimeSec' | 'detachTimeSec'): void {
    const { current, clock } = this.#kernel;
    if (current === undefined) return;
    this.lastPid = current.group.pid;
    this[time] = Number(clock.realtimeNs() / 1_000_000_000n);
  }

  /** A removed segment without mappings is gone. */
  settle(): void {
    if (!this.isRemoved || this.attachCount > 0) return;
    this.isRemoved = false;
    this.#forget();
    this.file.release();
  }
}

export const nowSec = (task: Task): number =>
  Number(task.kernel.clock.realtimeNs() / 1_000_000_000n);

export class SharedMemory {
  readonly #segments = new Map<number, SharedSegment>();
  readonly #byKey = new Map<number, SharedSegment>();
  readonly ids = new IpcIds();
  readonly limits = { segments: SHMMNI, bytes: SHMMAX, pages: SHMMAX };

  get(id: number): SharedSegment | undefined {
    return this.#segments.get(id);
  }

  all(): SharedSegment[] {
    return [...this.#segments.values()];
  }

  /** shmget(2): the id, or -errno. */
  open(task: Task, key: number, sizeBytes: number, flags: number): number {
    const known = key === IPC_PRIVATE ? undefined : this.#byKey.get(key);
    if (known === undefined) {
      if (key !== IPC_PRIVATE && (flags & IPC.IPC_CREAT) === 0) return -ENOENT;
      return this.#create(task, key, sizeBytes, flags);
    }
    if ((flags & IPC.IPC_CREAT) !== 0 && (flags & IPC.IPC_EXCL) !== 0) return -EEXIST;
    if (sizeBytes > known.sizeBytes) return -EINVAL;
    const wanted = (flags | (flags >> 3) | (flags >> 6)) & 7;
    return known.permissions.permits(task, wanted) ? known.id : -EACCES;
  }

  #create(task: Task, key: number, sizeBytes: number, flags: number): number {
    const mount = task.kernel.vfs.sharedMemory;
    if (sizeBytes < 1 || mount === undefined) return -EINVAL;
    const { segments, bytes, pages } = this.limits;
    // There are no huge pages to give (`vm.nr_hugepages`).
    if ((flags & SHM.SHM_HUGETLB) !== 0) return task.creds.has(CAP_IPC_LOCK) ? -ENOMEM : -EPERM;
    if (BigInt(sizeBytes) > bytes) return -EINVAL;
    const wantedPages = Math.ceil(sizeBytes / 4096);
    if (BigInt(this.summary().pages + wantedPages) > pages) return -ENOSPC;
    if (this.#segments.size >= segments) return -ENOSPC;
    if (sizeBytes > MOST_BYTES) return -ENOMEM;
    const inode = mount.root.inode.createUnnamed({
      mode: S_IFREG | (flags & 0o777),
      uid: task.creds.euid,
      gid: task.creds.egid,
      rdev: 0,
    });
    if (typeof inode === 'number') return inode;
    const dentry = placeless('SYSV', inode);
    const request = { mount, dentry, inode, flags: O_RDWR, credentials: task.creds };
    const file = new RegularFile(request);
    const grown = inode.truncate(Math.ceil(sizeBytes / 4096) * 4096);
    if (grown < 0) {
      file.release();
      return grown;
    }
    const id = this.ids.allocate(this.#segments);
    const segment = new SharedSegment(task, id, key, sizeBytes, flags & 0o777, file, () => {
      this.#segments.delete(id);
    });
    this.#segments.set(id, segment);
    if (key !== IPC_PRIVATE) this.#byKey.set(key, segment);
    return id;
  }

  /** IPC_RMID: the key is free at once, the memory when nobody maps it. */
  remove(segment: SharedSegment): void {
    if (this.#byKey.get(segment.key) === segment) this.#byKey.delete(segment.key);
    segment.isRemoved = true;
    segment.settle();
  }

  /** For SHM_INFO: segments and their pages. */
  summary(): { count: number; pages: number; highestId: number } {
    let pages = 0;
    let highestId = 0;
    for (const segment of this.#segments.values()) {
      pages += Math.ceil(segment.sizeBytes / 4096);
      highestId = Math.max(highestId, segment.id);
    }
    return { count: this.#segments.size, pages, highestId };
  }
}
