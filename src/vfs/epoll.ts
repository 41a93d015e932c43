/**
 * epoll(7): a set of files to watch, level- or edge-triggered, one-shot, exclusive, nested.
 * An item sits on its file's wait queue; a wake-up puts it on the ready list, which is checked
 * against the file's real state when the guest asks.
 */

import { EEXIST, EINVAL, ELOOP, ENOENT, EPERM } from '../abi/errno.table.ts';
import { O_RDWR } from '../abi/file-flags.ts';
import {
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLONESHOT,
  EPOLLWAKEUP,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
} from '../abi/poll-events.ts';
import { WaitEntry, type Waiter, WaitQueue } from '../base/wait-queue.ts';
import { AnonymousFile, anonymousRequest } from './anonymous.ts';
import type { Credentials } from './credentials.ts';
import type { CloseListener, OpenFile } from './open-file.ts';
import type { Vfs } from './vfs.ts';

const PRIVATE_BITS = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE;
const EXCLUSIVE_OK = EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLET | POLLIN | POLLOUT | POLLERR | POLLHUP;
/** EP_MAX_NESTS. */
const NESTING_MAX = 4;

/** Receives ready events; `data` is the guest's 64-bit word in two halves. */
export interface EpollSink {
  emit(events: number, dataLow: number, dataHigh: number): void;
}

class Item implements Waiter {
  readonly set: EpollFile;
  readonly file: OpenFile;
  readonly fd: number;
  events: number;
  dataLow: number;
  dataHigh: number;
  isReady = false;
  readonly entry = new WaitEntry(this);

  constructor(set: EpollFile, file: OpenFile, fd: number, events: number, data: [number, number]) {
    this.set = set;
    this.file = file;
    this.fd = fd;
    this.events = events;
    this.dataLow = data[0];
    this.dataHigh = data[1];
  }

  get interest(): number {
    return this.events & ~PRIVATE_BITS;
  }

  onWake(events: number): boolean {
    // A one-shot item that has fired has only private bits left.
    if ((this.events & ~PRIVATE_BITS) === 0) return false;
    if ((events & this.interest) === 0) return false;
    this.set.markReady(this);
    return true;
  }
}

export class EpollFile extends AnonymousFile implements CloseListener {
  protected override readonly kind = '[eventpoll]';
  override readonly waitQueue = new WaitQueue();
  readonly #items = new Map<OpenFile, Map<number, Item>>();
  /** Sets that watch this one. */
  readonly #watchers = new Set<EpollFile>();
  /** May hold items that turn out not to be ready. */
  #ready: Item[] = [];

  constructor(vfs: Vfs, who: Credentials) {
    super(anonymousRequest(vfs, who, O_RDWR));
  }

  /** The file watched under descriptor `fd`, after `skip` others of that number (kcmp(2)). */
  watched(fd: number, skip: number): OpenFile | undefined {
    let left = skip;
    for (const [file, items] of this.#items) if (items.has(fd) && left-- === 0) return file;
    return undefined;
  }

  /** EPOLL_CTL_ADD. 0 or a negative errno. */
  add(file: OpenFile, fd: number, events: number, dataLow: number, dataHigh: number): number {
    if (file === this) return -EINVAL;
    if (!file.isPollable) return -EPERM;
    if ((events & EPOLLEXCLUSIVE) !== 0) {
      if ((events & ~EXCLUSIVE_OK) !== 0 || file instanceof EpollFile) return -EINVAL;
    }
    if (file instanceof EpollFile) {
      if (file.#reaches(this, 0)) return -ELOOP;
      if (file.#depth() + 1 + this.#height() > NESTING_MAX) return -ELOOP;
    }
    let items = this.#items.get(file);
    if (items?.has(fd)) return -EEXIST;
    if (items === undefined) {
      items = new Map();
      this.#items.set(file, items);
      file.addCloseListener(this);
      if (file instanceof EpollFile) file.#watchers.add(this);
    }
    const item = new Item(this, file, fd, events | POLLERR | POLLHUP, [dataLow, dataHigh]);
    items.set(fd, item);
    file.waitQueue?.add(item.entry, (events & EPOLLEXCLUSIVE) !== 0);
    this.#check(item);
    return 0;
  }

  /** EPOLL_CTL_MOD. */
  modify(file: OpenFile, fd: number, events: number, dataLow: number, dataHigh: number): number {
    if (file === this) return -EINVAL;
    if (!file.isPollable) return -EPERM;
    const item = this.#items.get(file)?.get(fd);
    if (item === undefined) return -ENOENT;
    if (((events | item.events) & EPOLLEXCLUSIVE) !== 0) return -EINVAL;
    item.events = events | POLLERR | POLLHUP;
    item.dataLow = dataLow;
    item.dataHigh = dataHigh;
    this.#check(item);
    return 0;
  }

  /** EPOLL_CTL_DEL. */
  remove(file: OpenFile, fd: number): number {
    if (file === this) return -EINVAL;
    if (!file.isPollable) return -EPERM;
    const items = this.#items.get(file);
    const item = items?.get(fd);
    if (items === undefined || item === undefined) return -ENOENT;
    this.#drop(item);
    items.delete(fd);
    if (items.size === 0) {
      this.#items.delete(file);
      this.#leave(file);
    }
    return 0;
  }

  /** At most so many events are there to be harvested. */
  get readyCount(): number {
    return this.#ready.length;
  }

  /** Hands over up to `max` ready events; their number. */
  harvest(max: number, sink: EpollSink): number {
    const list = this.#ready;
    if (list.length === 0) return 0;
    this.#ready = [];
    let count = 0;
    let at = 0;
    for (; at < list.length && count < max; at++) {
      const item = list[at] as Item;
      if (!item.isReady) continue;
      item.isReady = false;
      const events = item.file.poll() & item.interest;
      if (events === 0) continue;
      sink.emit(events, item.dataLow, item.dataHigh);
      count++;
      if ((item.events & EPOLLONESHOT) !== 0) item.events &= PRIVATE_BITS;
      else if ((item.events & EPOLLET) === 0) {
        item.isReady = true;
        this.#ready.push(item);
      }
    }
    // What was not looked at comes before what was: fairness under a small `max`.
    if (at < list.length) this.#ready = [...list.slice(at), ...this.#ready];
    return count;
  }

  override poll(): number {
    for (const item of this.#ready)
      if (item.isReady && (item.file.poll() & item.interest) !== 0) return POLLIN | POLLRDNORM;
    return 0;
  }

  markReady(item: Item): void {
    if (!item.isReady) {
      item.isReady = true;
      this.#ready.push(item);
    }
    this.waitQueue.wake(POLLIN | POLLRDNORM);
  }

  /** A watched file was closed for good. */
  onClose(file: OpenFile): void {
    const items = this.#items.get(file);
    if (items === undefined) return;
    for (const item of items.values()) this.#drop(item);
    this.#items.delete(file);
  }

  override get extraInfo(): string {
    let text = '';
    for (const items of this.#items.values())
      for (const item of items.values()) {
        const data = (BigInt(item.dataHigh >>> 0) << 32n) | BigInt(item.dataLow >>> 0);
        const { inode } = item.file;
        text += `tfd: ${String(item.fd).padStart(8)} events: ${hex(item.events)} `;
        text += `data: ${data.toString(16).padStart(16)}  pos:${item.file.position} `;
        text += `ino:${inode.ino.toString(16)} sdev:${inode.fs.dev.toString(16)}\n`;
      }
    return text;
  }

  override read(): number {
    return -EINVAL;
  }

  override write(): number {
    return -EINVAL;
  }

  protected override closed(): void {
    for (const [file, items] of this.#items) {
      this.#leave(file);
      for (const item of items.values()) this.#drop(item);
    }
    this.#items.clear();
    this.#ready = [];
  }

  /** Ready at once when the file already is. */
  #check(item: Item): void {
    if ((item.file.poll() & item.interest) !== 0) this.markReady(item);
  }

  #drop(item: Item): void {
    item.entry.queue?.remove(item.entry);
    item.isReady = false;
    const at = this.#ready.indexOf(item);
    if (at >= 0) this.#ready.splice(at, 1);
  }

  /** Nothing of `file` is watched any more. */
  #leave(file: OpenFile): void {
    file.removeCloseListener(this);
    if (file instanceof EpollFile) file.#watchers.delete(this);
  }

  /** `target` is watched by this set, directly or through others. */
  #reaches(target: EpollFile, depth: number): boolean {
    if (depth > NESTING_MAX) return true;
    for (const file of this.#items.keys())
      if (file === target || (file instanceof EpollFile && file.#reaches(target, depth + 1)))
        return true;
    return false;
  }

  /** Sets above this one (`ep_get_upwards_depth_proc`). */
  #height(): number {
    let highest = 0;
    for (const set of this.#watchers) highest = Math.max(highest, set.#height() + 1);
    return highest;
  }

  /** Sets below this one: 0 if it watches none. */
  #depth(): number {
    let deepest = 0;
    for (const file of this.#items.keys())
      if (file instanceof EpollFile) deepest = Math.max(deepest, file.#depth() + 1);
    return deepest;
  }
}

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8);
