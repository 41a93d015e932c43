/** Which images `run`, `inspect` and `verify` accept: by signer, by measurement, or any. */

import { existsSync, readFileSync } from 'node:fs';
import type { Secret } from '../base/secret.ts';
import { nodeCrypto } from '../host/crypto.ts';
import { NodeImageSource, publicKeyFrom } from '../host/image-files.ts';
import { readKeyFile } from '../host/volume-file.ts';
import { type Image, type ImageHead, openBody, openHead } from '../image/open.ts';
import { usageError } from './errors.ts';
import type { TrustOptions } from './options.ts';

/** Opens what it is, and refuses what was not asked for. The caller closes the source. */
export function openTrusted(
  path: string,
  options: TrustOptions,
): { readonly image: Image; readonly source: NodeImageSource } {
  const { source, head, ownerKey } = trustedHead(path, options);
  return { image: openBody(source, head, nodeCrypto, ownerKey), source };
}

/**
 * Opens what is to run. The key of an encrypted image comes by `release`, once its manifest is
 * accepted, unless `--image-key` brings it.
 */
export async function openToRun(
  path: string,
  options: TrustOptions,
  release: (head: ImageHead) => Promise<Secret>,
): Promise<Image> {
  const { source, head, ownerKey } = trustedHead(path, options);
  if (!head.isEncrypted || ownerKey !== undefined)
    return openBody(source, head, nodeCrypto, ownerKey);
  using released = await release(head);
  return released.use((key) => openBody(source, head, nodeCrypto, key));
}

function trustedHead(path: string, options: TrustOptions) {
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
  return { source, head: openHead(source, trust, nodeCrypto), ownerKey };
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
