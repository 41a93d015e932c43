/**
 * Standard input, output and error of an instance, where they are not a terminal: a guest file over
 * a descriptor that Cloister itself inherited. The host is untrusted: what it answers is bounded.
 */

import { EINVAL, EIO, ESPIPE } from '../../abi/errno.table.ts';
import { O_APPEND } from '../../abi/file-flags.ts';
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from '../../abi/poll-events.ts';
import type { WaitQueue } from '../../base/wait-queue.ts';
import { placeless } from '../../vfs/anonymous.ts';
import type { Credentials } from '../../vfs/credentials.ts';
import { FileSystem } from '../../vfs/file-system.ts';
import { Inode } from '../../vfs/inode.ts';
import { OpenFile, type OpenRequest } from '../../vfs/open-file.ts';
import type { Vfs } from '../../vfs/vfs.ts';

/** What the host offers of one inherited descriptor; implemented in `host/`. */
export interface HostStream {
  /** `S_IFREG`, `S_IFIFO`, `S_IFCHR` or `S_IFSOCK`, with permission bits. */
  readonly mode: number;
  readonly isSeekable: boolean;
  /** Where a seekable one stands: whoever had it before may have read a part. */
  readonly startOffset: number;
  /** Woken when reading or writing may go on. */
  readonly waitQueue: WaitQueue;
  /** Bytes read, 0 at the end, -EAGAIN when none are there yet (and starts waiting for them). */
  read(target: Uint8Array, start: number, length: number): number;
  /** Bytes written, or -errno (-EPIPE when nobody reads). */
  write(source: Uint8Array, start: number, length: number): number;
  readAt(position: number, target: Uint8Array, start: number, length: number): number;
  writeAt(position: number, source: Uint8Array, start: number, length: number): number;
  /** Bytes of a regular file. */
  size(): number;
  truncate(size: number): number;
  sync(): number;
  /** True when a read would answer at once; asking starts waiting. */
  isReadable(): boolean;
  readonly isBroken: boolean;
  /** A write would answer -EAGAIN now; absent where it never does. */
  readonly isFull?: boolean;
}

class HostStreamInode extends Inode {
  readonly stream: HostStream;

  constructor(fs: FileSystem, ino: number, stream: HostStream) {
    super(fs, ino, stream.mode);
    this.stream = stream;
    this.touchCreated();
  }

  /** /dev/stdout and /proc/self/fd/1: the same stream. */
  override open(request: OpenRequest): OpenFile {
    return new HostStreamFile(request, this.stream);
  }
}

/** The file system that inherited streams seem to lie on. */
class HostStreamFs extends FileSystem {
  override readonly typeName = 'pipefs';
  override readonly magic = 0x50495045;
  readonly root: Inode;

  constructor(vfs: Vfs, stream: HostStream) {
    super(vfs.clock);
    this.root = new HostStreamInode(this, 1, stream);
  }
}

/** An open file over `stream`. `flags`: access mode and O_APPEND. */
export function openHostStream(
  vfs: Vfs,
  credentials: Credentials,
  stream: HostStream,
  flags: number,
): OpenFile {
  const fs = new HostStreamFs(vfs, stream);
  const mount = vfs.makeMount(fs, undefined, 'host', 0);
  const dentry = placeless('host', fs.root);
  const request = { mount, dentry, inode: fs.root, flags, credentials };
  const file = new HostStreamFile(request, stream);
  if (stream.isSeekable && stream.startOffset > 0) file.position = stream.startOffset;
  return file;
}

const SEEK_SET = 0;
const SEEK_CUR = 1;
const SEEK_END = 2;

class HostStreamFile extends OpenFile {
  override readonly waitQueue: WaitQueue | undefined;
  readonly #stream: HostStream;

  constructor(request: OpenRequest, stream: HostStream) {
    super(request);
    this.#stream = stream;
    this.waitQueue = stream.isSeekable ? undefined : stream.waitQueue;
  }

  override get isSeekable(): boolean {
    return this.#stream.isSeekable;
  }

  override get blocksForAll(): boolean {
    return !this.#stream.isSeekable;
  }

  override get anonymousName(): string {
    return `pipe:[${this.inode.ino}]`;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    if (!this.#stream.isSeekable) return bounded(this.#stream.read(target, start, length), length);
    const count = this.readAt(this.position, target, start, length);
    if (count > 0) this.position += count;
    return count;
  }

  override write(source: Uint8Array, start: number, length: number): number {
    if (!this.#stream.isSeekable) return bounded(this.#stream.write(source, start, length), length);
    if ((this.flags & O_APPEND) !== 0) this.position = this.#stream.size();
    const count = this.writeAt(this.position, source, start, length);
    if (count > 0) this.position += count;
    return count;
  }

  override readAt(position: number, target: Uint8Array, start: number, length: number): number {
    if (!this.#stream.isSeekable) return -ESPIPE;
    return bounded(this.#stream.readAt(position, target, start, length), length);
  }

  override writeAt(position: number, source: Uint8Array, start: number, length: number): number {
    if (!this.#stream.isSeekable) return -ESPIPE;
    return bounded(this.#stream.writeAt(position, source, start, length), length);
  }

  override seek(offset: number, whence: number): number {
    if (!this.#stream.isSeekable) return -ESPIPE;
    const from = { [SEEK_SET]: 0, [SEEK_CUR]: this.position, [SEEK_END]: this.#stream.size() };
    const base = from[whence as 0 | 1 | 2];
    if (base === undefined || base + offset < 0) return -EINVAL;
    this.position = base + offset;
    return this.position;
  }

  override truncate(size: number): number {
    return this.isWritable ? this.#stream.truncate(size) : -EINVAL;
  }

  override sync(_dataOnly: boolean): number {
    return this.#stream.isSeekable ? this.#stream.sync() : -EINVAL;
  }

  override poll(): number {
    const stream = this.#stream;
    if (stream.isSeekable) return POLLIN | POLLOUT;
    let events = 0;
    if (this.isReadable && stream.isReadable()) events |= POLLIN;
    if (this.isWritable && stream.isBroken) events |= POLLERR;
    else if (this.isWritable) events |= stream.isFull === true ? 0 : POLLOUT;
    else if (stream.isBroken) events |= POLLHUP;
    return events;
  }
}

/** The host may lie about counts: never more than was asked for. */
function bounded(count: number, length: number): number {
  if (!Number.isInteger(count)) return -EIO;
  return count > length ? -EIO : count;
}
