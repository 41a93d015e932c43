/**
 * Seals blocks with AES-256-GCM and never uses a nonce twice.
 *
 * Argument: a {@link Sealer} draws a session id of 128 random bits when it is made, and derives a
 * key of its own from the volume's epoch key and that id (HKDF-SHA256). Under this key the nonce is
 * a counter that only this object holds and only raises. No session is ever resumed: after a crash,
 * a rollback of the host's files, a fork or a copy of the volume, the next Sealer draws another id
 * and so has another key. Two sessions share an id with probability below 2^-64 for 2^32 sessions.
 * So (key, nonce) repeats nowhere, whatever the host does. After 2^32 seals a new session begins,
 * far below the bounds of SP 800-38D for one key.
 */

import { assert } from '../../../base/assert.ts';
import type { Crypto, Entropy } from '../../../base/interfaces.ts';
import { byteString } from '../../../vfs/byte-string.ts';

export const SESSION_BYTES = 20;
export const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const SEALS_PER_SESSION = 2 ** 32;

/** What a sealed piece is; part of the nonce, so that no piece passes for one of another kind. */
export const KIND = { super: 1, node: 2, cell: 3 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** Session id of 20 bytes as a byte string: u32 key epoch (little-endian), 16 random bytes. */
export type SessionId = string;

export interface SealedPiece {
  readonly ciphertext: Uint8Array;
  readonly session: SessionId;
  readonly counter: number;
  readonly tag: Uint8Array;
}

/** Data keys by epoch; a rotation adds one, and old ones stay to read what they sealed. */
export interface KeyRing {
  readonly keys: ReadonlyMap<number, Uint8Array>;
  readonly current: number;
}

interface Session {
  readonly id: SessionId;
  readonly key: Uint8Array;
}

const INFO = new TextEncoder().encode('cloister volume v1 session');
const EMPTY = new Uint8Array(0);
const MAX_CACHED_SESSIONS = 4096;

export class Sealer {
  readonly #crypto: Crypto;
  readonly #entropy: Entropy;
  #ring: KeyRing;
  readonly #sessions = new Map<SessionId, Uint8Array>();
  #own: Session | undefined;
  #counter = 0;
  readonly #nonce = new Uint8Array(NONCE_BYTES);
  readonly #nonceView = new DataView(this.#nonce.buffer);

  constructor(crypto: Crypto, entropy: Entropy, ring: KeyRing) {
    this.#crypto = crypto;
    this.#entropy = entropy;
    this.#ring = ring;
  }

  /** From now on new pieces are sealed under the current epoch of `ring`. */
  setRing(ring: KeyRing): void {
    this.#ring = ring;
    this.#own = undefined;
  }

  seal(kind: Kind, plaintext: Uint8Array): SealedPiece {
    const session = this.#session();
    const counter = this.#counter++;
    this.#setNonce(kind, counter);
    const { ciphertext, tag } = this.#crypto.aesGcmSeal(session.key, this.#nonce, EMPTY, plaintext);
    assert(ciphertext.length === plaintext.length && tag.length === TAG_BYTES);
    return { ciphertext, session: session.id, counter, tag };
  }

  /** The plaintext, or undefined when it is not what was sealed under these numbers. */
  open(kind: Kind, piece: SealedPiece): Uint8Array | undefined {
    const key = this.#keyOf(piece.session);
    if (key === undefined) return undefined;
    this.#setNonce(kind, piece.counter);
    return this.#crypto.aesGcmOpen(key, this.#nonce, EMPTY, piece.ciphertext, piece.tag);
  }

  #setNonce(kind: Kind, counter: number): void {
    this.#nonceView.setUint32(0, counter % 2 ** 32, true);
    this.#nonceView.setUint32(4, Math.floor(counter / 2 ** 32), true);
    this.#nonceView.setUint32(8, kind, true);
  }

  #session(): Session {
    if (this.#own !== undefined && this.#counter < SEALS_PER_SESSION) return this.#own;
    const bytes = new Uint8Array(SESSION_BYTES);
    this.#entropy.fill(bytes.subarray(4));
    new DataView(bytes.buffer).setUint32(0, this.#ring.current, true);
    const id = byteString(bytes);
    const key = this.#keyOf(id);
    assert(key !== undefined, 'the key ring lacks its current epoch');
    this.#own = { id, key };
    this.#counter = 0;
    return this.#own;
  }

  #keyOf(id: SessionId): Uint8Array | undefined {
    const known = this.#sessions.get(id);
    if (known !== undefined) return known;
    const salt = new Uint8Array(SESSION_BYTES);
    for (let i = 0; i < SESSION_BYTES; i++) salt[i] = id.charCodeAt(i);
    const epoch = new DataView(salt.buffer).getUint32(0, true);
    const epochKey = this.#ring.keys.get(epoch);
    if (epochKey === undefined) return undefined;
    const key = this.#crypto.hkdfSha256(epochKey, salt, INFO, 32);
    if (this.#sessions.size >= MAX_CACHED_SESSIONS) this.#sessions.clear();
    this.#sessions.set(id, key);
    return key;
  }
}
