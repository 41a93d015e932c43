/**
 * Fuzzing that is guided by coverage: an input by which code of the parsers runs for the first
 * time joins the corpus that later inputs are made of. Oracle: the parser answers; what it accepts
 * can be encoded again and then means the same. Everything follows from the seed, but for the time.
 */
import assert from 'node:assert/strict';
import { concatBytes } from '../../src/base/concat-bytes.ts';
import type { SeededRandom } from '../../src/base/random.ts';
import { type Coverage, type Covered, contains } from './coverage.ts';

export interface GuidedTarget {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  readonly parse: (bytes: Uint8Array) => unknown;
  /** Encodes what `parse` accepted. */
  readonly encode?: ((value: never) => Uint8Array) | undefined;
}

/** An input that a parser or its oracle objects to. */
export class Finding extends Error {
  readonly target: string;
  readonly input: Uint8Array;

  constructor(target: string, input: Uint8Array, cause: unknown) {
    super(`${target}: ${(cause as Error).stack ?? cause}`, { cause });
    this.target = target;
    this.input = input;
  }
}

const INTERESTING = [0, 1, 2, 3, 4, 0x0f, 0x10, 0x3f, 0x40, 0x7f, 0x80, 0xfe, 0xff];
/** Between two looks at the coverage, which cost some milliseconds. */
const BATCH_MS = 60;
const MAX_BATCH = 2048;
const MAX_TRIMS = 40;

export class GuidedFuzz {
  readonly target: GuidedTarget;
  readonly corpus: Uint8Array[] = [];
  executions = 0;
  readonly #coverage: Coverage;
  readonly #random: SeededRandom;
  readonly #nowMs: () => number;

  constructor(target: GuidedTarget, coverage: Coverage, random: SeededRandom, nowMs: () => number) {
    this.target = target;
    this.#coverage = coverage;
    this.#random = random;
    this.#nowMs = nowMs;
  }

  /** Takes seeds and what earlier runs kept; an input that brings nothing new is not kept. */
  load(kept: readonly Uint8Array[]): void {
    for (const input of this.target.seeds) this.corpus.push(input);
    this.#coverage.take();
    for (const input of this.target.seeds) this.execute(input);
    this.#coverage.add(this.#coverage.take());
    for (const input of kept) this.#consider(input, false);
  }

  /** One batch of inputs. Throws {@link Finding}. */
  step(): void {
    const batch: Uint8Array[] = [];
    const end = this.#nowMs() + BATCH_MS;
    this.#coverage.take();
    while (batch.length < MAX_BATCH && (batch.length % 16 !== 0 || this.#nowMs() < end)) {
      const input = this.mutate();
      batch.push(input);
      this.execute(input);
    }
    if (this.#hasFresh()) this.#search(batch);
  }

  /** Finds the inputs of a batch that bring something new, by halves. */
  #search(batch: readonly Uint8Array[]): void {
    if (batch.length === 1) {
      this.#consider(batch[0] as Uint8Array, true);
      return;
    }
    const middle = batch.length >>> 1;
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      this.#coverage.take();
      for (const input of half) this.execute(input);
      if (this.#hasFresh()) this.#search(half);
    }
  }

  #hasFresh(): boolean {
    return this.#coverage.fresh(this.#coverage.take()) !== undefined;
  }

  execute(input: Uint8Array): void {
    this.executions++;
    const { name, parse, encode } = this.target;
    try {
      const value = parse(input.slice());
      if (value === undefined || encode === undefined) return;
      assert.deepStrictEqual(parse(encode(value as never)), value, 'encoded again it differs');
    } catch (error) {
      throw new Finding(name, input, error);
    }
  }

  /** Keeps an input that brings something new, in its shortest form that still does. */
  #consider(input: Uint8Array, doTrim: boolean): void {
    const fresh = this.#coverage.fresh(this.#ranOf(input));
    if (fresh === undefined) return;
    this.corpus.push(doTrim ? this.#trimmed(input, fresh) : input);
    this.#coverage.add(fresh);
  }

  #trimmed(input: Uint8Array, wanted: Covered): Uint8Array {
    let best: Uint8Array = input;
    let cut = input.length >>> 1;
    for (let round = 0; round < MAX_TRIMS && cut > 0; round++) {
      const shorter = best.subarray(0, best.length - cut);
      if (contains(this.#ranOf(shorter), wanted)) best = shorter;
      else cut >>>= 1;
      cut = Math.min(cut, best.length);
    }
    return best.slice();
  }

  #ranOf(input: Uint8Array): Covered {
    this.#coverage.take();
    this.execute(input);
    return this.#coverage.take();
  }

  /** A member of the corpus, most often a late one, changed in one to eight ways. */
  mutate(): Uint8Array {
    const random = this.#random;
    const { corpus } = this;
    const late = Math.max(0, corpus.length - 8);
    const from = random.below(2) === 0 ? late : 0;
    let bytes: Uint8Array = (
      corpus[from + random.below(corpus.length - from)] as Uint8Array
    ).slice();
    for (let left = 1 << random.below(4); left > 0; left--) bytes = this.#change(bytes);
    return bytes;
  }

  #change(bytes: Uint8Array): Uint8Array {
    const random = this.#random;
    const { length } = bytes;
    if (length === 0) return random.bytes(1 + random.below(64));
    // Heads decide more than what follows.
    const at = random.below(random.below(2) === 0 ? length : Math.min(length, 96));
    const count = 1 + random.below(Math.min(16, length - at));
    switch (random.below(8)) {
      case 0:
        bytes[at]! ^= 1 << random.below(8);
        return bytes;
      case 1:
        bytes[at] = random.below(2) === 0 ? random.pick(INTERESTING) : random.below(256);
        return bytes;
      case 2:
        bytes[at] = bytes[at]! + random.below(9) - 4;
        return bytes;
      case 3: {
        const number = random.pick(INTERESTING) * (random.below(2) === 0 ? 1 : 256);
        bytes.set([number, number >>> 8].slice(0, length - at), at);
        return bytes;
      }
      case 4:
        bytes.copyWithin(at, random.below(length), random.below(length) + 1);
        return bytes;
      case 5: {
        if (random.below(4) === 0) return bytes.slice(0, at);
        const place = random.below(2) === 0 ? length : at;
        return concatBytes(bytes.subarray(0, place), random.bytes(count), bytes.subarray(place));
      }
      case 6: {
        const other = random.pick(this.corpus);
        const start = random.below(other.length + 1);
        bytes.set(other.subarray(start, start + Math.min(count, length - at)), at);
        return bytes;
      }
      default:
        bytes.fill(random.pick(INTERESTING), at, at + count);
        return bytes;
    }
  }
}
