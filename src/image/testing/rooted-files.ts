/** A machine to build from, for tests: a folder that plays the root directory. */

import type { HostFiles } from '../host-files.ts';

export function rootedFiles(host: HostFiles, root: string): HostFiles {
  return {
    lstat: (path) => host.lstat(root + path),
    readdir: (path) => host.readdir(root + path),
    readlink: (path) => host.readlink(root + path),
    open: (path) => host.open(root + path),
    xattrs: (path) =>
      path.endsWith('/capable')
        ? [{ name: 'security.capability', value: new Uint8Array([1, 0, 0, 2]) }]
        : host.xattrs(root + path),
  };
}
