/** Who the caller is: process and user ids, process groups, sessions, capabilities. */

import { CAP_SETGID, CAP_SETUID } from '../abi/capability.ts';
import { EFAULT, EINVAL, EPERM } from '../abi/errno.table.ts';
import { type CredentialFields, type Credentials, withUserIds } from '../kernel/credentials.ts';
import type { Task } from '../kernel/task.ts';
import * as arg from './args.ts';
import { row, type SyscallRow } from './row.ts';

const UNCHANGED = 0xffffffff;
const NGROUPS_MAX = 65536;

const sysGetpid = (task: Task) => task.group.pid;
const sysGettid = (task: Task) => task.tid;
const sysGetppid = (task: Task) => task.group.parent?.pid ?? 0;
const sysGetuid = (task: Task) => task.creds.uid;
const sysGeteuid = (task: Task) => task.creds.euid;
const sysGetgid = (task: Task) => task.creds.gid;
const sysGetegid = (task: Task) => task.creds.egid;

function setUsers(
  task: Task,
  ids: Partial<Pick<CredentialFields, 'uid' | 'euid' | 'suid' | 'fsuid'>>,
): number {
  const { uid, euid, suid, fsuid } = task.creds;
  const next = { uid, euid, suid, fsuid, ...ids };
  if (next.euid !== euid || next.uid !== uid) task.group.dumpable = 0;
  task.creds = withUserIds(task.creds, next);
  return 0;
}

function sysSetuid(task: Task, uid: number): number {
  const { creds } = task;
  if (uid === UNCHANGED) return -EINVAL;
  if (creds.has(CAP_SETUID)) return setUsers(task, { uid, euid: uid, suid: uid, fsuid: uid });
  if (uid !== creds.uid && uid !== creds.suid) return -EPERM;
  return setUsers(task, { euid: uid, fsuid: uid });
}

function sysSetreuid(task: Task, ruid: number, euid: number): number {
  const { creds } = task;
  const newUid = ruid === UNCHANGED ? creds.uid : ruid;
  const newEuid = euid === UNCHANGED ? creds.euid : euid;
  if (!creds.has(CAP_SETUID)) {
    if (newUid !== creds.uid && newUid !== creds.euid) return -EPERM;
    if (![creds.uid, creds.euid, creds.suid].includes(newEuid)) return -EPERM;
  }
  const keepsSaved = ruid === UNCHANGED && (euid === UNCHANGED || newEuid === creds.uid);
  const suid = keepsSaved ? creds.suid : newEuid;
  return setUsers(task, { uid: newUid, euid: newEuid, suid, fsuid: newEuid });
}

function sysSetresuid(task: Task, ruid: number, euid: number, suid: number): number {
  const { creds } = task;
  const allowed = [creds.uid, creds.euid, creds.suid];
  const wanted = [ruid, euid, suid];
  if (!creds.has(CAP_SETUID))
    for (const id of wanted) if (id !== UNCHANGED && !allowed.includes(id)) return -EPERM;
  const pick = (id: number, old: number) => (id === UNCHANGED ? old : id);
  const next = pick(euid, creds.euid);
  return setUsers(task, {
    uid: pick(ruid, creds.uid),
    euid: next,
    suid: pick(suid, creds.suid),
    fsuid: next,
  });
}

function sysSetfsuid(task: Task, uid: number): number {
  const { creds } = task;
  const known = [creds.uid, creds.euid, creds.suid, creds.fsuid];
  if (uid !== UNCHANGED && (creds.has(CAP_SETUID) || known.includes(uid)))
    setUsers(task, { fsuid: uid });
  return creds.fsuid;
}

function setGroups(task: Task, ids: Partial<CredentialFields>): number {
  if (ids.egid !== undefined && ids.egid !== task.creds.egid) task.group.dumpable = 0;
  task.creds = task.creds.with(ids);
  return 0;
}

function sysSetgid(task: Task, gid: number): number {
  const { creds } = task;
  if (gid === UNCHANGED) return -EINVAL;
  if (creds.has(CAP_SETGID)) return setGroups(task, { gid, egid: gid, sgid: gid, fsgid: gid });
  if (gid !== creds.gid && gid !== creds.sgid) return -EPERM;
  return setGroups(task, { egid: gid, fsgid: gid });
}

function sysSetregid(task: Task, rgid: number, egid: number): number {
  const { creds } = task;
  const newGid = rgid === UNCHANGED ? creds.gid : rgid;
  const newEgid = egid === UNCHANGED ? creds.egid : egid;
  if (!creds.has(CAP_SETGID)) {
    if (newGid !== creds.gid && newGid !== creds.egid) return -EPERM;
    if (![creds.gid, creds.egid, creds.sgid].includes(newEgid)) return -EPERM;
  }
  const keepsSaved = rgid === UNCHANGED && (egid === UNCHANGED || newEgid === creds.gid);
  const sgid = keepsSaved ? creds.sgid : newEgid;
  return setGroups(task, { gid: newGid, egid: newEgid, sgid, fsgid: newEgid });
}

function sysSetresgid(task: Task, rgid: number, egid: number, sgid: number): number {
  const { creds } = task;
  const allowed = [creds.gid, creds.egid, creds.sgid];
  if (!creds.has(CAP_SETGID))
    for (const id of [rgid, egid, sgid])
      if (id !== UNCHANGED && !allowed.includes(id)) return -EPERM;
  const pick = (id: number, old: number) => (id === UNCHANGED ? old : id);
  const next = pick(egid, creds.egid);
  return setGroups(task, {
    gid: pick(rgid, creds.gid),
    egid: next,
    sgid: pick(sgid, creds.sgid),
    fsgid: next,
  });
}

function sysSetfsgid(task: Task, gid: number): number {
  const { creds } = task;
  const known = [creds.gid, creds.egid, creds.sgid, creds.fsgid];
  if (gid !== UNCHANGED && (creds.has(CAP_SETGID) || known.includes(gid)))
    setGroups(task, { fsgid: gid });
  return creds.fsgid;
}

function writeIds(task: Task, addrs: readonly number[], ids: readonly number[]): number {
  for (const [i, addr] of addrs.entries())
    if (task.space.writeU32(addr, ids[i] as number) < 0) return -EFAULT;
  return 0;
}

function sysGetresuid(task: Task, ruid: number, euid: number, suid: number): number {
  const { creds } = task;
  return writeIds(task, [ruid, euid, suid], [creds.uid, creds.euid, creds.suid]);
}

function sysGetresgid(task: Task, rgid: number, egid: number, sgid: number): number {
  const { creds } = task;
  return writeIds(task, [rgid, egid, sgid], [creds.gid, creds.egid, creds.sgid]);
}

function sysGetgroups(task: Task, size: number, addr: number): number {
  const { groups }: Credentials = task.creds;
  if (size < 0) return -EINVAL;
  if (size === 0) return groups.length;
  if (size < groups.length) return -EINVAL;
  const bytes = new Uint8Array(Uint32Array.from(groups).buffer);
  return task.space.copyOut(addr, bytes) < 0 ? -EFAULT : groups.length;
}

function sysSetgroups(task: Task, size: number, addr: number): number {
  if (!task.creds.has(CAP_SETGID)) return -EPERM;
  if (size < 0 || size > NGROUPS_MAX) return -EINVAL;
  const bytes = new Uint8Array(4 * size);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  const groups = [...new Uint32Array(bytes.buffer)].sort((a, b) => a - b);
  return setGroups(task, { groups });
}

const out = arg.outPointer;

export const IDENTITY_ROWS: readonly SyscallRow[] = [
  row('getpid', [], sysGetpid),
  row('gettid', [], sysGettid),
  row('getppid', [], sysGetppid),
  row('getuid', [], sysGetuid),
  row('geteuid', [], sysGeteuid),
  row('getgid', [], sysGetgid),
  row('getegid', [], sysGetegid),
  row('setuid', [arg.id], sysSetuid),
  row('setgid', [arg.id], sysSetgid),
  row('setreuid', [arg.id, arg.id], sysSetreuid),
  row('setregid', [arg.id, arg.id], sysSetregid),
  row('setresuid', [arg.id, arg.id, arg.id], sysSetresuid),
  row('setresgid', [arg.id, arg.id, arg.id], sysSetresgid),
  row('getresuid', [out, out, out], sysGetresuid),
  row('getresgid', [out, out, out], sysGetresgid),
  row('setfsuid', [arg.id], sysSetfsuid),
  row('setfsgid', [arg.id], sysSetfsgid),
  row('getgroups', [arg.int, out], sysGetgroups),
  row('setgroups', [arg.int, arg.pointer], sysSetgroups),
];
