/**
 * What a fresh address space shows after a program was loaded into it, to be shown again in the space
 * of the next process at once: the same requests would be looked up, admitted and joined one by one.
 *
 * Only what is the same for every process of the instance can be kept: pages of files that have not
 * changed, and zero pages.
 */

import { assert } from '../base/assert.ts';
import type { Interval } from '../base/interval-map.ts';
import type { GuestAddressSpace } from './guest-address-space.ts';
import type { MappedFile } from './mapped-file.ts';
import { type Mapping, releaseMapping, retainMapping } from './mapping.ts';
import { isOwn } from './own-memory.ts';
import { PROT_WRITE, type ShownPages } from './page-host.ts';
import { PAGE } from './page-math.ts';
import { MODULE_TOP } from './placement.ts';

/** Larger pieces are not faulted in at once; as for single requests. */
export const POPULATE_LIMIT_BYTES = 16 * PAGE;

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly shownBytes: number;
  readonly mapping: Mapping;
  /** Which of the files that the caller brings, -1: the one of the mapping, or none. */
  readonly file: number;
}

/** Pieces that the host maps in one: nothing that it knows of tells them apart. */
interface Stretch {
  readonly pieces: Piece[];
  length: number;
}

/** The part of a file that the pieces show. */
interface Extent {
  low: number;
  high: number;
}

export interface SpaceTemplate {
  readonly pieces: readonly Piece[];
  readonly stretches: readonly Stretch[];
  readonly extents: readonly Extent[];
  /** What of it is shown read-only, as the host knows it. */
  readonly readOnly: readonly ShownPages[];
  readonly pages: number;
  readonly chargedBytes: number;
}

/**
 * Of a space that nothing ran in yet. `files`: opened anew by each process, which answers for it that they
 * are what they were. Undefined: cannot be.
 */
export function takeTemplate(
  space: GuestAddressSpace,
  files: readonly MappedFile[],
): SpaceTemplate | undefined {
  const pieces: Piece[] = [];
  const extents = files.map(() => ({ low: Number.POSITIVE_INFINITY, high: 0 }));
  for (const { start, end, value } of space.mappingTable) {
    const file = value.file === undefined ? -1 : files.indexOf(value.file);
    if (!isRepeatable(value, file) || (value.file !== undefined && end > MODULE_TOP))
      return undefined;
    const shownBytes = space.shownBytes(value, end - start);
    const mapping = file < 0 ? value : { ...value, file: undefined };
    pieces.push({ start, end, shownBytes, mapping, file });
    const extent = extents[file];
    if (extent === undefined) continue;
    extent.low = Math.min(extent.low, value.fileOffset);
    extent.high = Math.max(extent.high, value.fileOffset + Math.max(PAGE, shownBytes));
  }
  const chargedBytes = space.chargedBytes();
  const stretches = stretchesOf(pieces);
  const readOnly = [...space.pages.shown];
  return { pieces, stretches, extents, readOnly, pages: space.mappedPages, chargedBytes };
}

function stretchesOf(pieces: readonly Piece[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const piece of pieces) {
    const last = stretches.at(-1);
    const length = piece.end - piece.start;
    if (last !== undefined && goesOn(last, piece)) {
      last.pieces.push(piece);
      last.length += length;
    } else stretches.push({ pieces: [piece], length });
  }
  return stretches;
}

/** Headers, code and constants of a program: to the host all of them are private and read-only. */
function goesOn({ pieces, length }: Stretch, next: Piece): boolean {
  const first = pieces[0] as Piece;
  const last = pieces.at(-1) as Piece;
  const isWhole = (piece: Piece) => piece.shownBytes === piece.end - piece.start;
  return (
    last.end === next.start &&
    isWhole(last) &&
    isWhole(next) &&
    isReadOnly(first.mapping) &&
    isReadOnly(next.mapping) &&
    first.mapping.source?.segment === next.mapping.source?.segment &&
    first.mapping.sourceOffset + length === next.mapping.sourceOffset &&
    isPopulated(length) === isPopulated(next.end - next.start) &&
    isPopulated(length) === isPopulated(length + next.end - next.start)
  );
}

const isReadOnly = ({ prot, source, hostShared }: Mapping): boolean =>
  source !== undefined && !hostShared && prot !== 0 && (prot & PROT_WRITE) === 0;

const isPopulated = (bytes: number): boolean => bytes <= POPULATE_LIMIT_BYTES;

function isRepeatable(mapping: Mapping, file: number): boolean {
  const { source } = mapping;
  if (mapping.file === undefined)
    return !mapping.shared && (source === undefined || isOwn(mapping));
  if (file < 0 && mapping.file.contentKey === undefined) return mapping.shared;
  return source !== undefined && !mapping.shared;
}

/**
 * Shows it in an empty space, with other openings of the same files. False: it cannot be, or some
 * limit has to be looked at; the space is empty then.
 */
export function showTemplate(
  space: GuestAddressSpace,
  template: SpaceTemplate,
  files: readonly MappedFile[],
): boolean {
  assert(space.mappingTable.size === 0 && files.length === template.extents.length);
  const { pieces, chargedBytes } = template;
  const { budget } = space;
  const isLimited =
    space.limitAddressSpace !== Number.POSITIVE_INFINITY ||
    space.limitData !== Number.POSITIVE_INFINITY;
  if (isLimited || !budget.admits(chargedBytes) || !budget.admitsAreas(pieces.length + 2))
    return false;
  if (!haveSamePages(template, files)) return false;
  space.pages.expect(template.readOnly);
  const items: Interval<Mapping>[] = [];
  for (let i = 0; i < template.stretches.length; i++)
    if (!showStretch(space, template.stretches[i] as Stretch, files, items)) {
      takeBack(space, template, items);
      return false;
    }
  space.adoptMappings(items, template.pages, chargedBytes);
  return true;
}

function showStretch(
  space: GuestAddressSpace,
  { pieces, length }: Stretch,
  files: readonly MappedFile[],
  items: Interval<Mapping>[],
): boolean {
  const before = items.length;
  for (let n = 0; n < pieces.length; n++) {
    const { start, end, mapping, file } = pieces[n] as Piece;
    const value = valueFor(space, start, mapping, file < 0 ? mapping.file : files[file]);
    if (value === undefined) {
      items.length = before;
      return false;
    }
    items.push({ start, end, value });
  }
  const { start, value } = items[before] as Interval<Mapping>;
  const shownBytes = pieces.length === 1 ? (pieces[0] as Piece).shownBytes : length;
  const failed = space.showPages(start, length, value, shownBytes, isPopulated(length)) < 0;
  if (failed) items.length = before;
  for (let n = before; n < items.length; n++) retainMapping((items[n] as Interval<Mapping>).value);
  return !failed;
}

/** The mapping as this space has it; undefined: the host has no memory for it. */
function valueFor(
  space: GuestAddressSpace,
  start: number,
  mapping: Mapping,
  file: MappedFile | undefined,
): Mapping | undefined {
  if (!isOwn(mapping)) return file === mapping.file ? mapping : { ...mapping, file };
  const own = space.own.allocate(start);
  return own && { ...mapping, ...own };
}

/** The pages lie where they lay: a file system may have given them up meanwhile. */
function haveSamePages(template: SpaceTemplate, files: readonly MappedFile[]): boolean {
  const { pieces, extents } = template;
  for (let n = 0; n < files.length; n++) {
    const { low, high } = extents[n] as Extent;
    if (high === 0) continue;
    const pages = (files[n] as MappedFile).pages(low, high - low);
    if (typeof pages !== 'object') return false;
    for (let i = 0; i < pieces.length; i++) {
      const { file, mapping } = pieces[i] as Piece;
      if (file !== n) continue;
      if (mapping.source?.segment !== pages.segment) return false;
      if (mapping.sourceOffset !== pages.offset + mapping.fileOffset - low) return false;
    }
  }
  return true;
}

/** What the sandbox had before it was mapped goes, too. */
function takeBack(
  space: GuestAddressSpace,
  { pieces }: SpaceTemplate,
  items: readonly Interval<Mapping>[],
): void {
  for (const { start, end } of pieces) {
    const cleared = space.pages.unmap(start, end - start);
    assert(cleared === 0, 'cannot take back a mapping');
  }
  for (const { value } of items) releaseMapping(value);
}
