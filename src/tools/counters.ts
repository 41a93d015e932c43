/** What the engine counts of an instance, for `run --stats` and `cloister stats`. */

import { EXIT } from '../cpu/sandbox/layout.ts';
import type { TranslatedPlatform } from '../platform/platform.ts';

export interface Counters {
  readonly translations: {
    /** Units published; of them made before and read from a file; taken from another process. */
    readonly units: number;
    readonly kept: number;
    readonly shared: number;
    readonly instructions: number;
    readonly guestBytes: number;
    readonly hostBytes: number;
    /** Dropped because guest code changed or went; times that code memory was emptied. */
    readonly dropped: number;
    readonly flushes: number;
  };
  /** Turns on a processor of their own, and how many were halted for a change of what they use. */
  readonly beside: { readonly turns: number; readonly halts: number };
  /** Times that translated code was left, by cause. */
  readonly exits: Readonly<Record<string, number>>;
  /** Instructions that were interpreted, by mnemonic. */
  readonly interpreted: Readonly<Record<string, number>>;
}

/** In the order in which they are shown; misses are split by kind. */
const CAUSES: readonly (readonly [string, number])[] = [
  ['system call', EXIT.syscall],
  ['branch not linked', EXIT.link],
  ['fault', EXIT.fault],
  ['tick', EXIT.tick],
  ['tick in the kernel', EXIT.tickBeforeEntry],
  ['interpreted', EXIT.emulate],
  ['code changed', EXIT.stale],
  ['illegal instruction', EXIT.illegal],
  ['breakpoint', EXIT.int3],
];

export function countersOf({ cache, statistics, beside }: TranslatedPlatform): Counters {
  const { units, guestInstructions, guestBytes, bytes, drops, flushes } = cache.statistics;
  const { exits, misses, interpreted } = statistics;
  const causes = CAUSES.map(([name, kind]) => [name, exits[kind] ?? 0] as const);
  causes.splice(2, 0, ['return missed', misses.return], ['jump or call missed', misses.jump]);
  return {
    translations: {
      ...{ units, kept: cache.store.loaded, shared: cache.store.hits },
      ...{ instructions: guestInstructions, guestBytes, hostBytes: bytes },
      ...{ dropped: drops, flushes },
    },
    beside: { ...beside.counts },
    exits: Object.fromEntries(causes),
    interpreted: Object.fromEntries([...interpreted].sort((a, b) => b[1] - a[1])),
  };
}
