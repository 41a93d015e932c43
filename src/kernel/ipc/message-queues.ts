/** System V message queues (msgget(2), msgop(2)): bounded lists of typed messages. */

import {
  E2BIG,
  EACCES,
  EAGAIN,
  EEXIST,
  EIDRM,
  ENOENT,
  ENOMSG,
  ENOSPC,
} from '../../abi/errno.table.ts';
import { IPC, IPC_PRIVATE, MSG, MSGMAX, MSGMNB, MSGMNI } from '../../abi/ipc.ts';
import { WaitQueue } from '../../base/wait-queue.ts';
import { nowSec } from '../shared-memory.ts';
import type { Task } from '../task.ts';
import { IpcIds } from './ids.ts';
import { IpcPermissions } from './permissions.ts';

export interface Message {
  /** Above 0; a 64-bit number of the guest. */
  readonly type: bigint;
  readonly bytes: Uint8Array;
}

export class MessageQueue {
  readonly id: number;
  readonly key: number;
  readonly permissions: IpcPermissions;
  readonly messages: Message[] = [];
  /** Woken when a message came, or the queue is removed. */
  readonly arrivals: WaitQueue = new WaitQueue();
  /** Woken when room was made, or the queue is removed. */
  readonly departures: WaitQueue = new WaitQueue();
  usedBytes = 0;
  limitBytes: number;
  sendTimeSec = 0;
  receiveTimeSec = 0;
  changeTimeSec: number;
  lastSender = 0;
  lastReceiver = 0;
  isRemoved = false;

  constructor(task: Task, id: number, key: number, mode: number) {
    this.id = id;
    this.key = key;
    this.limitBytes = task.kernel.messageQueues.limits.queueBytes;
    this.permissions = new IpcPermissions(task, mode);
    this.changeTimeSec = nowSec(task);
  }

  /** 0, -EAGAIN while there is no room, or another -errno. */
  send(task: Task, message: Message): number {
    if (this.isRemoved) return -EIDRM;
    if (!this.permissions.permits(task, 2)) return -EACCES;
    const { length } = message.bytes;
    const isFull =
      this.usedBytes + length > this.limitBytes || this.messages.length >= this.limitBytes;
    if (isFull) return -EAGAIN;
    this.messages.push(message);
    this.usedBytes += length;
    this.lastSender = task.group.pid;
    this.sendTimeSec = nowSec(task);
    this.arrivals.wakeAll();
    return 0;
  }

  /** The message that `type` and `flags` choose (msgop(2)), taken out; or -errno. */
  receive(task: Task, sizeBytes: number, type: bigint, flags: number): Message | number {
    if (this.isRemoved) return -EIDRM;
    if (!this.permissions.permits(task, 4)) return -EACCES;
    const at = this.#choose(type, flags);
    const message = this.messages[at];
    if (message === undefined) return -ENOMSG;
    if (message.bytes.length > sizeBytes && (flags & MSG.MSG_NOERROR) === 0) return -E2BIG;
    if ((flags & MSG.MSG_COPY) !== 0) return message;
    this.messages.splice(at, 1);
    this.usedBytes -= message.bytes.length;
    this.lastReceiver = task.group.pid;
    this.receiveTimeSec = nowSec(task);
    this.departures.wakeAll();
    return message;
  }

  #choose(type: bigint, flags: number): number {
    const { messages } = this;
    if ((flags & MSG.MSG_COPY) !== 0) return type >= 0n ? Number(type) : -1;
    if (type === 0n) return 0;
    if (type > 0n) {
      const differs = (flags & MSG.MSG_EXCEPT) !== 0;
      return messages.findIndex((each) => (each.type === type) !== differs);
    }
    let best = -1;
    for (const [at, each] of messages.entries())
      if (each.type <= -type && (best < 0 || each.type < (messages[best] as Message).type))
        best = at;
    return best;
  }
}

export class MessageQueues {
  readonly #queues = new Map<number, MessageQueue>();
  readonly #byKey = new Map<number, MessageQueue>();
  readonly ids = new IpcIds();
  readonly limits = { queues: MSGMNI, messageBytes: MSGMAX, queueBytes: MSGMNB };

  get(id: number): MessageQueue | undefined {
    return this.#queues.get(id);
  }

  all(): MessageQueue[] {
    return [...this.#queues.values()];
  }

  /** msgget(2): the id, or -errno. */
  open(task: Task, key: number, flags: number): number {
    const known = key === IPC_PRIVATE ? undefined : this.#byKey.get(key);
    if (known === undefined) {
      if (key !== IPC_PRIVATE && (flags & IPC.IPC_CREAT) === 0) return -ENOENT;
      if (this.#queues.size >= this.limits.queues) return -ENOSPC;
      const queue = new MessageQueue(task, this.ids.allocate(this.#queues), key, flags & 0o777);
      this.#queues.set(queue.id, queue);
      if (key !== IPC_PRIVATE) this.#byKey.set(key, queue);
      return queue.id;
    }
    if ((flags & IPC.IPC_CREAT) !== 0 && (flags & IPC.IPC_EXCL) !== 0) return -EEXIST;
    const wanted = (flags | (flags >> 3) | (flags >> 6)) & 7;
    return known.permissions.permits(task, wanted) ? known.id : -EACCES;
  }

  /** IPC_RMID: everybody who sleeps on it hears EIDRM. */
  remove(queue: MessageQueue): void {
    if (this.#byKey.get(queue.key) === queue) this.#byKey.delete(queue.key);
    this.#queues.delete(queue.id);
    queue.isRemoved = true;
    queue.arrivals.wakeAll();
    queue.departures.wakeAll();
  }
}
