/** What the platform keeps for each address space, and which translations each one uses. */

import type { CodeCache } from '../cpu/cache/code-cache.ts';
import type { AddressSpace, CodeCause, CodeObserver } from '../mm/address-space.ts';
import { claimsOf, DomainGroups, type Group } from './domains.ts';
import { SpaceState } from './space.ts';

export class Spaces implements CodeObserver {
  private readonly cache: CodeCache;
  private readonly groups: DomainGroups;
  private readonly spaces = new WeakMap<AddressSpace, SpaceState>();
  private readonly beforeChange: () => void;

  /** `beforeChange`: nobody may run translated code beside from then on. */
  constructor(cache: CodeCache, beforeChange: () => void) {
    this.cache = cache;
    this.groups = new DomainGroups(cache);
    this.beforeChange = beforeChange;
  }

  get(space: AddressSpace): SpaceState | undefined {
    return this.spaces.get(space);
  }

  adopt(space: AddressSpace, parent?: AddressSpace): void {
    if (this.spaces.has(space)) return;
    const forked = parent && this.spaces.get(parent);
    const claims = forked ? undefined : claimsOf(space);
    const group = forked ? forked.group : claims && this.groups.find(claims);
    const domain = forked?.domain ?? group?.domain ?? this.cache.createDomain();
    this.spaces.set(space, new SpaceState(space, domain, group));
    space.codeObserver = this;
  }

  release(space: AddressSpace): void {
    const known = this.spaces.get(space);
    if (!known) return;
    this.spaces.delete(space);
    known.isReleased = true;
    this.detach(known);
  }

  private detach(known: SpaceState): void {
    const { domain, group } = known;
    domain.users--;
    if (domain.users > 0 || group !== undefined) return;
    this.beforeChange();
    this.cache.releaseDomain(domain);
  }

  onCodeChanged(space: AddressSpace, addr: number, length: number): void {
    const known = this.spaces.get(space);
    if (known && length > 0) this.invalidate(known, addr, length);
  }

  onCodeMayDiffer(space: AddressSpace, _addr: number, _length: number, cause: CodeCause): void {
    const known = this.spaces.get(space);
    if (!known) return;
    if (cause === 'protected') known.written.noteOpened();
    const claims = known.group && cause === 'mapped' ? claimsOf(space) : undefined;
    if (claims === undefined) this.leaveShared(known);
    else if (known.group?.fits(claims)) known.group.claim(claims);
    else this.move(known, this.groups.find(claims));
  }

  /** Others go on with the shared translations; this space starts afresh. */
  leaveShared(known: SpaceState): void {
    if (known.group || known.domain.users > 1) this.move(known, undefined);
  }

  private move(known: SpaceState, group: Group | undefined): void {
    this.beforeChange();
    this.detach(known);
    known.attach(group?.domain ?? this.cache.createDomain(), group);
  }

  invalidate(known: SpaceState, addr: number, length: number): void {
    const { domain, group } = known;
    if (!known.sharesDomain) {
      this.beforeChange();
      if (this.cache.invalidate(domain, addr, length)) known.written.noteDropped();
    } else if (group?.hasCodeIn(addr, length) || domain.hasUnitsIn(addr, length))
      this.leaveShared(known);
  }
}
