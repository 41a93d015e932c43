/**
 * Translations kept between runs of programs that are not measured, below the state folder: a file a
 * module, authenticated with a key of this user, and read in chunks as they are asked for
 * (docs/formats/translations.md). On a machine whose host is not trusted nothing is taken from here: sealed images do not use it.
 *
 * Several runs may write at once: a file is replaced whole, the last one stays. What does not
 * authenticate, or fits no longer, is ignored with a line in the log, and replaced in time.
 */

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  futimesSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../base/interfaces.ts';
import { FORMAT, type TranslationSource, VERSION } from '../cpu/cache/translation-file.ts';
import type { TranslationStorage } from '../cpu/cache/unit-store.ts';
import { ChunkedFile, digestsOf, readFully } from './chunked-file.ts';
import { hmacSha256, isSameDigest, sha256 } from './native/sha256.ts';
import { createOnce, stateHome } from './state-home.ts';

const MAC_BYTES = 32;
/** Behind the bytes and the digests of their chunks: number of bytes, MAC. */
const TAIL_BYTES = 4 + MAC_BYTES;
const KEY_BYTES = 32;
const DOMAIN = 'cloister translations v2';
const LARGEST_BYTES = 128 * 1024 * 1024;
/** Files not used for longest go when all together are larger. */
const FOLDER_BYTES = 512 * 1024 * 1024;
const DAY_MS = 86_400_000;
const NOT_AUTHENTIC = 'it is not authentic';

export class TranslationFolder implements TranslationStorage {
  readonly #folder: string;
  readonly #logger: Logger;
  readonly #limitBytes: number;
  #key: Uint8Array | undefined;

  constructor(
    logger: Logger,
    folder: string = join(stateHome(), 'translations'),
    limitBytes: number = FOLDER_BYTES,
  ) {
    this.#logger = logger;
    this.#folder = folder;
    this.#limitBytes = limitBytes;
  }

  load(key: string): TranslationSource | undefined {
    let fd: number;
    try {
      fd = openSync(this.#pathOf(key), 'r');
    } catch {
      return undefined;
    }
    try {
      const { size, mtimeMs } = fstatSync(fd);
      const now = Date.now();
      if (now - mtimeMs > DAY_MS) futimesSync(fd, now / 1000, now / 1000);
      const file = this.#authentic(key, fd, size);
      if (typeof file !== 'string') return file;
      this.#ignored(key, file);
    } catch {
      // It cannot be read, or there is no key: as good as not there.
    }
    closeSync(fd);
    return undefined;
  }

  /** The file, whose chunks are authentic if their digests match; or why there is none. */
  #authentic(key: string, fd: number, size: number): ChunkedFile | string {
    if (size > LARGEST_BYTES) return 'it is too large';
    const secret = this.#secret();
    if (secret === undefined) throw new Error('no key');
    const tail = readFully(fd, Math.max(0, size - TAIL_BYTES), Math.min(size, TAIL_BYTES));
    const sizeBytes = tail.length < TAIL_BYTES ? size : tail.readUInt32LE(0);
    const digestBytes = size - TAIL_BYTES - sizeBytes;
    if (digestBytes !== ChunkedFile.digestBytes(sizeBytes)) return NOT_AUTHENTIC;
    const digests = readFully(fd, sizeBytes, digestBytes);
    const mac = macOf(secret, key, sizeBytes, digests);
    if (!isSameDigest(tail.subarray(4), mac)) return NOT_AUTHENTIC;
    return new ChunkedFile(fd, sizeBytes, digests, () => this.#ignored(key, NOT_AUTHENTIC));
  }

  save(key: string, bytes: Uint8Array | undefined): void {
    if (bytes === undefined) rmSync(this.#pathOf(key), { force: true });
    else this.#write(key, bytes);
  }

  #write(key: string, bytes: Uint8Array): void {
    const secret = this.#secret();
    const digests = digestsOf(bytes);
    if (secret === undefined || bytes.length + digests.length + TAIL_BYTES > LARGEST_BYTES) return;
    try {
      const path = this.#pathOf(key);
      const temporary = `${path}.${randomBytes(6).toString('hex')}`;
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      const mac = macOf(secret, key, bytes.length, digests);
      writeFileSync(temporary, bytes, { mode: 0o600 });
      writeFileSync(temporary, Buffer.concat([digests, length, mac]), { flag: 'a' });
      renameSync(temporary, path);
      this.#trim();
    } catch {
      // A full or read-only state folder only costs the next start some time.
    }
  }

  refuse(key: string, reason: string): void {
    this.#ignored(key, reason);
  }

  #ignored(key: string, reason: string): undefined {
    this.#logger.log(
      'warn',
      `translations of ${key} in ${this.#folder} are ignored and made anew: ${reason}`,
    );
    return undefined;
  }

  /** Another for each version of the translator: after an upgrade nothing stale is read. */
  #pathOf(key: string): string {
    const name = sha256(Buffer.from(`${DOMAIN}\0${FORMAT}.${VERSION}\0${key}`)).subarray(0, 16);
    return join(this.#folder, Buffer.from(name).toString('hex'));
  }

  /** The user's key, made when it is first needed; undefined when there can be none. */
  #secret(): Uint8Array | undefined {
    if (this.#key) return this.#key;
    const path = join(this.#folder, 'key');
    try {
      let key = readIfThere(path);
      if (key === undefined) {
        createOnce(path, randomBytes(KEY_BYTES));
        key = readFileSync(path);
      }
      if (key.length === KEY_BYTES) this.#key = key;
    } catch {
      // No state folder: nothing is kept.
    }
    return this.#key;
  }

  /** Removes the files used longest ago until the rest is small enough, and what killed runs left. */
  #trim(): void {
    const files = readdirSync(this.#folder)
      .filter((name) => name !== 'key')
      .map((name) => {
        const path = join(this.#folder, name);
        const stat = statSync(path, { throwIfNoEntry: false });
        return { path, size: stat?.size ?? 0, mtimeMs: stat?.mtimeMs ?? 0 };
      })
      .sort((a, b) => b.mtimeMs - a.mtimeMs);
    let total = 0;
    const now = Date.now();
    for (const { path, size, mtimeMs } of files) {
      total += size;
      const isLeftOver = path.includes('.', this.#folder.length) && now - mtimeMs > DAY_MS;
      if (total > this.#limitBytes || isLeftOver) rmSync(path, { force: true });
    }
  }
}

function readIfThere(path: string): Uint8Array | undefined {
  return statSync(path, { throwIfNoEntry: false }) && readFileSync(path);
}

function macOf(
  secret: Uint8Array,
  key: string,
  sizeBytes: number,
  digests: Uint8Array,
): Uint8Array {
  return hmacSha256(secret, Buffer.from(`${DOMAIN}\0${key}\0${sizeBytes}\0`), digests);
}
