/** Which images `run`, `inspect` and `verify` accept: by signer, by measurement, or any. */

import { existsSync, readFileSync } from 'node:fs';
import { nodeCrypto } from '../host/crypto.ts';
import { NodeImageSource, publicKeyFrom } from '../host/image-files.ts';
import { readKeyFile } from '../host/volume-file.ts';
import { type Image, openImage } from '../image/open.ts';
import { usageError } from './errors.ts';
import type { TrustOptions } from './options.ts';

/** Opens what it is, and refuses what was not asked for. The caller closes the source. */
export function openTrusted(
  path: string,
  options: TrustOptions,
): { readonly image: Image; readonly source: NodeImageSource } {
  const { measurement, imageKey } = options;
  if (measurement !== undefined && !/^sha256:[0-9a-f]{64}$/.test(measurement))
    throw usageError(`--measurement ${measurement}: expected sha256: and 64 hexadecimal digits`);
  const signers = options.signer?.map(signerKey);
  const ownerKey = imageKey === undefined ? undefined : readKeyFile(imageKey);
  const source = new NodeImageSource(path);
  const trust = {
    ...(signers === undefined ? {} : { signers }),
    ...(measurement === undefined ? {} : { measurement }),
  };
  return { image: openImage(source, trust, nodeCrypto, ownerKey), source };
}

function signerKey(text: string): Uint8Array {
  if (existsSync(text)) return publicKeyFrom(readFileSync(text, 'utf8'), `--signer ${text}`);
  if (!/^[0-9a-fA-F]{64}$/.test(text))
    throw usageError(
      `--signer ${text}: neither a PEM file nor the 64 hexadecimal digits that ` +
        '`cloister inspect` shows',
    );
  return publicKeyFrom(text, `--signer ${text}`);
}
