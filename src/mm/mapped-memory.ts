/**
 * The map of mappings of an address space, the real pages that follow from it, and what can be asked
 * of it. Changes that mmap(2) and friends describe: guest-address-space.ts.
 */

import { PROT } from '../abi/mman.ts';
import { assert } from '../base/assert.ts';
import type { Interval, IntervalMap } from '../base/interval-map.ts';
import type { Area, MemoryUsage } from './address-space.ts';
import { isCharged, type MemoryBudget } from './budget.ts';
import { GuestMemory, type WordScratch } from './guest-memory.ts';
import type { Mapping } from './mapping.ts';
import type { SandboxPages } from './page-host.ts';
import { PAGE, roundUp } from './page-math.ts';
import { usageOf } from './usage.ts';

const LIMIT = 2 ** 32;

export abstract class MappedMemory extends GuestMemory {
  generation = 0;
  mappedPages = 0;
  peakPages = 0;

  readonly budget: MemoryBudget;

  constructor(
    pages: SandboxPages,
    mappings: IntervalMap<Mapping>,
    budget: MemoryBudget,
    scratch: WordScratch,
  ) {
    super(pages, mappings, scratch);
    this.budget = budget;
  }

  /** The bytes of a range change: translations of them are stale. */
  abstract codeChanged(addr: number, length: number): void;

  /** What this space counts for in the budget. */
  chargedBytes(): number {
    let bytes = 0;
    for (const { start, end, value } of this.mappings) if (isCharged(value)) bytes += end - start;
    return bytes;
  }

  /** The map itself, for the parts of mm/ in other files. */
  get mappingTable(): IntervalMap<Mapping> {
    return this.mappings;
  }

  // ---- real pages

  /**
   * Real pages as the mapping says, for its first `shownBytes` bytes; those behind (beyond the end
   * of the file) stay inaccessible. 0 or -errno.
   */
  showPages(
    addr: number,
    length: number,
    mapping: Mapping,
    shownBytes = length,
    isPopulated = false,
  ): number {
    const { source, prot } = mapping;
    if (shownBytes < length) {
      const failed = this.pages.unmap(addr + shownBytes, length - shownBytes);
      if (failed !== 0) return -failed;
    }
    if (shownBytes === 0) return 0;
    const sharing = mapping.hostShared ? 'shared' : 'private';
    const failed =
      source === undefined
        ? this.pages.mapAnonymous(addr, shownBytes, prot, isPopulated)
        : this.pages.mapSegment(
            addr,
            shownBytes,
            prot,
            source.segment,
            mapping.sourceOffset,
            sharing,
            isPopulated,
          );
    return failed === 0 ? 0 : -failed;
  }

  /** Host permissions of a range: the guest's, without writing where code is write-protected. */
  hostProtect(addr: number, length: number, prot: number, mapping: Mapping): number {
    if (mapping.file !== undefined) {
      // Pages beyond the end of the file are a reservation: they must stay inaccessible.
      const shown = this.shownBytes(mapping, length);
      if (shown === 0) return 0;
      length = Math.min(length, shown);
    }
    const failed = this.pages.protect(addr, length, prot);
    if (failed !== 0) return -failed;
    const { writeProtected } = this;
    if ((prot & PROT.PROT_WRITE) === 0 || writeProtected.isEmpty) return 0;
    const end = (addr + length) / PAGE;
    let page = writeProtected.firstIn(addr / PAGE, end);
    for (; page >= 0; page = writeProtected.firstIn(page + 1, end))
      this.pages.protect(page * PAGE, PAGE, prot & ~PROT.PROT_WRITE);
    return 0;
  }

  /** Host permissions as the map says, after pages were mapped anew. */
  protectAgain(start: number, end: number): void {
    if (this.writeProtected.isEmpty) return;
    for (const piece of this.mappings.overlapping(start, end)) {
      const from = Math.max(piece.start, start);
      this.hostProtect(from, Math.min(piece.end, end) - from, piece.value.prot, piece.value);
    }
  }

  /** How much of `length` bytes of a mapping the file has pages for. */
  shownBytes(mapping: Mapping, length: number): number {
    const { file, source, sourceOffset } = mapping;
    if (file === undefined) return length;
    if (mapping.shared && source)
      if (source.segment.sizeBytes <= sourceOffset + roundUp(file.size() - mapping.fileOffset))
        return length;
    return Math.min(length, Math.max(0, roundUp(file.size() - mapping.fileOffset)));
  }

  // ---- queries

  areaAt(addr: number): Area | undefined {
    const found = this.mappings.find(addr);
    return found && toArea(found);
  }

  areas(prot = 0): Iterable<Area> {
    const all: Area[] = [];
    for (const item of this.mappings) if ((item.value.prot & prot) === prot) all.push(toArea(item));
    return all;
  }

  usage(): MemoryUsage {
    return usageOf(this.mappings, this.peakPages);
  }

  permits(addr: number, length: number, prot: number): boolean {
    if (addr < 0 || addr + length > LIMIT) return false;
    return this.mappings.covers(addr, addr + length, (mapping) => (mapping.prot & prot) === prot);
  }

  sharedIdentity(addr: number): { readonly owner: object; readonly offset: number } | undefined {
    const found = this.mappings.find(addr);
    if (found === undefined || !found.value.shared) return undefined;
    const { source, sourceOffset } = found.value;
    if (source === undefined) return undefined;
    return { owner: source.segment, offset: sourceOffset + addr - found.start };
  }

  bytesIn(start: number, end: number): number {
    return this.mappings.lengthIn(start, end);
  }

  // ---- kernel writes to pages that the guest may not write

  peek(addr: number, target: Uint8Array): number {
    if (this.direct(addr, target.length, false) !== undefined) return this.copyIn(addr, target);
    return this.#withAccess(addr, target.length, PROT.PROT_READ, () => this.copyIn(addr, target));
  }

  poke(addr: number, source: Uint8Array): number {
    return this.#withAccess(addr, source.length, PROT.PROT_READ | PROT.PROT_WRITE, () =>
      this.copyOut(addr, source),
    );
  }

  /** Runs `copy` while the pages of the range have at least `prot` for the host. */
  #withAccess(addr: number, length: number, prot: number, copy: () => number): number {
    if (length === 0) return 0;
    const start = Math.floor(addr / PAGE) * PAGE;
    const end = roundUp(addr + length);
    const opened: Interval<Mapping>[] = [];
    for (const piece of this.mappings.overlapping(start, end)) {
      if ((piece.value.prot & prot) === prot) continue;
      if (piece.value.shared && (prot & PROT.PROT_WRITE) !== 0) continue;
      const from = Math.max(piece.start, start);
      const to = Math.min(piece.end, end);
      opened.push({ start: from, end: to, value: piece.value });
      const failed = this.pages.protect(from, to - from, piece.value.prot | prot);
      assert(failed === 0, 'cannot open pages for the kernel');
    }
    if ((prot & PROT.PROT_WRITE) !== 0) this.codeChanged(addr, length);
    const result = copy();
    for (const piece of opened)
      this.hostProtect(piece.start, piece.end - piece.start, piece.value.prot, piece.value);
    return result;
  }

  setWriteProtect(addr: number, length: number, on: boolean): number {
    const start = Math.floor(addr / PAGE) * PAGE;
    const end = roundUp(addr + length);
    for (let page = start / PAGE; page < end / PAGE; page++) {
      if (on) this.writeProtected.add(page);
      else this.writeProtected.delete(page);
    }
    for (const piece of this.mappings.overlapping(start, end)) {
      if ((piece.value.prot & PROT.PROT_WRITE) === 0) continue;
      const from = Math.max(piece.start, start);
      const to = Math.min(piece.end, end);
      const prot = on ? piece.value.prot & ~PROT.PROT_WRITE : piece.value.prot;
      const failed = this.pages.protect(from, to - from, prot);
      if (failed !== 0) return -failed;
    }
    return 0;
  }

  isWriteProtected(addr: number): boolean {
    return this.writeProtected.has(Math.floor(addr / PAGE));
  }

  /** The page numbers, for a fork. */
  get protectedPages(): Iterable<number> {
    return this.writeProtected;
  }

  protected announceWrite(addr: number, length: number): void {
    this.codeChanged(addr, length);
    // Without an observer, or one that keeps the protection, the write must still succeed.
    if (this.writeProtected.has(addr / PAGE)) this.setWriteProtect(addr, length, false);
  }

  // ---- the map of mappings, for the parts of mm/

  changed(): void {
    this.generation++;
    this.forgetLast();
  }

  insertMapping(start: number, end: number, mapping: Mapping): void {
    const before = this.mappings.size;
    this.mappings.insert(start, end, mapping);
    this.budget.changeAreas(this.mappings.size - before);
    this.mappedPages += (end - start) / PAGE;
    if (isCharged(mapping)) this.budget.change(end - start);
    this.peakPages = Math.max(this.peakPages, this.mappedPages);
    this.changed();
  }

  /** All mappings of an empty space at once; their pages are there. */
  adoptMappings(items: Interval<Mapping>[], pages: number, chargedBytes: number): void {
    this.mappings.fill(items);
    this.budget.changeAreas(items.length);
    this.budget.change(chargedBytes);
    this.mappedPages = pages;
    this.peakPages = Math.max(this.peakPages, pages);
    this.changed();
  }

  /** Takes mappings out; the caller releases them or puts them back. */
  removeMappings(start: number, end: number): Interval<Mapping>[] {
    const before = this.mappings.size;
    const pieces = this.mappings.remove(start, end);
    this.budget.changeAreas(this.mappings.size - before);
    let hadCode = false;
    for (const piece of pieces) {
      this.mappedPages -= (piece.end - piece.start) / PAGE;
      if (isCharged(piece.value)) this.budget.change(piece.start - piece.end);
      if ((piece.value.prot & PROT.PROT_EXEC) !== 0) hadCode = true;
    }
    this.changed();
    if (hadCode || !this.writeProtected.isEmpty) this.dropCode(start, end, hadCode);
    return pieces;
  }

  /** The range is not code any more: its translations and their write-protection go. */
  dropCode(start: number, end: number, hadCode = true): void {
    const wasProtected = this.writeProtected.deleteRange(start / PAGE, end / PAGE);
    if (hadCode || wasProtected) this.codeChanged(start, end - start);
  }

  /** Replaces the values of mappings in a range; pages stay as they are. */
  edit(start: number, end: number, change: (mapping: Mapping) => Mapping): void {
    const before = this.mappings.size;
    for (const piece of this.mappings.remove(start, end))
      this.mappings.insert(piece.start, piece.end, change(piece.value));
    this.budget.changeAreas(this.mappings.size - before);
    this.changed();
  }
}

function toArea(item: Interval<Mapping>): Area {
  const { start, end, value } = item;
  const { prot, shared, growsDown, locked, sealed, onFork } = value;
  const { file, fileOffset, contentVersion, label } = value;
  return {
    ...{ start, end, prot, shared, growsDown, locked, sealed, onFork },
    ...{ file, fileOffset, contentVersion, label },
  };
}
