/**
 * CPUID without decoder and interpreter. measured: the C library asks 68 times as a dynamic program
 * starts, which took a fifth of the start.
 */

import { type CpuModel, hasSubleaves } from '../cpu/interpret/model.ts';
import { type AddressSpace, directIndex } from '../mm/address-space.ts';
import type { TranslatedCpu } from './guest-cpu.ts';
import type { PlatformStatistics } from './statistics.ts';

/** The shortest encoding, which is the only one that compilers make. */
const CPUID = [0x0f, 0xa2] as const;
const [EAX, ECX, EDX, EBX] = [0, 2, 4, 6];
/** Leaves and subleaves asked for last, with the answers. */
const SLOTS = 128;
const SLOT_WORDS = 8;
const [LEAF, SUBLEAF, ANSWER] = [0, 1, 2];

/** What guests were told of the processor, by leaf and subleaf. */
export class CpuidAnswers {
  readonly #model: CpuModel;
  readonly #statistics: PlatformStatistics;
  /** A slot holds leaf, subleaf, EAX, EBX, ECX, EDX, and whether there is anything. */
  readonly #words = new Int32Array(SLOTS * SLOT_WORDS);
  readonly #isKnown = new Uint8Array(SLOTS);
  readonly #copy = new Uint8Array(CPUID.length);

  constructor(model: CpuModel, statistics: PlatformStatistics) {
    this.#model = model;
    this.#statistics = statistics;
  }

  /** True when the guest stands at a CPUID: its registers have the answer, and it stands behind. */
  answer(cpu: TranslatedCpu, space: AddressSpace): boolean {
    const { rip, gprHalves } = cpu;
    if (!this.#isAt(rip, space)) return false;
    const words = this.#words;
    const leaf = gprHalves[EAX] as number;
    const subleaf = hasSubleaves(leaf) ? (gprHalves[ECX] as number) : 0;
    const slot = (leaf ^ (leaf >>> 27) ^ (subleaf << 4)) & (SLOTS - 1);
    const at = slot * SLOT_WORDS;
    const isKnown =
      this.#isKnown[slot] === 1 && words[at + LEAF] === leaf && words[at + SUBLEAF] === subleaf;
    if (!isKnown) this.#ask(slot, leaf, subleaf);
    set(gprHalves, EAX, words[at + ANSWER] as number);
    set(gprHalves, EBX, words[at + ANSWER + 1] as number);
    set(gprHalves, ECX, words[at + ANSWER + 2] as number);
    set(gprHalves, EDX, words[at + ANSWER + 3] as number);
    cpu.rip = rip + CPUID.length;
    this.#statistics.cpuids++;
    return true;
  }

  #isAt(rip: number, space: AddressSpace): boolean {
    const bytes = space.direct(rip, CPUID.length, false);
    if (bytes !== undefined) {
      const at = directIndex(rip);
      return bytes[at] === CPUID[0] && bytes[at + 1] === CPUID[1];
    }
    const copy = this.#copy;
    return space.copyIn(rip, copy) >= 0 && copy[0] === CPUID[0] && copy[1] === CPUID[1];
  }

  #ask(slot: number, leaf: number, subleaf: number): void {
    const { eax, ebx, ecx, edx } = this.#model.cpuid(leaf, subleaf);
    this.#words.set([leaf, subleaf, eax, ebx, ecx, edx], slot * SLOT_WORDS);
    this.#isKnown[slot] = 1;
  }
}

/** The upper half becomes zero, as always when 32 bits are written. */
function set(halves: Int32Array, at: number, value: number): void {
  halves[at] = value;
  halves[at + 1] = 0;
}
