/** Where a process stands in the tree: root, working directory, umask. Shared under CLONE_FS. */

import type { Location } from './dentry.ts';

export class FsContext {
  #root: Location;
  #cwd: Location;
  umask: number;

  constructor(root: Location, cwd: Location, umask = 0o022) {
    this.#root = root;
    this.#cwd = cwd;
    this.umask = umask;
    pin(root);
    pin(cwd);
  }

  get root(): Location {
    return this.#root;
  }

  set root(place: Location) {
    pin(place);
    unpin(this.#root);
    this.#root = place;
  }

  get cwd(): Location {
    return this.#cwd;
  }

  set cwd(place: Location) {
    pin(place);
    unpin(this.#cwd);
    this.#cwd = place;
  }

  /** For fork and clone without CLONE_FS. */
  clone(): FsContext {
    return new FsContext(this.#root, this.#cwd, this.umask);
  }

  /** The last task that shares it is gone. */
  release(): void {
    unpin(this.#root);
    unpin(this.#cwd);
  }
}

function pin(place: Location): void {
  place.mount.pins++;
  place.dentry.pins++;
  place.dentry.inode.retain();
}

function unpin(place: Location): void {
  place.mount.pins--;
  place.dentry.pins--;
  place.dentry.inode.release();
}
