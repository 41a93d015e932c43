/** The key of a key broker, as people type it. */

import { usageError } from './errors.ts';

/** `ed25519:` and 64 hexadecimal digits → the 32 bytes. */
export function parseBrokerKey(text: string): Uint8Array {
  const match = /^ed25519:([0-9a-fA-F]{64})$/.exec(text);
  if (match === null) throw usageError(`${text}: a broker's key is ed25519: and 64 hex digits`);
  return Uint8Array.from(Buffer.from(match[1] ?? '', 'hex'));
}
