/** What the doors of an instance share: identity, proof, judges, counts, and what they say in the log. */

import type { Evidence } from '../../attest/evidence.ts';
import { parsePolicy } from '../../attest/policy.ts';
import type { Collateral } from '../../attest/verify.ts';
import type { Logger } from '../../base/interfaces.ts';
import type { Freshness, StreamJudge } from '../../kbs/attested-stream.ts';
import type { ChannelProver } from '../../kbs/ra-tls.ts';
import type { TlsHost } from '../../kbs/tls.ts';
import type { ChannelIdentity } from './channel-identity.ts';
import type { Inside } from './guest-stream.ts';

/** TCP, TLS and evidence of a connection must be there by then. */
export const HANDSHAKE_MS = 10_000;

export interface DoorParts {
  readonly tls: TlsHost;
  readonly inside: Inside;
  readonly identity: ChannelIdentity;
  readonly prove: ChannelProver;
  /** By the host's clock. */
  readonly nowMs: () => number;
  readonly collateral?: ((evidence: Evidence) => Promise<Collateral>) | undefined;
  readonly logger: Logger;
}

export function judgeOf(
  { nowMs, collateral }: DoorParts,
  { policy, freshness }: { readonly policy: string; readonly freshness: Freshness },
): StreamJudge {
  return {
    ...{ policy: parsePolicy(policy), freshness, time: () => new Date(nowMs()) },
    ...(collateral === undefined ? {} : { collateral }),
  };
}

/** A door that is open. */
export interface Door {
  /** The guests have ended: nobody new comes through; resolves when the last is gone. */
  close(): Promise<void>;
  /** Ends what is left. */
  destroy(): void;
}

/** One connection through a door, from its first byte on. */
export interface Passage {
  /** No guest lives any more: see {@link Relay.finish}. */
  finish(): void;
  destroy(): void;
}

/** What goes through a door now. */
export class Passages {
  readonly #open = new Set<Passage>();
  #onEmpty: (() => void) | undefined;

  get count(): number {
    return this.#open.size;
  }

  /** Counts `one` until `done` has settled. */
  async track(one: Passage, done: Promise<void>): Promise<void> {
    this.#open.add(one);
    try {
      await done;
    } finally {
      this.#open.delete(one);
      if (this.#open.size === 0) this.#onEmpty?.();
    }
  }

  /** Resolves when the last of them has gone. */
  finish(): Promise<void> {
    for (const one of this.#open) one.finish();
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  destroy(): void {
    for (const one of this.#open) one.destroy();
  }
}

const LOG_EVERY_MS = 1000;

/** One line a second at most: whoever knocks at a door cannot fill the log. */
export class DoorLog {
  readonly #parts: Pick<DoorParts, 'logger' | 'nowMs'>;
  readonly #name: string;
  #lastMs = Number.NEGATIVE_INFINITY;
  #unsaid = 0;

  constructor(parts: Pick<DoorParts, 'logger' | 'nowMs'>, name: string) {
    this.#parts = parts;
    this.#name = name;
  }

  say(what: string): void {
    const now = this.#parts.nowMs();
    if (Math.abs(now - this.#lastMs) < LOG_EVERY_MS) {
      this.#unsaid++;
      return;
    }
    const more = this.#unsaid === 0 ? '' : ` (and ${this.#unsaid} lines before it were left out)`;
    this.#lastMs = now;
    this.#unsaid = 0;
    this.#parts.logger.log('warn', `${this.#name}: ${oneLine(what)}${more}`);
  }
}

/** Words of a peer go into the log: without control characters, and not at any length. */
function oneLine(text: string): string {
  const plain = Array.from(text.slice(0, MOST_LETTERS), (letter) => {
    const code = letter.codePointAt(0) as number;
    return code < 0x20 || (code >= 0x7f && code < 0xa0) ? '?' : letter;
  });
  return plain.join('');
}

const MOST_LETTERS = 500;
