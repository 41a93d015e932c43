/** What pure rooms need of the outside; implemented in `host/`, replaced by fakes in tests. */

/** Time sources; all in nanoseconds, as `bigint` where they are exact: 2^53 ns are only 104 days. */
export interface Clock {
  /** CLOCK_MONOTONIC. */
  monotonicNs(): bigint;
  /** The same as a number, exact for 104 days, without an allocation: for deadlines and accounts. */
  nowNs(): number;
  /** CLOCK_REALTIME, ns since the epoch. Comes from an untrusted host. */
  realtimeNs(): bigint;
  /** CLOCK_PROCESS_CPUTIME_ID of this process, all of its threads. */
  processorNs(): number;
}

export interface Entropy {
  /** Fills `target` with cryptographically secure random bytes. */
  fill(target: Uint8Array): void;
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export interface Logger {
  log(level: LogLevel, message: string): void;
}

/** AES-256-GCM result: `ciphertext` has the length of the plaintext, `tag` 16 bytes. */
export interface Sealed {
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** Cryptography that rooms below host need, implemented over node:crypto. */
export interface Crypto {
  sha256(...parts: readonly Uint8Array[]): Uint8Array;
  sha384(...parts: readonly Uint8Array[]): Uint8Array;
  sha512(...parts: readonly Uint8Array[]): Uint8Array;
  hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  /** RFC 5869 with SHA-256. */
  hkdfSha256(key: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array;
  /** `key` 32 bytes, `nonce` 12 bytes (NIST SP 800-38D). */
  aesGcmSeal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Sealed;
  /** The plaintext, or undefined when the tag does not match. */
  aesGcmOpen(
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    ciphertext: Uint8Array,
    tag: Uint8Array,
  ): Uint8Array | undefined;
  ed25519Sign(privateKeyPkcs8: Uint8Array, message: Uint8Array): Uint8Array;
  /** `publicKey` is the raw 32-byte key of RFC 8032. */
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** Diffie-Hellman, implemented over node:crypto. Keys are raw bytes. */
export interface KeyAgreement {
  /**
   * NIST P-256 (SP 800-56A) between a fresh key and `peer`: the point of the fresh key and the
   * x-coordinate of the product. Points are x and y, 64 bytes. Undefined: `peer` is not on the curve.
   */
  p256(peer: Uint8Array): { readonly point: Uint8Array; readonly shared: Uint8Array } | undefined;
  /** RFC 7748, 32 bytes each; undefined when the result is zero (section 6.1). */
  x25519(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  x25519Public(privateKey: Uint8Array): Uint8Array;
}
