/**
 * Translations kept between runs of programs that are not measured, below the state folder: a file a
 * module, authenticated with a key of this user (HMAC-SHA-256 over the module's name and the bytes).
 * On a machine whose host is not trusted nothing is taken from here: sealed images do not use it.
 *
 * Several runs may write at once: a file is replaced whole, the last one stays. What does not
 * authenticate, or fits no longer, is ignored with a line in the log, and replaced in time.
 */

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  appendFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../base/interfaces.ts';
import {
  FORMAT,
  sourceOfBytes,
  type TranslationSource,
  VERSION,
} from '../cpu/cache/translation-file.ts';
import type { TranslationStorage } from '../cpu/cache/unit-store.ts';
import { createOnce, stateHome } from './state-home.ts';

const MAC_BYTES = 32;
const KEY_BYTES = 32;
const DOMAIN = 'cloister translations v1';
const LARGEST_BYTES = 128 * 1024 * 1024;
/** Files not used for longest go when all together are larger. */
const FOLDER_BYTES = 512 * 1024 * 1024;
const DAY_MS = 86_400_000;

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
    const path = this.#pathOf(key);
    let bytes: Uint8Array;
    try {
      const { size, mtimeMs } = statSync(path);
      if (size > LARGEST_BYTES) return this.#ignored(key, 'it is too large');
      bytes = readFileSync(path);
      const now = Date.now();
      if (now - mtimeMs > DAY_MS) utimesSync(path, now / 1000, now / 1000);
    } catch {
      return undefined;
    }
    const body = bytes.subarray(0, Math.max(0, bytes.length - MAC_BYTES));
    const mac = bytes.subarray(body.length);
    const secret = this.#secret();
    if (secret === undefined) return undefined;
    const isAuthentic = mac.length === MAC_BYTES && timingSafeEqual(mac, macOf(secret, key, body));
    return isAuthentic ? sourceOfBytes(body) : this.#ignored(key, 'it is not authentic');
  }

  save(key: string, bytes: Uint8Array): void {
    const secret = this.#secret();
    if (secret === undefined || bytes.length + MAC_BYTES > LARGEST_BYTES) return;
    try {
      const path = this.#pathOf(key);
      const temporary = `${path}.${randomBytes(6).toString('hex')}`;
      writeFileSync(temporary, bytes, { mode: 0o600 });
      appendFileSync(temporary, macOf(secret, key, bytes));
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
    const name = createHash('sha256')
      .update(`${DOMAIN}\0${FORMAT}.${VERSION}\0${key}`)
      .digest('hex')
      .slice(0, 32);
    return join(this.#folder, name);
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

function macOf(secret: Uint8Array, key: string, body: Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`${DOMAIN}\0${key}\0`).update(body).digest();
}
