/** What the platform keeps for an address space: its translation domain, and source pages. */

import type { Domain } from '../cpu/cache/domain.ts';
import type { CodeSource } from '../cpu/translate/window.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { PROT_EXEC } from '../mm/page-host.ts';
import type { Group } from './domains.ts';

const PAGE_BYTES = 4096;

export class SpaceState implements CodeSource {
  readonly space: AddressSpace;
  domain: Domain;
  /** Counts replacements of the domain. */
  generation = 0;

  /** The group that the domain belongs to; undefined: it is this space's and its forks' alone. */
  group: Group | undefined;

  constructor(space: AddressSpace, domain: Domain, group: Group | undefined) {
    this.space = space;
    this.domain = domain;
    this.attach(domain, group);
  }

  attach(domain: Domain, group: Group | undefined): void {
    this.domain = domain;
    this.group = group;
    domain.users++;
    this.generation++;
    domain.tables.mapBelow(this.space.pages.base);
  }

  /** Protects first, reads then: no write can slip in between. */
  fetchPage(page: number, target: Uint8Array): boolean {
    const addr = page * PAGE_BYTES;
    const { space } = this;
    if (!space.permits(addr, PAGE_BYTES, PROT_EXEC)) return false;
    const protectedBefore = space.isWriteProtected(addr);
    if (!protectedBefore && space.setWriteProtect(addr, PAGE_BYTES, true) < 0) return false;
    return space.peek(addr, target) >= 0;
  }
}
