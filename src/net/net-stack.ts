/** The sockets of one kernel: sockfs, and which unix sockets are bound to which names. */

import { EADDRINUSE, EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT } from '../abi/errno.table.ts';
import { AF, SOCK } from '../abi/socket.ts';
import { byteString } from '../vfs/byte-string.ts';
import type { Credentials } from '../vfs/credentials.ts';
import type { Inode } from '../vfs/inode.ts';
import type { Vfs } from '../vfs/vfs.ts';
import { SocketFs } from './socket-file.ts';
import { type PeerIdentity, UnixSocket } from './unix-socket.ts';

export class NetStack {
  readonly #fs: SocketFs;
  readonly #byInode = new WeakMap<Inode, UnixSocket>();
  readonly #abstract = new Map<string, UnixSocket>();
  readonly #options = new WeakMap<UnixSocket, Map<number, number>>();
  #nextAutomatic = 1;

  constructor(vfs: Vfs) {
    this.#fs = new SocketFs(vfs, vfs.clock);
  }

  /** socket(2): a socket that the caller owns, or -errno. */
  create(
    family: number,
    type: number,
    protocol: number,
    who: Credentials,
    owner: PeerIdentity,
    nonBlocking: boolean,
  ): UnixSocket | number {
    if (family !== AF.AF_UNIX) return -EAFNOSUPPORT;
    if (protocol !== 0 && protocol !== AF.AF_UNIX) return -EPROTONOSUPPORT;
    // unix(7): SOCK_RAW is taken for SOCK_DGRAM.
    const kind = type === SOCK.SOCK_RAW ? SOCK.SOCK_DGRAM : type;
    if (kind !== SOCK.SOCK_STREAM && kind !== SOCK.SOCK_DGRAM && kind !== SOCK.SOCK_SEQPACKET)
      return -ESOCKTNOSUPPORT;
    return new UnixSocket(this.#fs, this.#fs.request(who, nonBlocking), kind, owner);
  }

  /** Options that are only kept: SO_REUSEADDR, SO_KEEPALIVE and the like. */
  optionOf(socket: UnixSocket, option: number): number {
    return this.#options.get(socket)?.get(option) ?? 0;
  }

  setOption(socket: UnixSocket, option: number, value: number): void {
    let options = this.#options.get(socket);
    if (options === undefined) {
      options = new Map();
      this.#options.set(socket, options);
    }
    options.set(option, value === 0 ? 0 : 1);
  }

  bindInode(socket: UnixSocket, inode: Inode, name: Uint8Array): void {
    this.#byInode.set(inode, socket);
    socket.name = name;
    socket.onClosed = () => this.#byInode.delete(inode);
  }

  /** `name` begins with NUL; empty behind it: one is chosen. 0 or -EADDRINUSE. */
  bindAbstract(socket: UnixSocket, name: Uint8Array): number {
    const chosen = name.length > 0 ? name : this.#automaticName();
    const key = byteString(chosen);
    if (this.#abstract.has(key)) return -EADDRINUSE;
    this.#abstract.set(key, socket);
    socket.name = chosen;
    socket.onClosed = () => this.#abstract.delete(key);
    return 0;
  }

  #automaticName(): Uint8Array {
    for (;;) {
      const text = (this.#nextAutomatic++ & 0xfffff).toString(16).padStart(5, '0');
      const name = Uint8Array.from([0, ...[...text].map((letter) => letter.charCodeAt(0))]);
      if (!this.#abstract.has(byteString(name))) return name;
    }
  }

  findInode(inode: Inode): UnixSocket | undefined {
    return this.#byInode.get(inode);
  }

  findAbstract(name: Uint8Array): UnixSocket | undefined {
    return this.#abstract.get(byteString(name));
  }
}
