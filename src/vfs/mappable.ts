/**
 * File contents as memory that can be mapped. Structurally the `MemorySegment` and `PageHost` of
 * mm/page-host.ts, declared here because vfs/ knows nothing of mm/.
 */

import type { Errno } from '../abi/errno.table.ts';

export interface PageSegment extends Disposable {
  readonly sizeBytes: number;
  resize(sizeBytes: number): Errno | 0;
  read(offset: number, target: Uint8Array): Errno | 0;
  write(offset: number, source: Uint8Array): Errno | 0;
  /**
   * Copies from a file that the host knows by a descriptor, without a detour through this process: how
   * many bytes, fewer at the end of the file, or -errno. Missing: it cannot.
   */
  copyFrom?(offset: number, descriptor: number, position: number, length: number): number;
  punch(offset: number, length: number): Errno | 0;
  seal(): void;
}

/** Where file systems get segments from; `PageHost` is one. */
export interface SegmentSource {
  createSegment(name: string, sizeBytes: number): PageSegment | Errno;
}

/** Pages of a file that lie in a segment. */
export interface SegmentPages {
  readonly segment: PageSegment;
  /** Offset in the segment of the first page asked for; a multiple of 4096. */
  readonly offset: number;
}
