/** /proc/PID/mounts, mountinfo and mountstats (proc_pid_mountinfo(5)). */

import { majorOf, minorOf } from '../../abi/file-mode.ts';
import type { Location } from '../../vfs/dentry.ts';
import type { Mount } from '../../vfs/mount.ts';
import { pathFrom } from '../../vfs/place.ts';
import type { Vfs } from '../../vfs/vfs.ts';

/** Spaces and the like as octal escapes (`mangle`). */
const escaped = (name: string): string =>
  name.replace(/[ \t\n\\#]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);

function placeOf(root: Location, mount: Mount): string | undefined {
  return pathFrom(root, { mount, dentry: mount.root });
}

function superOptions(mount: Mount): string {
  const access = mount.fs.isReadOnly ? 'ro' : 'rw';
  return mount.fs.options === '' ? access : `${access},${mount.fs.options}`;
}

export function mountsText(vfs: Vfs, root: Location): string {
  let text = '';
  for (const mount of vfs.mounts) {
    const place = placeOf(root, mount);
    if (place === undefined) continue;
    const extra = mount.fs.options === '' ? '' : `,${mount.fs.options}`;
    const { source, fs, optionsText } = mount;
    text += `${escaped(source)} ${escaped(place)} ${fs.typeName} ${optionsText}${extra} 0 0\n`;
  }
  return text;
}

export function mountInfoText(vfs: Vfs, root: Location): string {
  let text = '';
  for (const mount of vfs.mounts) {
    const place = placeOf(root, mount);
    if (place === undefined) continue;
    const { fs } = mount;
    const parent = mount.parent?.id ?? mount.id;
    let top = mount.root;
    while (!top.isRoot) top = top.parent;
    const inside = pathFrom({ mount, dentry: top }, { mount, dentry: mount.root }) ?? '/';
    text +=
      `${mount.id} ${parent} ${majorOf(fs.dev)}:${minorOf(fs.dev)} ${escaped(inside)} ` +
      `${escaped(place)} ${mount.optionsText} - ${fs.typeName} ${escaped(mount.source)} ` +
      `${superOptions(mount)}\n`;
  }
  return text;
}

export function mountStatsText(vfs: Vfs, root: Location): string {
  let text = '';
  for (const mount of vfs.mounts) {
    const place = placeOf(root, mount);
    if (place === undefined) continue;
    text += `device ${escaped(mount.source)} mounted on ${escaped(place)} `;
    text += `with fstype ${mount.fs.typeName}\n`;
  }
  return text;
}
