/**
 * POSIX message queues (mq_overview(7)): named queues of prioritised messages, in a name space of
 * the instance. A queue that was unlinked lives until its last descriptor is closed.
 */

import { CAP_SYS_RESOURCE } from '../../abi/capability.ts';
import {
  EACCES,
  EAGAIN,
  EEXIST,
  EINVAL,
  EMFILE,
  EMSGSIZE,
  ENAMETOOLONG,
  ENOENT,
  ENOSPC,
} from '../../abi/errno.table.ts';
import { O_ACCMODE, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } from '../../abi/file-flags.ts';
import { MQ } from '../../abi/ipc.ts';
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from '../../abi/poll-events.ts';
import { SI_MESGQ } from '../../abi/signal.table.ts';
import { SIGEV } from '../../abi/time.ts';
import { WaitQueue } from '../../base/wait-queue.ts';
import type { NetlinkSocket } from '../../net/netlink-socket.ts';
import { AnonymousFile, anonymousRequest } from '../../vfs/anonymous.ts';
import { bytesOf } from '../../vfs/byte-string.ts';
import { RLIMIT } from '../limits.ts';
import { sendToGroup } from '../signals/send.ts';
import type { Task } from '../task.ts';
import type { ThreadGroup } from '../thread-group.ts';
import { IpcPermissions } from './permissions.ts';

export interface QueuedMessage {
  readonly priority: number;
  readonly bytes: Uint8Array;
}

/** Who hears that a message came to the empty queue (mq_notify(3)). */
export interface QueueNotification {
  readonly group: ThreadGroup;
  /** 0: nothing is sent. */
  readonly signal: number;
  readonly value: bigint;
  /** SIGEV_THREAD: what is sent to a socket that a thread of the C library reads. */
  readonly thread?: { readonly socket: NetlinkSocket; readonly cookie: Uint8Array };
}

/** The last byte of a cookie (`ipc/mqueue.c`). */
const NOTIFY_WOKENUP = 1;
const NOTIFY_REMOVED = 2;

function sendCookie({ thread }: QueueNotification, what: number): void {
  if (thread === undefined) return;
  const message = thread.cookie.slice();
  message[message.length - 1] = what;
  thread.socket.deliver(message);
}

export class PosixQueue {
  readonly name: string;
  readonly permissions: IpcPermissions;
  readonly maxMessages: number;
  readonly messageBytes: number;
  /** Highest priority first, then in the order of arrival. */
  readonly messages: QueuedMessage[] = [];
  readonly changed: WaitQueue = new WaitQueue();
  /** Sleepers in mq_receive: a message that one of them takes is not announced. */
  receivers = 0;
  notification: QueueNotification | undefined = undefined;
  descriptors = 0;
  readonly #owner: number;

  constructor(task: Task, name: string, mode: number, maxMessages: number, messageBytes: number) {
    this.name = name;
    this.permissions = new IpcPermissions(task, mode & ~task.fs.umask & 0o777);
    this.maxMessages = maxMessages;
    this.messageBytes = messageBytes;
    this.#owner = task.creds.uid;
  }

  get usedBytes(): number {
    return this.messages.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** What it counts against RLIMIT_MSGQUEUE of `uid` (mq_overview(7)). */
  chargedTo(uid: number): number {
    return uid === this.#owner ? chargeOf(this.maxMessages, this.messageBytes) : 0;
  }

  /** 0, -EAGAIN while it is full, or another -errno. */
  send(sender: Task, message: QueuedMessage): number {
    if (message.bytes.length > this.messageBytes) return -EMSGSIZE;
    if (this.messages.length >= this.maxMessages) return -EAGAIN;
    const wasEmpty = this.messages.length === 0;
    const at = this.messages.findIndex(({ priority }) => priority < message.priority);
    this.messages.splice(at < 0 ? this.messages.length : at, 0, message);
    if (wasEmpty && this.receivers === 0) this.#announce(sender);
    this.changed.wakeAll();
    return 0;
  }

  #announce(sender: Task): void {
    const { notification } = this;
    this.notification = undefined;
    if (notification !== undefined) sendCookie(notification, NOTIFY_WOKENUP);
    if (notification === undefined || notification.signal === 0) return;
    sendToGroup(notification.group, {
      signal: notification.signal,
      code: SI_MESGQ,
      pid: sender.group.pid,
      uid: sender.creds.uid,
      value: notification.value,
    });
  }

  /** `group` is not told any more, if it was to be. */
  forgetNotification(group: ThreadGroup | undefined): void {
    const { notification } = this;
    if (notification === undefined || notification.group !== group) return;
    this.notification = undefined;
    sendCookie(notification, NOTIFY_REMOVED);
  }

  receive(): QueuedMessage | undefined {
    const message = this.messages.shift();
    if (message !== undefined) this.changed.wakeAll();
    return message;
  }
}

const MESSAGE_OVERHEAD_BYTES = 48;
const NODE_BYTES = 64;

function chargeOf(maxMessages: number, messageBytes: number): number {
  const nodes = Math.min(maxMessages, MQ.PRIO_MAX) * NODE_BYTES;
  return maxMessages * MESSAGE_OVERHEAD_BYTES + nodes + maxMessages * messageBytes;
}

/** A descriptor of a queue. Reading it as a file gives its status (mq_overview(7)). */
export class PosixQueueFile extends AnonymousFile {
  protected override readonly kind = '[mqueue]';
  readonly queue: PosixQueue;
  override readonly waitQueue: WaitQueue;
  readonly #task: Task;

  constructor(task: Task, queue: PosixQueue, flags: number) {
    super(anonymousRequest(task.kernel.vfs, task.creds, flags));
    this.#task = task;
    this.queue = queue;
    this.waitQueue = queue.changed;
    queue.descriptors++;
  }

  override poll(): number {
    const { messages, maxMessages } = this.queue;
    const readable = messages.length > 0 ? POLLIN | POLLRDNORM : 0;
    return readable | (messages.length < maxMessages ? POLLOUT | POLLWRNORM : 0);
  }

  override read(target: Uint8Array, start: number, length: number): number {
    const { notification, usedBytes } = this.queue;
    const signal = String(notification?.signal ?? 0).padEnd(5);
    const pid = String(notification?.group.pid ?? 0).padEnd(6);
    const silent =
      notification?.thread !== undefined
        ? SIGEV.SIGEV_THREAD
        : notification?.signal === 0
          ? SIGEV.SIGEV_NONE
          : SIGEV.SIGEV_SIGNAL;
    const size = String(usedBytes).padEnd(10);
    const kind = String(notification === undefined ? 0 : silent).padEnd(5);
    const text = `QSIZE:${size} NOTIFY:${kind} SIGNO:${signal} NOTIFY_PID:${pid}\n`;
    const bytes = bytesOf(text).subarray(this.position, this.position + length);
    target.set(bytes, start);
    this.position += bytes.length;
    return bytes.length;
  }

  /** A process that closes one of its descriptors is no longer told of messages. */
  override descriptorClosed(): void {
    this.queue.forgetNotification(this.#task.kernel.current?.group);
  }

  protected override closed(): void {
    this.queue.descriptors--;
  }
}

/** The attributes that mq_open(3) asks for. */
export interface QueueAttributes {
  readonly maxMessages: number;
  readonly messageBytes: number;
}

export class PosixQueues {
  readonly #byName = new Map<string, PosixQueue>();
  /** What /proc/sys/fs/mqueue has. */
  readonly limits = {
    queues: MQ.QUEUES_MAX as number,
    messages: MQ.DEFAULT_MESSAGES as number,
    bytes: MQ.DEFAULT_BYTES as number,
    defaultMessages: MQ.DEFAULT_MESSAGES as number,
    defaultBytes: MQ.DEFAULT_BYTES as number,
  };

  /** mq_open(3) without installing: a queue, or -errno. */
  open(
    task: Task,
    name: string,
    flags: number,
    mode: number,
    wanted: QueueAttributes | undefined,
  ): PosixQueue | number {
    const bad = checkName(name);
    if (bad !== 0) return bad;
    const known = this.#byName.get(name);
    if (known !== undefined) {
      if ((flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0) return -EEXIST;
      const access = flags & O_ACCMODE;
      if (access === O_ACCMODE) return -EINVAL;
      const bits = access === O_RDONLY ? 4 : access === O_WRONLY ? 2 : 6;
      return access <= O_RDWR && known.permissions.permits(task, bits) ? known : -EACCES;
    }
    if ((flags & O_CREAT) === 0) return -ENOENT;
    if (this.#byName.size >= this.limits.queues && !task.creds.has(CAP_SYS_RESOURCE))
      return -ENOSPC;
    return this.#create(task, name, mode, wanted);
  }

  #create(
    task: Task,
    name: string,
    mode: number,
    wanted: QueueAttributes | undefined,
  ): PosixQueue | number {
    const { maxMessages, messageBytes } = wanted ?? {
      maxMessages: Math.min(this.limits.messages, this.limits.defaultMessages),
      messageBytes: Math.min(this.limits.bytes, this.limits.defaultBytes),
    };
    const isPrivileged = task.creds.has(CAP_SYS_RESOURCE);
    const messageLimit = isPrivileged ? MQ.HARD_MESSAGES : this.limits.messages;
    const byteLimit = isPrivileged ? MQ.HARD_BYTES : this.limits.bytes;
    if (maxMessages <= 0 || messageBytes <= 0) return -EINVAL;
    if (maxMessages > messageLimit || messageBytes > byteLimit) return -EINVAL;
    const { uid } = task.creds;
    let charged = chargeOf(maxMessages, messageBytes);
    for (const queue of this.#byName.values()) charged += queue.chargedTo(uid);
    if (charged > (task.group.limits.soft[RLIMIT.MSGQUEUE] as number)) return -EMFILE;
    const queue = new PosixQueue(task, name, mode, maxMessages, messageBytes);
    this.#byName.set(name, queue);
    return queue;
  }

  /** mq_unlink(3). */
  unlink(task: Task, name: string): number {
    const bad = checkName(name);
    if (bad !== 0) return bad;
    const queue = this.#byName.get(name);
    if (queue === undefined) return -ENOENT;
    // The directory of queues is sticky, as /tmp.
    if (!queue.permissions.isOwnedBy(task)) return -EACCES;
    this.#byName.delete(name);
    return 0;
  }
}

function checkName(name: string): number {
  if (name.length === 0) return -ENOENT;
  if (name.length > 255) return -ENAMETOOLONG;
  return name.includes('/') ? -EACCES : 0;
}
