/** An image layout in memory, for tests: written once, then read with any damage one likes. */

import { createHash } from 'node:crypto';
import type { Blob } from '../../fs/verity/source.ts';
import type { BlobWriter, ImageOutput, ImageSource } from '../host-files.ts';

export class MemoryLayout implements ImageOutput, ImageSource {
  readonly files = new Map<string, Uint8Array>();

  createBlob(): BlobWriter {
    const parts: Uint8Array[] = [];
    return {
      write: (bytes) => parts.push(bytes.slice()),
      finish: () => {
        const bytes = new Uint8Array(Buffer.concat(parts));
        const digest = createHash('sha256').update(bytes).digest();
        this.files.set(`blobs/sha256/${digest.toString('hex')}`, bytes);
        return { digest, sizeBytes: bytes.length };
      },
    };
  }

  writeFile(name: string, bytes: Uint8Array): void {
    this.files.set(name, bytes);
  }

  readFile(name: string): Uint8Array {
    const bytes = this.files.get(name);
    if (!bytes) throw new Error(`ENOENT: ${name}`);
    return bytes;
  }

  open(digest: string): Blob {
    const bytes = this.readFile(`blobs/sha256/${digest}`);
    return {
      sizeBytes: bytes.length,
      readAt: (offset, target) => {
        const part = bytes.subarray(offset, offset + target.length);
        target.set(part);
        return part.length;
      },
    };
  }
}
