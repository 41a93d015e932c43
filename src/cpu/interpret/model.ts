/**
 * The processor as guests see it: the truth, without what translated code cannot do or what belongs
 * to the host (AMX, TSX, CET, protection keys, user interrupts, APX, FSGSBASE, …). CPUID leaves as in
 * Intel SDM vol. 2 (CPUID) and AMD APM vol. 3, appendix E.
 */

import type { CodeHost } from '../code-host.ts';

export interface CpuidResult {
  eax: number;
  ebx: number;
  ecx: number;
  edx: number;
}

/** x87, SSE, AVX, and the three components of AVX-512. */
const XCR0_LEGACY = 0x7;
const XCR0_AVX512 = 0xe0;

export interface XstateComponent {
  readonly bit: number;
  /** In the standard format. */
  readonly offset: number;
  readonly bytes: number;
  /** Starts at a multiple of 64 in the compacted format. */
  readonly aligned: boolean;
}

/** Bits of a leaf's register that guests do not see: [leaf, subleaf, register, bits]. */
const HIDDEN: readonly (readonly [number, number, keyof CpuidResult, readonly number[]])[] = [
  // monitor, vmx, smx, sdbg; the rest is true.
  [1, 0, 'ecx', [3, 5, 6, 11]],
  // fsgsbase, sgx, hle, invpcid, rtm, mpx, processor trace.
  [7, 0, 'ebx', [0, 2, 4, 10, 11, 14, 25]],
  // pku, ospke, waitpkg, cet_ss, tme, la57, key locker, bus lock, movdiri, movdir64b, enqcmd, sgx_lc, pks.
  [7, 0, 'ecx', [3, 4, 5, 7, 13, 16, 23, 24, 27, 28, 29, 30, 31]],
  // uintr, rtm always abort, hybrid, tsxldtrk, pconfig, cet_ibt, amx, avx512-fp16 stays.
  [7, 0, 'edx', [5, 11, 13, 15, 16, 18, 20, 22, 24, 25]],
  // sha512 … cmpccxadd, amx-fp16, hreset, avx-ifma, lam, msrlist.
  [7, 1, 'eax', [0, 1, 2, 3, 4, 7, 21, 22, 23, 26, 27, 31]],
  [7, 1, 'edx', [4, 5, 8, 10, 14, 15, 17, 18, 19, 21]],
  // svm, xop, skinit, lwp, fma4, tbm, monitorx.
  [0x8000_0001, 0, 'ecx', [2, 11, 12, 15, 16, 21, 29]],
  // 3dnow and its extensions.
  [0x8000_0001, 0, 'edx', [30, 31]],
  // clzero, rdpru, mcommit, invlpgb.
  [0x8000_0008, 0, 'ebx', [0, 3, 4, 8]],
];

/** Leaves that answer zeros: SGX, trace, key locker, AMX, last branch records, AVX10. */
const EMPTY_LEAVES: ReadonlySet<number> = new Set([0x12, 0x14, 0x19, 0x1c, 0x1d, 0x1e, 0x23, 0x24]);

/** Guests ask with whatever stands in ECX. */
const MAX_CACHED = 512;

/** Leaves below 32, by bits, of which ECX does not matter: 0 to 3, 5, 6, 9, 0xa, 0x15, 0x16. */
const PLAIN_LEAVES = 0x0060_066f;
const LAST_PLAIN_EXTENDED = 0x8000_0008 | 0;

/** False: the answer is the same whatever ECX holds. Asking traps where the processor is a virtual one. */
export function hasSubleaves(leaf: number): boolean {
  const low = leaf | 0;
  if (low < 0) return low > LAST_PLAIN_EXTENDED;
  return low >= 32 || ((PLAIN_LEAVES >>> low) & 1) === 0;
}

export class CpuModel {
  readonly xcr0: number;
  readonly hasAvx512: boolean;
  /** Beyond x87 and SSE, ascending. */
  readonly components: readonly XstateComponent[];
  /** Bytes of an XSAVE area with all components, standard format. */
  readonly xsaveBytes: number;
  private readonly host: CodeHost;
  /** By leaf, then subleaf. */
  private readonly cache = new Map<number, Map<number, CpuidResult>>();
  private cached = 0;

  constructor(host: CodeHost) {
    this.host = host;
    this.hasAvx512 = (host.xcr0 & XCR0_AVX512) === XCR0_AVX512;
    this.xcr0 = host.xcr0 & (this.hasAvx512 ? XCR0_LEGACY | XCR0_AVX512 : XCR0_LEGACY);
    this.components = [2, 5, 6, 7]
      .filter((bit) => this.xcr0 & (1 << bit))
      .map((bit) => {
        const { eax, ebx, ecx } = host.cpuid(0xd, bit);
        return { bit, offset: ebx, bytes: eax, aligned: (ecx & 2) !== 0 };
      });
    this.xsaveBytes = Math.max(576, ...this.components.map((c) => c.offset + c.bytes));
  }

  /** Where a component stands in the compacted format for the components of `mask`. */
  compactOffset(bit: number, mask: number): number {
    const { components } = this;
    let at = 576;
    for (let n = 0; n < components.length; n++) {
      const component = components[n]!;
      if (!(mask & (1 << component.bit))) continue;
      if (component.aligned) at = (at + 63) & ~63;
      if (component.bit === bit) return at;
      at += component.bytes;
    }
    return at;
  }

  /** `leaf` and `ecx` as a program has them in EAX and ECX. */
  cpuid(leaf: number, ecx: number): CpuidResult {
    const subleaf = hasSubleaves(leaf) ? ecx : 0;
    const known = this.cache.get(leaf)?.get(subleaf);
    if (known !== undefined) return known;
    const result = this.compute(leaf >>> 0, subleaf >>> 0);
    if (this.cached < MAX_CACHED) {
      const ofLeaf = this.cache.get(leaf) ?? new Map<number, CpuidResult>();
      this.cache.set(leaf, ofLeaf.set(subleaf, result));
      this.cached++;
    }
    return result;
  }

  private compute(leaf: number, subleaf: number): CpuidResult {
    const zero = { eax: 0, ebx: 0, ecx: 0, edx: 0 };
    if (EMPTY_LEAVES.has(leaf)) return zero;
    if (leaf === 0xd) return this.xsaveLeaf(subleaf);
    const result = { ...this.host.cpuid(leaf, subleaf) };
    for (const [hiddenLeaf, hiddenSubleaf, register, bits] of HIDDEN)
      if (leaf === hiddenLeaf && (leaf !== 7 || subleaf === hiddenSubleaf))
        for (const bit of bits) result[register] &= ~(1 << bit);
    // The number of this processor would differ from run to run.
    if (leaf === 1) result.ebx &= 0x00ff_ffff;
    if (leaf === 0xb || leaf === 0x1f) result.edx = 0;
    if (leaf === 7 && subleaf === 0) result.eax = Math.min(result.eax, 1);
    return result;
  }

  private xsaveLeaf(subleaf: number): CpuidResult {
    const bytes = this.xsaveBytes;
    if (subleaf === 0) return { eax: this.xcr0, ebx: bytes, ecx: bytes, edx: 0 };
    if (subleaf === 1) {
      // XSAVEOPT, XSAVEC, XGETBV with ECX = 1; no XSAVES.
      const eax = this.host.cpuid(0xd, 1).eax & 7;
      return { eax, ebx: this.compactOffset(-1, this.xcr0), ecx: 0, edx: 0 };
    }
    const component = this.components.find((each) => each.bit === subleaf);
    if (!component) return { eax: 0, ebx: 0, ecx: 0, edx: 0 };
    const ecx = component.aligned ? 2 : 0;
    return { eax: component.bytes, ebx: component.offset, ecx, edx: 0 };
  }
}
