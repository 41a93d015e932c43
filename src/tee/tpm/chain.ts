/**
 * A value in a TPM that only goes forwards: each step hashes the commitment of a volume's commit
 * into it. Order, lost responses and what an attacker between can do: docs/formats/volume.md,
 * "TPM anchor".
 *
 * Owner: one anchor of one volume. One session lives from the first use on; after any failure the
 * next use begins with a new one.
 */

import { equalBytes } from '../../attest/bytes.ts';
import { assert } from '../../base/assert.ts';
import { concatBytes } from '../../base/concat-bytes.ts';
import type { TpmTransport } from '../../host/tpm.ts';
import { ChainIndex, FIRST_INDEX, INDEX_COUNT, VALUE_BYTES } from './chain-index.ts';
import { withEndorsementKey } from './endorsement.ts';
import { TpmSession, type TpmTools } from './session.ts';
import { TPM_RC_NV_DEFINED, TpmError, u8, u32 } from './wire.ts';

/** Where a chain is, and what opens it: what the volume keeps, sealed. */
export interface ChainPlace {
  /** Fingerprint of the TPM's endorsement key: 32 bytes. */
  readonly key: Uint8Array;
  readonly handle: number;
  readonly secret: Uint8Array;
}

const VERSION = 1;
const PLACE_BYTES = 1 + 32 + 4 + 32;
const MAX_TRIES = 8;

export function encodePlace({ key, handle, secret }: ChainPlace): Uint8Array {
  return concatBytes(u8(VERSION), key, u32(handle), secret);
}

/** undefined when the bytes are none. */
export function decodePlace(bytes: Uint8Array): ChainPlace | undefined {
  if (bytes.length !== PLACE_BYTES || bytes[0] !== VERSION) return undefined;
  const handle = new DataView(bytes.buffer, bytes.byteOffset).getUint32(33);
  return { key: bytes.slice(1, 33), handle, secret: bytes.slice(37) };
}

export interface ChainParts {
  readonly open: () => TpmTransport;
  readonly tools: TpmTools;
}

interface Connection {
  readonly transport: TpmTransport;
  readonly session: TpmSession;
}

export class TpmChain implements Disposable {
  readonly place: ChainPlace;
  readonly #parts: ChainParts;
  readonly #index: ChainIndex;
  #connection: Connection | undefined;

  constructor(parts: ChainParts, place: ChainPlace) {
    this.#parts = parts;
    this.place = place;
    this.#index = new ChainIndex(parts.tools.crypto, place.handle, place.secret);
  }

  /**
   * Makes a new chain, whose value begins with `origin` hashed onto zeros. `key` is the fingerprint
   * of the TPM that is wanted; undefined takes, and remembers, the one that answers.
   */
  static create(parts: ChainParts, key: Uint8Array | undefined, origin: Uint8Array): TpmChain {
    const { entropy } = parts.tools;
    for (let round = 0; ; round++) {
      const random = new Uint8Array(36);
      entropy.fill(random);
      const secret = random.subarray(4);
      // A TPM cuts zeros off the end of a secret (Part 1, 19.6.4.3).
      secret[31]! |= 1;
      const handle = FIRST_INDEX + (new DataView(random.buffer).getUint32(0) % INDEX_COUNT);
      const { connection, fingerprint } = connect(parts, key);
      const chain = new TpmChain(parts, { key: fingerprint, handle, secret });
      chain.#connection = connection;
      try {
        chain.#index.define(connection.session);
      } catch (error) {
        chain[Symbol.dispose]();
        const isTaken = error instanceof TpmError && error.responseCode === TPM_RC_NV_DEFINED;
        if (isTaken && round < MAX_TRIES) continue;
        throw error;
      }
      chain.#index.extend(connection.session, origin, true);
      return chain;
    }
  }

  /** The value now. */
  read(): Uint8Array {
    return this.#using((session) => this.#index.read(session));
  }

  /**
   * Extends the value, which must be `from`; answers the new one once the TPM has shown it. After a
   * lost or odd response the TPM is asked, over a new session, what became of it. Throws TpmError.
   */
  extend(from: Uint8Array, data: Uint8Array): Uint8Array {
    assert(data.length === VALUE_BYTES, 'a commitment has 32 bytes');
    const to = this.#index.next(from, data);
    for (let round = 0; ; round++) {
      try {
        return this.#using((session) => this.#step(session, from, to, data));
      } catch (error) {
        const isOver = error instanceof TpmError && error.code === 'TPM_DIVERGED';
        if (isOver || round > 0) throw error;
      }
    }
  }

  #step(session: TpmSession, from: Uint8Array, to: Uint8Array, data: Uint8Array): Uint8Array {
    const before = this.#index.read(session);
    if (equalBytes(before, to)) return to;
    if (!equalBytes(before, from))
      throw new TpmError('TPM_DIVERGED', 'the TPM was moved by another run of this volume');
    this.#index.extend(session, data);
    // An extension that an earlier session left on the way could have come in between.
    if (!equalBytes(this.#index.read(session), to))
      throw new TpmError('TPM_DIVERGED', 'the TPM was moved by another run at the same time');
    return to;
  }

  /** Deletes the index. */
  remove(): void {
    this.#using((session) => this.#index.undefine(session));
  }

  #using<T>(work: (session: TpmSession) => T): T {
    this.#connection ??= connect(this.#parts, this.place.key).connection;
    try {
      return work(this.#connection.session);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined) return;
    try {
      connection.session.close();
    } catch (error) {
      if (!(error instanceof TpmError)) throw error;
    } finally {
      connection.transport[Symbol.dispose]();
    }
  }
}

/** A session salted to the endorsement key with this fingerprint. */
function connect(
  parts: ChainParts,
  known: Uint8Array | undefined,
): { readonly connection: Connection; readonly fingerprint: Uint8Array } {
  const { tools } = parts;
  let transport: TpmTransport;
  try {
    transport = parts.open();
  } catch (cause) {
    throw new TpmError('TPM_TRANSPORT', `no way to the TPM: ${(cause as Error).message}`, {
      cause,
    });
  }
  try {
    return withEndorsementKey(transport, tools, known, (key, fingerprint) => {
      const session = new TpmSession(transport, tools, key);
      return { connection: { transport, session }, fingerprint };
    });
  } catch (error) {
    transport[Symbol.dispose]();
    throw error;
  }
}
