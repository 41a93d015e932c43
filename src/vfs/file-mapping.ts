/** A file as memory maps see it: structurally the `MappedFile` of mm/mapped-file.ts. */

import { majorOf, minorOf } from '../abi/file-mode.ts';
import { bytesOf } from './byte-string.ts';
import type { SegmentPages } from './mappable.ts';
import type { OpenFile } from './open-file.ts';

export class FileMapping {
  readonly file: OpenFile;
  readonly #path: (file: OpenFile) => string;

  /** `path` gives the place as a byte string, for /proc/PID/maps. */
  constructor(file: OpenFile, path: (file: OpenFile) => string) {
    this.file = file;
    this.#path = path;
  }

  get path(): Uint8Array {
    return bytesOf(this.#path(this.file));
  }

  get deviceMajor(): number {
    return majorOf(this.file.inode.fs.dev);
  }

  get deviceMinor(): number {
    return minorOf(this.file.inode.fs.dev);
  }

  get inode(): number {
    return this.file.inode.ino;
  }

  get contentKey(): string | undefined {
    return this.file.inode.contentKey;
  }

  get contentVersion(): string | undefined {
    return this.file.inode.contentVersion;
  }

  size(): number {
    return this.file.inode.size;
  }

  pages(offset: number, length: number): SegmentPages | undefined | number {
    return this.file.inode.pages(offset, length);
  }

  readAt(offset: number, target: Uint8Array): number {
    return this.file.inode.readAt(offset, target, 0, target.length);
  }

  addReference(): void {
    this.file.retain();
  }

  dropReference(): void {
    this.file.release();
  }

  noteSharedWrite(): void {
    this.file.inode.noteSharedWrite();
  }

  sync(): number {
    return this.file.sync(true);
  }
}
