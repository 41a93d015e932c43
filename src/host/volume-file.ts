/** Host side of sealed volumes: the file that holds one, and keys from files and passphrases. */

import { scryptSync } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Entropy } from '../base/interfaces.ts';
import { VolumeError } from '../fs/sealed/errors.ts';
import { type BlockHost, HostIoError } from '../fs/sealed/l0-host/block-host.ts';
import { SLOT_TYPE } from '../fs/sealed/l1-keys/header.ts';
import type { SlotMaker } from '../fs/sealed/l1-keys/unlock.ts';
import { tryLock } from './native/file-lock.ts';
import { WriteBack } from './native/write-back.ts';

/** In a volume that is a folder, the file that holds it. */
const FILE_IN_FOLDER = 'volume.sealed';

/** The file of a volume that is named by a folder or by the file itself. */
export function volumePath(path: string): string {
  const isFolder = path.endsWith('/') || (existsSync(path) && statSync(path).isDirectory());
  return isFolder ? join(path, FILE_IN_FOLDER) : path;
}

function asHostError(cause: unknown, doing: string): HostIoError {
  const { code, message } = cause as { code?: string; message: string };
  const errno = code === 'ENOSPC' || code === 'EDQUOT' ? 'ENOSPC' : 'EIO';
  return new HostIoError(errno, `${doing}: ${code ?? message}`, cause);
}

function lengthOf(parts: readonly Uint8Array[]): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}

export type VolumeMode = 'create' | 'read' | 'write';

const OPEN_FLAGS: Readonly<Record<VolumeMode, number>> = {
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
};

/**
 * A volume in one file. While it is open for writing no other run of Cloister opens it, while it is open
 * for reading none writes: each would write where the other's commits lie.
 */
export class VolumeFile implements BlockHost, Disposable {
  readonly path: string;
  readonly #fd: number;
  readonly #writeBack: WriteBack;
  #isOpen = true;

  constructor(path: string, mode: VolumeMode) {
    this.path = volumePath(path);
    try {
      if (mode === 'create') mkdirSync(dirname(this.path), { recursive: true });
      // Without O_NONBLOCK a FIFO in the place of a volume would never open.
      this.#fd = openSync(this.path, OPEN_FLAGS[mode] | constants.O_NONBLOCK, 0o600);
    } catch (cause) {
      const code = (cause as { code?: string }).code;
      const doesExist = code === 'EEXIST' && existsSync(this.path);
      const what = doesExist
        ? 'exists already: give another place'
        : `cannot be ${mode === 'create' ? 'made' : 'opened'} (${code})`;
      throw new VolumeError('CLOISTER_VOLUME_USE', `volume ${this.path} ${what}`, cause);
    }
    this.#writeBack = new WriteBack(this.#fd);
    const stat = fstatSync(this.#fd);
    const why = !(stat.isFile() || stat.isBlockDevice())
      ? 'is neither a file nor a block device'
      : tryLock(this.#fd, mode === 'read' ? 'read' : 'write')
        ? undefined
        : 'is in use: another run or command has it open';
    if (why === undefined) return;
    closeSync(this.#fd);
    throw new VolumeError('CLOISTER_VOLUME_USE', `volume ${this.path} ${why}`);
  }

  read(offsetBytes: number, target: Uint8Array): number {
    try {
      return readSync(this.#fd, target, 0, target.length, offsetBytes);
    } catch (cause) {
      throw asHostError(cause, `read at ${offsetBytes}`);
    }
  }

  write(offsetBytes: number, parts: readonly Uint8Array[]): void {
    try {
      if (parts.length === 1) this.#writeAll(offsetBytes, parts[0] as Uint8Array);
      else this.#writeParts(offsetBytes, parts);
      this.#writeBack.wrote(offsetBytes, lengthOf(parts));
    } catch (cause) {
      throw asHostError(cause, `write at ${offsetBytes}`);
    }
  }

  barrier(): void {
    try {
      fdatasyncSync(this.#fd);
      this.#writeBack.settled();
    } catch (cause) {
      throw asHostError(cause, 'fdatasync');
    }
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) closeSync(this.#fd);
    this.#isOpen = false;
  }

  #writeAll(offsetBytes: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const got = writeSync(this.#fd, bytes, done, bytes.length - done, offsetBytes + done);
      if (got <= 0) throw new Error('the host wrote nothing');
      done += got;
    }
  }

  #writeParts(offsetBytes: number, parts: readonly Uint8Array[]): void {
    let at = offsetBytes;
    for (let i = 0; i < parts.length; i += 512) {
      const some = parts.slice(i, i + 512);
      const left = lengthOf(some);
      const got = writevSync(this.#fd, some as Uint8Array[], at);
      if (got < left) {
        // A short write: the rest one by one.
        let skip = got;
        for (const part of some) {
          const rest = part.subarray(Math.min(skip, part.length));
          skip -= part.length - rest.length;
          this.#writeAll(at + part.length - rest.length, rest);
          at += part.length;
        }
      } else at += left;
    }
  }
}

/** A key file: 32 bytes, or 64 hexadecimal digits. */
export function readKeyFile(path: string): Uint8Array {
  return keyOf(readKeyBytes(path), `key file ${path}`);
}

export function readKeyBytes(path: string, what = 'key file'): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (cause) {
    const { message } = cause as Error;
    throw new VolumeError(
      'CLOISTER_VOLUME_KEY',
      `${what} ${path} cannot be read: ${message}`,
      cause,
    );
  }
}

/** The passphrase in a file, without the end of its line; a file without one opens nothing. */
export function readPassphraseFile(path: string): string {
  const what = 'passphrase file';
  const words = Buffer.from(readKeyBytes(path, what))
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (words !== '') return words;
  throw new VolumeError('CLOISTER_VOLUME_KEY', `${what} ${path} is empty`);
}

/** The key in what `where` holds. */
export function keyOf(bytes: Uint8Array, where: string): Uint8Array {
  if (bytes.length === 32) return bytes;
  const text = Buffer.from(bytes).toString('latin1').trim();
  if (/^[0-9a-fA-F]{64}$/.test(text)) return new Uint8Array(Buffer.from(text, 'hex'));
  throw new VolumeError(
    'CLOISTER_VOLUME_KEY',
    `${where} has ${bytes.length} bytes; it must have 32, or 64 hexadecimal digits: ` +
      'head -c 32 /dev/urandom > key',
  );
}

const SCRYPT_LOG_N = 16;

/** A recovery passphrase through scrypt (RFC 7914): N = 2^16, r = 8, p = 1, 64 MiB. */
export function passphrase(secret: string, entropy: Entropy): SlotMaker {
  const derive = (parameters: Uint8Array): Uint8Array | undefined => {
    if (parameters.length !== 19) return undefined;
    const [logN, r, p] = parameters as unknown as [number, number, number];
    // The header is not authentic yet: bound what it may make us compute.
    if (logN > 20 || r > 16 || p > 4 || logN < 14) return undefined;
    const N = 2 ** logN;
    return scryptSync(secret.normalize('NFC'), parameters.subarray(3), 32, {
      N,
      r,
      p,
      maxmem: 256 * N * r,
    });
  };
  return {
    type: SLOT_TYPE.passphrase,
    kekFor: derive,
    makeKek() {
      const parameters = new Uint8Array(19);
      parameters.set([SCRYPT_LOG_N, 8, 1]);
      entropy.fill(parameters.subarray(3));
      return { parameters, kek: derive(parameters) as Uint8Array };
    },
  };
}
