/**
 * A translation domain: the guest addresses that have translations, for one address space or for
 * several that see the same code (after fork). Owns the lookup tables and knows every reference to a
 * unit: entries, links, table slots; dropping a unit clears them all.
 */

import type { HostAddr } from '../../base/brand.ts';
import type { LookupTables } from '../code-host.ts';
import { TARGET } from '../sandbox/macros.ts';
import { LINK_INTS, type Unit } from '../translate/unit.ts';
import { AddressMap } from './address-map.ts';
import type { CodeSpace } from './code-space.ts';
import { LandingTable } from './landing-table.ts';
import type { LinkTable } from './link-table.ts';
import { WideTable } from './wide-table.ts';

/** A unit in code memory. */
export interface PlacedUnit {
  readonly unit: Unit;
  readonly offset: number;
  readonly domain: Domain;
  /** Bit n: execution may enter at offset n (the code verifier's answer). */
  readonly starts: Uint32Array;
  /** Number of its first link: links are numbered in the order of `unit.links`. */
  readonly firstLink: number;
  dead: boolean;
}

const NO_LINK = -1;
/** Addresses that execution went on at lately, by their low bits. */
const RECENT = 256;
const MAY_ENTER_BITS = 1 << 18;

export class Domain implements Disposable {
  readonly tables: LookupTables;
  readonly wide: WideTable;
  private readonly space: CodeSpace;
  /** Guest address → offset of its entry in code memory. */
  private readonly entries = new AddressMap();
  /**
   * Bit n: some address with these low bits has an entry, or had one. The translator asks at each
   * instruction; the map is asked, and missed in the processor's caches, for few of them.
   */
  private readonly mayEnter = new Uint32Array(MAY_ENTER_BITS / 32);
  /** Of `entries`, before the map is asked: address and offset by turns; offset 0 means none. */
  private readonly recent = new Int32Array(2 * RECENT);
  private readonly returns: LandingTable;
  private readonly jumps: LandingTable;
  /** Guest page → units made from it, dropped ones until the next sweep included. */
  private readonly byPage = new Map<number, PlacedUnit[]>();
  /** Guest address → links that go (or want to go) there: the last one, which leads to the others. */
  private readonly incoming = new AddressMap();
  private readonly links: LinkTable;
  /** Guest address → offset of the unit there that was dropped with its page since the last sweep. */
  private readonly parked = new AddressMap();
  /** Dropped ones until the next sweep included. */
  private units: PlacedUnit[] = [];
  /** Address spaces that use it. */
  users = 0;

  constructor(space: CodeSpace, links: LinkTable) {
    this.space = space;
    this.links = links;
    const missReturn = space.targetOffset(TARGET.missReturn);
    const missJump = space.targetOffset(TARGET.missJump);
    const tables = space.host.createTables(space.addressOf(missReturn), space.addressOf(missJump));
    this.tables = tables;
    const returns = {
      entries: tables.returns,
      set: (index: number, target: HostAddr) => tables.setReturn(index, target),
    };
    const jumps = {
      entries: tables.jumps,
      set: (index: number, target: HostAddr) => tables.setJump(index, target),
    };
    this.returns = new LandingTable(space, returns, missReturn);
    this.jumps = new LandingTable(space, jumps, missJump);
    this.wide = new WideTable(space.host);
  }

  /** The entry at the guest address with the low half `low` and no high one; 0: none found lately. */
  recentEntry(low: number): number {
    const { recent } = this;
    const slot = 2 * (low & (RECENT - 1));
    return recent[slot] === low ? recent[slot + 1]! : 0;
  }

  entryOf(rip: number): number | undefined {
    const low = rip | 0;
    const known = low >>> 0 === rip ? this.recentEntry(low) : 0;
    if (known !== 0) return known;
    const entry = this.entries.get(rip);
    if (entry !== undefined) {
      const slot = 2 * (low & (RECENT - 1));
      this.recent[slot] = low;
      this.recent[slot + 1] = entry;
    }
    return entry;
  }

  hasEntry(rip: number): boolean {
    const bit = rip & (MAY_ENTER_BITS - 1);
    return ((this.mayEnter[bit >> 5]! >>> (bit & 31)) & 1) === 1 && this.entries.has(rip);
  }

  /** Registers what a verified unit offers, and links both ways. */
  publish(placed: PlacedUnit): void {
    this.units.push(placed);
    this.register(placed);
  }

  /** Where what was placed for the address and dropped with its page may still be; undefined: nowhere. */
  parkedAt(rip: number): number | undefined {
    return this.parked.get(rip);
  }

  /** A dropped unit of this domain comes back in its place. */
  revive(placed: PlacedUnit): void {
    const { unit } = placed;
    placed.dead = false;
    // By what was found in the bytes that were verified: the translator's own records prove nothing.
    const end = placed.firstLink + unit.links.length / LINK_INTS;
    for (let link = placed.firstLink; link < end; link++) {
      const place = this.links.restore(link);
      // To its exit, as in a unit that was just placed.
      if (place >= 0) this.space.patchBranch(place, place + 4);
    }
    this.register(placed);
  }

  private register(placed: PlacedUnit): void {
    const { unit, offset } = placed;
    const { pages } = unit;
    for (let n = 0; n < pages.length; n++) {
      const units = this.byPage.get(pages[n]!);
      if (units) units.push(placed);
      else this.byPage.set(pages[n]!, [placed]);
    }
    const isThunk = unit.instructionCount === 0;
    if (!isThunk || unit.pages.length > 0) this.enter(placed, unit.rip, unit.entryAt);
    const { leaders, returns } = unit;
    for (let n = 0; n < leaders.length; n += 2) this.enter(placed, leaders[n]!, leaders[n + 1]!);
    // The tables lead to what the code verifier lets be entered, whatever the translator says.
    for (let n = 0; n < returns.length; n += 2)
      if (isStart(placed, returns[n + 1]!))
        this.returns.enter(returns[n]!, offset + returns[n + 1]!);
    if ((returns.length === 0 || !isThunk) && isStart(placed, unit.landingAt))
      this.jumps.add(unit.rip, offset + unit.landingAt);
    const { links } = unit;
    for (let n = 0; n < links.length; n += LINK_INTS)
      this.connect(placed.firstLink + n / LINK_INTS, links[n]!);
  }

  /** An entry that the code verifier accepted; the first one for an address stays. */
  private enter(placed: PlacedUnit, rip: number, at: number): void {
    const offset = placed.offset + at;
    if (!isStart(placed, at) || !this.entries.add(rip, offset)) return;
    const bit = rip & (MAY_ENTER_BITS - 1);
    this.mayEnter[bit >> 5]! |= 1 << (bit & 31);
    const { links } = this;
    for (let link = this.firstTo(rip); link !== NO_LINK; link = links.nextOf(link))
      this.space.patchBranch(links.placeOf(link), offset);
  }

  private firstTo(rip: number): number {
    return this.incoming.get(rip) ?? NO_LINK;
  }

  private connect(link: number, target: number): void {
    this.links.putBefore(link, this.firstTo(target));
    this.incoming.set(target, link);
    const entry = this.entries.get(target);
    if (entry !== undefined) this.space.patchBranch(this.links.placeOf(link), entry);
  }

  /** After a miss: lets the narrow table lead to a known landing; false when there is none. */
  learn(rip: number, kind: 'return' | 'jump'): boolean {
    return (kind === 'return' ? this.returns : this.jumps).learn(rip);
  }

  /** Nobody needs to stop reading the wide table for what `learnWide` does. */
  hasWideRoom(rip: number): boolean {
    return this.wide.hasRoom(rip);
  }

  learnWide(rip: number): void {
    const entry = this.entries.get(rip);
    if (entry !== undefined && rip !== 0) this.wide.set(rip, this.space.addressOf(entry));
  }

  /** Are there units made from the pages of [addr, addr + length)? */
  hasUnitsIn(addr: number, length: number): boolean {
    const isLive = ({ dead }: PlacedUnit) => !dead;
    return this.pagesIn(addr, length).some((page) => this.byPage.get(page)!.some(isLive));
  }

  /** Drops the units made from the pages of [addr, addr + length); how many there were. */
  dropIn(addr: number, length: number): number {
    let count = 0;
    for (const page of this.pagesIn(addr, length)) {
      const units = this.byPage.get(page)!;
      // At once: a guest that changes its code all the time would look through the dropped ones each time.
      for (let placed = units.pop(); placed !== undefined; placed = units.pop()) {
        if (placed.dead) continue;
        this.drop(placed);
        this.parked.set(placed.unit.rip, placed.offset);
        count++;
      }
    }
    return count;
  }

  /** Those of the pages of [addr, addr + length) that units were made from. */
  private pagesIn(addr: number, length: number): number[] {
    const first = addr >>> 12;
    const last = Math.floor((addr + length - 1) / 4096);
    const found: number[] = [];
    const add = (page: number, units: readonly PlacedUnit[] | undefined) => {
      if (units !== undefined && units.length !== 0) found.push(page);
    };
    if (last - first > this.byPage.size) {
      for (const [page, units] of this.byPage) if (page >= first && page <= last) add(page, units);
    } else for (let page = first; page <= last; page++) add(page, this.byPage.get(page));
    return found;
  }

  /** Units that are not dropped. */
  get unitCount(): number {
    return this.units.reduce((sum, { dead }) => sum + (dead ? 0 : 1), 0);
  }

  /** Lets go of dropped units. */
  sweep(): void {
    this.parked.clear();
    const isLive = ({ dead }: PlacedUnit) => !dead;
    this.units = this.units.filter(isLive);
    for (const [page, units] of this.byPage) {
      const live = units.filter(isLive);
      if (live.length === 0) this.byPage.delete(page);
      else if (live.length < units.length) this.byPage.set(page, live);
    }
  }

  /** Takes a unit out of every place that names it; its bytes stay until the next flush. */
  drop(placed: PlacedUnit): void {
    if (placed.dead) return;
    placed.dead = true;
    const { unit } = placed;
    this.leave(placed, unit.rip);
    const { leaders, returns, links } = unit;
    for (let n = 0; n < leaders.length; n += 2) this.leave(placed, leaders[n]!);
    for (let n = 0; n < returns.length; n += 2)
      this.returns.forget(returns[n]!, placed.offset + returns[n + 1]!);
    this.jumps.forget(unit.rip, placed.offset + unit.landingAt);
    for (let n = 0; n < links.length; n += LINK_INTS)
      this.disconnect(placed.firstLink + n / LINK_INTS, links[n]!);
    this.links.kill(placed.firstLink, links.length / LINK_INTS);
  }

  /** Takes a link out of the chain of its target. */
  private disconnect(link: number, target: number): void {
    const { links, incoming } = this;
    if (links.takeOut(link)) return;
    const next = links.nextOf(link);
    if (next === NO_LINK) incoming.delete(target);
    else incoming.set(target, next);
  }

  private leave(placed: PlacedUnit, rip: number): void {
    const entry = this.entries.get(rip);
    if (entry === undefined || !contains(placed, entry)) return;
    this.entries.delete(rip);
    this.recent[2 * (rip & (RECENT - 1)) + 1] = 0;
    this.wide.delete(rip);
    const { links } = this;
    for (let link = this.firstTo(rip); link !== NO_LINK; link = links.nextOf(link))
      this.space.patchBranch(links.placeOf(link), links.placeOf(link) + 4);
  }

  /** Forgets everything (code memory is reused afterwards). */
  clear(): void {
    for (const placed of this.units) {
      placed.dead = true;
      this.links.kill(placed.firstLink, placed.unit.links.length / LINK_INTS);
    }
    this.units.length = 0;
    this.parked.clear();
    this.entries.clear();
    this.recent.fill(0);
    this.mayEnter.fill(0);
    this.returns.clear();
    this.jumps.clear();
    this.byPage.clear();
    this.incoming.clear();
    this.tables.clear();
    this.wide.clear();
  }

  [Symbol.dispose](): void {
    this.clear();
    this.tables[Symbol.dispose]();
    this.wide[Symbol.dispose]();
  }
}

export function isStart(placed: PlacedUnit, at: number): boolean {
  return at >>> 0 === at && ((placed.starts[at >> 5]! >> (at & 31)) & 1) === 1;
}

function contains(placed: PlacedUnit, offset: number): boolean {
  return offset >= placed.offset && offset < placed.offset + placed.unit.bytes.length;
}
