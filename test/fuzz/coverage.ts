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

/** What a byte says of a character. */
const RAN = 1;
/** It did not run, but the function that it stands in did. */
const PASSED = 2;

/** Module → a byte a character: {@link RAN}, {@link PASSED} or 0. */
export type Covered = ReadonlyMap<string, Uint8Array>;

export class Coverage implements Disposable {
  readonly #session = new Session();
  readonly #isWanted: (url: string) => boolean;
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
      for (const { ranges } of own) {
        const missed = ranges[0]?.count === 0 ? 0 : PASSED;
        for (const { startOffset, endOffset, count } of ranges)
          ran.fill(count > 0 ? RAN : missed, startOffset, endOffset);
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
      const only = ran.map((what, at) => (seen?.[at] === RAN ? 0 : what));
      if (only.includes(RAN)) fresh.set(url, only);
    }
    return fresh.size > 0 ? fresh : undefined;
  }

  add(covered: Covered): void {
    for (const [url, ran] of covered) {
      const seen = this.#enlarged(this.#seen, url, ran.length);
      for (let at = 0; at < ran.length; at++)
        if (ran[at] !== 0 && seen[at] !== RAN) seen[at] = ran[at]!;
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

  /** Of the functions that ran after the targets were made, the share of their text that ran. */
  get share(): number {
    const counts = [0, 0, 0];
    for (const bits of this.#seen.values()) for (const what of bits) counts[what]!++;
    return counts[RAN]! / (counts[RAN]! + counts[PASSED]!);
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
    if (bits.some((what, at) => what === RAN && ran?.[at] !== RAN)) return false;
  }
  return true;
}
