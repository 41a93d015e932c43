/** Where the pages of a new mapping come from. */

import { ENODEV, type Errno } from '../abi/errno.table.ts';
import type { MapRequest } from './address-space.ts';
import type { GuestAddressSpace } from './guest-address-space.ts';
import type { MappedFile } from './mapped-file.ts';
import { SegmentOwner } from './mapping.ts';
import { PROT_READ, PROT_WRITE } from './page-host.ts';
import { PAGE, roundUp } from './page-math.ts';

/**
 * From this size on, private anonymous memory lies in a memfd: a first touch costs more (measured:
 * 2.1 against 1.3 µs a page), a fork of it nothing.
 */
export const OWN_MEMORY_BYTES = 256 * 1024;

export interface Backing {
  readonly source: SegmentOwner | undefined;
  readonly sourceOffset: number;
  readonly hostShared: boolean;
  readonly direct: boolean;
  /** Pages behind these do not exist (end of file). */
  readonly shownBytes: number;
  /** Copies the contents in; 0 or -errno. */
  readonly fill?: (addr: number) => number;
}

/** The backing, or -errno. */
export function chooseBacking(
  space: GuestAddressSpace,
  request: MapRequest,
  addr: number,
  length: number,
): Backing | number {
  if (request.file) return fileBacking(space, request, request.file, length);
  if (request.shared) return sharedBacking(space, length);
  const own = wantsOwnMemory(request, length) ? space.own.allocate(addr) : undefined;
  if (own) return { ...own, hostShared: true, direct: true, shownBytes: length };
  return {
    source: undefined,
    sourceOffset: 0,
    hostShared: false,
    direct: true,
    shownBytes: length,
  };
}

export function wantsOwnMemory(request: MapRequest, length: number): boolean {
  return (
    length >= OWN_MEMORY_BYTES &&
    !request.file &&
    !request.shared &&
    (request.prot & PROT_WRITE) !== 0 &&
    request.growsDown !== true
  );
}

function sharedBacking(space: GuestAddressSpace, length: number): Backing | number {
  const segment = space.context.host.createSegment('shared-anonymous', length);
  if (typeof segment === 'number') return -segment;
  const source = new SegmentOwner(segment, () => segment[Symbol.dispose]());
  return { source, sourceOffset: 0, hostShared: true, direct: true, shownBytes: length };
}

function fileBacking(
  space: GuestAddressSpace,
  request: MapRequest,
  file: MappedFile,
  length: number,
): Backing | number {
  const { fileOffset = 0, shared = false } = request;
  const inFile = Math.max(0, roundUp(file.size() - fileOffset));
  const shownBytes = Math.min(length, inFile);
  const pages = file.pages(fileOffset, Math.max(PAGE, shownBytes));
  if (typeof pages === 'number') return pages;
  if (pages === undefined) {
    if (shared && (request.prot & PROT_WRITE) !== 0) return -ENODEV;
    const fill = (addr: number) =>
      fillFrom(space, file, fileOffset, addr, shownBytes, request.prot);
    return {
      source: undefined,
      sourceOffset: 0,
      hostShared: false,
      direct: shownBytes === length,
      shownBytes,
      fill,
    };
  }
  const { segment, offset } = pages;
  // Behind the end of the segment the host faults by itself, and shows what a growing file gets.
  const endsWithFile = segment.sizeBytes <= offset + inFile;
  return {
    source: new SegmentOwner(segment, () => undefined),
    sourceOffset: offset,
    hostShared: shared,
    direct: file.contentKey !== undefined && shownBytes === length,
    shownBytes: shared && endsWithFile ? length : shownBytes,
  };
}

/** Copies a file without pages of its own into fresh anonymous memory. */
function fillFrom(
  space: GuestAddressSpace,
  file: MappedFile,
  fileOffset: number,
  addr: number,
  length: number,
  prot: number,
): number {
  if (length === 0) return 0;
  const opened = space.pages.protect(addr, length, PROT_READ | PROT_WRITE);
  if (opened !== 0) return -opened;
  const buffer = new Uint8Array(Math.min(length, 64 * PAGE));
  for (let done = 0; done < length; ) {
    const got = file.readAt(fileOffset + done, buffer.subarray(0, length - done));
    if (got < 0) return got;
    if (got === 0) break;
    space.pages.copyOut(addr + done, buffer.subarray(0, got));
    done += got;
  }
  const closed: Errno | 0 = space.pages.protect(addr, length, prot);
  return closed === 0 ? 0 : -closed;
}
