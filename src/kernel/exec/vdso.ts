/** The kernel's own shared object in every process (vdso(7)), with the page it reads the time from. */

import type { AddressSpace } from '../../mm/address-space.ts';
import type { MappedFile } from '../../mm/mapped-file.ts';
import type { MemorySegment } from '../../mm/page-host.ts';

const PAGE = 4096;
const READ = 1;
const READ_EXECUTE = 5;

/** Time page and code, one behind the other in one segment. */
export class VdsoImage {
  readonly #time: MappedFile;
  readonly #code: MappedFile;

  /** `segment` holds the time page at 0 and the shared object at 4096. */
  constructor(segment: MemorySegment) {
    this.#time = new SegmentFile(segment, undefined);
    this.#code = new SegmentFile(segment, 'cloister-vdso');
  }

  /** Maps both, then the first page as what changes; the address of the shared object for AT_SYSINFO_EHDR, 0 when that failed. */
  map(space: AddressSpace): number {
    const both = space.map({
      addr: 0,
      length: 2 * PAGE,
      prot: READ_EXECUTE,
      file: this.#code,
      label: '[vdso]',
      placement: 'module',
      populate: true,
    });
    if (both < 0) return 0;
    const time = space.map({
      addr: both,
      length: PAGE,
      prot: READ,
      shared: true,
      fixed: true,
      file: this.#time,
      label: '[vvar]',
      populate: true,
    });
    return time < 0 ? 0 : both + PAGE;
  }
}

/** The segment as a file that lives as long as the kernel. */
class SegmentFile implements MappedFile {
  readonly path: Uint8Array = new Uint8Array(0);
  readonly deviceMajor = 0;
  readonly deviceMinor = 0;
  readonly inode = 0;
  readonly contentKey: string | undefined;
  readonly #segment: MemorySegment;

  constructor(segment: MemorySegment, contentKey: string | undefined) {
    this.#segment = segment;
    this.contentKey = contentKey;
  }

  size(): number {
    return 2 * PAGE;
  }

  pages(offset: number): { segment: MemorySegment; offset: number } {
    return { segment: this.#segment, offset };
  }

  readAt(offset: number, target: Uint8Array): number {
    return this.#segment.read(offset, target) === 0 ? target.length : 0;
  }

  addReference(): void {
    // Never goes away.
  }

  dropReference(): void {
    // Never goes away.
  }

  noteSharedWrite(): void {
    // Guests cannot write it.
  }

  sync(): number {
    return 0;
  }
}
