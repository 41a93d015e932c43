/**
 * Large private anonymous memory of one process, in a memfd of its own that is mapped shared while
 * nobody else sees it. A fork freezes the memfd and maps it private on both sides, which costs the
 * same for any size (docs/memory.md).
 */

import type { Mapping } from './mapping.ts';
import { SegmentOwner } from './mapping.ts';
import type { NewSegment, PageHost } from './page-host.ts';
import { LARGE_PAGE } from './page-math.ts';

/** Each mapping has a window of the file of its own, so that mremap can grow it in place. */
const WINDOW_BYTES = 2 ** 33;
/** The file is sparse; 2^46 bytes are 8,192 windows. */
const FILE_BYTES = 2 ** 46;

export class OwnMemory {
  readonly #host: PageHost;
  #owner: SegmentOwner | undefined;
  #segment: NewSegment | undefined;
  #next = 0;

  constructor(host: PageHost) {
    this.#host = host;
  }

  /**
   * A window for what is mapped at `addr`, where large pages of the file can be large pages of the mapping;
   * undefined when the host gives no memfd (the caller takes plain memory).
   */
  allocate(
    addr: number,
  ): { readonly source: SegmentOwner; readonly sourceOffset: number } | undefined {
    if (this.#next >= FILE_BYTES) this.renew();
    if (this.#owner === undefined) {
      const segment = this.#host.createSegment('guest-memory', FILE_BYTES);
      if (typeof segment === 'number') return undefined;
      this.#owner = new SegmentOwner(segment, () => segment[Symbol.dispose]());
      this.#owner.retain();
      this.#segment = segment;
      this.#next = 0;
    }
    const sourceOffset = this.#next + (addr % LARGE_PAGE);
    this.#next += WINDOW_BYTES;
    return { source: this.#owner, sourceOffset };
  }

  /** A fork shows all of it: nothing is written there any more, and new memory lies in another file. */
  freeze(): void {
    this.#segment?.freeze();
    this.renew();
  }

  /** Memory from now on lies in another file. */
  renew(): void {
    this.#owner?.release();
    this.#owner = undefined;
    this.#segment = undefined;
    this.#next = 0;
  }

  /** A mapping is going away: gives its pages back unless a fork may still show them. */
  freed(mapping: Mapping, length: number): void {
    if (!isOwn(mapping) || mapping.source?.frozen) return;
    mapping.source?.segment.punch(mapping.sourceOffset, length);
  }

  [Symbol.dispose](): void {
    this.renew();
  }
}

/** Guest-private memory that the host maps shared. */
export function isOwn(mapping: Mapping): boolean {
  return mapping.hostShared && !mapping.shared;
}
