/** What the platform keeps for an address space: its translation domain, and source pages. */

import type { Domain } from '../cpu/cache/domain.ts';
import type { ModulePlace, SourceCheck } from '../cpu/cache/unit-store.ts';
import { MOVABLE_LIMIT, type Unit } from '../cpu/translate/unit.ts';
import type { CodeSource } from '../cpu/translate/window.ts';
import { type AddressSpace, type Area, directIndex } from '../mm/address-space.ts';
import { PROT_EXEC, PROT_WRITE } from '../mm/page-host.ts';
import { type Group, isSharable } from './domains.ts';
import { WrittenPages } from './written-pages.ts';

const PAGE_BYTES = 4096;
const NOTHING = new Uint8Array(0);
/** Source that is copied and compared at once. */
const MAX_SPAN = 1 << 16;

export class SpaceState implements CodeSource, SourceCheck {
  readonly space: AddressSpace;
  readonly written = new WrittenPages();
  domain: Domain;
  /** Counts replacements of the domain. */
  generation = 0;
  /** Made when first needed: most programs run what others had translated. */
  private scratch = NOTHING;
  private seenAt = 0;
  /** The area asked for last, as long as the map stays the same. */
  private areaStart = 0;
  private areaEnd = 0;
  private areaGeneration = -1;
  private areaIsShared = false;
  private areaIsWritable = false;
  private areaIsAnonymous = false;
  private areaPlace: ModulePlace | undefined;

  /** The group that the domain belongs to; undefined: it is this space's and its forks' alone. */
  group: Group | undefined;

  /** The address space is gone. */
  isReleased = false;

  constructor(space: AddressSpace, domain: Domain, group: Group | undefined) {
    this.space = space;
    this.domain = domain;
    this.attach(domain, group);
  }

  /** Others use the domain, too. */
  get sharesDomain(): boolean {
    return this.group !== undefined || this.domain.users > 1;
  }

  attach(domain: Domain, group: Group | undefined): void {
    this.domain = domain;
    this.group = group;
    domain.users++;
    this.generation++;
    domain.tables.mapBelow(this.space.pages.base);
  }

  /**
   * Pages that are written often, and pages of shared memory: others write those through mappings of
   * their own, which no protection here would stop.
   */
  isSelfChecking(page: number): boolean {
    if (!this.findArea(page * PAGE_BYTES)) return false;
    return this.areaIsShared || (this.areaIsWritable && this.written.isChecked(page));
  }

  hasLiveImmediate(rip: number): boolean {
    const { written } = this;
    if (written.hasLiveImmediate(rip)) return true;
    return written.isRewritten && this.findArea(rip) && this.areaIsAnonymous;
  }

  /** Protects first, reads then: no write can slip in between. */
  fetchPage(page: number, target: Uint8Array): boolean {
    return this.protect(page) && this.space.peek(page * PAGE_BYTES, target) >= 0;
  }

  /** Where fetching at `rip` faults: an instruction that crosses into a closed page does so there. */
  firstUnfetchable(rip: number): number {
    const page = Math.floor(rip / PAGE_BYTES);
    const isOpen = this.fetchPage(page, new Uint8Array(PAGE_BYTES));
    return isOpen ? (page + 1) * PAGE_BYTES : rip;
  }

  moduleAt(addr: number): ModulePlace | undefined {
    return this.findArea(addr) ? this.areaPlace : undefined;
  }

  /** The module that all of `unit` was made from, if it is one. */
  moduleOf(unit: Unit): ModulePlace | undefined {
    const { ranges } = unit;
    if (ranges.length === 0) return undefined;
    const end = ranges.at(-2)! + ranges.at(-1)!;
    if (!this.findArea(unit.rip) || ranges[0]! < this.areaStart || end > this.areaEnd)
      return undefined;
    return this.areaPlace;
  }

  matches(unit: Unit): boolean {
    const { ranges } = unit;
    let done = -1;
    for (let n = 0; n < ranges.length; n += 2) {
      const last = Math.floor((ranges[n]! + ranges[n + 1]! - 1) / PAGE_BYTES);
      for (let page = Math.floor(ranges[n]! / PAGE_BYTES); page <= last; page++) {
        if (page === done) continue;
        if (!this.protect(page)) return false;
        done = page;
      }
    }
    return this.holdsSource(unit);
  }

  /** Does guest memory still hold what `unit` was made from? */
  holdsSource(unit: Unit): boolean {
    const { ranges, source } = unit;
    if (ranges.length === 0) return true;
    const first = ranges[0]!;
    const span = ranges.at(-2)! + ranges.at(-1)! - first;
    // Mostly all of it lies together: found once instead of once a range.
    const together = span > 0 && span <= MAX_SPAN ? this.seen(first, span) : undefined;
    const start = this.seenAt;
    let at = 0;
    for (let n = 0; n < ranges.length; n += 2) {
      const length = ranges[n + 1]!;
      const bytes = together ?? this.seen(ranges[n]!, length);
      if (bytes === undefined) return false;
      const from = together === undefined ? this.seenAt : start + (ranges[n]! - first);
      for (let k = 0; k < length; k++) if (bytes[from + k] !== source[at + k]) return false;
      at += length;
    }
    return true;
  }

  /** Guest memory, from index `seenAt` on; undefined where none can be read. */
  private seen(addr: number, length: number): Uint8Array | undefined {
    const direct = this.space.direct(addr, length, false);
    this.seenAt = direct === undefined ? 0 : directIndex(addr);
    if (direct !== undefined) return direct;
    if (length > this.scratch.length)
      this.scratch = new Uint8Array(Math.max(PAGE_BYTES, length * 2));
    const copy = this.scratch.subarray(0, length);
    return this.space.peek(addr, copy) < 0 ? undefined : this.scratch;
  }

  /** False: guest code may not be executed there. */
  private protect(page: number): boolean {
    const addr = page * PAGE_BYTES;
    const { space } = this;
    if (!space.permits(addr, PAGE_BYTES, PROT_EXEC)) return false;
    if (space.isWriteProtected(addr) || this.isSelfChecking(page)) return true;
    return space.setWriteProtect(addr, PAGE_BYTES, true) >= 0;
  }

  private findArea(addr: number): boolean {
    const { generation } = this.space;
    const isKnown = generation === this.areaGeneration;
    if (isKnown && addr >= this.areaStart && addr < this.areaEnd) return true;
    const area = this.space.areaAt(addr);
    if (!area) return false;
    this.areaGeneration = generation;
    this.areaStart = area.start;
    this.areaEnd = area.end;
    this.areaIsShared = area.shared && area.file?.contentKey === undefined;
    this.areaIsWritable = (area.prot & PROT_WRITE) !== 0;
    this.areaIsAnonymous = area.file === undefined && !area.shared;
    this.areaPlace = placeIn(area);
    return true;
  }
}

function placeIn(area: Area | undefined): ModulePlace | undefined {
  if (!area || !isSharable(area) || area.end > MOVABLE_LIMIT) return undefined;
  return { key: area.contentVersion as string, base: area.start - area.fileOffset };
}
