/**
 * Segments that hold what long runs of private pages were when a process forked: the child maps them
 * private, so that a page which neither touches costs one copy and no fault.
 *
 * They are used again once nobody shows them: writing to pages that are there takes half as long as
 * getting new ones. Every mapping shows only bytes that were written for it, and a segment is cut to
 * what is written.
 */

import { SegmentOwner } from './mapping.ts';
import type { MemorySegment, PageHost } from './page-host.ts';

/** What may lie idle. */
const IDLE_BYTES = 16 * 2 ** 20;
const IDLE_SEGMENTS = 8;

export class Snapshots {
  readonly #host: PageHost;
  readonly #idle: MemorySegment[] = [];
  #idleBytes = 0;

  constructor(host: PageHost) {
    this.#host = host;
  }

  /** A segment of exactly `bytes`, with a reference for the caller; undefined: the host has none. */
  take(bytes: number): SegmentOwner | undefined {
    const segment = this.#takeIdle(bytes) ?? this.#host.createSegment('guest-fork', bytes);
    if (typeof segment === 'number') return undefined;
    const owner = new SegmentOwner(segment, () => this.#give(segment));
    owner.frozen = true;
    owner.retain();
    return owner;
  }

  #takeIdle(bytes: number): MemorySegment | undefined {
    const index = this.#idle.findIndex(({ sizeBytes }) => sizeBytes === bytes);
    const segment = index < 0 ? this.#idle.pop() : this.#idle.splice(index, 1)[0];
    if (segment === undefined) return undefined;
    this.#idleBytes -= segment.sizeBytes;
    if (segment.sizeBytes === bytes || segment.resize(bytes) === 0) return segment;
    segment[Symbol.dispose]();
    return undefined;
  }

  #give(segment: MemorySegment): void {
    const fits =
      this.#idle.length < IDLE_SEGMENTS && this.#idleBytes + segment.sizeBytes <= IDLE_BYTES;
    if (!fits) {
      segment[Symbol.dispose]();
      return;
    }
    this.#idle.push(segment);
    this.#idleBytes += segment.sizeBytes;
  }
}
