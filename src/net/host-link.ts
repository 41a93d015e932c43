/** A TCP connection that the host carries. Counts that the host answers are bounded. */

import { EAGAIN, EINVAL, EIO, EOPNOTSUPP } from '../abi/errno.table.ts';
import { SOL_TCP, TCP, TCP_STATE, type TcpState } from '../abi/inet.ts';
import {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRNORM,
} from '../abi/poll-events.ts';
import { MSG, SHUT, SO, SOL_SOCKET } from '../abi/socket.ts';
import type { HostSocket } from './host-network.ts';
import type { LinkOwner, StreamLink } from './stream-link.ts';

const KNOWN = POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP;

export class HostLink implements StreamLink {
  readonly socket: HostSocket;
  #error = 0;
  #isWriteShut = false;
  #hasEnded = false;

  constructor(socket: HostSocket, owner: LinkOwner) {
    this.socket = socket;
    socket.onEvent = (events) => owner.linkEvent(widen(events));
  }

  get state(): TcpState {
    const events = this.socket.poll();
    if ((events & POLLHUP) !== 0) return TCP_STATE.close;
    if ((events & POLLRDHUP) !== 0 || this.#hasEnded)
      return this.#isWriteShut ? TCP_STATE.lastAck : TCP_STATE.closeWait;
    return this.#isWriteShut ? TCP_STATE.finWait2 : TCP_STATE.established;
  }

  get readableBytes(): number {
    return Math.max(0, this.socket.readableBytes());
  }

  get unsentBytes(): number {
    return Math.max(0, this.socket.unsentBytes());
  }

  receive(target: Uint8Array, start: number, length: number, isPeek: boolean): number {
    if (this.#error !== 0) return -this.takeError();
    const flags = isPeek ? MSG.MSG_PEEK : 0;
    const count = bounded(this.socket.receive(target, start, length, flags), length);
    if (count === 0 && length > 0) this.#hasEnded = true;
    return count;
  }

  /** Deviation: urgent data stays inside the instance. */
  receiveUrgent(): number {
    return -EINVAL;
  }

  get isAtMark(): boolean {
    return false;
  }

  send(source: Uint8Array, start: number, length: number, isUrgent: boolean): number {
    if (isUrgent) return -EOPNOTSUPP;
    if (this.#error !== 0) return -this.takeError();
    return bounded(this.socket.send(source, start, length, 0), length);
  }

  poll(lowWater: number): number {
    let events = widen(this.socket.poll());
    if (this.#error !== 0) events |= POLLERR;
    const isShort = lowWater > 1 && (events & (POLLRDHUP | POLLERR | POLLHUP)) === 0;
    if (isShort && this.socket.readableBytes() < lowWater) events &= ~(POLLIN | POLLRDNORM);
    return events;
  }

  takeError(): number {
    const error = this.#error === 0 ? this.socket.takeError() : this.#error;
    this.#error = 0;
    return error > 0 && error < 4096 ? error : 0;
  }

  shutdown(read: boolean, write: boolean): void {
    if (write) this.#isWriteShut = true;
    this.socket.shutdown(read ? (write ? SHUT.SHUT_RDWR : SHUT.SHUT_RD) : SHUT.SHUT_WR);
  }

  close(aborts: boolean): void {
    this.socket.onEvent = undefined;
    if (aborts) this.socket.resetOnClose();
    this.socket.close();
  }
}

/** The host reports POLLIN and POLLOUT alone. */
export function widen(events: number): number {
  let wide = events & KNOWN;
  if ((wide & POLLIN) !== 0) wide |= POLLRDNORM;
  if ((wide & POLLOUT) !== 0) wide |= POLLWRNORM;
  return wide;
}

/** More than was asked for, or no number: EIO. */
export function bounded(count: number, length: number): number {
  if (count === -EAGAIN) return count;
  return Number.isInteger(count) && count <= length && count > -4096 ? count : -EIO;
}

/** What a host socket is told of the guest's wishes; all else is the instance's own affair. */
export const HOST_OPTIONS: readonly (readonly [number, number])[] = [
  [SOL_SOCKET, SO.SO_KEEPALIVE],
  [SOL_TCP, TCP.TCP_NODELAY],
  [SOL_TCP, TCP.TCP_CORK],
  [SOL_TCP, TCP.TCP_KEEPIDLE],
  [SOL_TCP, TCP.TCP_KEEPINTVL],
  [SOL_TCP, TCP.TCP_KEEPCNT],
  [SOL_TCP, TCP.TCP_USER_TIMEOUT],
];
