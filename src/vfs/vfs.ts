/**
 * The virtual file system of one kernel: its mounts, known paths and the state of path walks.
 * The operations stand in files of their own (walk, open, names, attributes, …) and take the Vfs
 * as their first argument. Everything is synchronous; one walk runs at a time.
 */

import { makeDev } from '../abi/file-mode.ts';
import { ST_RELATIME } from '../abi/stat-layout.ts';
import { assert } from '../base/assert.ts';
import { AnonymousFs } from './anonymous.ts';
import type { Credentials } from './credentials.ts';
import { Dentry, type Location } from './dentry.ts';
import type { FileClock } from './file-clock.ts';
import { FileHandles } from './file-handles.ts';
import type { LockOwner, LockWait } from './file-locks.ts';
import type { FileSystem } from './file-system.ts';
import type { Inode } from './inode.ts';
import type { InodeLeases, LeaseHost } from './leases.ts';
import { Mount } from './mount.ts';
import type { OpenFile, OpenRequest } from './open-file.ts';
import { Path, PathTable } from './path.ts';
import { WalkState } from './walk-state.ts';

/** Dentries kept before unused ones are forgotten. */
const DENTRY_LIMIT = 200_000;

/** Opens what lies outside of any file system: pipes, FIFOs, and devices by their number. */
export interface NodeOpener {
  /** pipe2(2): reading end, writing end. */
  makePipe(who: Credentials, flags: number, limitBytes?: number): [OpenFile, OpenFile];
  openFifo(request: OpenRequest): OpenFile | number;
  /** -ENXIO when there is no such device. */
  openDevice(request: OpenRequest): OpenFile | number;
}

export class Vfs {
  /** Set by whoever wires the kernel. */
  nodeOpener: NodeOpener | undefined = undefined;
  readonly clock: FileClock;
  readonly paths = new PathTable();
  /** Result and scratch of the current walk. */
  readonly walk: WalkState;
  /** Changed by pivot_root(2) alone. */
  rootMount: Mount;
  /** Where files without a path stand: eventfd and the like. */
  readonly anonymousMount: Mount;
  readonly #mounts = new Map<number, Mount>();
  readonly #linkTargets = new Map<string, Path>();
  #nextMountId = 1;
  #nextDevice = 1;
  #renameCookie = 0;
  dentryCount = 0;
  /** What mount(2) can make, by name; an option string gives a file system or -errno. */
  readonly fileSystemTypes: Map<string, (options: string) => FileSystem | number> = new Map();
  readonly handles = new FileHandles();
  /** Owners of record locks that wait for others: EDEADLK is found here. */
  readonly lockWaiters: Map<LockOwner, LockWait> = new Map();

  /** Set by whoever wires the kernel. */
  leaseHost: LeaseHost | undefined = undefined;
  /** `fs.lease-break-time`: how long a holder has to come down. */
  leaseBreakSec = 45;
  /** /proc/sys/fs/pipe-max-size: how large pipes may be without CAP_SYS_RESOURCE. */
  pipeMaxBytes = 1_048_576;
  /** What made an opening answer -EAGAIN, until the caller takes it. */
  leaseInTheWay: InodeLeases | undefined = undefined;

  constructor(clock: FileClock, root: FileSystem, source = 'root') {
    this.clock = clock;
    this.rootMount = this.makeMount(root, undefined, source, ST_RELATIME);
    this.#mounts.set(this.rootMount.id, this.rootMount);
    this.anonymousMount = this.makeMount(new AnonymousFs(clock), undefined, 'none', 0);
    this.walk = new WalkState(this.root);
  }

  /** Somebody opens or truncates `inode`: holders of leases are told. True while one is in the way. */
  breaksLease(inode: Inode, writes: boolean): boolean {
    const { leases } = inode;
    if (leases === undefined || this.leaseHost === undefined) return false;
    return leases.isInTheWay(writes, this.leaseHost, this.leaseBreakSec);
  }

  /** The root of the tree. */
  get root(): Location {
    return { mount: this.rootMount, dentry: this.rootMount.root };
  }

  /** Attached mounts in the order of their making. */
  get mounts(): Iterable<Mount> {
    return this.#mounts.values();
  }

  mountById(id: number): Mount | undefined {
    return this.#mounts.get(id);
  }

  /** A mount that is not attached anywhere: pipes, anonymous inodes, shared memory. */
  makeMount(fs: FileSystem, root: Dentry | undefined, source: string, flags: number): Mount {
    if (fs.dev === 0) fs.dev = makeDev(0, this.#nextDevice++);
    const top = root ?? new Dentry('', undefined, fs.root);
    return new Mount(this.#nextMountId++, fs, top, source, flags);
  }

  attach(mount: Mount, at: Location): void {
    assert(mount.parent === undefined, 'mount is attached once');
    mount.parent = at.mount;
    mount.mountPoint = at.dentry;
    at.dentry.mountCount++;
    at.dentry.pins++;
    at.mount.children.add(mount);
    this.#mounts.set(mount.id, mount);
  }

  detach(mount: Mount): void {
    const { parent, mountPoint } = mount;
    assert(parent !== undefined && mountPoint !== undefined, 'mount is attached');
    mountPoint.mountCount--;
    mountPoint.pins--;
    parent.children.delete(mount);
    mount.parent = undefined;
    mount.mountPoint = undefined;
    this.#mounts.delete(mount.id);
  }

  /** pivot_root(2): `top` takes the place of the root mount, which is seen at `at` from then on. */
  exchangeRoot(top: Mount, at: Location): void {
    const before = this.rootMount;
    this.detach(top);
    this.#mounts.set(top.id, top);
    this.rootMount = top;
    this.attach(before, at);
  }

  /** The mount on top at a place, or undefined. */
  mountedAt(mount: Mount, dentry: Dentry): Mount | undefined {
    if (dentry.mountCount === 0) return undefined;
    let top: Mount | undefined;
    for (const child of mount.children) if (child.mountPoint === dentry) top = child;
    return top;
  }

  /** The parsed form of a link target. */
  linkPath(target: string): Path {
    const known = this.#linkTargets.get(target);
    if (known !== undefined) return known;
    if (this.#linkTargets.size >= 10_000) this.#linkTargets.clear();
    const path = new Path(target);
    this.#linkTargets.set(target, path);
    return path;
  }

  /**
   * The tmpfs behind memfd_create(2) and shared anonymous memory, mounted nowhere. Undefined: those
   * calls answer EINVAL.
   */
  sharedMemory: Mount | undefined = undefined;

  /** Pairs IN_MOVED_FROM and IN_MOVED_TO. */
  nextRenameCookie(): number {
    this.#renameCookie = (this.#renameCookie + 1) >>> 0;
    return this.#renameCookie;
  }

  /** Counts a new dentry; forgets unused ones when there are too many. */
  noteDentry(): void {
    if (++this.dentryCount < DENTRY_LIMIT) return;
    let kept = 0;
    const roots = new Set<Dentry>();
    for (const mount of this.#mounts.values()) {
      let top = mount.root;
      while (!top.isRoot) top = top.parent;
      roots.add(top);
    }
    for (const root of roots) kept += forgetUnused(root);
    this.dentryCount = kept;
  }

  /**
   * The entry `name` of `directory`, the root of a file system, leads nowhere any more: it is forgotten with
   * all below it that nobody stands on.
   */
  forgetEntry(directory: Inode, name: string): void {
    for (const { root } of this.#mounts.values()) {
      const child = root.inode === directory ? root.children?.get(name) : undefined;
      if (child === undefined) continue;
      forgetUnused(child);
      if (!isUsed(child)) child.detach();
    }
  }
}

const isUsed = ({ pins, mountCount, children, inode }: Dentry): boolean =>
  pins > 0 || mountCount > 0 || (children?.size ?? 0) > 0 || inode.watches !== undefined;

/** Drops leaves that nobody stands on; the number of dentries that stay. */
function forgetUnused(dentry: Dentry): number {
  let kept = 1;
  if (dentry.children === undefined) return kept;
  for (const [name, child] of dentry.children) {
    const below = forgetUnused(child);
    if (isUsed(child)) kept += below;
    else dentry.children.delete(name);
  }
  return kept;
}
