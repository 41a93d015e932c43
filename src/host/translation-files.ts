/**
 * Translations kept between runs of programs that are not measured, below the state folder: a file
 * a program, authenticated with a key of this user (HMAC-SHA-256). On a machine whose host is not
 * trusted nothing is taken from here: sealed images do not use it.
 */

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateHome } from './state-home.ts';

const MAC_BYTES = 32;
const LARGEST_BYTES = 256 * 1024 * 1024;

export interface TranslationFiles {
  load(): Uint8Array | undefined;
  save(bytes: Uint8Array): void;
}

/** `program`: what is run; `scope`: what its layout depends on (roots, options). */
export function translationFiles(program: string, scope: string): TranslationFiles {
  const folder = join(stateHome(), 'translations');
  const name = createHash('sha256').update(`${scope}\0${program}`).digest('hex').slice(0, 32);
  const path = join(folder, name);
  return {
    load() {
      try {
        const bytes = readFileSync(path);
        const mac = bytes.subarray(bytes.length - MAC_BYTES);
        const body = bytes.subarray(0, bytes.length - MAC_BYTES);
        return timingSafeEqual(mac, macOf(folder, body)) ? body : undefined;
      } catch {
        return undefined;
      }
    },
    save(bytes) {
      if (bytes.length > LARGEST_BYTES) return;
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        const temporary = `${path}.${randomBytes(6).toString('hex')}`;
        writeFileSync(temporary, Buffer.concat([bytes, macOf(folder, bytes)]), { mode: 0o600 });
        renameSync(temporary, path);
      } catch {
        // A full or read-only state folder only costs the next start some time.
      }
    },
  };
}

function macOf(folder: string, bytes: Uint8Array): Buffer {
  return createHmac('sha256', keyIn(folder)).update(bytes).digest();
}

function keyIn(folder: string): Buffer {
  const path = join(folder, 'key');
  try {
    return readFileSync(path);
  } catch {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    try {
      writeFileSync(path, randomBytes(32), { mode: 0o600, flag: 'wx' });
    } catch {
      // Another run was faster.
    }
    return readFileSync(path);
  }
}
