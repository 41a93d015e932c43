/** Owner, creator and mode of System V IPC objects (`ipcperms`). */

import { CAP_IPC_OWNER, CAP_SYS_ADMIN } from '../../abi/capability.ts';
import type { Task } from '../task.ts';

export class IpcPermissions {
  readonly creatorUid: number;
  readonly creatorGid: number;
  uid: number;
  gid: number;
  mode: number;

  constructor(task: Task, mode: number) {
    this.uid = task.creds.euid;
    this.gid = task.creds.egid;
    this.creatorUid = this.uid;
    this.creatorGid = this.gid;
    this.mode = mode;
  }

  /** `wanted` are bits 4 (read) and 2 (write). */
  permits(task: Task, wanted: number): boolean {
    const { creds } = task;
    const inGroup = (gid: number) => creds.egid === gid || creds.groups.includes(gid);
    let granted = this.mode;
    if (creds.euid === this.uid || creds.euid === this.creatorUid) granted >>= 6;
    else if (inGroup(this.gid) || inGroup(this.creatorGid)) granted >>= 3;
    return (wanted & ~granted & 7) === 0 || creds.has(CAP_IPC_OWNER);
  }

  /** May change or remove it. */
  isOwnedBy(task: Task): boolean {
    const { euid } = task.creds;
    return euid === this.uid || euid === this.creatorUid || task.creds.has(CAP_SYS_ADMIN);
  }
}
