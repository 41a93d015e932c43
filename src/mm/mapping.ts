/** What an address space knows of one mapping, and how mappings are cut and joined. */

import { assert } from '../base/assert.ts';
import type { IntervalRules } from '../base/interval-map.ts';
import { LOCK, type LockKind } from './lock-kind.ts';
import type { MappedFile } from './mapped-file.ts';
import type { MemorySegment } from './page-host.ts';

/**
 * A segment with a count of the mappings that show it. Owned by mm (anonymous memory) or by a file,
 * which then stays open as long.
 */
export class SegmentOwner {
  readonly segment: MemorySegment;
  /** Frozen: some private mapping may show it, so nothing may write to it any more. */
  frozen = false;
  readonly #release: () => void;
  #count = 0;

  constructor(segment: MemorySegment, release: () => void) {
    this.segment = segment;
    this.#release = release;
  }

  retain(): void {
    this.#count++;
  }

  release(): void {
    assert(this.#count > 0, 'segment released too often');
    this.#count--;
    if (this.#count === 0) this.#release();
  }
}

export interface Mapping {
  readonly prot: number;
  /** What mprotect(2) may give at most. */
  readonly maxProt: number;
  /** MAP_SHARED. */
  readonly shared: boolean;
  readonly growsDown: boolean;
  readonly locked: LockKind;
  /** mseal(2): neither moved, unmapped, replaced nor given other rights, for good. */
  readonly sealed: boolean;
  readonly label: string;
  readonly file: MappedFile | undefined;
  readonly fileOffset: number;
  /** `contentVersion` of the file when it was mapped. */
  readonly contentVersion: string | undefined;
  /** Where the pages come from; undefined: anonymous zero pages. */
  readonly source: SegmentOwner | undefined;
  /** Offset in the segment of the first page. */
  readonly sourceOffset: number;
  /**
   * The host maps it MAP_SHARED. For guest-private memory: nobody else shows this part of the
   * segment yet, so writes go straight into it (until a fork freezes it).
   */
  readonly hostShared: boolean;
  /** The pages are always there: JavaScript may touch them where `prot` allows. */
  readonly direct: boolean;
  /** MADV_DONTFORK and MADV_WIPEONFORK. */
  readonly onFork: 'copy' | 'omit' | 'wipe';
}

export const ANONYMOUS: Mapping = {
  prot: 0,
  maxProt: 7,
  shared: false,
  growsDown: false,
  locked: LOCK.none,
  sealed: false,
  label: '',
  file: undefined,
  fileOffset: 0,
  contentVersion: undefined,
  source: undefined,
  sourceOffset: 0,
  hostShared: false,
  direct: true,
  onFork: 'copy',
};

export const MAPPING_RULES: IntervalRules<Mapping> = {
  split(mapping, delta) {
    mapping.source?.retain();
    mapping.file?.addReference();
    return shifted(mapping, delta);
  },
  joins(left, length, right) {
    return (
      left.prot === right.prot &&
      left.maxProt === right.maxProt &&
      left.shared === right.shared &&
      left.growsDown === right.growsDown &&
      left.locked === right.locked &&
      left.sealed === right.sealed &&
      left.label === right.label &&
      left.file === right.file &&
      left.contentVersion === right.contentVersion &&
      (left.file === undefined || left.fileOffset + length === right.fileOffset) &&
      left.source === right.source &&
      (left.source === undefined || left.sourceOffset + length === right.sourceOffset) &&
      left.hostShared === right.hostShared &&
      left.direct === right.direct &&
      left.onFork === right.onFork
    );
  },
  joined: releaseMapping,
};

/** The mapping as it is `delta` bytes further on; takes no references. */
export function shifted(mapping: Mapping, delta: number): Mapping {
  if (delta === 0) return mapping;
  return {
    ...mapping,
    fileOffset: mapping.file ? mapping.fileOffset + delta : 0,
    sourceOffset: mapping.source ? mapping.sourceOffset + delta : 0,
  };
}

/**
 * What follows a mapping when it grows: zeros where its segment is frozen, since the bytes there are
 * others'.
 */
export function continuation(mapping: Mapping): Mapping {
  if (mapping.source?.frozen !== true || mapping.file !== undefined) return mapping;
  return { ...mapping, source: undefined, sourceOffset: 0, hostShared: false };
}

export function retainMapping(mapping: Mapping): void {
  mapping.source?.retain();
  mapping.file?.addReference();
}

export function releaseMapping(mapping: Mapping): void {
  mapping.source?.release();
  mapping.file?.dropReference();
}
