/** All keys of an instance, and how a task finds one (`security/keys`). */

import {
  EACCES,
  EDQUOT,
  EEXIST,
  EINVAL,
  EKEYREVOKED,
  ENOENT,
  ENOKEY,
  ENOTDIR,
  EPERM,
} from '../../abi/errno.table.ts';
import { KEY_MAY, KEY_SPEC } from '../../abi/keyctl.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task.ts';
import { Key } from './key.ts';
import { KEY_TYPES, KEYRING, type KeyType } from './key-types.ts';
import { type KeyLimits, KeyUser } from './key-users.ts';
import { linkError, possesses, searchTask } from './search.ts';

/** A key, and whether the caller has it in one of its keyrings. */
export interface Found {
  readonly key: Key;
  readonly isPossessed: boolean;
}

/** How {@link Keys.find} looks. */
export interface Lookup {
  /** Bits of KEY_MAY that must all be granted; with any, revoked and expired keys are refused. */
  readonly needs?: number;
  /** Keyrings of the caller are made where they are missing. */
  readonly creates?: boolean;
}

/** Everything that a mask can grant to the possessor, and to the user. */
const POS_ALL = 0x3f000000;
const USR_ALL = 0x3f0000;
const USR_VIEW = 0x10000;
const USR_READ = 0x20000;
const USR_LINK = 0x100000;
const POS_SETATTR = 0x20000000;
/** No group (`INVALID_GID` as user space sees it). */
const NO_GROUP = 65534;

interface NewKey {
  readonly type: KeyType;
  readonly description: string;
  readonly uid: number;
  readonly gid: number;
  readonly permissions: number;
  readonly quota: 'counts' | 'overruns' | 'none';
}

export class Keys {
  readonly #kernel: Kernel;
  readonly #keys = new Map<number, Key>();
  readonly #users = new Map<number, KeyUser>();
  readonly limits: KeyLimits = {
    ...{ rootKeys: 1_000_000, rootBytes: 25_000_000, keys: 200, bytes: 20_000 },
    ...{ collectSec: 300, persistSec: 259_200 },
  };

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  all(): IterableIterator<Key> {
    return this.#keys.values();
  }

  users(): IterableIterator<KeyUser> {
    return this.#users.values();
  }

  user(uid: number): KeyUser {
    let user = this.#users.get(uid);
    if (user === undefined) {
      user = new KeyUser(uid, this.limits, this.#keys);
      this.#users.set(uid, user);
    }
    return user;
  }

  /** A key that nothing holds yet, or -EDQUOT. */
  create(parts: NewKey): Key | number {
    const owner = this.user(parts.uid);
    const inQuota = parts.quota !== 'none';
    const bytes = parts.description.length + 1;
    if (inQuota && !owner.takes(1, bytes, parts.quota === 'overruns')) return -EDQUOT;
    const key = new Key({ ...parts, serial: this.#freeSerial(), owner, inQuota });
    owner.keyCount++;
    this.#keys.set(key.serial, key);
    return key;
  }

  #freeSerial(): number {
    for (;;) {
      const serial = 3 + this.#kernel.randomBelow(0x7fff_fffc);
      if (!this.#keys.has(serial)) return serial;
    }
  }

  /** The key that `id` names for `task` (`lookup_user_key`), or -errno. */
  find(task: Task, id: number, how: Lookup = {}): Found | number {
    const found = id < 0 ? this.#special(task, id, how.creates === true) : this.#bySerial(task, id);
    if (typeof found === 'number') return found;
    const { needs = 0 } = how;
    const state = needs === 0 ? 0 : found.key.validate(this.#kernel.nowNs());
    if (state < 0) return state;
    const granted = found.key.granted(task.creds, found.isPossessed);
    return (granted & needs) === needs ? found : -EACCES;
  }

  #bySerial(task: Task, id: number): Found | number {
    if (id === 0) return -EINVAL;
    const key = this.#keys.get(id);
    return key === undefined ? -ENOKEY : { key, isPossessed: possesses(task, key) };
  }

  #special(task: Task, id: number, creates: boolean): Found | number {
    const make = SPECIAL[id];
    if (make === undefined) return -EINVAL;
    const key = make(this, task, creates);
    return typeof key === 'number' ? key : { key, isPossessed: true };
  }

  /** The session keyring that counts: its own, or the user's (keyrings(7)). */
  sessionOf(task: Task): Key {
    return task.keyrings.session ?? this.userSession(task.creds.uid);
  }

  userKeyring(uid: number): Key {
    const user = this.user(uid);
    user.keyring ??= this.#userRing(uid, `_uid.${uid}`);
    return user.keyring;
  }

  userSession(uid: number): Key {
    const user = this.user(uid);
    if (user.sessionKeyring === undefined) {
      const own = this.userKeyring(uid);
      user.sessionKeyring = this.#userRing(uid, `_uid_ses.${uid}`);
      user.sessionKeyring.link(own);
    }
    return user.sessionKeyring;
  }

  #userRing(uid: number, description: string): Key {
    const permissions = (POS_ALL & ~POS_SETATTR) | USR_ALL;
    return this.#ring({ description, uid, gid: NO_GROUP, permissions, quota: 'overruns' });
  }

  /** keyctl_get_persistent(3): a keyring of the user that no process needs to hold. */
  persistentOf(uid: number): Key {
    const user = this.user(uid);
    const permissions = (POS_ALL & ~POS_SETATTR) | USR_VIEW | USR_READ;
    user.persistent ??= this.#ring({
      ...{ description: `_persistent.${uid}`, uid, gid: NO_GROUP, permissions, quota: 'none' },
    });
    user.persistent.expiresNs = this.#kernel.nowNs() + this.limits.persistSec * 1e9;
    return user.persistent;
  }

  /** A keyring that somebody holds already, past any quota. */
  #ring(parts: Omit<NewKey, 'type'>): Key {
    return (this.create({ ...parts, type: KEYRING }) as Key).retain();
  }

  threadOf(task: Task): Key {
    task.keyrings.thread ??= this.#taskRing(task, '_tid');
    return task.keyrings.thread;
  }

  processOf(task: Task): Key {
    task.keyrings.shared.key ??= this.#taskRing(task, '_pid');
    return task.keyrings.shared.key;
  }

  #taskRing({ creds }: Task, description: string): Key {
    const { uid, gid } = creds;
    const permissions = POS_ALL | USR_VIEW;
    return this.#ring({ description, uid, gid, permissions, quota: 'overruns' });
  }

  /** KEYCTL_JOIN_SESSION_KEYRING: the serial of the session keyring from now on. */
  joinSession(task: Task, name: string | undefined): number {
    const { uid, gid } = task.creds;
    const common = { type: KEYRING, uid, gid };
    if (name === undefined) {
      const permissions = POS_ALL | USR_VIEW | USR_READ;
      const quota = task.keyrings.session === undefined ? 'overruns' : 'counts';
      return this.#enterSession(
        task,
        this.create({ ...common, description: '_ses', permissions, quota }),
      );
    }
    if (name.startsWith('.')) return -EPERM;
    const permissions = POS_ALL | USR_VIEW | USR_READ | USR_LINK;
    const description = name;
    const there = this.#ringNamed(task, name);
    return this.#enterSession(
      task,
      there ?? this.create({ ...common, description, permissions, quota: 'counts' }),
    );
  }

  #enterSession(task: Task, key: Key | number): number {
    if (typeof key === 'number') return key;
    task.keyrings.setSession(key);
    return key.serial;
  }

  #ringNamed(task: Task, name: string): Key | undefined {
    for (const key of this.#keys.values())
      if (key.links !== undefined && key.description === name && !key.isRevoked)
        if ((key.granted(task.creds, false) & KEY_MAY.search) !== 0) return key;
    return undefined;
  }

  /** add_key(2), all but its arguments: the serial, or -errno. */
  addOrUpdate(task: Task, ring: Found, type: KeyType, name: string, payload: Uint8Array): number {
    const { key: keyring } = ring;
    if (keyring.links === undefined) return -ENOTDIR;
    if (keyring.isRevoked) return -EKEYREVOKED;
    if (keyring.isRestricted) return -EPERM;
    const there = type.isUpdatable ? keyring.links.get(`${type.name}\0${name}`) : undefined;
    if (there !== undefined && !there.isRevoked)
      return this.update(task, { key: there, isPossessed: ring.isPossessed }, payload);
    const { fsuid: uid, fsgid: gid } = task.creds;
    const permissions = permissionsOf(type);
    const key = this.create({ type, description: name, uid, gid, permissions, quota: 'counts' });
    if (typeof key === 'number') return key;
    key.retain();
    const fits = key.reserve(payload.length) && keyring.link(key);
    if (fits) key.payload = payload;
    const { serial } = key;
    key.release();
    return fits ? serial : -EDQUOT;
  }

  /** Replaces a payload: the serial, or -errno. */
  update(task: Task, { key, isPossessed }: Found, payload: Uint8Array): number {
    if ((key.granted(task.creds, isPossessed) & KEY_MAY.write) === 0) return -EACCES;
    if (!key.reserve(payload.length - key.payload.length)) return -EDQUOT;
    key.payload = payload;
    key.refusal = 0;
    key.expiresNs = Number.POSITIVE_INFINITY;
    return key.serial;
  }

  /** KEYCTL_LINK: 0 or -errno. */
  link(keyring: Key, key: Key): number {
    if (keyring.links === undefined) return -ENOTDIR;
    if (keyring.isRevoked) return -EKEYREVOKED;
    const wrong = linkError(keyring, key);
    if (wrong < 0) return wrong;
    if (keyring.isRestricted) return -EPERM;
    return keyring.link(key) ? 0 : -EDQUOT;
  }

  /** KEYCTL_MOVE: 0 or -errno. */
  move(key: Key, from: Key, to: Key, isExclusive: boolean): number {
    if (from === to) return 0;
    if (from.links === undefined || to.links === undefined) return -ENOTDIR;
    if (from.links.get(key.name) !== key) return -ENOENT;
    if (isExclusive && to.links.has(key.name)) return -EEXIST;
    const linked = this.link(to, key);
    if (linked === 0) from.unlink(key);
    return linked;
  }

  /** KEYCTL_INVALIDATE: no keyring has it any more. */
  forget(key: Key): void {
    key.retain();
    for (const ring of [...this.#keys.values()]) ring.unlink(key);
    this.#keys.delete(key.serial);
    key.release();
  }

  /** request_key(2) without help from user space: the key, or -errno. */
  request(task: Task, type: KeyType, name: string): Found | number {
    return searchTask(task, this, type, name);
  }

  /** KEYCTL_NEGATE by the kernel itself: nobody could make the key. */
  addRefused(task: Task, keyring: Key, type: KeyType, name: string, seconds: number): void {
    const { fsuid: uid, fsgid: gid } = task.creds;
    const permissions = permissionsOf(type);
    const key = this.create({ type, description: name, uid, gid, permissions, quota: 'counts' });
    if (typeof key === 'number') return;
    key.retain();
    key.refusal = -ENOKEY;
    key.expiresNs = this.#kernel.nowNs() + seconds * 1e9;
    keyring.link(key);
    key.release();
  }
}

/** A type by name, or -ENOKEY. */
export const keyType = (name: string): KeyType | number => KEY_TYPES.get(name) ?? -ENOKEY;

/** `key_create_or_update`: what a key may be used for, unless told. */
function permissionsOf(type: KeyType): number {
  const { view, search, link, setattr, read, write } = KEY_MAY;
  let possessor = view | search | link | setattr;
  if (type.isReadable) possessor |= read;
  if (type.isKeyring === true || type.isUpdatable) possessor |= write;
  return possessor * 2 ** 24 + USR_VIEW;
}

type Special = (keys: Keys, task: Task, creates: boolean) => Key | number;

const SPECIAL: Readonly<Record<number, Special>> = {
  [KEY_SPEC.KEY_SPEC_THREAD_KEYRING]: (keys, task, creates) =>
    task.keyrings.thread ?? (creates ? keys.threadOf(task) : -ENOKEY),
  [KEY_SPEC.KEY_SPEC_PROCESS_KEYRING]: (keys, task, creates) =>
    task.keyrings.shared.key ?? (creates ? keys.processOf(task) : -ENOKEY),
  [KEY_SPEC.KEY_SPEC_SESSION_KEYRING]: sessionKeyring,
  [KEY_SPEC.KEY_SPEC_USER_KEYRING]: (keys, task) => keys.userKeyring(task.creds.uid),
  [KEY_SPEC.KEY_SPEC_USER_SESSION_KEYRING]: (keys, task) => keys.userSession(task.creds.uid),
  // Only who makes a key for request_key(2) has these.
  [KEY_SPEC.KEY_SPEC_REQKEY_AUTH_KEY]: () => -ENOKEY,
  [KEY_SPEC.KEY_SPEC_REQUESTOR_KEYRING]: () => -ENOKEY,
};

function sessionKeyring(keys: Keys, task: Task, creates: boolean): Key {
  const shared = keys.userSession(task.creds.uid);
  const { session } = task.keyrings;
  if (session !== undefined && !(session === shared && creates)) return session;
  if (creates) keys.joinSession(task, undefined);
  else task.keyrings.setSession(shared);
  return task.keyrings.session as Key;
}
