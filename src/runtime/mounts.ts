/** Mounting at a path of the guest's tree while an instance is put together. */

import { O_APPEND, O_WRONLY } from '../abi/file-flags.ts';
import { S_IFREG } from '../abi/file-mode.ts';
import { Credentials } from '../kernel/credentials.ts';
import { bytesOf, fromText } from '../vfs/byte-string.ts';
import type { FileSystem } from '../vfs/file-system.ts';
import { FsContext } from '../vfs/fs-context.ts';
import { mkdirAt, mknodAt, symlinkAt } from '../vfs/names.ts';
import { openAt } from '../vfs/open.ts';
import type { Path } from '../vfs/path.ts';
import type { Vfs } from '../vfs/vfs.ts';
import { WALK_FOLLOW, walk } from '../vfs/walk.ts';

/** The tree could not be put together: a mount point is missing and cannot be made. */
export class MountError extends Error {
  readonly code = 'CLOISTER_MOUNT';
}

export class TreeBuilder {
  readonly vfs: Vfs;
  readonly #who: { readonly fs: FsContext; readonly creds: Credentials };

  constructor(vfs: Vfs) {
    this.vfs = vfs;
    this.#who = {
      fs: new FsContext(vfs.root, vfs.root, 0),
      creds: Credentials.forUser(0, 0),
    };
  }

  #path(text: string): Path {
    const bytes = bytesOf(fromText(text));
    return this.vfs.paths.find(bytes, 0, bytes.length);
  }

  exists(path: string): boolean {
    return walk(this.vfs, this.#who, undefined, this.#path(path), WALK_FOLLOW) === 0;
  }

  /** Makes a directory and its parents where they are missing. */
  makeFolder(path: string, mode = 0o755): void {
    const parts = path.split('/').filter((part) => part !== '');
    for (let i = 1; i <= parts.length; i++) {
      const here = `/${parts.slice(0, i).join('/')}`;
      if (this.exists(here)) continue;
      const result = mkdirAt(
        this.vfs,
        this.#who,
        undefined,
        this.#path(here),
        i === parts.length ? mode : 0o755,
      );
      if (result < 0)
        throw new MountError(`${path}: ${here} is missing and cannot be made in this root`);
    }
  }

  /** Makes an empty file and the folders above it where they are missing. */
  makeFile(path: string): void {
    if (this.exists(path)) return;
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (parent !== '') this.makeFolder(parent);
    if (mknodAt(this.vfs, this.#who, undefined, this.#path(path), S_IFREG | 0o644, 0) < 0)
      throw new MountError(`${path} is missing and cannot be made in this root`);
  }

  /** Adds a line to a file that is there; of a root that cannot be written, nothing happens. */
  appendLine(path: string, line: string): void {
    const how = O_WRONLY | O_APPEND;
    const file = openAt(this.vfs, this.#who, undefined, this.#path(path), how, 0);
    if (typeof file === 'number') return;
    const bytes = bytesOf(fromText(`${line}\n`));
    file.write(bytes, 0, bytes.length);
    file.release();
  }

  symlink(path: string, target: string): void {
    if (this.exists(path)) return;
    symlinkAt(this.vfs, this.#who, this.#path(target), undefined, this.#path(path));
  }

  /** Attaches `fs` at `path`, which is made when it is missing. `flags`: ST_* bits. */
  mount(path: string, fs: FileSystem, source: string, flags: number): void {
    this.makeFolder(path);
    this.mountOver(path, fs, source, flags);
  }

  /** Attaches at something that is there, a folder or a file. */
  mountOver(path: string, fs: FileSystem, source: string, flags: number): void {
    const { vfs } = this;
    const found = walk(vfs, this.#who, undefined, this.#path(path), WALK_FOLLOW);
    if (found < 0) throw new MountError(`${path} is not there to be mounted on`);
    const { mount, dentry } = vfs.walk;
    vfs.attach(vfs.makeMount(fs, undefined, fromText(source), flags), { mount, dentry });
  }
}
