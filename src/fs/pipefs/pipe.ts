/**
 * A pipe (pipe(7)): a ring of bytes between readers and writers. Writes of up to PIPE_BUF bytes are
 * all or nothing; longer ones may be cut. In packet mode (O_DIRECT) each write is one packet.
 */

import { EAGAIN, EBUSY, EINVAL, ENOMEM, EPERM, EPIPE } from '../../abi/errno.table.ts';
import { PIPE_BUF } from '../../abi/file-flags.ts';
import {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
} from '../../abi/poll-events.ts';
import { assert } from '../../base/assert.ts';
import { copyBytes } from '../../base/copy-bytes.ts';
import { WaitQueue } from '../../base/wait-queue.ts';

export const PIPE_DEFAULT_BYTES = 65_536;
/** `fs.pipe-max-size`: more needs CAP_SYS_RESOURCE. */
export const PIPE_MAX_BYTES = 1_048_576;
/** A table of more buffers is more than `kcalloc` gives. */
const CAPACITY_MAX = 1 << 28;
const FIRST_BYTES = 4096;

export class Pipe {
  /** Grows up to `capacity`; its size is a power of two, or nothing while nothing was written. */
  #ring = EMPTY;
  #head = 0;
  #length = 0;
  /** Lengths of the packets in the ring; negative numbers are runs of plain bytes. */
  #packets: number[] | undefined = undefined;
  capacity = PIPE_DEFAULT_BYTES;
  readers = 0;
  writers = 0;
  /** Counts opens, so that a waiting open(2) notices an other end that came and went. */
  readerOpens = 0;
  writerOpens = 0;
  /** Opens for reading and writing: they wait on `readable` for both. */
  bothWays = 0;
  readonly readable = new WaitQueue();
  readonly writable = new WaitQueue();

  /** Bytes that wait to be read. */
  get length(): number {
    return this.#length;
  }

  get room(): number {
    return this.capacity - this.#length;
  }

  read(target: Uint8Array, start: number, length: number): number {
    if (length === 0) return 0;
    if (this.#length === 0) return this.writers === 0 ? 0 : -EAGAIN;
    if (this.#packets !== undefined) return this.#readPacket(this.#packets, target, start, length);
    const count = Math.min(length, this.#length);
    this.#copyOut(this.#head, target, start, count);
    this.consume(count);
    return count;
  }

  write(source: Uint8Array, start: number, length: number, asPacket = false): number {
    if (length === 0) return 0;
    if (this.readers === 0) return -EPIPE;
    if (asPacket && length > PIPE_BUF) return this.#writePackets(source, start, length);
    const { room } = this;
    if (length <= PIPE_BUF ? room < length : room === 0) return -EAGAIN;
    const count = Math.min(length, room);
    this.#grow(this.#length + count);
    const mask = this.#ring.length - 1;
    const at = (this.#head + this.#length) & mask;
    const first = Math.min(count, this.#ring.length - at);
    copyBytes(source, start, this.#ring, at, first);
    if (first < count) copyBytes(source, start + first, this.#ring, 0, count - first);
    this.#added(count, asPacket);
    return count;
  }

  /** O_DIRECT: more than PIPE_BUF bytes are several packets. */
  #writePackets(source: Uint8Array, start: number, length: number): number {
    let done = 0;
    while (done < length) {
      const part = Math.min(PIPE_BUF, length - done);
      const count = this.write(source, start + done, part, true);
      if (count < 0) return done > 0 ? done : count;
      done += count;
    }
    return done;
  }

  /** Readable bytes in one piece from `offset` on: a view for splice(2), tee(2) and vmsplice(2). */
  peek(offset: number, length: number): Uint8Array {
    const count = Math.min(length, this.#length - offset);
    if (count <= 0) return EMPTY;
    const at = (this.#head + offset) & (this.#ring.length - 1);
    return this.#ring.subarray(at, at + Math.min(count, this.#ring.length - at));
  }

  /** Takes bytes away that {@link peek} showed. */
  consume(count: number): void {
    assert(count <= this.#length);
    const wasTight = this.room < PIPE_BUF;
    this.#head = (this.#head + count) & (this.#ring.length - 1);
    this.#length -= count;
    if (this.#packets !== undefined) this.#consumePackets(this.#packets, count);
    if (this.#length === 0) this.#head = 0;
    if (wasTight) this.#wakeWriters();
  }

  /** FIONREAD. */
  get unreadBytes(): number {
    return this.#length;
  }

  /** F_SETPIPE_SZ: the new size, or a negative errno. */
  resize(bytes: number, limitBytes: number): number {
    if (bytes < 0 || bytes > 0x8000_0000) return -EINVAL;
    let size = PIPE_BUF;
    while (size < bytes) size *= 2;
    if (size > limitBytes && size > this.capacity) return -EPERM;
    if (size < this.#length) return -EBUSY;
    if (size > CAPACITY_MAX) return -ENOMEM;
    this.capacity = size;
    this.#wakeWriters();
    return size;
  }

  /** Events for a reader, a writer, or both. */
  poll(reads: boolean, writes: boolean, sawWriter: boolean): number {
    let events = 0;
    if (reads) {
      if (this.#length > 0) events |= POLLIN | POLLRDNORM;
      if (this.writers === 0 && sawWriter) events |= POLLHUP;
    }
    if (writes) {
      if (this.room >= PIPE_BUF) events |= POLLOUT | POLLWRNORM;
      if (this.readers === 0) events |= POLLERR;
    }
    return events;
  }

  addEnd(reads: boolean, writes: boolean): void {
    if (reads) {
      this.readers++;
      this.readerOpens++;
    }
    if (writes) {
      this.writers++;
      this.writerOpens++;
    }
    if (reads && writes) this.bothWays++;
    this.readable.wakeAll();
    this.writable.wakeAll();
  }

  removeEnd(reads: boolean, writes: boolean): void {
    if (reads) this.readers--;
    if (writes) this.writers--;
    if (reads && writes) this.bothWays--;
    if (writes && this.writers === 0) this.readable.wakeAll();
    if (reads && this.readers === 0) this.writable.wakeAll();
    if (this.readers === 0 && this.writers === 0) {
      this.#ring = EMPTY;
      this.#head = 0;
      this.#length = 0;
      this.#packets = undefined;
    }
  }

  #added(count: number, asPacket: boolean): void {
    this.#length += count;
    if (asPacket) this.#startPackets().push(count);
    else if (this.#packets !== undefined) {
      const last = this.#packets.at(-1);
      if (last !== undefined && last < 0) this.#packets[this.#packets.length - 1] = last - count;
      else this.#packets.push(-count);
    }
    this.readable.wake(POLLIN | POLLRDNORM);
  }

  /** The list of packets, with what was there before as one run. */
  #startPackets(): number[] {
    if (this.#packets === undefined) this.#packets = [];
    return this.#packets;
  }

  #readPacket(packets: number[], target: Uint8Array, start: number, length: number): number {
    const first = packets[0] ?? -this.#length;
    const size = Math.abs(first);
    const count = Math.min(length, size);
    this.#copyOut(this.#head, target, start, count);
    // pipe(2), O_DIRECT: the excess bytes of a packet are lost.
    this.consume(first > 0 ? size : count);
    return count;
  }

  #consumePackets(packets: number[], count: number): void {
    let rest = count;
    while (rest > 0 && packets.length > 0) {
      const first = packets[0] as number;
      const size = Math.abs(first);
      if (size > rest) {
        packets[0] = first < 0 ? first + rest : first - rest;
        return;
      }
      packets.shift();
      rest -= size;
    }
    if (packets.length === 0 && this.#length === 0) this.#packets = undefined;
  }

  #copyOut(from: number, target: Uint8Array, start: number, count: number): void {
    const first = Math.min(count, this.#ring.length - from);
    copyBytes(this.#ring, from, target, start, first);
    if (first < count) copyBytes(this.#ring, 0, target, start + first, count - first);
  }

  #grow(size: number): void {
    if (size <= this.#ring.length) return;
    let capacity = Math.max(FIRST_BYTES, this.#ring.length);
    while (capacity < size) capacity *= 2;
    const ring = new Uint8Array(capacity);
    this.#copyOut(this.#head, ring, 0, this.#length);
    this.#ring = ring;
    this.#head = 0;
  }

  #wakeWriters(): void {
    this.writable.wake(POLLOUT | POLLWRNORM);
    if (this.bothWays > 0) this.readable.wake(POLLOUT | POLLWRNORM);
  }
}

const EMPTY = new Uint8Array(0);
