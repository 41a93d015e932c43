/**
 * The page from which the vDSO reads the time: what the processor's time stamp counter showed at an
 * instant of the clocks, and how fast it runs. One segment an instance, mapped read-only into every
 * process.
 *
 * Layout (little-endian): 0 sequence (odd while it changes), 4 mode (0: ask the kernel), 8 counter,
 * 16 nanoseconds a tick × 2^32, 24 and 32 monotonic s and ns, 40 and 48 realtime s and ns.
 */

import type { MemorySegment } from '../mm/page-host.ts';
import type { Kernel } from './kernel.ts';

const NS_PER_SEC = 1_000_000_000n;
/** The rate is known well enough after this long, and is measured anew that often. */
const FIRST_INTERVAL_NS = 10_000_000;
const REFRESH_NS = 100_000_000;
/** A counter slower than this, or far off its earlier rate, is not to be trusted. */
const MIN_TICKS_PER_NS = 0.5;
const MAX_RATE_CHANGE = 0.001;

interface Sample {
  readonly counter: bigint;
  readonly monotonicNs: bigint;
  readonly realtimeNs: bigint;
}

export class TimePage {
  readonly #kernel: Kernel;
  readonly #segment: MemorySegment;
  #first: Sample | undefined;
  /** What the page says now. */
  #last: Sample | undefined;
  #rate = 0n;
  #sequence = 0;
  #isBroken = false;
  /** When {@link refresh} has something to do. */
  dueNs = 0;

  constructor(kernel: Kernel, segment: MemorySegment) {
    this.#kernel = kernel;
    this.#segment = segment;
  }

  /** Takes a sample; from the second on the page holds the time. */
  refresh(nowNs: number): void {
    this.dueNs = nowNs + REFRESH_NS;
    if (this.#isBroken) return;
    const sample = this.#sample();
    if (sample === undefined) {
      this.#fail();
      return;
    }
    if (this.#first === undefined) {
      this.#first = sample;
      this.dueNs = nowNs + FIRST_INTERVAL_NS;
      return;
    }
    const ticks = sample.counter - this.#first.counter;
    const ns = sample.monotonicNs - this.#first.monotonicNs;
    if (ns <= 0n || Number(ticks) / Number(ns) < MIN_TICKS_PER_NS) {
      this.#fail();
      return;
    }
    const rate = (ns << 32n) / ticks;
    const change = this.#rate === 0n ? 0 : Number(rate - this.#rate) / Number(this.#rate);
    if (Math.abs(change) > MAX_RATE_CHANGE) {
      this.#fail();
      return;
    }
    this.#publish(sample, rate);
  }

  /** Time never goes back: where the page ran ahead, it runs slower until the next refresh. */
  #publish(sample: Sample, rate: bigint): void {
    let monotonicNs = sample.monotonicNs;
    let pageRate = rate;
    if (this.#last !== undefined) {
      const shown =
        this.#last.monotonicNs + (((sample.counter - this.#last.counter) * this.#rate) >> 32n);
      const ahead = shown - monotonicNs;
      if (ahead > 0n) {
        monotonicNs = shown;
        const slowed = ahead < 50_000_000n ? ahead : 50_000_000n;
        pageRate = (rate * (BigInt(REFRESH_NS) - slowed)) / BigInt(REFRESH_NS);
      }
    }
    this.#last = { ...sample, monotonicNs };
    this.#rate = pageRate;
    const realtimeNs = sample.realtimeNs + (monotonicNs - sample.monotonicNs);
    this.#write(1, [
      sample.counter,
      pageRate,
      monotonicNs / NS_PER_SEC,
      monotonicNs % NS_PER_SEC,
      realtimeNs / NS_PER_SEC,
      realtimeNs % NS_PER_SEC,
    ]);
  }

  /** Guests ask the kernel from now on. */
  #fail(): void {
    this.#isBroken = true;
    this.#write(0, []);
  }

  /** One may have been stopped between two reads, or read it right now on another processor. */
  #write(mode: number, words: readonly bigint[]): void {
    const bytes = new Uint8Array(8 + 8 * words.length);
    const view = new DataView(bytes.buffer);
    for (const [i, word] of words.entries()) view.setBigUint64(8 + 8 * i, word, true);
    const begin = (shownMode: number): void => {
      this.#sequence = (this.#sequence + 1) >>> 0;
      view.setUint32(0, this.#sequence, true);
      view.setUint32(4, shownMode, true);
      this.#segment.write(0, bytes.subarray(0, 8));
    };
    // Who reads meanwhile asks the kernel.
    begin(0);
    this.#segment.write(8, bytes.subarray(8));
    begin(mode);
  }

  /** The counter between two readings of the clock; the closest of a few tries. */
  #sample(): Sample | undefined {
    let best: Sample | undefined;
    let bestWidth = 0n;
    for (let i = 0; i < 4; i++) {
      const before = this.#kernel.clock.monotonicNs();
      const counter = this.#kernel.platform.counter();
      const after = this.#kernel.clock.monotonicNs();
      if (counter === undefined) return undefined;
      const width = after - before;
      if (best !== undefined && width >= bestWidth) continue;
      bestWidth = width;
      best = { counter, monotonicNs: (before + after) / 2n, realtimeNs: 0n };
    }
    if (best === undefined) return undefined;
    const realtimeNs = this.#kernel.clock.realtimeNs();
    return {
      ...best,
      realtimeNs: realtimeNs - (this.#kernel.clock.monotonicNs() - best.monotonicNs),
    };
  }
}
