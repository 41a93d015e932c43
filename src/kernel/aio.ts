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
  /** Most results that wait to be fetched. */
  readonly capacity: number;
  readonly events: AioEvent[] = [];
  /** Woken by every result, and when the context is destroyed. */
  readonly queue: WaitQueue = new WaitQueue();
  isDestroyed = false;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  add(event: AioEvent): void {
    this.events.push(event);
    this.queue.wakeAll();
  }
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
    for (const { capacity } of this.#spaces.get(space)?.values() ?? []) sum += capacity;
    return sum;
  }

  add(space: AddressSpace, id: number, capacity: number): void {
    const contexts = this.#spaces.get(space) ?? new Map<number, AioContext>();
    this.#spaces.set(space, contexts);
    contexts.set(id, new AioContext(capacity));
  }

  remove(space: AddressSpace, id: number): AioContext | undefined {
    const contexts = this.#spaces.get(space);
    const context = contexts?.get(id);
    contexts?.delete(id);
    return context;
  }
}
