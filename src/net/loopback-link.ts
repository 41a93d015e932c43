/**
 * TCP inside the instance: two ends that write into each other's queue. No packets: what Linux
 * makes of segments, resets and shut halves on its loopback device is decided here directly
 * (`net/ipv4/tcp.c`, `tcp_input.c`: tcp_reset, tcp_fin; tcp_poll).
 */

import { EAGAIN, ECONNRESET, EINVAL, EPIPE } from '../abi/errno.table.ts';
import { TCP_STATE, type TcpState } from '../abi/inet.ts';
import {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLPRI,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRNORM,
} from '../abi/poll-events.ts';
import { ByteQueue } from './byte-queue.ts';
import type { LinkOwner, StreamLink } from './stream-link.ts';
import { UrgentMark } from './urgent-mark.ts';

const READABLE = POLLIN | POLLRDNORM;
const WRITABLE = POLLOUT | POLLWRNORM;
const ALL = READABLE | WRITABLE | POLLERR | POLLHUP | POLLRDHUP;

export class LoopbackLink implements StreamLink {
  readonly #owner: LinkOwner;
  #peer: LoopbackLink = this;
  readonly #queue = new ByteQueue();
  readonly #mark = new UrgentMark();
  #finReceived = false;
  #isReadShut = false;
  #isWriteShut = false;
  /** The owner closed it: what arrives is answered by a reset. */
  #isGone = false;
  #isReset = false;
  #error = 0;
  /** The peer found no room here: SOCK_NOSPACE. */
  #hasWaitingSender = false;

  private constructor(owner: LinkOwner) {
    this.#owner = owner;
  }

  static pair(a: LinkOwner, b: LinkOwner): [LoopbackLink, LoopbackLink] {
    const [first, second] = [new LoopbackLink(a), new LoopbackLink(b)];
    first.#peer = second;
    second.#peer = first;
    return [first, second];
  }

  /** A socket that connected to its own name: what it sends it receives (simultaneous open). */
  static toItself(owner: LinkOwner): LoopbackLink {
    return new LoopbackLink(owner);
  }

  get state(): TcpState {
    if (this.#isReset || (this.#finReceived && this.#isWriteShut)) return TCP_STATE.close;
    if (this.#finReceived) return TCP_STATE.closeWait;
    return this.#isWriteShut ? TCP_STATE.finWait2 : TCP_STATE.established;
  }

  get readableBytes(): number {
    const isOut = this.#mark.isSet && !this.#owner.takesUrgentInline;
    return isOut ? this.#mark.ahead : this.#queue.length;
  }

  get isAtMark(): boolean {
    return this.#mark.isNext;
  }

  /** How many bytes a read passes over: the urgent one, when it is next and not read inline. */
  get #hole(): number {
    return this.#mark.isNext && !this.#owner.takesUrgentInline ? 1 : 0;
  }

  /** What the peer has not read is acknowledged all the same. */
  get unsentBytes(): number {
    return 0;
  }

  get #capacity(): number {
    return this.#owner.receiveBytes + this.#peer.#owner.sendBytes;
  }

  receive(target: Uint8Array, start: number, length: number, isPeek: boolean): number {
    const queue = this.#queue;
    const hole = length === 0 ? 0 : this.#hole;
    if (queue.length > hole) {
      // No read goes over the mark, so that sockatmark(3) can be asked there.
      const { ahead } = this.#mark;
      const count = queue.peek(target, start, ahead > 0 ? Math.min(ahead, length) : length, hole);
      if (!isPeek) this.#take(hole + count);
      return count;
    }
    if (hole > 0 && !isPeek) this.#take(hole);
    if (this.#finReceived) return 0;
    if (this.#error !== 0) return -this.takeError();
    return this.#isReadShut || this.#isReset ? 0 : -EAGAIN;
  }

  #take(count: number): void {
    this.#queue.drop(count);
    this.#mark.advance(count);
    if (!this.#hasWaitingSender || 3 * this.#queue.length > 2 * this.#capacity) return;
    this.#hasWaitingSender = false;
    this.#peer.#owner.linkEvent(WRITABLE);
  }

  receiveUrgent(target: Uint8Array, start: number, length: number, isPeek: boolean): number {
    const value = this.#owner.takesUrgentInline ? undefined : this.#mark.read(isPeek);
    if (value === undefined) return -EINVAL;
    if (length === 0) return 0;
    target[start] = value;
    return 1;
  }

  send(source: Uint8Array, start: number, length: number, isUrgent: boolean): number {
    if (this.#error !== 0) return -this.takeError();
    if (this.#isWriteShut || this.#isReset) return -EPIPE;
    const peer = this.#peer;
    if (peer.#isGone) {
      // The first bytes go out, and a reset comes back.
      this.#reset();
      return length;
    }
    if (peer.#isReadShut && peer.#isWriteShut) {
      // `tcp_rcv_state_process`: in FIN_WAIT nobody can read it, and RFC 1122 wants a reset.
      peer.#reset();
      this.#reset();
      return length;
    }
    const room = peer.#capacity - peer.#queue.length;
    if (room <= 0 && length > 0) {
      peer.#hasWaitingSender = true;
      return -EAGAIN;
    }
    const count = Math.min(room, length);
    if (count < length) peer.#hasWaitingSender = true;
    const marks = isUrgent && count > 0 && count === length;
    // An urgent byte that was next, read or not, is lost to the newer one.
    if (marks && peer.#hole > 0) peer.#take(1);
    peer.#queue.push(source, start, count);
    if (marks) peer.#mark.set(peer.#queue.length - 1, source[start + count - 1] as number);
    if (marks) peer.#owner.urgentArrived();
    if (count > 0) peer.#owner.linkEvent(marks ? READABLE | POLLPRI : READABLE);
    return count;
  }

  /** tcp_reset: what is queued can still be read. */
  #reset(): void {
    if (this.state === TCP_STATE.close) return;
    this.#error = this.state === TCP_STATE.closeWait ? EPIPE : ECONNRESET;
    this.#isReset = true;
    this.#isReadShut = true;
    this.#isWriteShut = true;
    this.#owner.linkEvent(ALL);
  }

  poll(lowWater: number): number {
    let events = this.#error === 0 ? 0 : POLLERR;
    const isInShut = this.#isReadShut || this.#finReceived;
    if ((isInShut && this.#isWriteShut) || this.state === TCP_STATE.close) events |= POLLHUP;
    if (isInShut) events |= READABLE | POLLRDHUP;
    const length = this.#queue.length - this.#hole;
    if (this.#mark.isUnread) events |= POLLPRI;
    if (length > 0 && length >= Math.min(lowWater, this.#capacity)) events |= READABLE;
    const peer = this.#peer;
    if (this.#isWriteShut || peer.#isGone || 3 * peer.#queue.length <= 2 * peer.#capacity)
      events |= WRITABLE;
    else peer.#hasWaitingSender = true;
    return events;
  }

  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  shutdown(read: boolean, write: boolean): void {
    if (read) this.#isReadShut = true;
    if (write && !this.#isWriteShut) {
      this.#isWriteShut = true;
      this.#peer.#receiveFin();
    }
    this.#owner.linkEvent(ALL);
  }

  #receiveFin(): void {
    if (this.#finReceived || this.#isReset || this.#isGone) return;
    this.#finReceived = true;
    this.#owner.linkEvent(ALL);
  }

  close(aborts: boolean): void {
    const resets = (aborts || this.#queue.length > 0) && this.state !== TCP_STATE.close;
    this.#isGone = true;
    this.#queue.clear();
    if (resets) this.#peer.#reset();
    else if (!this.#isWriteShut) this.#peer.#receiveFin();
    this.#isWriteShut = true;
    // A sender that waits for room hears of the end.
    if (this.#hasWaitingSender) this.#peer.#owner.linkEvent(WRITABLE);
  }
}
