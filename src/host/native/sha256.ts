/**
 * SHA-256 by the OpenSSL inside of Node.js, called directly: for a start that needs a few digests and
 * nothing else of node:crypto, whose modules and providers take a tenth of a small program's start
 * (10–15 ms). The functions are those of openssl/sha.h, which allocate nothing and look nothing up.
 * A Node.js that does not export them has node:crypto do it.
 */

import ffi from 'node:ffi';

export const DIGEST_BYTES = 32;
/** FIPS 180-4, 5.1.1: HMAC pads its key to this. */
const BLOCK_BYTES = 64;
/** `sizeof(SHA256_CTX)` is 112. */
const CONTEXT_BYTES = 128;

const SIGNATURES = {
  SHA256_Init: { arguments: ['buffer'], return: 'int32' },
  SHA256_Update: { arguments: ['buffer', 'buffer', 'uint64'], return: 'int32' },
  SHA256_Final: { arguments: ['buffer', 'buffer'], return: 'int32' },
} as const;

type Call = (...args: unknown[]) => number;
type Digest = (parts: readonly Uint8Array[]) => Uint8Array;

function byOpenSsl(): Digest {
  const program = new ffi.DynamicLibrary(null as never);
  const [init, update, final] = Object.entries(SIGNATURES).map(
    ([name, signature]) => program.getFunction(name, signature as never) as unknown as Call,
  ) as [Call, Call, Call];
  const context = new Uint8Array(CONTEXT_BYTES);
  return (parts) => {
    const digest = new Uint8Array(DIGEST_BYTES);
    init(context);
    for (const part of parts) if (part.length > 0) update(context, part, BigInt(part.length));
    final(digest, context);
    return digest;
  };
}

function byNode(): Digest {
  const { createHash } = process.getBuiltinModule('node:crypto');
  return (parts) => {
    const state = createHash('sha256');
    for (const part of parts) state.update(part);
    return new Uint8Array(state.digest());
  };
}

let digest: Digest | undefined;

/** SHA-256 of `parts`, one behind the other. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  if (digest === undefined)
    try {
      digest = byOpenSsl();
    } catch {
      digest = byNode();
    }
  return digest(parts);
}

/** HMAC-SHA-256 (RFC 2104) under a key of at most 64 bytes. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  if (key.length > BLOCK_BYTES) throw new RangeError('a key longer than a block');
  const padded = (value: number): Uint8Array =>
    Uint8Array.from({ length: BLOCK_BYTES }, (_, n) => (key[n] ?? 0) ^ value);
  return sha256(padded(0x5c), sha256(padded(0x36), ...parts));
}

/** In a time that does not tell where they differ. */
export function isSameDigest(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let n = 0; n < DIGEST_BYTES; n++) difference |= (a[n] ?? 0) ^ (b[n] ?? 0);
  return difference === 0;
}
