/** Token buckets by peer, in bounded memory: the oldest peer is forgotten first. */
export interface RateLimit {
  readonly perSecond: number;
  readonly burst: number;
  readonly maximumPeers: number;
}

export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  /** Takes one token of `peer` at `nowMs`; false when it has none. */
  take(peer: string, nowMs: number): boolean {
    const { perSecond, burst, maximumPeers } = this.#limit;
    const known = this.#buckets.get(peer);
    const gained = known ? (Math.max(0, nowMs - known.atMs) / 1000) * perSecond : burst;
    const tokens = Math.min(burst, (known?.tokens ?? 0) + gained);
    // Setting anew moves the peer to the end: the map's first entry is the one unseen for longest.
    this.#buckets.delete(peer);
    if (this.#buckets.size >= maximumPeers) {
      const oldest = this.#buckets.keys().next().value;
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    this.#buckets.set(peer, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs });
    return tokens >= 1;
  }
}
