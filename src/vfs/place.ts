/** Places as absolute paths: getcwd(2), /proc/self/fd, /proc/self/maps (`d_path`). */

import type { Dentry, Location } from './dentry.ts';
import type { Mount } from './mount.ts';

/** The path of a place as seen from `root`; undefined when it lies outside of `root`. */
export function pathFrom(root: Location, place: Location): string | undefined {
  let mount: Mount = place.mount;
  let dentry: Dentry = place.dentry;
  let path = '';
  while (mount !== root.mount || dentry !== root.dentry) {
    if (dentry === mount.root) {
      if (mount.parent === undefined || mount.mountPoint === undefined) return undefined;
      dentry = mount.mountPoint;
      mount = mount.parent;
      continue;
    }
    if (dentry.isRoot) return undefined;
    path = `/${dentry.name}${path}`;
    dentry = dentry.parent;
  }
  return path === '' ? '/' : path;
}

/** For links in /proc and messages: "(unreachable)" in front, " (deleted)" behind. */
export function describePlace(root: Location, place: Location): string {
  const path = pathFrom(root, place);
  if (path !== undefined) return place.dentry.isDeleted ? `${path} (deleted)` : path;
  // A file that never had a name in a tree: memfd.
  if (place.dentry.isRoot && place.dentry.name !== '')
    return `/${place.dentry.name}${place.dentry.isDeleted ? ' (deleted)' : ''}`;
  const inside = pathFrom({ mount: place.mount, dentry: place.mount.root }, place) ?? '/';
  return place.dentry.isDeleted ? `${inside} (deleted)` : inside;
}
