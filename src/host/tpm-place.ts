/** Where a TPM is, as people write it. */

import { isAbsolute } from 'node:path';

/** Part 2, 10.4.1: larger than any command or response of a TPM. */
export const MAX_TPM_MESSAGE = 4096;

export type TpmSocketPlace = { readonly path: string } | { readonly host: string; port: number };

export type TpmPlace = { readonly device: string } | TpmSocketPlace;

/** `/dev/tpmrm0`, `unix:PATH` or `tcp:HOST:PORT`; undefined for anything else. */
export function parseTpmPlace(text: string): TpmPlace | undefined {
  if (text.startsWith('unix:')) return text.length > 5 ? { path: text.slice(5) } : undefined;
  const tcp = /^tcp:(?:\[([^\]]+)\]|([^:]+)):([0-9]{1,5})$/.exec(text);
  if (tcp !== null) {
    const port = Number(tcp[3]);
    return port < 1 || port > 65535 ? undefined : { host: (tcp[1] ?? tcp[2]) as string, port };
  }
  return isAbsolute(text) ? { device: text } : undefined;
}
