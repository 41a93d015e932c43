/** The names of two layers as one directory, with cookies that outlive changes. */

import { DT_CHR } from '../../abi/file-mode.ts';
import { type DirectorySink, FIRST_COOKIE, type Inode } from '../../vfs/inode.ts';
import { isWhiteout } from './copy-up.ts';

interface Entry {
  readonly name: string;
  readonly ino: number;
  readonly type: number;
  readonly cookie: number;
}

export class MergedListing {
  /** Ascending by cookie; undefined when it must be made again. */
  #entries: Entry[] | undefined = undefined;
  /** Cookies by name, given when a name is first seen. */
  readonly #cookies = new Map<string, number>();
  #nextCookie = FIRST_COOKIE;

  invalidate(): void {
    this.#entries = undefined;
  }

  iterate(
    lower: Inode | undefined,
    upper: Inode | undefined,
    cookie: number,
    sink: DirectorySink,
  ): number {
    if (this.#entries === undefined) {
      const listed = this.#merge(lower, upper);
      if (typeof listed === 'number') return listed;
      this.#entries = listed;
    }
    const entries = this.#entries;
    for (let at = firstFrom(entries, cookie); at < entries.length; at++) {
      const entry = entries[at] as Entry;
      if (!sink.emit(entry.name, entry.ino, entry.type, entry.cookie + 1)) return 0;
    }
    return 0;
  }

  #merge(lower: Inode | undefined, upper: Inode | undefined): Entry[] | number {
    const merged = new Map<string, { ino: number; type: number }>();
    const below = collect(lower, (name, ino, type) => merged.set(name, { ino: ino * 2, type }));
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
      merged.set(name, { ino: merged.get(name)?.ino ?? ino * 2 + 1, type });
    });
    if (above < 0) return above;
    for (const name of hidden) merged.delete(name);
    const entries: Entry[] = [];
    for (const [name, { ino, type }] of merged)
      entries.push({ name, ino, type, cookie: this.#cookieOf(name) });
    return entries.sort((a, b) => a.cookie - b.cookie);
  }

  #cookieOf(name: string): number {
    let cookie = this.#cookies.get(name);
    if (cookie === undefined) {
      cookie = this.#nextCookie++;
      this.#cookies.set(name, cookie);
    }
    return cookie;
  }
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

/** The first entry whose cookie is not below `cookie`. */
function firstFrom(entries: readonly Entry[], cookie: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle] as Entry).cookie < cookie) low = middle + 1;
    else high = middle;
  }
  return low;
}
