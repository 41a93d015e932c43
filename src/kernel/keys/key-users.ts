/** Users as owners of keys: quotas (keyrings(7), "/proc/key-users"). */

import type { Key } from './key.ts';

/** `kernel.keys.*`: of root, and of everybody else. */
export interface KeyLimits {
  rootKeys: number;
  rootBytes: number;
  keys: number;
  bytes: number;
  collectSec: number;
  persistSec: number;
}

export class KeyUser {
  readonly uid: number;
  readonly #limits: KeyLimits;
  readonly #keys: Map<number, Key>;
  keyCount = 0;
  /** Of those that count. */
  quotaKeys = 0;
  quotaBytes = 0;
  /** `_uid.UID` and `_uid_ses.UID`, once something asked for them. */
  keyring: Key | undefined = undefined;
  sessionKeyring: Key | undefined = undefined;
  persistent: Key | undefined = undefined;

  constructor(uid: number, limits: KeyLimits, keys: Map<number, Key>) {
    this.uid = uid;
    this.#limits = limits;
    this.#keys = keys;
  }

  get maxKeys(): number {
    return this.uid === 0 ? this.#limits.rootKeys : this.#limits.keys;
  }

  get maxBytes(): number {
    return this.uid === 0 ? this.#limits.rootBytes : this.#limits.bytes;
  }

  /** Takes of the quota, or gives back; false: more than there is. */
  takes(keys: number, bytes: number, mayOverrun = false): boolean {
    const isMore = keys > 0 || bytes > 0;
    const isOver = this.quotaKeys + keys > this.maxKeys || this.quotaBytes + bytes > this.maxBytes;
    if (isMore && isOver && !mayOverrun) return false;
    this.quotaKeys += keys;
    this.quotaBytes += bytes;
    return true;
  }

  /** The key is no more. */
  gives(key: Key): void {
    this.keyCount--;
    if (key.inQuota) this.takes(-1, -key.quotaBytes);
    this.#keys.delete(key.serial);
  }
}
