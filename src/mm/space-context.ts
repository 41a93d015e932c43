/** What the address spaces of one instance share, made once by the runtime. */

import type { Entropy } from '../base/interfaces.ts';
import { MemoryBudget } from './budget.ts';
import { GuestAddressSpace, type SpaceContext } from './guest-address-space.ts';
import { WordScratch } from './guest-memory.ts';
import type { PageHost } from './page-host.ts';
import { LayoutRandom, ModuleBases } from './placement.ts';
import { Snapshots } from './snapshots.ts';
import type { SpaceTemplate } from './template.ts';

export interface AddressSpaces {
  /** An empty address space, or -ENOMEM; `template`: of what it is likely to show. */
  create(template?: SpaceTemplate): GuestAddressSpace | number;
}

/** `entropy` undefined: layouts are the same in every run. `limitBytes`: of all guests together. */
export function createAddressSpaces(
  host: PageHost,
  entropy: Entropy | undefined,
  limitBytes = Number.POSITIVE_INFINITY,
  onMappingLimit: () => void = () => undefined,
): AddressSpaces {
  const random = new LayoutRandom(entropy);
  let id = 0;
  const context: SpaceContext = {
    host,
    modules: new ModuleBases(random),
    random,
    budget: new MemoryBudget(
      limitBytes,
      () => host.residentBytes(),
      host.mappingLimit,
      () => host.mappingCount(),
      onMappingLimit,
    ),
    scratch: new WordScratch(),
    snapshots: new Snapshots(host),
    nextId: () => ++id,
  };
  return { create: (template) => GuestAddressSpace.create(context, template) };
}
