/**
 * Translation domains that several programs share: processes of an instance see the same bytes at
 * the same guest addresses as long as their executable areas come from files that never change.
 *
 * A group claims, range by range, which file bytes its translations were made from. An address space
 * uses a group while none of its executable areas contradicts a claim; whatever else becomes
 * executable (anonymous, writable or changed memory) makes it leave for a domain of its own.
 *
 * Deviation: a wild jump to where only *another* program of the group has code runs that code inside
 * the jumper's sandbox, instead of faulting.
 */

import { IntervalMap } from '../base/interval-map.ts';
import type { CodeCache } from '../cpu/cache/code-cache.ts';
import type { Domain } from '../cpu/cache/domain.ts';
import type { AddressSpace, Area } from '../mm/address-space.ts';
import { PROT_EXEC, PROT_WRITE } from '../mm/page-host.ts';

/** Groups that nobody uses are kept for the next program, so many at most. */
const MAX_GROUPS = 8;

interface Source {
  readonly key: string;
  /** Offset in the file minus guest address. */
  readonly delta: number;
}

export interface Claim {
  readonly start: number;
  readonly end: number;
  readonly source: Source;
}

/** Its bytes are the file's for good. */
export function isSharable(area: Area): boolean {
  return area.contentVersion !== undefined && !area.shared && (area.prot & PROT_WRITE) === 0;
}

/** What the executable areas of a space claim; undefined when one of them cannot be shared. */
export function claimsOf(space: AddressSpace): Claim[] | undefined {
  const claims: Claim[] = [];
  for (const area of space.areas(PROT_EXEC)) {
    const key = area.contentVersion;
    if (key === undefined || !isSharable(area)) return undefined;
    const { start, end } = area;
    claims.push({ start, end, source: { key, delta: area.fileOffset - start } });
  }
  return claims;
}

export class Group {
  readonly domain: Domain;
  readonly #claims = new IntervalMap<Source>({
    split: (source) => source,
    joins: isSame,
  });

  constructor(domain: Domain) {
    this.domain = domain;
  }

  fits(claims: readonly Claim[]): boolean {
    return claims.every(({ start, end, source }) =>
      this.#claims.overlapping(start, end).every(({ value }) => isSame(value, 0, source)),
    );
  }

  /** Adds claims that fit. */
  claim(claims: readonly Claim[]): void {
    for (const { start, end, source } of claims) {
      if (this.#claims.covers(start, end, () => true)) continue;
      this.#claims.remove(start, end);
      this.#claims.insert(start, end, source);
    }
  }

  hasCodeIn(addr: number, length: number): boolean {
    return !this.#claims.isFree(addr, addr + length);
  }
}

function isSame(a: Source, _length: number, b: Source): boolean {
  return a.key === b.key && a.delta === b.delta;
}

export class DomainGroups {
  readonly #cache: CodeCache;
  /** Used last first. */
  readonly #groups: Group[] = [];

  constructor(cache: CodeCache) {
    this.#cache = cache;
  }

  /** A group that fits, with the claims added; a new one where none does. */
  find(claims: readonly Claim[]): Group {
    const index = this.#groups.findIndex((group) => group.fits(claims));
    const group = index < 0 ? this.#create() : (this.#groups[index] as Group);
    if (index > 0) this.#groups.splice(index, 1);
    if (index !== 0) this.#groups.unshift(group);
    group.claim(claims);
    return group;
  }

  #create(): Group {
    for (let n = this.#groups.length - 1; n >= MAX_GROUPS - 1; n--) {
      const group = this.#groups[n] as Group;
      if (group.domain.users > 0) continue;
      this.#groups.splice(n, 1);
      this.#cache.releaseDomain(group.domain);
    }
    return new Group(this.#cache.createDomain());
  }
}
