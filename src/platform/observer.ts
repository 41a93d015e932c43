/** Who looks on while guests run: profilers. Without one nothing is called and nothing is kept. */

import type { PlacedUnit } from '../cpu/cache/domain.ts';
import type { GuestCpu } from '../kernel/platform.ts';
import type { AddressSpace } from '../mm/address-space.ts';

export interface PlatformObserver {
  /**
   * The tick came. `inGuest`: it stopped guest code, and `cpu` is exact; else it came while the kernel
   * or the engine worked, and `cpu` is where the guest goes on.
   */
  ticked?(cpu: GuestCpu, space: AddressSpace, inGuest: boolean): void;
  /** Translated code left for the engine, by an exit of `EXIT` that is no system call. */
  left?(kind: number): void;
  /** A unit for `space` was published. */
  placed?(space: AddressSpace, placed: PlacedUnit): void;
}
