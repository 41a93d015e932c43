/**
 * Host side of images: files of the machine that builds, and OCI image layouts on disk, written
 * (next to the target, then moved into place) and read.
 */

import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ByteString } from '../fs/verity/index-model.ts';
import type { Blob } from '../fs/verity/source.ts';
import {
  type BlobWriter,
  type HostFile,
  type HostFiles,
  ImageError,
  type ImageOutput,
  type ImageSource,
  type Signer,
} from '../image/host-files.ts';

const native = (path: ByteString) => Buffer.from(path, 'latin1');
const BILLION = 1_000_000_000n;

export const nodeHostFiles: HostFiles = {
  lstat(path) {
    const stat = lstatSync(native(path), { bigint: true, throwIfNoEntry: false });
    if (!stat) return undefined;
    return {
      mode: Number(stat.mode),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      sizeBytes: Number(stat.size),
      mtimeSec: Number(stat.mtimeNs / BILLION),
      mtimeNsec: Number(stat.mtimeNs % BILLION),
      rdev: Number(stat.rdev),
      id: `${stat.dev}:${stat.ino}`,
      nlink: Number(stat.nlink),
    };
  },
  readdir: (path) =>
    readdirSync(native(path), { encoding: 'buffer' }).map((name) => name.toString('latin1')),
  readlink: (path) => readlinkSync(native(path), { encoding: 'buffer' }).toString('latin1'),
  open: (path) => new NodeFile(openSync(native(path), 'r')),
  // Node.js has no call for extended attributes; file capabilities are given in cloister.yaml.
  xattrs: () => [],
};

class NodeFile implements HostFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  readAt(offsetBytes: number, target: Uint8Array): number {
    let done = 0;
    while (done < target.length) {
      const got = readSync(this.#fd, target, done, target.length - done, offsetBytes + done);
      if (got === 0) break;
      done += got;
    }
    return done;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** Writes a layout beside `directory`; {@link commit} puts it in place of what was there. */
export class NodeImageOutput implements ImageOutput, Disposable {
  readonly #target: string;
  readonly #temporary: string;
  #blobCount = 0;

  constructor(directory: string) {
    if (existsSync(directory) && !existsSync(join(directory, 'oci-layout')))
      if (readdirSync(directory).length > 0)
        throw new ImageError(
          'CLOISTER_BUILD',
          `${directory} exists and is no image: give another place with --output`,
        );
    this.#target = directory;
    this.#temporary = `${directory}.building-${process.pid}`;
    mkdirSync(join(this.#temporary, 'blobs', 'sha256'), { recursive: true });
  }

  createBlob(): BlobWriter {
    const temporary = join(this.#temporary, `blob-${this.#blobCount++}`);
    const fd = openSync(temporary, 'wx');
    const hash = createHash('sha256');
    let sizeBytes = 0;
    return {
      write(bytes) {
        hash.update(bytes);
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
        sizeBytes += bytes.length;
      },
      finish: () => {
        fsyncSync(fd);
        closeSync(fd);
        const digest = hash.digest();
        renameSync(temporary, join(this.#temporary, 'blobs', 'sha256', digest.toString('hex')));
        return { digest, sizeBytes };
      },
    };
  }

  writeFile(name: string, bytes: Uint8Array): void {
    writeFileSync(join(this.#temporary, name), bytes);
  }

  commit(): void {
    const old = `${this.#target}.old-${process.pid}`;
    const hadOld = existsSync(this.#target);
    if (hadOld) renameSync(this.#target, old);
    renameSync(this.#temporary, this.#target);
    if (hadOld) rmSync(old, { recursive: true, force: true });
  }

  /** Removes what was not committed. */
  [Symbol.dispose](): void {
    rmSync(this.#temporary, { recursive: true, force: true });
  }
}

/** A layout folder; blobs stay open until the source is disposed. */
export class NodeImageSource implements ImageSource, Disposable {
  readonly #directory: string;
  readonly #fds: number[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  readFile(name: string, maxBytes: number): Uint8Array {
    const path = join(this.#directory, name);
    if (statSync(path).size > maxBytes) throw new Error(`${path} is larger than ${maxBytes} bytes`);
    return readFileSync(path);
  }

  open(digest: string): Blob {
    const fd = openSync(join(this.#directory, 'blobs', 'sha256', digest), 'r');
    this.#fds.push(fd);
    return {
      sizeBytes: fstatSync(fd).size,
      readAt: (offset, target) => readSync(fd, target, 0, target.length, offset),
    };
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds.splice(0)) closeSync(fd);
  }
}

/** An Ed25519 private key in PEM (PKCS #8), as `openssl genpkey -algorithm ed25519` writes it. */
export function signerFromPem(pem: string | Uint8Array, name: string): Signer {
  let key: ReturnType<typeof createPrivateKey>;
  try {
    key = createPrivateKey({ key: Buffer.from(pem as Uint8Array), format: 'pem' });
  } catch (cause) {
    throw new ImageError('CLOISTER_KEY', `${name} is no private key in PEM form`, cause);
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new ImageError(
      'CLOISTER_KEY',
      `${name} is a key for ${key.asymmetricKeyType}; images are signed with Ed25519: ` +
        'openssl genpkey -algorithm ed25519 -out key.pem',
    );
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicKey: new Uint8Array(spki.subarray(-32)),
    sign: (message) => sign(null, message, key),
  };
}

/** The raw 32 bytes of an Ed25519 public key: PEM, hexadecimal or base64. */
export function publicKeyFrom(text: string, name: string): Uint8Array {
  const trimmed = text.trim();
  if (/^[0-9a-fA-F]{64}$/.test(trimmed)) return new Uint8Array(Buffer.from(trimmed, 'hex'));
  if (/^[A-Za-z0-9+/]{43}=$/.test(trimmed)) return new Uint8Array(Buffer.from(trimmed, 'base64'));
  try {
    const key = createPublicKey({ key: text, format: 'pem' });
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is for ${key.asymmetricKeyType}`);
    return new Uint8Array(key.export({ format: 'der', type: 'spki' }).subarray(-32));
  } catch (cause) {
    throw new ImageError('CLOISTER_KEY', `${name} is no Ed25519 public key: ${cause}`, cause);
  }
}
