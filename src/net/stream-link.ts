/** One end of an established connection, whatever carries it: the loopback, or the host. */

import type { TcpState } from '../abi/inet.ts';

export interface StreamLink {
  readonly state: TcpState;
  /** Bytes, 0 at the end, -EAGAIN, -errno. With `isPeek` they stay. */
  receive(target: Uint8Array, start: number, length: number, isPeek: boolean): number;
  /** Bytes taken, -EAGAIN, -EPIPE, -errno. `isUrgent`: the last of them is urgent (MSG_OOB). */
  send(source: Uint8Array, start: number, length: number, isUrgent: boolean): number;
  /** recv(2) with MSG_OOB: 1, or 0 without room; -EINVAL where there is no urgent byte. */
  receiveUrgent(target: Uint8Array, start: number, length: number, isPeek: boolean): number;
  /** The next byte is the urgent one: sockatmark(3). */
  readonly isAtMark: boolean;
  poll(lowWater: number): number;
  /** SO_ERROR, cleared. */
  takeError(): number;
  shutdown(read: boolean, write: boolean): void;
  /** `aborts`: by a reset, whatever is unread. */
  close(aborts: boolean): void;
  readonly readableBytes: number;
  readonly unsentBytes: number;
}

/** The socket that an end belongs to. */
export interface LinkOwner {
  linkEvent(events: number): void;
  /** Room for what the peer sends: SO_RCVBUF, and SO_SNDBUF of the sender. */
  readonly receiveBytes: number;
  readonly sendBytes: number;
  /** SO_OOBINLINE: urgent bytes are read like others. */
  readonly takesUrgentInline: boolean;
  /** An urgent byte came: SIGURG. */
  urgentArrived(): void;
}
