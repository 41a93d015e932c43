/** Compression of image layers over zlib's Zstandard. */

import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';

export const zstd = {
  /** The same bytes for the same input and version of Node.js. */
  compress: (bytes: Uint8Array): Uint8Array => zstdCompressSync(bytes),

  /** Exactly `sizeBytes` bytes, or undefined: it is damaged. */
  decompress(bytes: Uint8Array, sizeBytes: number): Uint8Array | undefined {
    try {
      const plain = zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, sizeBytes) });
      return plain.length === sizeBytes ? plain : undefined;
    } catch {
      return undefined;
    }
  },
};
