/** Where Cloister keeps its own files: `$CLOISTER_HOME`, else below `$XDG_STATE_HOME`. */

import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export function stateHome(): string {
  const own = process.env['CLOISTER_HOME'];
  if (own) return own;
  return join(process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'cloister');
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
  if (existsSync(path)) return { path, pem: readFileSync(path, 'utf8'), isNew: false };
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' });
  writeFileSync(path, pem, { mode: 0o600, flag: 'wx' });
  return { path, pem: String(pem), isNew: true };
}
