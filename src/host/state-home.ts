/** Where Cloister keeps its own files: `$CLOISTER_HOME`, else below `$XDG_STATE_HOME`. */

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

export function stateHome(): string {
  const own = process.env['CLOISTER_HOME'];
  if (own) return own;
  return join(process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'cloister');
}

/** A folder with its parents. Step by step: mkdir's own recursion never ends below /proc. */
export function makeStateFolder(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeStateFolder(parent);
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    // Another run was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/**
 * Makes a file of mode 0600 with `content`, whole or not at all; false when it is there already.
 * Of several that try at once, one makes it.
 */
export function createOnce(path: string, content: string | Uint8Array): boolean {
  const building = `${path}.${randomBytes(6).toString('hex')}`;
  makeStateFolder(dirname(path));
  writeFileSync(building, content, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(building, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(building);
  }
}

/** The state folder cannot be used. */
export class StateHomeError extends Error {
  readonly code = 'CLOISTER_HOME';
}

export interface DeveloperKey {
  readonly path: string;
  readonly pem: string;
  readonly isNew: boolean;
}

/** The Ed25519 key that signs images when no other is given; made on first use, mode 0600. */
export function developerKey(): DeveloperKey {
  const directory = join(stateHome(), 'keys');
  const path = join(directory, 'developer.pem');
  try {
    if (existsSync(path)) return { path, pem: readFileSync(path, 'utf8'), isNew: false };
    const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' });
    const isNew = createOnce(path, pem);
    return { path, pem: readFileSync(path, 'utf8'), isNew };
  } catch (cause) {
    const why = (cause as Error).message;
    throw new StateHomeError(
      `the developer key cannot be kept: ${why}. Set CLOISTER_HOME to a folder that you may ` +
        'write, or give --key FILE',
    );
  }
}
