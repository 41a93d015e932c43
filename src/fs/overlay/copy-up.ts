/** Copying a file of the lower layer up, and the marks that hide what is below. */

import { EIO } from '../../abi/errno.table.ts';
import { isDirectory, isRegular, isSymlink, S_IFCHR, S_IFMT } from '../../abi/file-mode.ts';
import { FIRST_COOKIE, type Inode } from '../../vfs/inode.ts';

const OPAQUE = 'trusted.overlay.opaque';
const YES = new Uint8Array([0x79]);
const COPY_BYTES = 262_144;

export const isWhiteout = (inode: Inode): boolean =>
  (inode.mode & S_IFMT) === S_IFCHR && inode.rdev === 0;

export function isOpaque(directory: Inode): boolean {
  const value = directory.getXattr(OPAQUE);
  return typeof value === 'object' && value[0] === YES[0];
}

/** 0 or a negative errno. */
export const setOpaque = (directory: Inode): number => directory.setXattr(OPAQUE, YES, 0);

/** Takes the whiteouts out of a directory that is to be removed itself. */
export function removeWhiteouts(directory: Inode): void {
  const names: string[] = [];
  directory.iterate(FIRST_COOKIE, { emit: (name) => names.push(name) > 0 });
  for (const name of names) {
    const inode = directory.lookup(name);
    if (typeof inode === 'object' && isWhiteout(inode)) directory.unlink(name, inode);
  }
}

/**
 * Makes `name` in `folder` (a directory of the upper layer; without a name when undefined) as
 * `lower` is: contents, owner, mode, times, xattrs. The new inode or a negative errno.
 */
export function copyUp(lower: Inode, folder: Inode, name: string | undefined): Inode | number {
  const { mode, uid, gid, rdev } = lower;
  // Without rights until it is whole: nobody else can see it anyway, but a crash could show it.
  const made = makeLike(lower, folder, name);
  if (typeof made === 'number') return made;
  const undo = (error: number): number => {
    if (name === undefined) return error;
    if (isDirectory(mode)) folder.rmdir(name, made);
    else folder.unlink(name, made);
    return error;
  };
  if (isRegular(mode)) {
    const copied = copyContents(lower, made);
    if (copied < 0) return undo(copied);
  }
  const names = lower.listXattr();
  for (const xattr of typeof names === 'number' ? [] : names) {
    const value = lower.getXattr(xattr);
    if (typeof value === 'object') made.setXattr(xattr, value, 0);
  }
  if (made.uid !== uid || made.gid !== gid) made.setOwner(uid, gid);
  if (!isSymlink(mode)) made.setMode(mode & 0o7777);
  made.rdev = rdev;
  made.setAccessTime(lower.atimeSec, lower.atimeNsec);
  made.setModificationTime(lower.mtimeSec, lower.mtimeNsec);
  return made;
}

function makeLike(lower: Inode, folder: Inode, name: string | undefined): Inode | number {
  const { mode, uid, gid, rdev } = lower;
  const spec = { mode, uid, gid, rdev };
  if (name === undefined) return folder.createUnnamed(spec);
  if (!isSymlink(mode)) return folder.create(name, spec);
  const target = lower.readlink();
  return typeof target === 'number' ? target : folder.symlink(name, target, spec);
}

function copyContents(from: Inode, to: Inode): number {
  const buffer = new Uint8Array(Math.max(1, Math.min(COPY_BYTES, from.size)));
  for (let at = 0; ; ) {
    const count = from.readAt(at, buffer, 0, buffer.length);
    if (count <= 0) return count;
    const written = to.writeAt(at, buffer, 0, count);
    if (written < 0) return written;
    if (written < count) {
      const rest = to.writeAt(at + written, buffer, written, count - written);
      if (rest !== count - written) return rest < 0 ? rest : -EIO;
    }
    at += count;
  }
}
