/**
 * The calls that a guest thread is in: by the call frame information of the files it has mapped, else by
 * frame pointers. Everything read here is a guess about hostile memory: it ends when it makes no sense.
 */

import { DWARF_RBP, DWARF_RIP, DWARF_RSP, type FrameRule } from '../elf/frames.ts';
import type { GuestCpu } from '../kernel/platform.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { Module, Modules, Place } from './modules.ts';

/** A place in guest code: of the innermost frame the next instruction, else inside of the call. */
export interface Frame {
  readonly rip: number;
  readonly place: Place | undefined;
}

const MOST_FRAMES = 192;
const MOST_RULES = 65_536;
const GUEST_LIMIT = 0x1_0000_0000;
/** DWARF number → number in encodings. */
const ENCODING = [0, 2, 1, 3, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15] as const;
/** Those that calls preserve (psABI, 3.2.1): rbx rbp rsp r12–r15. */
const PRESERVED: readonly number[] = [3, DWARF_RBP, DWARF_RSP, 12, 13, 14, 15];

export class Unwinder {
  readonly #modules: Modules;
  readonly #rules = new Map<Module, Map<number, FrameRule | undefined>>();
  #ruleCount = 0;

  constructor(modules: Modules) {
    this.#modules = modules;
  }

  /** Innermost first; at least one. */
  frames(cpu: GuestCpu, space: AddressSpace): Frame[] {
    const registers = ENCODING.map((number) => (cpu.gprHalves[2 * number] as number) >>> 0);
    let place = this.#modules.placeAt(space, cpu.rip);
    const frames: Frame[] = [{ rip: cpu.rip, place }];
    while (frames.length < MOST_FRAMES) {
      const sp = registers[DWARF_RSP]!;
      // A return address lies behind the call, maybe in the next function.
      const at = place && place.address - (frames.length > 1 ? 1 : 0);
      const rule = place && at !== undefined ? this.#ruleAt(place.module, at) : undefined;
      const back = rule ? byRule(rule, registers, space) : byPointer(registers, space);
      if (back === undefined || registers[DWARF_RSP]! <= sp) break;
      const next = this.#modules.placeAt(space, back);
      // Without a rule, only what lies in code of a file counts as a caller.
      if (next === undefined && (!rule || !space.permits(back, 1, PROT_EXEC))) break;
      place = next;
      frames.push({ rip: back - 1, place: next && { ...next, address: next.address - 1 } });
    }
    return frames;
  }

  #ruleAt(module: Module, address: number): FrameRule | undefined {
    let rules = this.#rules.get(module);
    if (!rules || this.#ruleCount > MOST_RULES) {
      if (rules) {
        this.#rules.clear();
        this.#ruleCount = 0;
      }
      rules = new Map();
      this.#rules.set(module, rules);
    }
    if (rules.has(address)) return rules.get(address);
    const rule = module.frames.ruleAt(address);
    rules.set(address, rule);
    this.#ruleCount++;
    return rule;
  }
}

const PROT_EXEC = 4;

/** Makes `registers` the caller's; the return address. */
function byRule(rule: FrameRule, registers: number[], space: AddressSpace): number | undefined {
  const base = registers[rule.cfaRegister];
  if (base === undefined) return undefined;
  const cfa = base + rule.cfaOffset;
  const back = word(space, cfa + rule.saved.get(DWARF_RIP)!);
  for (const register of PRESERVED) {
    const offset = rule.saved.get(register);
    if (offset !== undefined) registers[register] = word(space, cfa + offset) ?? 0;
  }
  registers[DWARF_RSP] = cfa;
  return back;
}

function byPointer(registers: number[], space: AddressSpace): number | undefined {
  const pointer = registers[DWARF_RBP]!;
  if (pointer < registers[DWARF_RSP]! || pointer % 8 !== 0) return undefined;
  const back = word(space, pointer + 8);
  registers[DWARF_RBP] = word(space, pointer) ?? 0;
  registers[DWARF_RSP] = pointer + 16;
  return back;
}

/** A pointer in guest memory; undefined where none is, or none below 4 GiB. */
function word(space: AddressSpace, addr: number): number | undefined {
  if (addr < 0 || addr > 0xffff_fff8) return undefined;
  const value = space.readU64(addr);
  return value !== undefined && value < GUEST_LIMIT ? value : undefined;
}
