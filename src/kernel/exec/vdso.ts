/** The kernel's own shared object in every process (vdso(7)). */

import type { AddressSpace } from '../../mm/address-space.ts';
import type { Kernel } from '../kernel.ts';

/** Maps it; its address for AT_SYSINFO_EHDR, 0 when this kernel has none. */
export function mapVdso(kernel: Kernel, space: AddressSpace): number {
  const { vdso } = kernel;
  if (vdso === undefined) return 0;
  const length = Math.ceil(vdso.length / 4096) * 4096;
  const addr = space.map({
    addr: 0,
    length,
    prot: 5,
    label: '[vdso]',
    placement: 'module',
  });
  if (addr < 0) return 0;
  return space.poke(addr, vdso) < 0 ? 0 : addr;
}
