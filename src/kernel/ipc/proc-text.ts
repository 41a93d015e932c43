/** /proc/sysvipc: the objects of System V IPC, a line each (`sysvipc_*_proc_show`). */

import type { Kernel } from '../kernel.ts';

type Cell = readonly [value: number | string, width: number];

const line = (cells: readonly Cell[]): string =>
  `${cells.map(([value, width]) => String(value).padStart(width)).join(' ')}\n`;

interface Named {
  readonly id: number;
  readonly key: number;
  readonly permissions: { uid: number; gid: number; creatorUid: number; creatorGid: number };
}

const head = ({ id, key }: Named, mode: number): Cell[] => [
  [key, 10],
  [id, 10],
  [(mode & 0o7777).toString(8), 5],
];

const owners = ({ permissions: { uid, gid, creatorUid, creatorGid } }: Named): Cell[] =>
  [uid, gid, creatorUid, creatorGid].map((id) => [id, 5]);

const times = (...seconds: number[]): Cell[] => seconds.map((second) => [second, 10]);

const MSG_HEAD =
  '       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid' +
  '      stime      rtime      ctime\n';
const SEM_HEAD =
  '       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n';
const SHM_HEAD =
  '       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid' +
  '      atime      dtime      ctime                   rss                  swap\n';

/** Name and text of each file. */
export function ipcFiles(kernel: Kernel): readonly (readonly [string, () => string])[] {
  return [
    ['msg', () => MSG_HEAD + kernel.messageQueues.all().map(messageLine).join('')],
    ['sem', () => SEM_HEAD + kernel.semaphores.all().map(semaphoreLine).join('')],
    ['shm', () => SHM_HEAD + kernel.sharedMemory.all().map(memoryLine).join('')],
  ];
}

const messageLine = (queue: ReturnType<Kernel['messageQueues']['all']>[number]): string =>
  line([
    ...head(queue, queue.permissions.mode),
    [queue.usedBytes, 11],
    [queue.messages.length, 10],
    [queue.lastSender, 5],
    [queue.lastReceiver, 5],
    ...owners(queue),
    ...times(queue.sendTimeSec, queue.receiveTimeSec, queue.changeTimeSec),
  ]);

const semaphoreLine = (set: ReturnType<Kernel['semaphores']['all']>[number]): string =>
  line([
    ...head(set, set.permissions.mode),
    [set.values.length, 10],
    ...owners(set),
    ...times(set.operationTimeSec, set.changeTimeSec),
  ]);

function memoryLine(segment: ReturnType<Kernel['sharedMemory']['all']>[number]): string {
  // SHM_DEST shows in the mode; a removed segment has given its key up.
  const mode = segment.permissions.mode | (segment.isRemoved ? 0o1000 : 0);
  const key = segment.isRemoved ? 0 : segment.key;
  return line([
    ...head({ ...segment, key, permissions: segment.permissions }, mode),
    [segment.sizeBytes, 21],
    [segment.creatorPid, 5],
    [segment.lastPid, 5],
    [segment.attachCount, 6],
    ...owners(segment),
    ...times(segment.attachTimeSec, segment.detachTimeSec, segment.changeTimeSec),
    [segment.file.inode.blocks * 512, 21],
    [0, 21],
  ]);
}
