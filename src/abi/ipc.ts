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
  SHM_STAT_ANY: 15,
} as const;
/** A bit that old libraries set; x86-64 has one layout only. */
export const IPC_64 = 0x100;

export const SHM = {
  SHM_HUGETLB: 0o4000,
  SHM_RDONLY: 0o10000,
  SHM_RND: 0o20000,
  SHM_REMAP: 0o40000,
  SHM_EXEC: 0o100000,
} as const;
export const SHM_DEST = 0o1000;
/** `kernel.shmmni`. */
export const SHMMNI = 4096;
/** `kernel.shmmax`, in bytes, and `kernel.shmall`, in pages: as good as none. */
export const SHMMAX: bigint = 2n ** 64n - 1n - 2n ** 24n;

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

/** `include/uapi/linux/msg.h`: flags and operations. */
export const MSG = { MSG_NOERROR: 0o10000, MSG_EXCEPT: 0o20000, MSG_COPY: 0o40000 } as const;
export const MSG_CONTROL = {
  IPC_RMID: 0,
  IPC_SET: 1,
  IPC_STAT: 2,
  IPC_INFO: 3,
  MSG_STAT: 11,
  MSG_INFO: 12,
  MSG_STAT_ANY: 13,
} as const;
/** Longest message, bytes a queue, queues. */
export const MSGMAX = 8192;
export const MSGMNB = 16384;
export const MSGMNI = 32000;
/** `struct msqid64_ds` of x86-64 behind the permissions. */
export const MSQID_DS = {
  sendTime: 48,
  receiveTime: 56,
  changeTime: 64,
  usedBytes: 72,
  count: 80,
  limitBytes: 88,
  lastSender: 96,
  lastReceiver: 100,
  bytes: 120,
} as const;

/** POSIX message queues (mq_overview(7)): limits, with and without CAP_SYS_RESOURCE. */
export const MQ = {
  PRIO_MAX: 32768,
  QUEUES_MAX: 256,
  DEFAULT_MESSAGES: 10,
  DEFAULT_BYTES: 8192,
  HARD_MESSAGES: 65536,
  HARD_BYTES: 16_777_216,
} as const;
/** `struct mq_attr`. */
export const MQ_ATTR = {
  flags: 0,
  maxMessages: 8,
  messageBytes: 16,
  count: 24,
  bytes: 64,
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
  SEM_STAT_ANY: 20,
} as const;
export const SEM_UNDO = 0x1000;
/** Largest value, semaphores a set, operations a call, sets. */
export const SEMVMX = 32767;
export const SEMMSL = 32000;
export const SEMOPM = 500;
export const SEMMNI = 32000;
/** `struct semid64_ds` of x86-64 behind the permissions. */
export const SEMID_DS = { operationTime: 48, changeTime: 64, count: 80, bytes: 104 } as const;
