/** Contexts of io_setup(2): results that nobody has fetched yet. They belong to an address space. */

import { WaitQueue } from '../base/wait-queue.ts';
import type { AddressSpace } from '../mm/address-space.ts';

/** A completed request (`struct io_event`). */
export interface AioEvent {
  /** `aio_data` of the request. */
  readonly data: bigint;
  /** Where the request lies in guest memory. */
  readonly request: number;
  readonly result: number;
}

export class AioContext {
  /** What io_setup(2) was asked for, which counts for `fs.aio-max-nr`. */
  readonly asked: number;
  /** Most results that wait to be fetched. */
  readonly capacity: number;
  readonly events: AioEvent[] = [];
  /** Woken by every result, and when the context is destroyed. */
  readonly queue: WaitQueue = new WaitQueue();
  isDestroyed = false;

  constructor(asked: number) {
    this.asked = asked;
    this.capacity = ringSlots(asked);
  }

  add(event: AioEvent): void {
    this.events.push(event);
    this.queue.wakeAll();
  }
}

/**
 * `ioctx_alloc`, `aio_setup_ring`: twice what was asked for, in whole pages behind a head of 32 bytes,
 * an event taking 32, and one slot stays free.
 */
function ringSlots(asked: number): number {
  const events = Math.max(asked, 4) * 2 + 2;
  const pages = Math.ceil((1 + events) / 128);
  return pages * 128 - 2;
}

/** `fs.aio-max-nr`: requests of all contexts together. */
export const AIO_MAX_REQUESTS = 65536;

export class AioContexts {
  readonly #spaces = new WeakMap<AddressSpace, Map<number, AioContext>>();

  find(space: AddressSpace, id: number): AioContext | undefined {
    return this.#spaces.get(space)?.get(id);
  }

  /** Requests that the contexts of `space` may hold. */
  reserved(space: AddressSpace): number {
    let sum = 0;
    for (const { asked } of this.#spaces.get(space)?.values() ?? []) sum += asked;
    return sum;
  }

  add(space: AddressSpace, id: number, asked: number): void {
    const contexts = this.#spaces.get(space) ?? new Map<number, AioContext>();
    this.#spaces.set(space, contexts);
    contexts.set(id, new AioContext(asked));
  }

  remove(space: AddressSpace, id: number): AioContext | undefined {
    const contexts = this.#spaces.get(space);
    const context = contexts?.get(id);
    contexts?.delete(id);
    return context;
  }
}
