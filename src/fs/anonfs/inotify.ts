/** inotify(7): a queue of events about watched inodes. */

import { EAGAIN, EEXIST, EFAULT, EINVAL, ENOSPC } from '../../abi/errno.table.ts';
import { O_NONBLOCK, O_RDONLY } from '../../abi/file-flags.ts';
import {
  IN_ALL_EVENTS,
  IN_EXCL_UNLINK,
  IN_IGNORED,
  IN_ISDIR,
  IN_MASK_ADD,
  IN_MASK_CREATE,
  IN_ONESHOT,
  IN_Q_OVERFLOW,
  INOTIFY_EVENT,
} from '../../abi/inotify.ts';
import { POLLIN, POLLRDNORM } from '../../abi/poll-events.ts';
import { FIONREAD } from '../../abi/terminal.ts';
import { WaitQueue } from '../../base/wait-queue.ts';
import { AnonymousFile, anonymousRequest } from '../../vfs/anonymous.ts';
import { copyBytes } from '../../vfs/byte-string.ts';
import type { Credentials } from '../../vfs/credentials.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { UserMemory } from '../../vfs/user-memory.ts';
import type { Vfs } from '../../vfs/vfs.ts';
import { type InodeWatch, InodeWatches } from '../../vfs/watches.ts';

/** `fs.inotify.max_queued_events` and `max_user_watches`. */
const QUEUE_MAX = 16_384;
const WATCH_MAX = 65_536;

interface Event {
  readonly wd: number;
  readonly mask: number;
  readonly cookie: number;
  readonly name: string;
}

class Watch implements InodeWatch {
  readonly file: InotifyFile;
  readonly inode: Inode;
  readonly wd: number;
  mask: number;

  constructor(file: InotifyFile, inode: Inode, wd: number, mask: number) {
    this.file = file;
    this.inode = inode;
    this.wd = wd;
    this.mask = mask;
  }

  onEvent(mask: number, cookie: number, name: string | undefined, isUnlinked: boolean): void {
    if ((mask & this.mask & IN_ALL_EVENTS) === 0) return;
    if (isUnlinked && (this.mask & IN_EXCL_UNLINK) !== 0) return;
    this.file.queue({
      wd: this.wd,
      mask: mask & (IN_ALL_EVENTS | IN_ISDIR),
      cookie,
      name: name ?? '',
    });
    if ((this.mask & IN_ONESHOT) !== 0) this.file.removeWatch(this.wd);
  }

  onGone(): void {
    this.file.forget(this.wd);
  }
}

export class InotifyFile extends AnonymousFile {
  protected override readonly kind = 'inotify';
  override readonly waitQueue = new WaitQueue();
  readonly #watches = new Map<number, Watch>();
  readonly #byInode = new Map<Inode, Watch>();
  #events: Event[] = [];
  #nextWd = 1;

  constructor(vfs: Vfs, who: Credentials, flags: number) {
    super(anonymousRequest(vfs, who, O_RDONLY | (flags & O_NONBLOCK)));
  }

  override get sendsSignals(): boolean {
    return true;
  }

  /** inotify_add_watch(2): the watch descriptor or a negative errno. */
  addWatch(inode: Inode, mask: number): number {
    const kept = mask & (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK);
    const known = this.#byInode.get(inode);
    if (known !== undefined) {
      if ((mask & IN_MASK_CREATE) !== 0) return -EEXIST;
      known.mask = (mask & IN_MASK_ADD) !== 0 ? known.mask | kept : kept;
      return known.wd;
    }
    if (this.#watches.size >= WATCH_MAX) return -ENOSPC;
    const watch = new Watch(this, inode, this.#nextWd++, kept);
    inode.watches ??= new InodeWatches();
    inode.watches.add(watch);
    this.#watches.set(watch.wd, watch);
    this.#byInode.set(inode, watch);
    return watch.wd;
  }

  /** inotify_rm_watch(2). */
  removeWatch(wd: number): number {
    const watch = this.#watches.get(wd);
    if (watch === undefined) return -EINVAL;
    this.#unhook(watch);
    this.forget(wd);
    return 0;
  }

  /** The watch is over, by whatever way: IN_IGNORED. */
  forget(wd: number): void {
    const watch = this.#watches.get(wd);
    if (watch === undefined) return;
    this.#watches.delete(wd);
    this.#byInode.delete(watch.inode);
    this.queue({ wd, mask: IN_IGNORED, cookie: 0, name: '' });
  }

  #unhook(watch: Watch): void {
    const { inode } = watch;
    inode.watches?.delete(watch);
    if (inode.watches?.size === 0) inode.watches = undefined;
  }

  queue(event: Event): void {
    const last = this.#events.at(-1);
    if (last !== undefined && isSame(last, event)) return;
    if (this.#events.length >= QUEUE_MAX) {
      if (last?.mask === IN_Q_OVERFLOW) return;
      this.#events.push({ wd: -1, mask: IN_Q_OVERFLOW, cookie: 0, name: '' });
    } else this.#events.push(event);
    this.waitQueue.wake(POLLIN | POLLRDNORM);
  }

  override read(target: Uint8Array, start: number, length: number): number {
    if (this.#events.length === 0) return -EAGAIN;
    let done = 0;
    let taken = 0;
    for (const event of this.#events) {
      const size = sizeOf(event);
      if (done + size > length) break;
      encode(event, target, start + done, size);
      done += size;
      taken++;
    }
    if (taken === 0) return -EINVAL;
    this.#events.splice(0, taken);
    return done;
  }

  /** FIONREAD: the bytes that a read could return. */
  override ioctl(command: number, argument: number, memory: UserMemory): number {
    if (command !== FIONREAD) return super.ioctl(command, argument, memory);
    let total = 0;
    for (const event of this.#events) total += sizeOf(event);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, total, true);
    return memory.write(argument, bytes) ? 0 : -EFAULT;
  }

  override poll(): number {
    return this.#events.length > 0 ? POLLIN | POLLRDNORM : 0;
  }

  protected override closed(): void {
    for (const watch of this.#watches.values()) this.#unhook(watch);
    this.#watches.clear();
    this.#byInode.clear();
  }
}

/** Identical events in a row are reported once (inotify(7), NOTES). */
function isSame(a: Event, b: Event): boolean {
  return a.wd === b.wd && a.mask === b.mask && a.cookie === b.cookie && a.name === b.name;
}

/** The name is padded with zeros to a multiple of the head. */
function sizeOf({ name }: Event): number {
  if (name === '') return INOTIFY_EVENT.bytes;
  return INOTIFY_EVENT.bytes + Math.ceil((name.length + 1) / INOTIFY_EVENT.bytes) * 16;
}

function encode(event: Event, target: Uint8Array, at: number, size: number): void {
  target.fill(0, at, at + size);
  const words = [event.wd, event.mask, event.cookie, size - INOTIFY_EVENT.bytes];
  words.forEach((word, i) => {
    for (let byte = 0; byte < 4; byte++) target[at + i * 4 + byte] = word >>> (8 * byte);
  });
  copyBytes(event.name, target, at + INOTIFY_EVENT.bytes);
}
