/** `struct ipc64_perm`, with which the status of every System V IPC object begins (ipc_perm(5)). */

import { SHMID_DS } from '../abi/ipc.ts';
import type { IpcPermissions } from '../kernel/ipc/permissions.ts';

/** `modeBits` are flags beside the permission bits, such as SHM_DEST. */
export function putPermissions(
  view: DataView,
  key: number,
  permissions: IpcPermissions,
  modeBits = 0,
): void {
  view.setInt32(SHMID_DS.key, key, true);
  view.setUint32(SHMID_DS.uid, permissions.uid, true);
  view.setUint32(SHMID_DS.gid, permissions.gid, true);
  view.setUint32(SHMID_DS.creatorUid, permissions.creatorUid, true);
  view.setUint32(SHMID_DS.creatorGid, permissions.creatorGid, true);
  view.setUint32(SHMID_DS.mode, permissions.mode | modeBits, true);
}

/** What IPC_SET changes of them. */
export function takePermissions(view: DataView, permissions: IpcPermissions): void {
  permissions.uid = view.getUint32(SHMID_DS.uid, true);
  permissions.gid = view.getUint32(SHMID_DS.gid, true);
  permissions.mode = view.getUint32(SHMID_DS.mode, true) & 0o777;
}
