/**
 * What building and opening an image needs of the host; implemented in `host/`. A builder trusts
 * its own machine; a reader trusts nothing that comes through {@link ImageSource}.
 */

import type { ByteString, Xattr } from '../fs/verity/index-model.ts';
import type { BlobSource } from '../fs/verity/source.ts';

export interface HostStat {
  /** Type and permission bits, as in `st_mode`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSec: number;
  readonly mtimeNsec: number;
  readonly rdev: number;
  /** Device and inode number: tells hard links apart. */
  readonly id: string;
  readonly nlink: number;
}

export interface HostFile extends Disposable {
  /** Copies bytes from `offsetBytes`; fewer than asked for only at the end. */
  readAt(offsetBytes: number, target: Uint8Array): number;
}

/** Files of the machine that builds. Paths are absolute byte strings. */
export interface HostFiles {
  /** undefined when there is nothing at `path`. */
  lstat(path: ByteString): HostStat | undefined;
  /** Names in a directory, in any order. */
  readdir(path: ByteString): ByteString[];
  readlink(path: ByteString): ByteString;
  open(path: ByteString): HostFile;
  xattrs(path: ByteString): readonly Xattr[];
}

export interface WrittenBlob {
  /** SHA-256 of the bytes as they are stored. */
  readonly digest: Uint8Array;
  readonly sizeBytes: number;
  /** Bytes that are stored, where they are not {@link sizeBytes}: encrypted blobs. */
  readonly storedBytes?: number;
}

export interface BlobWriter {
  write(bytes: Uint8Array): void;
  finish(): WrittenBlob;
}

/** An OCI image layout that is being written. */
export interface ImageOutput {
  createBlob(): BlobWriter;
  /** Writes a file at the top of the layout: `oci-layout`, `index.json`. */
  writeFile(name: string, bytes: Uint8Array): void;
}

/** An OCI image layout that is being read. */
export interface ImageSource extends BlobSource {
  /** A file at the top of the layout; throws when it is not there or larger than `maxBytes`. */
  readFile(name: string, maxBytes: number): Uint8Array;
}

/** Signs with an Ed25519 key that stays where it is. */
export interface Signer {
  /** Raw 32-byte public key. */
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

/** What a person must fix in an image, its sources or its configuration. */
export class ImageError extends Error {
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
