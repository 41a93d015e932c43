/**
 * Copies of host files that nobody maps any more: a program that is run again and again need not be
 * read each time. Bounded; those used last stay.
 */

import type { PageCopy } from './page-copy.ts';

const MAX_BYTES = 32 * 2 ** 20;
const MAX_FILES = 32;

interface Kept {
  readonly copy: PageCopy;
  /** Names the content of the file that it was made from. */
  readonly stamp: string;
  readonly bytes: number;
}

export class KeptCopies implements Disposable {
  /** By the file's inode, in the order in which they were given up. */
  readonly #kept = new Map<object, Kept>();
  #bytes = 0;

  /** Takes over `copy`, of a file of `bytes` bytes. */
  keep(file: object, copy: PageCopy, stamp: string, bytes: number): void {
    this.drop(file);
    this.#kept.set(file, { copy, stamp, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= MAX_BYTES && this.#kept.size <= MAX_FILES) break;
      this.drop(oldest);
    }
  }

  /** Gives back the copy of a file whose content is still what `stamp` names; else it is no more. */
  take(file: object, stamp: string | undefined): PageCopy | undefined {
    const known = this.#kept.get(file);
    if (known === undefined || known.stamp !== stamp) {
      this.drop(file);
      return undefined;
    }
    this.#kept.delete(file);
    this.#bytes -= known.bytes;
    return known.copy;
  }

  drop(file: object): void {
    const known = this.#kept.get(file);
    if (known === undefined) return;
    this.#kept.delete(file);
    this.#bytes -= known.bytes;
    known.copy[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const file of [...this.#kept.keys()]) this.drop(file);
  }
}
