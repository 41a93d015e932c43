/**
 * A listing of a directory with cookies by name: an entry keeps its cookie while others come and
 * go, so that a reader neither repeats nor skips what stayed (readdir(3), seekdir(3)).
 */

import { type DirectorySink, FIRST_COOKIE } from './inode.ts';

export interface ListedEntry {
  readonly name: string;
  readonly ino: number;
  /** DT_*. */
  readonly type: number;
}

interface Placed extends ListedEntry {
  readonly cookie: number;
}

export class CookieListing {
  /** Ascending by cookie; undefined when it must be made again. */
  #entries: Placed[] | undefined = undefined;
  /** Given when a name is first seen. */
  readonly #cookies = new Map<string, number>();
  #nextCookie = FIRST_COOKIE;

  get isKnown(): boolean {
    return this.#entries !== undefined;
  }

  invalidate(): void {
    this.#entries = undefined;
  }

  /** The directory is like this now. */
  take(entries: Iterable<ListedEntry>): void {
    const placed: Placed[] = [];
    for (const { name, ino, type } of entries)
      placed.push({ name, ino, type, cookie: this.#cookieOf(name) });
    this.#entries = placed.sort((a, b) => a.cookie - b.cookie);
  }

  #cookieOf(name: string): number {
    let cookie = this.#cookies.get(name);
    if (cookie === undefined) {
      cookie = this.#nextCookie++;
      this.#cookies.set(name, cookie);
    }
    return cookie;
  }

  /** Emits from `cookie` on until the sink is full. */
  emit(cookie: number, sink: DirectorySink): number {
    const entries = this.#entries ?? [];
    for (let at = firstFrom(entries, cookie); at < entries.length; at++) {
      const entry = entries[at] as Placed;
      if (!sink.emit(entry.name, entry.ino, entry.type, entry.cookie + 1)) return 0;
    }
    return 0;
  }
}

/** The first entry whose cookie is not below `cookie`. */
function firstFrom(entries: readonly Placed[], cookie: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle] as Placed).cookie < cookie) low = middle + 1;
    else high = middle;
  }
  return low;
}
