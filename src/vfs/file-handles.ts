/** Numbers for files, for name_to_handle_at(2): the same file has the same, as long as it lives. */

import type { Dentry } from './dentry.ts';
import type { Inode } from './inode.ts';

export class FileHandles {
  readonly #numbers = new WeakMap<Inode, number>();
  readonly #dentries = new Map<number, WeakRef<Dentry>>();
  readonly #gone = new FinalizationRegistry<number>((number) => this.#dentries.delete(number));
  #next = 1;

  handleOf(dentry: Dentry): number {
    const { inode } = dentry;
    let number = this.#numbers.get(inode);
    if (number === undefined) {
      number = this.#next++;
      this.#numbers.set(inode, number);
      this.#gone.register(inode, number);
    }
    this.#dentries.set(number, new WeakRef(dentry));
    return number;
  }

  /** A name of the file; undefined when none is known any more. */
  dentryOf(number: number): Dentry | undefined {
    const dentry = this.#dentries.get(number)?.deref();
    return dentry === undefined || dentry.inode.nlink === 0 ? undefined : dentry;
  }
}
