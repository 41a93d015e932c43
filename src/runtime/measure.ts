/** The runtime measurement: SHA-256 over a canonical list of all that is Cloister. */

import type { Crypto } from '../base/interfaces.ts';

export interface MeasuredFile {
  readonly name: string;
  read(): Uint8Array;
}

const DOMAIN = new TextEncoder().encode('cloister.runtime-measurement.v1\0');

/**
 * One line a file, `SHA-256 in hexadecimal, two spaces, name, newline` (the format of sha256sum, so
 * that anyone can check it), in the order given, hashed behind a domain separator.
 */
export function measureRuntime(files: readonly MeasuredFile[], crypto: Crypto): Uint8Array {
  const lines = files.map(({ name, read }) => {
    const digest = Array.from(crypto.sha256(read()), (byte) => byte.toString(16).padStart(2, '0'));
    return `${digest.join('')}  ${name}\n`;
  });
  return crypto.sha256(DOMAIN, new TextEncoder().encode(lines.join('')));
}
