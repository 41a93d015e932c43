/**
 * Symbols of translated code for perf(1): lines of /tmp/perf-PID.map (`START SIZE NAME`, hexadecimal),
 * one for each stretch of a unit that comes from one function. perf reads the file when it reports.
 */

import type { PlacedUnit } from '../cpu/cache/domain.ts';
import type { CodeHost } from '../cpu/code-host.ts';
import { EXIT } from '../cpu/sandbox/layout.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { Modules } from './modules.ts';
import { hexOf } from './names.ts';

export class PerfMap {
  readonly lines: string[] = [];
  readonly #modules: Modules;
  readonly #codeAt: number;

  constructor(host: Pick<CodeHost, 'code' | 'codeStart' | 'stubs'>, modules = new Modules()) {
    this.#codeAt = host.code.executable;
    this.#modules = modules;
    this.#addStubs(host);
  }

  /** Each reaches to the next one; before the first come entry and exit themselves. */
  #addStubs({ codeStart, stubs }: Pick<CodeHost, 'codeStart' | 'stubs'>): void {
    const { exits, miss, missReturn, missJump } = stubs;
    const named: (readonly [string, number])[] = [['entry', this.#codeAt]];
    for (const [name, kind] of Object.entries(EXIT))
      if (exits[kind] !== undefined) named.push([`exit ${name}`, exits[kind]]);
    named.push(['miss', miss], ['missReturn', missReturn], ['missJump', missJump]);
    named.sort((a, b) => a[1] - b[1]);
    for (const [n, [name, at]] of named.entries()) {
      const end = named[n + 1]?.[1] ?? this.#codeAt + codeStart;
      this.#line(at - this.#codeAt, end - at, `stub:${name}`);
    }
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
