/**
 * Programs that set TF in their own flags: one instruction at a time, SIGTRAP behind each. Transfers
 * and string instructions are interpreted; any other runs alone, in a unit of its own, in a domain
 * that no address space uses, so that nothing links to it and it leads nowhere but to its exit.
 */

import type { CodeCache } from '../cpu/cache/code-cache.ts';
import type { Domain, PlacedUnit } from '../cpu/cache/domain.ts';
import type { Decoded } from '../cpu/interpret/decoded.ts';
import type { UnitMaker } from './broken-translation.ts';
import type { SpaceState } from './space.ts';

const INTERPRETED: ReadonlySet<string> = new Set([
  ...['branch', 'condbranch', 'loopbranch', 'call', 'ret', 'indirectbranch', 'indirectcall'],
  'string',
]);

export class SingleSteps {
  private readonly cache: CodeCache;
  private readonly translator: UnitMaker;
  private domain: Domain | undefined;

  constructor(cache: CodeCache, translator: UnitMaker) {
    this.cache = cache;
    this.translator = translator;
  }

  isInterpreted(ins: Decoded['instruction']): boolean {
    return INTERPRETED.has(ins.row.class);
  }

  /** A unit of the one instruction at `rip`; undefined when none can be fetched there. */
  place(known: SpaceState, rip: number): PlacedUnit | undefined {
    const unit = this.translator.translate(known, rip, {
      maxInstructions: 1,
      isEntry: (address) => address !== rip,
    });
    this.domain ??= this.cache.createDomain();
    return unit && this.cache.add(unit, this.domain);
  }
}
