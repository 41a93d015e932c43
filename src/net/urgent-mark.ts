/**
 * The urgent byte of one direction of a connection: tcp(7), RFC 6093; `tcp_check_urg` and
 * `tcp_recv_urg` of Linux. It lies in the queue like any other byte. There is one at a time: a
 * newer one makes an ordinary byte of it.
 */

export class UrgentMark {
  /** Bytes in front of it in the queue; below zero: there is none. */
  #ahead = -1;
  #value = 0;
  #isRead = false;

  get isSet(): boolean {
    return this.#ahead >= 0;
  }

  /** It can be had by MSG_OOB: POLLPRI. */
  get isUnread(): boolean {
    return this.#ahead >= 0 && !this.#isRead;
  }

  /** It is the next byte of the queue. */
  get isNext(): boolean {
    return this.#ahead === 0;
  }

  /** Bytes in front of it; call only while it is set. */
  get ahead(): number {
    return this.#ahead;
  }

  set(ahead: number, value: number): void {
    this.#ahead = ahead;
    this.#value = value;
    this.#isRead = false;
  }

  /** The byte by MSG_OOB; undefined: it was read so, or there is none. */
  read(isPeek: boolean): number | undefined {
    if (!this.isUnread) return undefined;
    if (!isPeek) this.#isRead = true;
    return this.#value;
  }

  /** `count` bytes left the queue: one that was among them is over. */
  advance(count: number): void {
    this.#ahead = this.#ahead >= count ? this.#ahead - count : -1;
  }
}
