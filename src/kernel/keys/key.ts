/**
 * Keys and keyrings (keyrings(7)). A key lives while a keyring links it or a task uses it; then its
 * share of its owner's quota is given back.
 */

import { EKEYEXPIRED, EKEYREVOKED } from '../../abi/errno.table.ts';
import { KEY_GRP_SHIFT, KEY_POS_SHIFT, KEY_USR_SHIFT } from '../../abi/keyctl.ts';
import type { Credentials } from '../credentials.ts';
import type { KeyType } from './key-types.ts';
import type { KeyUser } from './key-users.ts';

/** What a link takes of the quota of the keyring's owner (`KEYQUOTA_LINK_BYTES`). */
const LINK_BYTES = 4;
const MAY_GROUP = 0x3f00;

export interface KeyParts {
  readonly serial: number;
  readonly type: KeyType;
  readonly description: string;
  readonly owner: KeyUser;
  readonly gid: number;
  readonly permissions: number;
  readonly inQuota: boolean;
}

export class Key {
  readonly serial: number;
  readonly type: KeyType;
  /** Bytes as Latin-1. */
  readonly description: string;
  owner: KeyUser;
  gid: number;
  permissions: number;
  readonly inQuota: boolean;
  payload: Uint8Array = new Uint8Array(0);
  /** Undefined for keys that are no keyrings: what it links, by type and description. */
  readonly links: Map<string, Key> | undefined;
  /** KEYCTL_RESTRICT_KEYRING: no further links. */
  isRestricted = false;
  isRevoked = false;
  /** -errno that who finds it is told, or 0: request_key(2) found nothing. */
  refusal = 0;
  /** In nanoseconds of CLOCK_MONOTONIC. */
  expiresNs: number = Number.POSITIVE_INFINITY;
  /** Links and tasks. */
  users = 0;
  quotaBytes = 0;

  constructor(parts: KeyParts) {
    this.serial = parts.serial;
    this.type = parts.type;
    this.description = parts.description;
    this.owner = parts.owner;
    this.gid = parts.gid;
    this.permissions = parts.permissions;
    this.inQuota = parts.inQuota;
    this.links = parts.type.isKeyring === true ? new Map() : undefined;
    this.quotaBytes = parts.description.length + 1;
  }

  /** Two keys of one name replace each other in a keyring. */
  get name(): string {
    return nameOf(this.type, this.description);
  }

  /** The bits of {@link KEY_MAY} that the caller has (`key_task_permission`). */
  granted(creds: Credentials, isPossessed: boolean): number {
    const { permissions } = this;
    let bits = permissions;
    if (this.owner.uid === creds.fsuid) bits = permissions >>> KEY_USR_SHIFT;
    else if ((permissions & MAY_GROUP) !== 0 && isMember(creds, this.gid))
      bits = permissions >>> KEY_GRP_SHIFT;
    if (isPossessed) bits |= permissions >>> KEY_POS_SHIFT;
    return bits & 0x3f;
  }

  /** 0, or why it cannot be used any more (`key_validate`). */
  validate(nowNs: number): number {
    if (this.isRevoked) return -EKEYREVOKED;
    return nowNs >= this.expiresNs ? -EKEYEXPIRED : 0;
  }

  /** Takes `bytes` more of the owner's quota; false: there is none left. */
  reserve(bytes: number): boolean {
    if (this.inQuota && !this.owner.takes(0, bytes)) return false;
    this.quotaBytes += bytes;
    return true;
  }

  retain(): this {
    this.users++;
    return this;
  }

  release(): void {
    if (--this.users === 0) this.#end();
  }

  /** Adds `key`, instead of one of its name; false: over the quota. */
  link(key: Key): boolean {
    const links = this.links as Map<string, Key>;
    const old = links.get(key.name);
    if (old === key) return true;
    if (old === undefined && !this.reserve(LINK_BYTES)) return false;
    links.set(key.name, key.retain());
    old?.release();
    return true;
  }

  /** @returns False when it has no link to `key`. */
  unlink(key: Key): boolean {
    if (this.links?.get(key.name) !== key) return false;
    this.links.delete(key.name);
    this.reserve(-LINK_BYTES);
    key.release();
    return true;
  }

  clear(): void {
    if (this.links !== undefined) for (const key of [...this.links.values()]) this.unlink(key);
  }

  #end(): void {
    this.clear();
    this.owner.gives(this);
  }
}

export const nameOf = (type: KeyType, description: string): string =>
  `${type.name}\0${description}`;

const isMember = (creds: Credentials, gid: number): boolean =>
  creds.fsgid === gid || creds.groups.includes(gid);
