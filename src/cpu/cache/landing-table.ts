/**
 * The landings of a domain that one of its narrow tables leads to: of returns, or of indirect jumps
 * and calls. The table is indexed by the low 16 bits of an address; of several landings with one
 * index it holds the one learned last. Where that one finds that it is not meant, it goes on to the
 * one learned before, and so on: its jump to the stub `miss` is redirected, as links are.
 */

import type { HostAddr } from '../../base/brand.ts';
import { TABLE_ENTRIES } from '../sandbox/layout.ts';
import { AddressMap } from './address-map.ts';
import type { CodeSpace } from './code-space.ts';

const INDEX = TABLE_ENTRIES - 1;
/** Landings that one index leads to: each costs three instructions. */
const LONGEST_CHAIN = 4;

/** One of the two tables (`LookupTables`). */
export interface NarrowTable {
  readonly entries: BigUint64Array;
  set(index: number, target: HostAddr): void;
}

export class LandingTable {
  private readonly space: CodeSpace;
  private readonly table: NarrowTable;
  /** Offset in code memory of the place that misses go to. */
  private readonly miss: number;
  /** Guest address → offset of its landing in code memory. */
  private readonly landings = new AddressMap();
  /** Offsets of the landings of an index, where there are several, newest first. */
  private readonly chains = new Map<number, number[]>();

  constructor(space: CodeSpace, table: NarrowTable, miss: number) {
    this.space = space;
    this.table = table;
    this.miss = miss;
  }

  /** A landing, `offset` of which may be entered; what comes later for an address counts. */
  add(rip: number, offset: number): void {
    this.landings.set(rip, offset);
  }

  /** The same, and the table leads there if it leads nowhere. */
  enter(rip: number, offset: number): void {
    this.add(rip, offset);
    const index = rip & INDEX;
    if (this.headOf(index) === this.miss) this.lead(index, offset);
  }

  /** After a miss: lets the table lead to the known landing; false when there is none. */
  learn(rip: number): boolean {
    const landing = this.landings.get(rip);
    if (landing === undefined) return false;
    const index = rip & INDEX;
    const head = this.headOf(index);
    const chain = this.chains.get(index) ?? (head === this.miss ? [] : [head]);
    if (chain.includes(landing)) return true;
    const jump = chain.length === 0 ? -1 : this.missJumpOf(landing);
    if (jump < 0) this.unchain(index);
    else {
      this.space.patchBranch(jump, chain[0]!);
      chain.unshift(landing);
      if (chain.length > LONGEST_CHAIN) {
        chain.pop();
        this.space.patchBranch(this.missJumpOf(chain.at(-1)!), this.miss);
      }
      this.chains.set(index, chain);
    }
    this.lead(index, landing);
    return true;
  }

  /** Its unit is dropped. The table may lead to it when a later unit has another for the address. */
  forget(rip: number, landing: number): void {
    if (this.landings.get(rip) === landing) this.landings.delete(rip);
    const index = rip & INDEX;
    const isLed = this.headOf(index) === landing || this.chains.get(index)?.includes(landing);
    if (!isLed) return;
    this.unchain(index);
    this.lead(index, this.miss);
  }

  /** Forgets everything; the table is cleared by its owner. */
  clear(): void {
    this.landings.clear();
    this.chains.clear();
  }

  private unchain(index: number): void {
    // The last one goes to the stub already; it may be of a form that is never redirected.
    for (const landing of this.chains.get(index)?.slice(0, -1) ?? [])
      this.space.patchBranch(this.missJumpOf(landing), this.miss);
    this.chains.delete(index);
  }

  private headOf(index: number): number {
    return this.space.offsetOf(this.table.entries[index]!);
  }

  private lead(index: number, offset: number): void {
    this.table.set(index, this.space.addressOf(offset));
  }

  /**
   * Where the displacement of the jump to `miss` stands; -1: it is no landing as the translator makes
   * them, whatever that says. Decoded from a start that the code verifier accepted, so these are the
   * instructions that run: mov rcx, gs:[esp − 8] or fs:[slot]; lea rcx, [rcx + n]; jrcxz; jmp.
   */
  private missJumpOf(landing: number): number {
    const { code } = this.space;
    let at = landing;
    if (startsWith(code, at, LOAD_RETURN)) at += LOAD_RETURN.length;
    else if (startsWith(code, at, LOAD_SLOT)) at += LOAD_SLOT.length + 4;
    else return -1;
    if (!startsWith(code, at, SUBTRACT)) return -1;
    at += SUBTRACT.length + 4;
    if (code[at] !== JRCXZ || code[at + 2] !== JMP) return -1;
    return (at + 3) % 4 === 0 ? at + 3 : -1;
  }
}

const LOAD_RETURN = [0x65, 0x67, 0x48, 0x8b, 0x4c, 0x24, 0xf8];
const LOAD_SLOT = [0x64, 0x48, 0x8b, 0x0c, 0x25];
const SUBTRACT = [0x48, 0x8d, 0x89];
const JRCXZ = 0xe3;
const JMP = 0xe9;

function startsWith(code: Uint8Array, at: number, bytes: readonly number[]): boolean {
  for (let n = 0; n < bytes.length; n++) if (code[at + n] !== bytes[n]) return false;
  return true;
}
