/**
 * Coverage of chosen modules by character, from V8's precise coverage through the inspector. V8
 * reports ranges of equal counts, which join and part with the counts of their neighbours; only what
 * they say about single characters can be compared.
 */
import { Session } from 'node:inspector';

interface CoverageRange {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly {
    readonly functionName: string;
    readonly ranges: readonly CoverageRange[];
  }[];
}

/** Module → a byte a character: 1 when it ran. */
export type Covered = ReadonlyMap<string, Uint8Array>;

export class Coverage implements Disposable {
  readonly #session = new Session();
  readonly #isWanted: (url: string) => boolean;
  /** Characters inside of functions, and those of them that ever ran. */
  readonly #known = new Map<string, Uint8Array>();
  readonly #seen = new Map<string, Uint8Array>();

  /** Modules that are loaded from now on, and of which `isWanted` says so, are counted by block. */
  constructor(isWanted: (url: string) => boolean) {
    this.#isWanted = isWanted;
    this.#session.connect();
    this.#ask('Profiler.enable');
    this.#ask('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** What ran since the last call. */
  take(): Covered {
    const covered = new Map<string, Uint8Array>();
    const { result } = this.#ask('Profiler.takePreciseCoverage') as { result: ScriptCoverage[] };
    for (const { url, functions } of result) {
      if (!this.#isWanted(url)) continue;
      // The module itself ran when it was loaded; it is not always reported.
      const own = functions.filter((one) => one.functionName !== '' || start(one) !== 0);
      const length = Math.max(0, ...own.map(({ ranges }) => ranges[0]?.endOffset ?? 0));
      const ran = new Uint8Array(length);
      const known = this.#enlarged(this.#known, url, length);
      for (const { ranges } of own)
        for (const { startOffset, endOffset, count } of ranges) {
          ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
          known.fill(1, startOffset, endOffset);
        }
      covered.set(url, ran);
    }
    return covered;
  }

  /** What of `covered` never ran before {@link add}; undefined: nothing. */
  fresh(covered: Covered): Covered | undefined {
    const fresh = new Map<string, Uint8Array>();
    for (const [url, ran] of covered) {
      const seen = this.#seen.get(url);
      const only = ran.map((bit, at) => (seen?.[at] === 1 ? 0 : bit));
      if (only.includes(1)) fresh.set(url, only);
    }
    return fresh.size > 0 ? fresh : undefined;
  }

  add(covered: Covered): void {
    for (const [url, ran] of covered) {
      const seen = this.#enlarged(this.#seen, url, ran.length);
      for (let at = 0; at < ran.length; at++) seen[at]! |= ran[at]!;
    }
  }

  #enlarged(all: Map<string, Uint8Array>, url: string, length: number): Uint8Array {
    const old = all.get(url);
    if (old !== undefined && old.length >= length) return old;
    const bits = new Uint8Array(length);
    if (old !== undefined) bits.set(old);
    all.set(url, bits);
    return bits;
  }

  /** Share of the characters of all functions that ran. */
  get share(): number {
    const count = (all: Iterable<Uint8Array>): number => {
      let sum = 0;
      for (const bits of all) for (const bit of bits) sum += bit;
      return sum;
    };
    return count(this.#seen.values()) / count(this.#known.values());
  }

  /** Calls on a session of the same thread are answered before `post` returns. */
  #ask(method: string, parameters: object = {}): unknown {
    let answer: unknown;
    this.#session.post(method, parameters, (error: Error | null, result: unknown) => {
      if (error !== null) throw error;
      answer = result;
    });
    return answer;
  }

  [Symbol.dispose](): void {
    this.#session.disconnect();
  }
}

const start = ({ ranges }: ScriptCoverage['functions'][number]) => ranges[0]?.startOffset;

export function contains(covered: Covered, wanted: Covered): boolean {
  for (const [url, bits] of wanted) {
    const ran = covered.get(url);
    if (bits.some((bit, at) => bit === 1 && ran?.[at] !== 1)) return false;
  }
  return true;
}
