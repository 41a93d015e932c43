/** Keys and keyrings: add_key(2), request_key(2), keyctl(2). */

import { CAP_SETUID, CAP_SYS_ADMIN } from '../abi/capability.ts';
import {
  EACCES,
  EAGAIN,
  EDQUOT,
  EEXIST,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOKEY,
  ENOTDIR,
  EOPNOTSUPP,
  EPERM,
} from '../abi/errno.table.ts';
import {
  KEY_MAY,
  KEY_PERMISSIONS,
  KEY_REQKEY_DEFL,
  KEY_SPEC,
  KEYCTL,
  KEYCTL_CAPS,
  KEYCTL_MOVE_EXCL,
} from '../abi/keyctl.ts';
import type { Key } from '../kernel/keys/key.ts';
import { type Found, keyType } from '../kernel/keys/key-table.ts';
import type { KeyType } from '../kernel/keys/key-types.ts';
import { searchRing } from '../kernel/keys/search.ts';
import type { Task } from '../kernel/task.ts';
import { byteString, bytesOf } from '../vfs/byte-string.ts';
import * as arg from './args.ts';
import { row, type SyscallRow } from './row.ts';

const TYPE_BYTES = 32;
const DESCRIPTION_BYTES = 4096;
const PAGE_BYTES = 4096;
const PAYLOAD_BYTES = 1024 * 1024 - 1;
const UNCHANGED = 0xffffffff;
/** How long request_key(2) remembers that nobody could make a key. */
const REFUSAL_SEC = 60;

function readType(task: Task, addr: number): string | number {
  const bytes = task.space.readCString(addr, TYPE_BYTES);
  if (typeof bytes === 'number') return bytes === -EFAULT ? bytes : -EINVAL;
  if (bytes.length === 0 || bytes.length >= TYPE_BYTES) return -EINVAL;
  const name = byteString(bytes);
  return name.startsWith('.') ? -EPERM : name;
}

/** `strndup_user`. */
function readText(task: Task, addr: number, limit: number): string | number {
  const bytes = task.space.readCString(addr, limit);
  if (typeof bytes === 'number') return bytes === -EFAULT ? bytes : -EINVAL;
  return bytes.length >= limit ? -EINVAL : byteString(bytes);
}

function readPayload(task: Task, addr: number, size: number): Uint8Array | number {
  const bytes = new Uint8Array(size);
  return size > 0 && task.space.copyIn(addr, bytes) < 0 ? -EFAULT : bytes;
}

/** 0, or why such a payload is refused. */
const payloadError = (type: KeyType, size: number): number =>
  size < type.least || size > type.most ? -EINVAL : 0;

function sysAddKey(
  task: Task,
  typeAt: number,
  nameAt: number,
  dataAt: number,
  size: number,
  ring: number,
) {
  if (size > PAYLOAD_BYTES) return -EINVAL;
  const typeName = readType(task, typeAt);
  if (typeof typeName === 'number') return typeName;
  const name = nameAt === 0 ? '' : readText(task, nameAt, DESCRIPTION_BYTES);
  if (typeof name === 'number') return name;
  if (name.startsWith('.') && typeName.startsWith('keyring')) return -EPERM;
  const payload = readPayload(task, dataAt, size);
  if (typeof payload === 'number') return payload;
  const { keys } = task.kernel;
  const found = keys.find(task, ring, { needs: KEY_MAY.write, creates: true });
  if (typeof found === 'number') return found;
  const type = keyType(typeName);
  if (typeof type === 'number') return -ENODEV;
  if (found.key.links === undefined) return -ENOTDIR;
  if (type.needsPrefix === true && !/^[^:]+:/s.test(name)) return -EINVAL;
  const wrong = payloadError(type, size);
  if (wrong < 0 || name === '') return -EINVAL;
  return keys.addOrUpdate(task, found, type, name, payload);
}

function sysRequestKey(task: Task, typeAt: number, nameAt: number, infoAt: number, ring: number) {
  const { keys } = task.kernel;
  const typeName = readType(task, typeAt);
  if (typeof typeName === 'number') return typeName;
  const name = readText(task, nameAt, DESCRIPTION_BYTES);
  if (typeof name === 'number') return name;
  const info = infoAt === 0 ? undefined : readText(task, infoAt, PAGE_BYTES);
  if (typeof info === 'number') return info;
  const target = ring === 0 ? undefined : writable(task, ring);
  if (typeof target === 'number') return target;
  const type = keyType(typeName);
  if (typeof type === 'number') return type;
  const found = keys.request(task, type, name);
  if (typeof found !== 'number') {
    const linked = target === undefined ? 0 : keys.link(target.key, found.key);
    return linked < 0 ? linked : found.key.serial;
  }
  if (found !== -EAGAIN || info === undefined) return found === -EAGAIN ? -ENOKEY : found;
  // There is no /sbin/request-key that could make it.
  const { key } = target ?? requestTarget(task);
  keys.addRefused(task, key, type, name, REFUSAL_SEC);
  return -ENOKEY;
}

/** The keyring that a requested key goes to where the call names none (keyctl(2)). */
function requestTarget(task: Task): Found {
  const { keys } = task.kernel;
  const { thread, shared, requestTarget: chosen } = task.keyrings;
  const { uid } = task.creds;
  const { DEFAULT, REQUESTOR_KEYRING, THREAD_KEYRING, PROCESS_KEYRING } = KEY_REQKEY_DEFL;
  let key: Key | undefined;
  const isDefault = chosen === DEFAULT || chosen === REQUESTOR_KEYRING;
  if (isDefault || chosen === THREAD_KEYRING) key = thread;
  if (isDefault || chosen === PROCESS_KEYRING) key ??= shared.key;
  if (isDefault || chosen === KEY_REQKEY_DEFL.SESSION_KEYRING) key ??= task.keyrings.session;
  if (chosen === KEY_REQKEY_DEFL.USER_KEYRING) key ??= keys.userKeyring(uid);
  return { key: key ?? keys.userSession(uid), isPossessed: true };
}

const writable = (task: Task, ring: number) =>
  task.kernel.keys.find(task, ring, { needs: KEY_MAY.write, creates: true });

type Operation = (task: Task, a: number, b: number, c: number, d: number) => number;

/** The low half, signed: ids. */
const signed = (value: number): number => value | 0;
/** As pointers and sizes are counted. */
const unsigned = (value: number): number => (value < 0 ? value + 2 ** 64 : value);

const getKeyringId: Operation = (task, id, create) => {
  const how = { needs: KEY_MAY.search, creates: signed(create) !== 0 };
  const found = task.kernel.keys.find(task, signed(id), how);
  return typeof found === 'number' ? found : found.key.serial;
};

const joinSession: Operation = (task, nameAt) => {
  const name = nameAt === 0 ? undefined : readText(task, nameAt, DESCRIPTION_BYTES);
  return typeof name === 'number' ? name : task.kernel.keys.joinSession(task, name);
};

const update: Operation = (task, id, dataAt, size) => {
  if (unsigned(size) > PAGE_BYTES) return -EINVAL;
  const payload = readPayload(task, dataAt, size);
  if (typeof payload === 'number') return payload;
  const { keys } = task.kernel;
  const found = keys.find(task, signed(id), { needs: KEY_MAY.write });
  if (typeof found === 'number') return found;
  if (!found.key.type.isUpdatable) return -EOPNOTSUPP;
  const wrong = payloadError(found.key.type, size);
  return wrong < 0 ? wrong : Math.min(0, keys.update(task, found, payload));
};

const revoke: Operation = (task, id) => {
  const { keys } = task.kernel;
  let found = keys.find(task, signed(id), { needs: KEY_MAY.write });
  if (found === -EACCES) found = keys.find(task, signed(id), { needs: KEY_MAY.setattr });
  if (typeof found === 'number') return found;
  found.key.isRevoked = true;
  found.key.clear();
  found.key.reserve(-found.key.payload.length);
  found.key.payload = new Uint8Array(0);
  return 0;
};

const ATTRIBUTES = { needs: KEY_MAY.setattr, creates: true } as const;

const chown: Operation = (task, id, uid, gid) => {
  const newUid = uid >>> 0;
  const newGid = gid >>> 0;
  if (newUid === UNCHANGED && newGid === UNCHANGED) return 0;
  const { keys } = task.kernel;
  const found = keys.find(task, signed(id), ATTRIBUTES);
  if (typeof found === 'number') return found;
  const { key } = found;
  const { creds } = task;
  if (!creds.has(CAP_SYS_ADMIN)) {
    if (newUid !== UNCHANGED && newUid !== key.owner.uid) return -EACCES;
    const isMember = creds.fsgid === newGid || creds.groups.includes(newGid);
    if (newGid !== UNCHANGED && newGid !== key.gid && !isMember) return -EACCES;
  }
  if (newUid !== UNCHANGED && newUid !== key.owner.uid) {
    const owner = keys.user(newUid);
    if (key.inQuota && !owner.takes(1, key.quotaBytes)) return -EDQUOT;
    if (key.inQuota) key.owner.takes(-1, -key.quotaBytes);
    key.owner.keyCount--;
    owner.keyCount++;
    key.owner = owner;
  }
  if (newGid !== UNCHANGED) key.gid = newGid;
  return 0;
};

const setPermissions: Operation = (task, id, mask) => {
  if ((mask & ~KEY_PERMISSIONS) !== 0) return -EINVAL;
  const found = task.kernel.keys.find(task, signed(id), ATTRIBUTES);
  if (typeof found === 'number') return found;
  const { key } = found;
  if (!task.creds.has(CAP_SYS_ADMIN) && key.owner.uid !== task.creds.fsuid) return -EACCES;
  key.permissions = mask >>> 0;
  return 0;
};

/** Copies out what fits as a whole; the length, whether it fits or not. */
function give(task: Task, addr: number, size: number, bytes: Uint8Array): number {
  if (addr === 0 || unsigned(size) < bytes.length) return bytes.length;
  return task.space.copyOut(addr, bytes) < 0 ? -EFAULT : bytes.length;
}

const describe: Operation = (task, id, bufferAt, size) => {
  const how = { needs: KEY_MAY.view };
  const found = task.kernel.keys.find(task, signed(id), how);
  if (typeof found === 'number') return found;
  const { key } = found;
  const mask = key.permissions.toString(16).padStart(8, '0');
  const text = `${key.type.name};${key.owner.uid};${key.gid};${mask};${key.description}\0`;
  return give(task, bufferAt, size, bytesOf(text));
};

const clear: Operation = (task, id) => {
  const found = writable(task, signed(id));
  if (typeof found === 'number') return found;
  if (found.key.links === undefined) return -ENOTDIR;
  found.key.clear();
  return 0;
};

const link: Operation = (task, id, ring) => {
  const { keys } = task.kernel;
  const target = writable(task, signed(ring));
  if (typeof target === 'number') return target;
  const found = keys.find(task, signed(id), { needs: KEY_MAY.link, creates: true });
  return typeof found === 'number' ? found : keys.link(target.key, found.key);
};

const unlink: Operation = (task, id, ring) => {
  const { keys } = task.kernel;
  const from = keys.find(task, signed(ring), { needs: KEY_MAY.write });
  if (typeof from === 'number') return from;
  const found = keys.find(task, signed(id));
  if (typeof found === 'number') return found;
  if (from.key.links === undefined) return -ENOTDIR;
  return from.key.unlink(found.key) ? 0 : -ENOENT;
};

const search: Operation = (task, ring, typeAt, nameAt, targetRing) => {
  const { keys } = task.kernel;
  const typeName = readType(task, typeAt);
  if (typeof typeName === 'number') return typeName;
  const name = readText(task, nameAt, DESCRIPTION_BYTES);
  if (typeof name === 'number') return name;
  const from = keys.find(task, signed(ring), { needs: KEY_MAY.search });
  if (typeof from === 'number') return from;
  const target = signed(targetRing) === 0 ? undefined : writable(task, signed(targetRing));
  if (typeof target === 'number') return target;
  const type = keyType(typeName);
  if (typeof type === 'number') return type;
  if (from.key.links === undefined) return -ENOTDIR;
  const found = searchRing(task, from, type, name);
  if (typeof found === 'number') return found === -EAGAIN ? -ENOKEY : found;
  if (target === undefined) return found.key.serial;
  if ((found.key.granted(task.creds, found.isPossessed) & KEY_MAY.link) === 0) return -EACCES;
  const linked = keys.link(target.key, found.key);
  return linked < 0 ? linked : found.key.serial;
};

const read: Operation = (task, id, bufferAt, size) => {
  const { keys } = task.kernel;
  const found = keys.find(task, signed(id));
  // `keyctl_read_key`: whatever is wrong with the number, there is no such key.
  if (typeof found === 'number') return -ENOKEY;
  const { key, isPossessed } = found;
  if (key.refusal < 0) return key.refusal;
  // Whoever can search for it from a keyring of its own may read it, too.
  const mayRead = (key.granted(task.creds, isPossessed) & KEY_MAY.read) !== 0;
  if (!mayRead && !isPossessed) return -EACCES;
  if (!key.type.isReadable) return -EOPNOTSUPP;
  const state = key.validate(task.kernel.nowNs());
  if (state < 0) return state;
  if (key.links === undefined) return give(task, bufferAt, size, key.payload);
  const serials = Int32Array.from([...key.links.values()], ({ serial }) => serial);
  return give(task, bufferAt, size, new Uint8Array(serials.buffer));
};

const setRequestTarget: Operation = (task, wanted) => {
  const { keyrings, kernel } = task;
  const before = keyrings.requestTarget;
  const target = signed(wanted);
  if (target === KEY_REQKEY_DEFL.NO_CHANGE) return before;
  const isKnown = Object.values(KEY_REQKEY_DEFL).some((value) => value === target);
  if (!isKnown || target === KEY_REQKEY_DEFL.GROUP_KEYRING) return -EINVAL;
  if (target === KEY_REQKEY_DEFL.THREAD_KEYRING) kernel.keys.threadOf(task);
  if (target === KEY_REQKEY_DEFL.PROCESS_KEYRING) kernel.keys.processOf(task);
  keyrings.requestTarget = target;
  return before;
};

const setTimeout: Operation = (task, id, seconds) => {
  const found = task.kernel.keys.find(task, signed(id), ATTRIBUTES);
  if (typeof found === 'number') return found;
  const delay = seconds >>> 0;
  found.key.expiresNs = delay === 0 ? Number.POSITIVE_INFINITY : task.kernel.nowNs() + delay * 1e9;
  return 0;
};

const assumeAuthority: Operation = (_task, id) => {
  if (signed(id) < 0) return -EINVAL;
  return signed(id) === 0 ? 0 : -ENOKEY;
};

/** No security module: an empty label. */
const getSecurity: Operation = (task, id, bufferAt, size) => {
  const how = { needs: KEY_MAY.view };
  const found = task.kernel.keys.find(task, signed(id), how);
  return typeof found === 'number' ? found : give(task, bufferAt, size, new Uint8Array(1));
};

const sessionToParent: Operation = (task) => {
  const { parent } = task.group;
  const mine = task.kernel.keys.find(task, KEY_SPEC.KEY_SPEC_SESSION_KEYRING, {
    needs: KEY_MAY.link,
  });
  if (typeof mine === 'number') return mine;
  if (parent === undefined || parent.pid === 1 || parent.tasks.size !== 1) return -EPERM;
  const { creds, keyrings } = parent.leader;
  const own = task.creds;
  const sameUser = [creds.uid, creds.euid, creds.suid].every((id) => id === own.euid);
  const sameGroup = [creds.gid, creds.egid, creds.sgid].every((id) => id === own.egid);
  if (!sameUser || !sameGroup) return -EPERM;
  keyrings.setSession(mine.key);
  return 0;
};

const invalidate: Operation = (task, id) => {
  const found = task.kernel.keys.find(task, signed(id), { needs: KEY_MAY.search });
  if (typeof found === 'number') return found;
  task.kernel.keys.forget(found.key);
  return 0;
};

const getPersistent: Operation = (task, user, ring) => {
  const { creds } = task;
  const uid = user >>> 0 === UNCHANGED ? creds.uid : user >>> 0;
  const isOwn = uid === creds.uid || uid === creds.euid;
  if (!isOwn && !creds.has(CAP_SETUID)) return -EPERM;
  const target = writable(task, signed(ring));
  if (typeof target === 'number') return target;
  if (target.key.links === undefined) return -ENOTDIR;
  const key = task.kernel.keys.persistentOf(uid);
  const linked = task.kernel.keys.link(target.key, key);
  return linked < 0 ? linked : key.serial;
};

const restrict: Operation = (task, id, typeAt, restrictionAt) => {
  const found = task.kernel.keys.find(task, signed(id), { needs: KEY_MAY.setattr });
  if (typeof found === 'number') return found;
  if (typeAt === 0 && restrictionAt !== 0) return -EINVAL;
  const typeName = typeAt === 0 ? '' : readType(task, typeAt);
  if (typeof typeName === 'number') return typeName;
  const type = typeAt === 0 ? 0 : keyType(typeName);
  if (found.key.links === undefined) return -ENOTDIR;
  // None of the types here can restrict links further.
  if (typeAt !== 0) return typeof type === 'number' ? type : -ENOENT;
  if (found.key.isRestricted) return -EEXIST;
  found.key.isRestricted = true;
  return 0;
};

const move: Operation = (task, id, fromRing, toRing, how) => {
  if ((how & ~KEYCTL_MOVE_EXCL) !== 0) return -EINVAL;
  const { keys } = task.kernel;
  const found = keys.find(task, signed(id), { needs: KEY_MAY.link, creates: true });
  if (typeof found === 'number') return found;
  const from = keys.find(task, signed(fromRing), { needs: KEY_MAY.write });
  if (typeof from === 'number') return from;
  const to = writable(task, signed(toRing));
  if (typeof to === 'number') return to;
  return keys.move(found.key, from.key, to.key, how !== 0);
};

const capabilities: Operation = (task, bufferAt, size) => {
  const { CAPABILITIES, PERSISTENT, INVALIDATE, RESTRICT_KEYRING, MOVE } = KEYCTL_CAPS;
  const bits = CAPABILITIES | PERSISTENT | INVALIDATE | RESTRICT_KEYRING | MOVE;
  const bytes = Uint8Array.of(bits, 0);
  if (size === 0) return bytes.length;
  const shown = new Uint8Array(Math.min(unsigned(size), PAGE_BYTES));
  shown.set(bytes.subarray(0, shown.length));
  return task.space.copyOut(bufferAt, shown) < 0 ? -EFAULT : bytes.length;
};

/** Only who was started by request_key(2) to make a key may. */
const instantiate: Operation = () => -EPERM;

const OPERATIONS: Readonly<Record<number, Operation>> = {
  [KEYCTL.KEYCTL_GET_KEYRING_ID]: getKeyringId,
  [KEYCTL.KEYCTL_JOIN_SESSION_KEYRING]: joinSession,
  [KEYCTL.KEYCTL_UPDATE]: update,
  [KEYCTL.KEYCTL_REVOKE]: revoke,
  [KEYCTL.KEYCTL_CHOWN]: chown,
  [KEYCTL.KEYCTL_SETPERM]: setPermissions,
  [KEYCTL.KEYCTL_DESCRIBE]: describe,
  [KEYCTL.KEYCTL_CLEAR]: clear,
  [KEYCTL.KEYCTL_LINK]: link,
  [KEYCTL.KEYCTL_UNLINK]: unlink,
  [KEYCTL.KEYCTL_SEARCH]: search,
  [KEYCTL.KEYCTL_READ]: read,
  [KEYCTL.KEYCTL_INSTANTIATE]: instantiate,
  [KEYCTL.KEYCTL_NEGATE]: instantiate,
  [KEYCTL.KEYCTL_SET_REQKEY_KEYRING]: setRequestTarget,
  [KEYCTL.KEYCTL_SET_TIMEOUT]: setTimeout,
  [KEYCTL.KEYCTL_ASSUME_AUTHORITY]: assumeAuthority,
  [KEYCTL.KEYCTL_GET_SECURITY]: getSecurity,
  [KEYCTL.KEYCTL_SESSION_TO_PARENT]: sessionToParent,
  [KEYCTL.KEYCTL_REJECT]: instantiate,
  [KEYCTL.KEYCTL_INSTANTIATE_IOV]: instantiate,
  [KEYCTL.KEYCTL_INVALIDATE]: invalidate,
  [KEYCTL.KEYCTL_GET_PERSISTENT]: getPersistent,
  [KEYCTL.KEYCTL_RESTRICT_KEYRING]: restrict,
  [KEYCTL.KEYCTL_MOVE]: move,
  [KEYCTL.KEYCTL_CAPABILITIES]: capabilities,
};

function sysKeyctl(task: Task, operation: number, a: number, b: number, c: number, d: number) {
  return OPERATIONS[operation]?.(task, a, b, c, d) ?? -EOPNOTSUPP;
}

const { int, long, path, inBytes, size } = arg;

export const KEY_ROWS: readonly SyscallRow[] = [
  row('add_key', [path, path, inBytes(3), size, int], sysAddKey),
  row('request_key', [path, path, path, int], sysRequestKey, {
    coverage: 'partial',
    note: 'nothing in user space is asked to make a key',
  }),
  row('keyctl', [arg.oneOf(KEYCTL), long, long, long, long], sysKeyctl, {
    coverage: 'partial',
    note: 'types keyring, user and logon; no public keys, no Diffie-Hellman, no notifications',
  }),
];
