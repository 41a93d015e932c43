/**
 * CPUID without decoder and interpreter. measured: the C library asks 68 times as a dynamic program
 * starts, which took a fifth of the start.
 */

import type { CpuModel } from '../cpu/interpret/model.ts';
import { type AddressSpace, directIndex } from '../mm/address-space.ts';
import type { TranslatedCpu } from './guest-cpu.ts';
import type { PlatformStatistics } from './statistics.ts';

/** The shortest encoding, which is the only one that compilers make. */
const CPUID = [0x0f, 0xa2] as const;
const [EAX, ECX, EDX, EBX] = [0, 2, 4, 6];

/** True when the guest stands at a CPUID: its registers have the answer, and it stands behind. */
export function answersCpuid(
  cpu: TranslatedCpu,
  space: AddressSpace,
  model: CpuModel,
  statistics: PlatformStatistics,
): boolean {
  const { rip, gprHalves } = cpu;
  const bytes = space.direct(rip, CPUID.length, false);
  const at = directIndex(rip);
  if (bytes === undefined || bytes[at] !== CPUID[0] || bytes[at + 1] !== CPUID[1]) return false;
  const { eax, ebx, ecx, edx } = model.cpuid(gprHalves[EAX] as number, gprHalves[ECX] as number);
  set(gprHalves, EAX, eax);
  set(gprHalves, ECX, ecx);
  set(gprHalves, EDX, edx);
  set(gprHalves, EBX, ebx);
  cpu.rip = rip + CPUID.length;
  statistics.countInterpreted('cpuid');
  return true;
}

/** The upper half becomes zero, as always when 32 bits are written. */
function set(halves: Int32Array, at: number, value: number): void {
  halves[at] = value;
  halves[at + 1] = 0;
}
