/** What all sockets are to the descriptor table: files of sockfs, without a place in the tree. */

import { EAGAIN, EFAULT, EINVAL } from '../abi/errno.table.ts';
import { O_NONBLOCK, O_RDWR } from '../abi/file-flags.ts';
import { S_IFSOCK } from '../abi/file-mode.ts';
import { SIOC } from '../abi/inet.ts';
import { SOCK } from '../abi/socket.ts';
import { WaitQueue } from '../base/wait-queue.ts';
import { placeless } from '../vfs/anonymous.ts';
import type { Credentials } from '../vfs/credentials.ts';
import type { FileClock } from '../vfs/file-clock.ts';
import { FileSystem } from '../vfs/file-system.ts';
import { Inode } from '../vfs/inode.ts';
import type { Mount } from '../vfs/mount.ts';
import { OpenFile, type OpenRequest } from '../vfs/open-file.ts';
import type { UserMemory } from '../vfs/user-memory.ts';
import type { Vfs } from '../vfs/vfs.ts';
import { interfaceIoctl } from './interface-ioctl.ts';
import type { NetInterface } from './interfaces.ts';
import type { PeerIdentity } from './peer-identity.ts';

class SocketInode extends Inode {
  constructor(fs: FileSystem, ino: number, who: Credentials) {
    super(fs, ino, S_IFSOCK | 0o777);
    this.uid = who.fsuid;
    this.gid = who.fsgid;
    this.touchCreated();
  }
}

/** sockfs of one kernel. */
export class SocketFs extends FileSystem {
  override readonly typeName = 'sockfs';
  override readonly magic = 0x534f434b;
  readonly root: Inode;
  readonly #mount: Mount;
  /** What ioctl(2) on any socket tells of interfaces. */
  interfaces: () => readonly NetInterface[] = () => [];
  /** Who makes the call that is being served: what is written names its writer. */
  writer: () => PeerIdentity | undefined = () => undefined;
  /** SIGURG for the owner of a socket. */
  tellUrgent: (socket: OpenFile) => void = () => undefined;
  #nextIno = 2;

  constructor(vfs: Vfs, clock: FileClock) {
    super(clock);
    this.root = new SocketInode(this, 1, { fsuid: 0, fsgid: 0, groups: [], capabilities: 0 });
    this.#mount = vfs.makeMount(this, undefined, 'sockfs', 0);
  }

  /** What a new socket needs; `nonBlocking` as by SOCK_NONBLOCK. */
  request(who: Credentials, nonBlocking: boolean): OpenRequest {
    const inode = new SocketInode(this, this.#nextIno++, who);
    const flags = O_RDWR | (nonBlocking ? O_NONBLOCK : 0);
    return { mount: this.#mount, dentry: placeless('', inode), inode, flags, credentials: who };
  }
}

const LINGER_BYTES = 8;

export abstract class SocketFile extends OpenFile {
  override readonly waitQueue: WaitQueue = new WaitQueue();
  abstract readonly family: number;
  abstract readonly type: number;
  /** SO_RCVTIMEO and SO_SNDTIMEO; Infinity for none. */
  receiveTimeoutNs = Number.POSITIVE_INFINITY;
  sendTimeoutNs = Number.POSITIVE_INFINITY;
  /** SO_LINGER. */
  protected linger: { readonly isOn: boolean; readonly seconds: number } = {
    isOn: false,
    seconds: 0,
  };
  passesCredentials = false;
  /** SO_PASSPIDFD. */
  passesPidfd = false;

  /** Ends a blocking read (SO_RCVTIMEO): no data came in time. */
  override get readTimeoutNs(): number {
    return this.receiveTimeoutNs;
  }

  override get writeTimeoutNs(): number {
    return this.sendTimeoutNs;
  }

  override get timedOutResult(): number {
    return -EAGAIN;
  }

  /** `struct linger`. */
  lingerBytes(): Uint8Array {
    const bytes = new Uint8Array(LINGER_BYTES);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, this.linger.isOn ? 1 : 0, true);
    view.setInt32(4, this.linger.seconds, true);
    return bytes;
  }

  /** 0 or -EINVAL. Turned off, it keeps its time (`sk_setsockopt`). */
  setLinger(value: Uint8Array): number {
    if (value.length < LINGER_BYTES) return -EINVAL;
    const view = new DataView(value.buffer, value.byteOffset);
    const isOn = view.getInt32(0, true) !== 0;
    this.linger = { isOn, seconds: isOn ? view.getInt32(4, true) : this.linger.seconds };
    return 0;
  }

  override ioctl(command: number, argument: number, memory: UserMemory): number {
    if (command === SIOC.SIOCINQ || command === SIOC.SIOCOUTQ) {
      const count = command === SIOC.SIOCINQ ? this.readableBytes() : this.unsentBytes();
      if (count < 0) return count;
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setInt32(0, count, true);
      return memory.write(argument, bytes) ? 0 : -EFAULT;
    }
    // A stream without urgent data is never at its mark.
    const isAtMark = this.isAtMark ?? (this.type === SOCK.SOCK_STREAM ? false : undefined);
    if (command === SIOC.SIOCATMARK && isAtMark !== undefined) {
      const bytes = Uint8Array.of(isAtMark ? 1 : 0, 0, 0, 0);
      return memory.write(argument, bytes) ? 0 : -EFAULT;
    }
    return interfaceIoctl((this.inode.fs as SocketFs).interfaces(), command, argument, memory);
  }

  /** FIONREAD and TIOCOUTQ; -errno. */
  protected abstract readableBytes(): number;

  /** sockatmark(3); undefined: not of this kind of socket. */
  protected get isAtMark(): boolean | undefined {
    return undefined;
  }

  protected unsentBytes(): number {
    return 0;
  }

  override get anonymousName(): string {
    return `socket:[${this.inode.ino}]`;
  }

  override get raisesSigpipe(): boolean {
    return this.type === SOCK.SOCK_STREAM;
  }

  override get sendsSignals(): boolean {
    return true;
  }

  override get movesAtOnce(): boolean {
    return true;
  }
}
