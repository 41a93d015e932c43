/** The names of two layers as one directory. */

import { DT_CHR } from '../../abi/file-mode.ts';
import { CookieListing, type ListedEntry } from '../../vfs/cookie-listing.ts';
import { type DirectorySink, FIRST_COOKIE, type Inode } from '../../vfs/inode.ts';
import { isWhiteout } from './copy-up.ts';

export class MergedListing {
  readonly #listing = new CookieListing();

  invalidate(): void {
    this.#listing.invalidate();
  }

  iterate(
    lower: Inode | undefined,
    upper: Inode | undefined,
    cookie: number,
    sink: DirectorySink,
  ): number {
    if (!this.#listing.isKnown) {
      const listed = merge(lower, upper);
      if (typeof listed === 'number') return listed;
      this.#listing.take(listed);
    }
    return this.#listing.emit(cookie, sink);
  }
}

function merge(lower: Inode | undefined, upper: Inode | undefined): Iterable<ListedEntry> | number {
  const merged = new Map<string, ListedEntry>();
  const below = collect(lower, (name, ino, type) => merged.set(name, { name, ino: ino * 2, type }));
  if (below < 0) return below;
  const hidden: string[] = [];
  const above = collect(upper, (name, ino, type) => {
    if (type === DT_CHR && upper !== undefined) {
      const inode = upper.lookup(name);
      if (typeof inode === 'object' && isWhiteout(inode)) {
        hidden.push(name);
        return;
      }
    }
    // A file that was copied up keeps its number.
    merged.set(name, { name, ino: merged.get(name)?.ino ?? ino * 2 + 1, type });
  });
  if (above < 0) return above;
  for (const name of hidden) merged.delete(name);
  return merged.values();
}

function collect(
  directory: Inode | undefined,
  take: (name: string, ino: number, type: number) => void,
): number {
  if (directory === undefined) return 0;
  return directory.iterate(FIRST_COOKIE, {
    emit(name, ino, type) {
      take(name, ino, type);
      return true;
    },
  });
}
