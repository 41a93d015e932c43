/**
 * What a sealed volume needs of the host: one range of bytes that can be read, written and made
 * durable. Everything read through it is hostile until it has been authenticated; what is written
 * is ciphertext, apart from the public part of the header.
 */

/** The host could not do what was asked; `errno` as Linux names it, when it is known. */
export class HostIoError extends Error {
  readonly code = 'CLOISTER_HOST_IO';
  readonly errno: 'EIO' | 'ENOSPC';

  constructor(errno: 'EIO' | 'ENOSPC', what: string, cause?: unknown) {
    super(what, cause === undefined ? undefined : { cause });
    this.errno = errno;
  }
}

export interface BlockHost {
  /** Copies bytes at `offsetBytes` into `target`; how many: fewer only at the end. Throws HostIoError. */
  read(offsetBytes: number, target: Uint8Array): number;
  /** Writes all parts one after the other, growing the range as needed. Throws HostIoError. */
  write(offsetBytes: number, parts: readonly Uint8Array[]): void;
  /** What was written before is durable when this returns. Throws HostIoError. */
  barrier(): void;
}

export const BLOCK_BYTES = 4096;

/** Fills `target`; false when the range ends before, throws HostIoError on failure. */
export function readFully(host: BlockHost, offsetBytes: number, target: Uint8Array): boolean {
  for (let done = 0; done < target.length; ) {
    const got = host.read(offsetBytes + done, done === 0 ? target : target.subarray(done));
    // A host that claims more than was asked for, or nonsense, has given nothing.
    if (!Number.isInteger(got) || got <= 0 || got > target.length - done) return false;
    done += got;
  }
  return true;
}
