/**
 * Open file descriptions (open(2), "Open file descriptions"): what file descriptors refer to,
 * shared by dup and fork. Counted: the last {@link OpenFile.release} closes.
 *
 * No operation blocks. One that would answers -EAGAIN, whatever O_NONBLOCK says; the caller waits
 * on {@link OpenFile.waitQueue} until {@link OpenFile.poll} promises more, and tries again.
 * Buffers are `(array, start, length)`, so that guest memory needs no view a call.
 */

import { EBADF, EINVAL, ENODEV, ENOTDIR, ENOTTY, ESPIPE } from '../abi/errno.table.ts';
import { O_PATH, O_RDWR, O_WRONLY } from '../abi/file-flags.ts';
import { IN_CLOSE_NOWRITE, IN_CLOSE_WRITE } from '../abi/inotify.ts';
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from '../abi/poll-events.ts';
import { assert } from '../base/assert.ts';
import type { WaitQueue } from '../base/wait-queue.ts';
import type { Credentials } from './credentials.ts';
import type { Dentry } from './dentry.ts';
import type { FileMapping } from './file-mapping.ts';
import type { DirectorySink, Inode } from './inode.ts';
import type { Mount } from './mount.ts';
import { notify } from './notify.ts';
import type { UserMemory } from './user-memory.ts';

/** Everything an inode needs to make an open file. */
export interface OpenRequest {
  readonly mount: Mount;
  readonly dentry: Dentry;
  readonly inode: Inode;
  /** O_* as given to open(2); creation flags are done with. */
  readonly flags: number;
  readonly credentials: Credentials;
}

/** Who receives SIGIO and SIGURG: F_SETOWN. */
export interface SignalOwner {
  /** F_OWNER_*; -1 when there is none. */
  type: number;
  id: number;
  /** F_SETSIG; 0 means SIGIO. */
  signal: number;
}

/** Something that hears of the last close: epoll sets, record locks. */
export interface CloseListener {
  onClose(file: OpenFile): void;
}

export abstract class OpenFile {
  readonly mount: Mount;
  readonly dentry: Dentry;
  readonly inode: Inode;
  readonly credentials: Credentials;
  /** Access mode and status flags: what F_GETFL shows. */
  flags: number;
  position = 0;
  /** Descriptors, mappings and messages in flight that hold this description. */
  references = 1;
  owner: SignalOwner | undefined = undefined;
  /** The open(2) that made it also made the file: F_CREATED_QUERY. */
  wasCreated = false;
  #closeListeners: Set<CloseListener> | undefined = undefined;

  constructor(request: OpenRequest) {
    this.mount = request.mount;
    this.dentry = request.dentry;
    this.inode = request.inode;
    this.credentials = request.credentials;
    this.flags = request.flags;
    this.mount.pins++;
    this.dentry.pins++;
    this.inode.retain();
  }

  get isReadable(): boolean {
    return (this.flags & O_WRONLY) === 0 && (this.flags & O_PATH) === 0;
  }

  get isWritable(): boolean {
    // Access mode 3 asks for both permissions and gives neither (open(2), BUGS).
    return ((this.flags + 1) & O_RDWR) !== 0 && (this.flags & O_PATH) === 0;
  }

  /** O_DIRECT may be asked for (`FMODE_CAN_ODIRECT`). */
  get takesDirectIo(): boolean {
    return false;
  }

  /** splice(2) and sendfile(2) may read from it (`splice_read`). */
  get feedsPipes(): boolean {
    return true;
  }

  // --- data --------------------------------------------------------------------------------------

  /** read(2) at the file position, which it moves. */
  read(_target: Uint8Array, _start: number, _length: number): number {
    return -EINVAL;
  }

  /** write(2) at the file position, which it moves. */
  write(_source: Uint8Array, _start: number, _length: number): number {
    return -EINVAL;
  }

  /** pread(2). */
  readAt(_position: number, _target: Uint8Array, _start: number, _length: number): number {
    return -ESPIPE;
  }

  /** pwrite(2). */
  writeAt(_position: number, _source: Uint8Array, _start: number, _length: number): number {
    return -ESPIPE;
  }

  /** lseek(2): the new position. */
  seek(_offset: number, _whence: number): number {
    return -ESPIPE;
  }

  /**
   * True when several buffers of one readv or writev must be moved by one call: pipes (PIPE_BUF),
   * message queues, eventfd, terminals. False for files, which move them one after the other.
   */
  get movesAtOnce(): boolean {
    return false;
  }

  /** True when a blocking write goes on until all is written: pipes, stream sockets, terminals. */
  get blocksForAll(): boolean {
    return false;
  }

  /**
   * How long a blocking read waits before it answers {@link timedOutResult}: VTIME of terminals,
   * SO_RCVTIMEO. 0 or Infinity: for ever.
   */
  get readTimeoutNs(): number {
    return 0;
  }

  /** The same of a blocking write: SO_SNDTIMEO. */
  get writeTimeoutNs(): number {
    return 0;
  }

  /** What a read that waited in vain answers. */
  get timedOutResult(): number {
    return 0;
  }

  /** TIOCGPTPEER: the other side of a pseudo-terminal, opened anew. */
  openPeer(_flags: number): OpenFile | number {
    return -ENOTTY;
  }

  /** A write that nobody can read raises SIGPIPE: of pipes and streams, not of packets. */
  get raisesSigpipe(): boolean {
    return true;
  }

  /** True where O_ASYNC has an effect: SIGIO is sent to the owner. */
  get sendsSignals(): boolean {
    return false;
  }

  /** True where the bytes that are written are not looked at: /dev/null. */
  get discardsWrites(): boolean {
    return false;
  }

  /** True for files with a position, which pread, pwrite and lseek serve. */
  get isSeekable(): boolean {
    return false;
  }

  truncate(_size: number): number {
    return -EINVAL;
  }

  allocate(_mode: number, _offset: number, _length: number): number {
    return -ESPIPE;
  }

  sync(_dataOnly: boolean): number {
    return -EINVAL;
  }

  /** getdents64(2) from the position on. 0 or a negative errno; the sink knows what it took. */
  iterate(_sink: DirectorySink): number {
    return -ENOTDIR;
  }

  // --- readiness ---------------------------------------------------------------------------------

  /** POLL* bits that hold now. */
  poll(): number {
    return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
  }

  /** Woken whenever the answer of {@link poll} may have changed; undefined when it never does. */
  readonly waitQueue: WaitQueue | undefined = undefined;

  /** True when epoll_ctl(2) takes it: it can block (EPERM for files and directories). */
  get isPollable(): boolean {
    return this.waitQueue !== undefined;
  }

  /**
   * The open has to wait (a FIFO without its other end): the caller sleeps on the wait queue until
   * this is false, and releases the file when it gives up.
   */
  get isPending(): boolean {
    return false;
  }

  // --- the rest ----------------------------------------------------------------------------------

  /** `argument` is the third argument of ioctl(2): a number or a guest address. */
  ioctl(_command: number, _argument: number, _memory: UserMemory): number {
    return -ENOTTY;
  }

  /** For mmap(2): the file as memory maps see it, or -ENODEV. The caller checks access modes. */
  mapping(): FileMapping | number {
    return -ENODEV;
  }

  /** True for /dev/zero: a mapping of it is anonymous memory. */
  get mapsAnonymously(): boolean {
    return false;
  }

  /** F_SETFL has changed `flags`. 0 or a negative errno, which undoes it. */
  flagsChanged(_before: number): number {
    return 0;
  }

  /**
   * A descriptor of a process was closed (not only the last one): `file_operations.flush`. The
   * descriptor table drops the record locks of the process itself.
   */
  descriptorClosed(): void {
    // Ordinary files have nothing to do here.
  }

  /** Text of /proc/self/fdinfo/N after pos, flags and mnt_id. */
  get extraInfo(): string {
    return '';
  }

  /** For /proc/self/fd links of files without a path: "pipe:[5]", "anon_inode:[eventfd]". */
  get anonymousName(): string | undefined {
    return undefined;
  }

  // --- lifetime ----------------------------------------------------------------------------------

  /** One more descriptor, mapping or message refers to it. */
  retain(): this {
    assert(this.references > 0, 'open file used after its release');
    this.references++;
    return this;
  }

  /** Gives up one reference; the last one closes the description. */
  release(): void {
    assert(this.references > 0, 'open file released twice');
    this.references--;
    if (this.references > 0) return;
    if (this.#closeListeners !== undefined)
      for (const listener of [...this.#closeListeners]) listener.onClose(this);
    const { dentry } = this;
    const isWatched = this.inode.watches !== undefined || dentry.parent.inode.watches !== undefined;
    if (isWatched && (this.flags & O_PATH) === 0)
      notify(dentry, this.isWritable ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
    this.closed();
    this.mount.pins--;
    this.dentry.pins--;
    this.inode.release();
  }

  /** The last reference is gone. */
  protected closed(): void {
    // Nothing to give back.
  }

  addCloseListener(listener: CloseListener): void {
    this.#closeListeners ??= new Set();
    this.#closeListeners.add(listener);
  }

  removeCloseListener(listener: CloseListener): void {
    this.#closeListeners?.delete(listener);
  }
}

/** Refusals that callers share: data calls on a descriptor with the wrong access mode. */
export function checkReadable(file: OpenFile): number {
  return file.isReadable ? 0 : -EBADF;
}

export function checkWritable(file: OpenFile): number {
  return file.isWritable ? 0 : -EBADF;
}
