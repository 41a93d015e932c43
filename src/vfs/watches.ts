/** Marks of inotify and F_NOTIFY on an inode; the Vfs reports what happens, see fs/anon/inotify.ts. */

import { IN_DELETE_SELF } from '../abi/inotify.ts';

export interface InodeWatch {
  /**
   * `mask`: IN_* with IN_ISDIR; `name`: the entry in the watched directory, or undefined when the
   * inode itself is meant; `cookie` pairs the two halves of a rename; `isUnlinked`: the entry is
   * a name no more (IN_EXCL_UNLINK).
   */
  onEvent(mask: number, cookie: number, name: string | undefined, isUnlinked: boolean): void;
  /** The inode is gone: IN_IGNORED. */
  onGone(): void;
  /** Is it of this open file and this table of descriptors (F_NOTIFY)? Absent: of neither. */
  isOf?(file: object, holder: object): boolean;
}

export class InodeWatches {
  readonly #watches = new Set<InodeWatch>();
  #isEnding = false;

  add(watch: InodeWatch): void {
    this.#watches.add(watch);
  }

  delete(watch: InodeWatch): void {
    this.#watches.delete(watch);
  }

  find<Kind extends InodeWatch>(isWanted: (watch: InodeWatch) => watch is Kind): Kind | undefined {
    for (const watch of this.#watches) if (isWanted(watch)) return watch;
    return undefined;
  }

  /** `holder` closed a descriptor of `file`. */
  dropOf(file: object, holder: object): void {
    for (const watch of this.#watches)
      if (watch.isOf?.(file, holder) === true) this.#watches.delete(watch);
  }

  get size(): number {
    return this.#watches.size;
  }

  report(mask: number, cookie: number, name: string | undefined, isUnlinked = false): void {
    for (const watch of [...this.#watches]) watch.onEvent(mask, cookie, name, isUnlinked);
  }

  /** The inode has no names left: IN_DELETE_SELF and IN_IGNORED, once nobody uses it; now `users` do. */
  endWith(users: number): void {
    this.#isEnding = true;
    if (users === 0) this.unused();
  }

  /** Nobody has the inode open. */
  unused(): void {
    if (!this.#isEnding) return;
    this.#isEnding = false;
    this.report(IN_DELETE_SELF, 0, undefined);
    this.gone();
  }

  gone(): void {
    for (const watch of [...this.#watches]) watch.onGone();
    this.#watches.clear();
  }
}
