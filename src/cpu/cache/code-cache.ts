/**
 * The code cache of one engine: places units (relocate, verify, publish), numbers their links, finds
 * a unit by host address, and drops everything when code memory is full.
 */

import type { CodeHost } from '../code-host.ts';
import { LINK_INTS, RELOC_INTS, type Unit } from '../translate/unit.ts';
import type { UnitPlace } from '../verify/types.ts';
import { CodeVerifier } from '../verify/verifier.ts';
import { CodeSpace } from './code-space.ts';
import { Domain, type PlacedUnit } from './domain.ts';
import { LinkTable } from './link-table.ts';
import { type ModulePlace, type SourceCheck, UnitStore } from './unit-store.ts';

/** Counters, by cause; read by tools. */
export interface CacheStatistics {
  units: number;
  bytes: number;
  guestInstructions: number;
  guestBytes: number;
  drops: number;
  flushes: number;
}

/** The code verifier refused what the translator made: a bug, fatal for the guest only. */
export class RejectedUnitError extends Error {
  readonly code = 'UNIT_REJECTED';
  readonly unit: Unit;

  constructor(unit: Unit, offset: number, reason: string, text: string) {
    const bytes = [...unit.bytes.subarray(offset, offset + 16)]
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join(' ');
    super(
      `The code verifier refused the translation of 0x${unit.rip.toString(16)} at offset ` +
        `${offset} (${bytes}): ${reason}, ${text}.`,
    );
    this.unit = unit;
  }
}

export class CodeCache {
  readonly space: CodeSpace;
  readonly statistics: CacheStatistics = {
    units: 0,
    bytes: 0,
    guestInstructions: 0,
    guestBytes: 0,
    drops: 0,
    flushes: 0,
  };
  readonly store: UnitStore;
  /** Whoever runs translated code on another thread is stopped by it. */
  beforeFlush: (() => void) | undefined;
  private readonly verifier = new CodeVerifier();
  private readonly domains = new Set<Domain>();
  private readonly links = new LinkTable();
  /** By ascending offset in code memory. */
  private placed: PlacedUnit[] = [];
  /** How many units there may be before dropped ones are forgotten. */
  private sweepAt = FIRST_SWEEP;
  private readonly place: UnitPlace & { placement: number };
  /** Where a unit gets what depends on its place, is verified, and is published from. */
  private snapshot = new Uint8Array(1 << 14);

  constructor(host: CodeHost) {
    const space = new CodeSpace(host);
    this.space = space;
    this.store = new UnitStore(host.tlsDisplacement);
    this.place = {
      placement: 0,
      tlsDisplacement: host.tlsDisplacement,
      isTarget: (offset) => space.isTarget(offset),
    };
  }

  createDomain(): Domain {
    const domain = new Domain(this.space, this.links);
    this.domains.add(domain);
    return domain;
  }

  releaseDomain(domain: Domain): void {
    this.domains.delete(domain);
    domain[Symbol.dispose]();
  }

  /** Publishes a translation and keeps it for others; `place`: the module that all of it is of. */
  addFresh(unit: Unit, domain: Domain, place: ModulePlace | undefined): PlacedUnit {
    const placed = this.add(unit, domain);
    this.store.add({ unit, starts: placed.starts }, place);
    return placed;
  }

  /**
   * Publishes what the store has for `rip`, and what is likely to be needed soon after it, of which
   * `tell` hears; undefined: nothing that the code verifier accepts.
   */
  addStored(
    rip: number,
    domain: Domain,
    source: SourceCheck,
    tell?: (ahead: PlacedUnit) => void,
  ): PlacedUnit | undefined {
    const stored = this.store.find(rip, source);
    if (!stored) return undefined;
    const { unit, starts } = stored;
    const parked = this.parked(unit, domain);
    if (parked) {
      domain.revive(parked);
      return this.count(parked);
    }
    if (starts) return this.add(unit, domain, starts);
    const placed = this.addUnverified(unit, domain, source);
    if (placed) for (const ahead of this.addAhead(rip, domain, source)) tell?.(ahead);
    return placed;
  }

  /** What a file had; undefined: the code verifier refuses it. */
  private addUnverified(unit: Unit, domain: Domain, source: SourceCheck): PlacedUnit | undefined {
    try {
      return this.addFresh(unit, domain, undefined);
    } catch (error) {
      if (!(error instanceof RejectedUnitError)) throw error;
      this.store.refuse(unit.rip, source, error.message);
      return undefined;
    }
  }

  private *addAhead(rip: number, domain: Domain, source: SourceCheck): Iterable<PlacedUnit> {
    const isKnown = (at: number): boolean => domain.hasEntry(at);
    for (const { unit, starts } of this.store.ahead(rip, source, isKnown)) {
      const placed = starts
        ? this.add(unit, domain, starts)
        : this.addUnverified(unit, domain, source);
      if (!placed) return;
      yield placed;
    }
  }

  /** What was placed for `unit` and dropped, if it was not swept since. */
  private parked(unit: Unit, domain: Domain): PlacedUnit | undefined {
    const at = domain.parkedAt(unit.rip);
    const placed = at === undefined ? undefined : this.unitAt(at);
    const isIt = placed?.unit === unit && placed.domain === domain && placed.dead;
    return isIt ? placed : undefined;
  }

  /** Publishes `unit` for `domain`; `known`: where it may be entered, if it has been verified. */
  add(unit: Unit, domain: Domain, known?: Uint32Array): PlacedUnit {
    if (this.placed.length >= this.sweepAt) this.sweep();
    let offset = this.space.reserve(unit.bytes.length);
    if (offset < 0) {
      this.flush();
      offset = this.space.reserve(unit.bytes.length);
      if (offset < 0) throw new Error('a unit is larger than code memory');
    }
    const firstLink = this.links.count;
    const snapshot = this.relocate(unit, offset, firstLink);
    this.place.placement = offset;
    const starts = known ?? this.verified(unit, snapshot);
    this.addLinks(unit, offset, starts, snapshot);
    this.space.write(offset, snapshot);
    const placed: PlacedUnit = { unit, offset, domain, starts, firstLink, dead: false };
    this.placed.push(placed);
    domain.publish(placed);
    return this.count(placed);
  }

  private count(placed: PlacedUnit): PlacedUnit {
    const { unit } = placed;
    this.statistics.units++;
    this.statistics.bytes += unit.bytes.length;
    this.statistics.guestInstructions += unit.instructionCount;
    this.statistics.guestBytes += unit.source.length;
    return placed;
  }

  private verified(unit: Unit, snapshot: Uint8Array): Uint32Array {
    const verdict = this.verifier.verifyUnit(snapshot, this.place);
    if (verdict.ok) return verdict.starts;
    throw new RejectedUnitError(unit, verdict.offset, verdict.reason, verdict.text);
  }

  /** A private copy with everything filled in that depends on the place. */
  private relocate(unit: Unit, offset: number, firstLink: number): Uint8Array {
    const size = unit.bytes.length;
    if (size > this.snapshot.length) this.snapshot = new Uint8Array(size * 2);
    const bytes = this.snapshot.subarray(0, size);
    bytes.set(unit.bytes);
    const { relocs, links } = unit;
    for (let n = 0; n < relocs.length; n += RELOC_INTS) {
      const at = relocs[n]!;
      const target = this.space.findTarget(relocs[n + 1]!);
      if (target === undefined)
        throw new RejectedUnitError(unit, at, 'relocation', 'no such place');
      write32(bytes, at, target - (offset + at + 4));
    }
    for (let n = 0; n < links.length; n += LINK_INTS) {
      write32(bytes, links[n + 2]!, firstLink + n / LINK_INTS);
      // Until it is linked it goes to its exit through a place outside that is always there: itself.
      write32(bytes, links[n + 1]!, 0);
    }
    return bytes;
  }

  /**
   * Numbers the links of a verified unit. The form is checked here, in the bytes that were verified
   * (what the translator says of them proves nothing): an instruction start with the opcode of jmp
   * rel32.
   */
  private addLinks(unit: Unit, offset: number, starts: Uint32Array, verified: Uint8Array): void {
    const { links } = this;
    const firstLink = links.count;
    const records = unit.links;
    for (let n = 0; n < records.length; n += LINK_INTS) {
      const displacementAt = records[n + 1]!;
      const at = offset + displacementAt;
      const isJump =
        (at & 3) === 0 &&
        verified[displacementAt - 1] === JMP &&
        startsAt(starts, displacementAt - 1) &&
        startsAt(starts, displacementAt + 4);
      if (!isJump) {
        links.truncate(firstLink);
        throw new RejectedUnitError(unit, displacementAt, 'link', 'no branch there');
      }
      links.add(records[n]!, at);
    }
  }

  /** The target of the link that an exit reported (guest input: any number may come). */
  linkTarget(site: number): number | undefined {
    return this.links.isLive(site) ? this.links.targetOf(site) : undefined;
  }

  /** Units that are known, dropped ones until the next sweep included. */
  get unitCount(): number {
    return this.placed.length;
  }

  /** The unit whose bytes contain this offset of code memory. */
  unitAt(offset: number): PlacedUnit | undefined {
    const { placed } = this;
    let low = 0;
    let high = placed.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const unit = placed[middle]!;
      if (offset < unit.offset) high = middle - 1;
      else if (offset >= unit.offset + unit.unit.bytes.length) low = middle + 1;
      else return unit;
    }
    return undefined;
  }

  /** Drops the units made from a guest range; true when there were any. */
  invalidate(domain: Domain, addr: number, length: number): boolean {
    const count = domain.dropIn(addr, length);
    this.statistics.drops += count;
    return count > 0;
  }

  /**
   * Lets go of what dropped units held, where guests change their code all the time; code memory is
   * used anew, too, once most of it is waste.
   */
  private sweep(): void {
    const { placed, space } = this;
    this.placed = placed.filter((each) => !each.dead);
    for (const domain of this.domains) domain.sweep();
    this.sweepAt = Math.max(FIRST_SWEEP, 2 * this.placed.length);
    const live = this.placed.reduce((sum, { unit }) => sum + unit.bytes.length, 0);
    if (space.usedBytes - live > Math.max(WASTE_BYTES, live)) this.flush();
  }

  /** Forgets every translation of every domain; no thread may be in translated code. */
  flush(): void {
    this.beforeFlush?.();
    for (const domain of this.domains) domain.clear();
    this.links.truncate(0);
    this.placed.length = 0;
    this.sweepAt = FIRST_SWEEP;
    this.space.reset();
    this.statistics.flushes++;
  }
}

const JMP = 0xe9;
const FIRST_SWEEP = 4096;
const WASTE_BYTES = 64 * 1024 * 1024;

function startsAt(starts: Uint32Array, at: number): boolean {
  return ((starts[at >> 5]! >> (at & 31)) & 1) === 1;
}

function write32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >> 8;
  bytes[at + 2] = value >> 16;
  bytes[at + 3] = value >> 24;
}
