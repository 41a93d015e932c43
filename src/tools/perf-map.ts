/**
 * Symbols of translated code for perf(1): lines of /tmp/perf-PID.map (`START SIZE NAME`, hexadecimal),
 * one for each stretch of a unit that comes from one function. perf reads the file when it reports.
 */

import type { PlacedUnit } from '../cpu/cache/domain.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { Modules } from './modules.ts';
import { hexOf } from './names.ts';

export class PerfMap {
  readonly lines: string[] = [];
  readonly #modules: Modules;
  readonly #codeAt: number;

  /** `codeAt`: where translated code is executed. */
  constructor(codeAt: number, modules = new Modules()) {
    this.#codeAt = codeAt;
    this.#modules = modules;
  }

  add(space: AddressSpace, { unit, offset }: PlacedUnit): void {
    // A function begins where something branches to: with a block.
    const { leaders } = unit;
    const starts = Array.from({ length: leaders.length / 2 }, (_, n) => n * 2);
    starts.sort((a, b) => leaders[a + 1]! - leaders[b + 1]!);
    let from = 0;
    let name = this.#nameAt(space, leaders[starts[0] ?? -1] ?? unit.rip);
    for (const at of starts) {
      const here = this.#nameAt(space, leaders[at]!);
      if (here === name) continue;
      this.#line(offset + from, leaders[at + 1]! - from, name);
      from = leaders[at + 1]!;
      name = here;
    }
    this.#line(offset + from, unit.bytes.length - from, name);
  }

  #line(offset: number, size: number, name: string): void {
    if (size <= 0) return;
    const at = (this.#codeAt + offset).toString(16);
    // A name with a line break would be another line.
    this.lines.push(`${at} ${size.toString(16)} ${name.replace(/\p{Cc}/gu, '?')}`);
  }

  #nameAt(space: AddressSpace, rip: number): string {
    const place = this.#modules.placeAt(space, rip);
    if (place === undefined) return `guest:${hexOf(rip - (rip % 4096))}`;
    const { name } = place.module.rangeAt(place.address);
    return `guest:${name} [${place.module.name}]`;
  }
}
