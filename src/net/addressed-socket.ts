/**
 * Sockets whose addresses are plain bytes: AF_INET, AF_INET6, AF_NETLINK. Names of unix sockets are
 * paths, which the system calls resolve. Nothing blocks: -EAGAIN, and the wait queue is woken.
 */

import type { Credentials } from '../vfs/credentials.ts';
import { SocketFile } from './socket-file.ts';

/** One item of control data (cmsg(3)). */
export interface ControlItem {
  readonly level: number;
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** What goes with the bytes of one send. */
export interface Sending {
  /** `struct sockaddr`, where one was given. */
  readonly to: Uint8Array | undefined;
  /** MSG_*. */
  readonly flags: number;
  readonly control: readonly ControlItem[];
}

/** What is asked of one receive, and what came with the bytes. */
export interface Reception {
  /** MSG_*. */
  readonly flags: number;
  /** `struct sockaddr` of the sender; undefined where the protocol gives none. */
  from: Uint8Array | undefined;
  /** MSG_TRUNC, MSG_ERRQUEUE, MSG_EOR. */
  resultFlags: number;
  control: ControlItem[];
}

export const PLAIN_SENDING: Sending = { to: undefined, flags: 0, control: [] };
export const plainReception = (flags = 0): Reception => ({
  ...{ flags, from: undefined, resultFlags: 0, control: [] },
});

export abstract class AddressedSocket extends SocketFile {
  abstract bind(address: Uint8Array, who: Credentials): number;
  abstract listen(backlog: number): number;
  /** -EINPROGRESS: {@link finishConnect} tells how it ended. */
  abstract connect(address: Uint8Array): number;
  /** 0, -errno, or -EAGAIN while it is under way. */
  abstract finishConnect(): number;
  abstract accept(): AddressedSocket | number;
  /** `struct sockaddr`. */
  abstract localName(): Uint8Array;
  abstract peerName(): Uint8Array | number;
  abstract shutdown(read: boolean, write: boolean): number;
  /** The value, as many bytes as the option has; -errno. */
  abstract getOption(level: number, option: number): Uint8Array | number;
  abstract setOption(level: number, option: number, value: Uint8Array, who: Credentials): number;
  /** Bytes taken, or -errno. */
  abstract send(source: Uint8Array, start: number, length: number, sending: Sending): number;
  /** Bytes given (of a cut datagram the whole length under MSG_TRUNC), 0 at the end, -errno. */
  abstract receive(target: Uint8Array, start: number, length: number, how: Reception): number;

  override read(target: Uint8Array, start: number, length: number): number {
    return this.receive(target, start, length, plainReception());
  }

  override write(source: Uint8Array, start: number, length: number): number {
    return this.send(source, start, length, PLAIN_SENDING);
  }
}

/** A C int as option values are. */
export function intBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}
