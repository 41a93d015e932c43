/** eventfd(2): a 64-bit counter to wait on. */

import { EAGAIN, EINVAL } from '../../abi/errno.table.ts';
import { O_NONBLOCK, O_RDWR } from '../../abi/file-flags.ts';
import { EFD_SEMAPHORE, POLLERR, POLLIN, POLLOUT } from '../../abi/poll-events.ts';
import { WaitQueue } from '../../base/wait-queue.ts';
import { AnonymousFile, anonymousRequest } from '../../vfs/anonymous.ts';
import type { Credentials } from '../../vfs/credentials.ts';
import type { Vfs } from '../../vfs/vfs.ts';

const WORD_BYTES = 8;
const MAX = 0xffff_ffff_ffff_fffen;
/** Counters up to here are kept as numbers; nearly all are. */
const NUMBER_LIMIT = Number.MAX_SAFE_INTEGER;

export class EventFile extends AnonymousFile {
  protected override readonly kind = '[eventfd]';
  override readonly waitQueue = new WaitQueue();
  readonly #isSemaphore: boolean;
  /** The count is `#count` while it fits, else `#big`. */
  #count: number;
  #big = 0n;

  constructor(vfs: Vfs, who: Credentials, initial: number, flags: number) {
    super(anonymousRequest(vfs, who, O_RDWR | (flags & O_NONBLOCK)));
    this.#count = initial;
    this.#isSemaphore = (flags & EFD_SEMAPHORE) !== 0;
  }

  get #total(): bigint {
    return BigInt(this.#count) + this.#big;
  }

  #set(total: bigint): void {
    const isSmall = total <= BigInt(NUMBER_LIMIT);
    this.#count = isSmall ? Number(total) : 0;
    this.#big = isSmall ? 0n : total;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    if (length < WORD_BYTES) return -EINVAL;
    if (this.#count === 0 && this.#big === 0n) return -EAGAIN;
    if (this.#isSemaphore) {
      store(target, start, 1);
      if (this.#big === 0n) this.#count--;
      else this.#set(this.#big - 1n);
    } else if (this.#big === 0n) {
      store(target, start, this.#count);
      this.#count = 0;
    } else {
      const value = this.#big;
      for (let i = 0; i < 8; i++) target[start + i] = Number((value >> BigInt(8 * i)) & 0xffn);
      this.#set(0n);
    }
    this.waitQueue.wake(POLLOUT);
    return WORD_BYTES;
  }

  override write(source: Uint8Array, start: number, length: number): number {
    if (length < WORD_BYTES) return -EINVAL;
    let isSmall = source[start + 7] === 0 && (source[start + 6] as number) < 0x10;
    let added = 0;
    for (let i = 6; i >= 0; i--) added = added * 256 + (source[start + i] as number);
    if (isSmall && this.#big === 0n && this.#count + added <= NUMBER_LIMIT) {
      this.#count += added;
    } else {
      isSmall = false;
      const high = BigInt(source[start + 7] as number) << 56n;
      let value = high;
      for (let i = 6; i >= 0; i--) value |= BigInt(source[start + i] as number) << BigInt(8 * i);
      if (value === 0xffff_ffff_ffff_ffffn) return -EINVAL;
      if (this.#total + value > MAX) return -EAGAIN;
      this.#set(this.#total + value);
    }
    this.waitQueue.wake(POLLIN);
    return WORD_BYTES;
  }

  override poll(): number {
    const total = this.#total;
    let events = 0;
    if (total > 0n) events |= POLLIN;
    if (total < MAX) events |= POLLOUT;
    if (total > MAX) events |= POLLERR;
    return events;
  }

  override get extraInfo(): string {
    return `eventfd-count: ${this.#total.toString(16).padStart(16)}\n`;
  }
}

function store(target: Uint8Array, start: number, value: number): void {
  let rest = value;
  for (let i = 0; i < WORD_BYTES; i++) {
    target[start + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}
