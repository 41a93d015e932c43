/**
 * Changing the tree of mounts: what mount(2), umount2(2) and pivot_root(2) do once the caller's
 * right and the paths are known. There is one mount namespace.
 */

import { EAGAIN, EBUSY, EINVAL, ELOOP, ENODEV, ENOENT, ENOTDIR } from '../abi/errno.table.ts';
import { isDirectory } from '../abi/file-mode.ts';
import { ST_RDONLY } from '../abi/stat-layout.ts';
import type { Dentry, Location } from './dentry.ts';
import type { Mount } from './mount.ts';
import type { Vfs } from './vfs.ts';

const isMountRoot = ({ mount, dentry }: Location): boolean => mount.root === dentry;

/** A directory is mounted on a directory, anything else on anything else. */
const fits = (root: Dentry, at: Location): boolean =>
  isDirectory(root.inode.mode) === isDirectory(at.dentry.inode.mode);

/** A new file system of `type` at a place. `flags`: ST_*. */
export function mountNew(
  vfs: Vfs,
  at: Location,
  type: string,
  source: string,
  options: string,
  flags: number,
): number {
  const make = vfs.fileSystemTypes.get(type);
  if (make === undefined) return -ENODEV;
  const fs = make(options);
  if (typeof fs === 'number') return fs;
  if (isMountRoot(at) && at.mount.fs === fs) return -EBUSY;
  const mount = vfs.makeMount(fs, undefined, source, flags);
  if (!fits(mount.root, at)) return -ENOTDIR;
  vfs.attach(mount, at);
  return 0;
}

/** MS_BIND: `from` also at `at`; with `recursive` what is mounted below it, too. */
export function bindMount(vfs: Vfs, from: Location, at: Location, recursive: boolean): number {
  if (from.mount.isUnbindable) return -EINVAL;
  if (!fits(from.dentry, at)) return -ENOTDIR;
  const below = recursive ? [...from.mount.children] : [];
  const copy = cloneMount(vfs, from.mount, from.dentry);
  for (const child of below) cloneBelow(vfs, child, from.dentry, copy);
  vfs.attach(copy, at);
  return 0;
}

function cloneMount(vfs: Vfs, mount: Mount, root: Dentry): Mount {
  return vfs.makeMount(mount.fs, root, mount.source, mount.flags);
}

function cloneBelow(vfs: Vfs, mount: Mount, top: Dentry, into: Mount): void {
  const { mountPoint } = mount;
  if (mount.isUnbindable || mountPoint === undefined || !isBelow(mountPoint, top)) return;
  const children = [...mount.children];
  const copy = cloneMount(vfs, mount, mount.root);
  vfs.attach(copy, { mount: into, dentry: mountPoint });
  for (const child of children) cloneBelow(vfs, child, mount.root, copy);
}

function isBelow(dentry: Dentry, top: Dentry): boolean {
  for (let at = dentry; ; at = at.parent) {
    if (at === top) return true;
    if (at.isRoot) return false;
  }
}

/** MS_REMOUNT, with `whole` of the file system and its options, else of this mount alone. */
export function remount(at: Location, options: string, flags: number, whole: boolean): number {
  if (!isMountRoot(at)) return -EINVAL;
  const { mount } = at;
  const becomesReadOnly = (flags & ST_RDONLY) !== 0 && !mount.isReadOnly;
  if (becomesReadOnly && mount.writers > 0) return -EBUSY;
  if (whole && options !== '') {
    const result = mount.fs.remount(options);
    if (result < 0) return result;
  }
  mount.flags = flags;
  return 0;
}

/** MS_MOVE: a mount from one place to another. */
export function moveMount(vfs: Vfs, from: Location, to: Location): number {
  const { mount } = from;
  if (!isMountRoot(from) || mount.parent === undefined) return -EINVAL;
  if (!fits(mount.root, to)) return -ENOTDIR;
  for (let above: Mount | undefined = to.mount; above !== undefined; above = above.parent)
    if (above === mount) return -ELOOP;
  vfs.detach(mount);
  vfs.attach(mount, to);
  return 0;
}

/**
 * pivot_root(2): `next`, the root of a mount, becomes the caller's root; what was the root is seen at
 * `old`, at or below `next`. 0 or a negative errno; moving the processes along is the caller's part.
 */
export function pivotRoot(vfs: Vfs, root: Location, next: Location, old: Location): number {
  const top = next.mount;
  const before = root.mount;
  if (next.dentry.isDeleted) return -ENOENT;
  if (top === before || old.mount === before) return -EBUSY;
  if (!isMountRoot(root) || !isMountRoot(next) || top.parent === undefined) return -EINVAL;
  if (!isReachable(old, next) || !isReachable(next, root)) return -EINVAL;
  if (before === vfs.rootMount) {
    vfs.exchangeRoot(top, old);
    return 0;
  }
  const { parent, mountPoint } = before;
  if (parent === undefined || mountPoint === undefined) return -EINVAL;
  vfs.detach(top);
  vfs.detach(before);
  vfs.attach(before, old);
  vfs.attach(top, { mount: parent, dentry: mountPoint });
  return 0;
}

/** Is `place` at or below `top`, over whatever mounts (`is_path_reachable`)? */
function isReachable(place: Location, top: Location): boolean {
  let { mount, dentry } = place;
  while (mount !== top.mount) {
    if (mount.parent === undefined || mount.mountPoint === undefined) return false;
    dentry = mount.mountPoint;
    mount = mount.parent;
  }
  return isBelow(dentry, top.dentry);
}

export interface UnmountWish {
  /** MNT_DETACH: at once, whoever uses it. */
  readonly lazily: boolean;
  /** MNT_EXPIRE: only what nobody used since the last such call. */
  readonly expire: boolean;
}

export function unmount(vfs: Vfs, at: Location, wish: UnmountWish): number {
  const { mount } = at;
  if (!isMountRoot(at)) return -EINVAL;
  // The root of the tree stays: Linux makes it read-only at most.
  if (mount.parent === undefined) return wish.lazily ? -EINVAL : -EBUSY;
  if (!wish.lazily && (mount.children.size > 0 || mount.pins > 0)) return -EBUSY;
  if (wish.expire && !mount.isExpiring) {
    mount.isExpiring = true;
    return -EAGAIN;
  }
  detachTree(vfs, mount);
  return 0;
}

function detachTree(vfs: Vfs, mount: Mount): void {
  for (const child of [...mount.children]) detachTree(vfs, child);
  vfs.detach(mount);
  for (const other of vfs.mounts) if (other.fs === mount.fs) return;
  mount.fs.sync();
}
