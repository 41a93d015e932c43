/** System V IPC: `include/uapi/linux/ipc.h`, `shm.h`, `asm-generic/shmbuf.h`. */

export const IPC = { IPC_CREAT: 0o1000, IPC_EXCL: 0o2000, IPC_NOWAIT: 0o4000 } as const;
export const IPC_PRIVATE = 0;
export const IPC_CONTROL = {
  IPC_RMID: 0,
  IPC_SET: 1,
  IPC_STAT: 2,
  IPC_INFO: 3,
  SHM_LOCK: 11,
  SHM_UNLOCK: 12,
  SHM_STAT: 13,
  SHM_INFO: 14,
} as const;
/** A bit that old libraries set; x86-64 has one layout only. */
export const IPC_64 = 0x100;

export const SHM = {
  SHM_RDONLY: 0o10000,
  SHM_RND: 0o20000,
  SHM_REMAP: 0o40000,
  SHM_EXEC: 0o100000,
} as const;
export const SHM_DEST = 0o1000;
/** `kernel.shmmni`. */
export const SHMMNI = 4096;

/** `struct shmid64_ds`, with `struct ipc64_perm` at its start. */
export const SHMID_DS = {
  key: 0,
  uid: 4,
  gid: 8,
  creatorUid: 12,
  creatorGid: 16,
  mode: 20,
  size: 48,
  attachTime: 56,
  detachTime: 64,
  changeTime: 72,
  creatorPid: 80,
  lastPid: 84,
  attachCount: 88,
  bytes: 112,
} as const;

/** `include/uapi/linux/sem.h`: operations of semctl(2). */
export const SEM_CONTROL = {
  IPC_RMID: 0,
  IPC_SET: 1,
  IPC_STAT: 2,
  IPC_INFO: 3,
  GETPID: 11,
  GETVAL: 12,
  GETALL: 13,
  GETNCNT: 14,
  GETZCNT: 15,
  SETVAL: 16,
  SETALL: 17,
  SEM_STAT: 18,
  SEM_INFO: 19,
} as const;
export const SEM_UNDO = 0x1000;
/** Largest value, semaphores a set, operations a call, sets. */
export const SEMVMX = 32767;
export const SEMMSL = 32000;
export const SEMOPM = 500;
export const SEMMNI = 32000;
/** `struct semid64_ds` of x86-64 behind the permissions. */
export const SEMID_DS = { operationTime: 48, changeTime: 64, count: 80, bytes: 104 } as const;
