/**
 * A file as memory maps see it. Implemented by file systems; mm keeps a reference for as long as a
 * mapping lives.
 */

import type { MemorySegment } from './page-host.ts';

/** Pages of a file that lie in a segment and can be mapped. */
export interface FilePages {
  readonly segment: MemorySegment;
  /** Offset in the segment of the first page asked for; a multiple of 4096. */
  readonly offset: number;
}

export interface MappedFile {
  /** For /proc/PID/maps. */
  readonly path: Uint8Array;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly inode: number;
  /**
   * Names the bytes for good (digest, or inode and version): two mappings with the same key and
   * offset show the same bytes, so translations of them are shared. Undefined when they may change.
   */
  readonly contentKey: string | undefined;
  /**
   * Names the bytes as they are now; another value once they changed. Equal to `contentKey` where
   * that is defined. Missing or undefined: nothing is known, every mapping counts as different.
   */
  readonly contentVersion?: string | undefined;
  /** Size in bytes now; accesses to whole pages beyond it raise SIGBUS. */
  size(): number;
  /**
   * Memory that holds [offset, offset + length) of the file; the rest of the last page reads as
   * zeros, the segment may end there (SIGBUS behind it). Undefined: this file has no such memory;
   * private mappings copy it with `readAt`, shared ones fail with ENODEV. -errno on failure.
   */
  pages(offset: number, length: number): FilePages | undefined | number;
  /** Bytes read, or -errno. */
  readAt(offset: number, target: Uint8Array): number;
  /** Called when a mapping begins (and at fork) and when it ends. */
  addReference(): void;
  dropReference(): void;
  /** A shared writable mapping was made or synced: the file's mtime may have changed. */
  noteSharedWrite(): void;
  /** Makes what shared mappings have stored durable. 0 or -errno. */
  sync(): number;
}
