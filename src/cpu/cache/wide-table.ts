/**
 * The wide table of a domain: guest address → entry, probed by the stub `miss` when a narrow table
 * does not know a target (format: `cpu/code-host.ts`).
 */

import type { HostAddr } from '../../base/brand.ts';
import {
  type CodeHost,
  type NativeMemory,
  WIDE_ENTRY_BYTES,
  WIDE_PROBES,
  wideIndex,
} from '../code-host.ts';

const FIRST_ENTRIES = 1 << 12;
const LARGEST_ENTRIES = 1 << 20;
const HALVES = WIDE_ENTRY_BYTES / 4;

export class WideTable implements Disposable {
  private readonly host: CodeHost;
  private memory: NativeMemory;
  private words: Int32Array;
  /** The same memory: an entry's address is written as one, for those who read it meanwhile. */
  private values: BigInt64Array;
  mask = FIRST_ENTRIES - 1;
  /** Changes when the table moved: state blocks name its address. */
  generation = 0;

  constructor(host: CodeHost) {
    this.host = host;
    this.memory = this.allocate();
    this.words = wordsOf(this.memory);
    this.values = valuesOf(this.words);
  }

  get address(): HostAddr {
    return this.memory.address;
  }

  /** Is there room for an entry for `rip`? Else `set` moves or clears the table, which nobody may read then. */
  hasRoom(rip: number): boolean {
    return this.placeFor(rip | 0) >= 0;
  }

  /** Adds or replaces the entry for `rip`; grows when its neighbourhood is full. */
  set(rip: number, entry: HostAddr): void {
    while (!this.put(rip | 0, entry)) {
      if (this.mask + 1 >= LARGEST_ENTRIES) {
        this.clear();
        continue;
      }
      this.grow();
    }
  }

  delete(rip: number): void {
    const key = rip | 0;
    const first = wideIndex(key, this.mask);
    for (let n = first; n < first + WIDE_PROBES; n++)
      if (this.words[n * HALVES] === key) this.words[n * HALVES] = 0;
  }

  clear(): void {
    this.words.fill(0);
  }

  [Symbol.dispose](): void {
    this.memory[Symbol.dispose]();
  }

  private placeFor(key: number): number {
    const { words } = this;
    const first = wideIndex(key, this.mask);
    let free = -1;
    for (let n = first; n < first + WIDE_PROBES; n++) {
      const found = words[n * HALVES];
      if (found === key) return n;
      if (found === 0 && free < 0) free = n;
    }
    return free;
  }

  private put(key: number, entry: number): boolean {
    const place = this.placeFor(key);
    if (place < 0) return false;
    this.values[2 * place + 1] = BigInt(entry);
    this.words[place * HALVES] = key;
    return true;
  }

  private grow(): void {
    const old = this.words;
    const oldMemory = this.memory;
    this.mask = this.mask * 4 + 3;
    this.memory = this.allocate();
    this.words = wordsOf(this.memory);
    this.values = valuesOf(this.words);
    this.generation++;
    for (let at = 0; at < old.length; at += HALVES) {
      const key = old[at]!;
      if (key !== 0) this.put(key, (old[at + 2]! >>> 0) + old[at + 3]! * 2 ** 32);
    }
    oldMemory[Symbol.dispose]();
  }

  private allocate(): NativeMemory {
    return this.host.allocate((this.mask + 1 + WIDE_PROBES) * WIDE_ENTRY_BYTES);
  }
}

function wordsOf(memory: NativeMemory): Int32Array {
  const { buffer, byteOffset, byteLength } = memory.bytes;
  return new Int32Array(buffer, byteOffset, byteLength / 4);
}

function valuesOf({ buffer, byteOffset, byteLength }: Int32Array): BigInt64Array {
  return new BigInt64Array(buffer, byteOffset, byteLength / 8);
}
