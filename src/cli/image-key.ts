/** The key of an encrypted image from the broker that its manifest names, for evidence of that image. */

import type { Secret } from '../base/secret.ts';
import type { ImageHead } from '../image/open.ts';
import { brokerSession } from './broker-client.ts';
import { parseBrokerKey } from './broker-key.ts';
import { CommandError, RUN_STATUS, usageError } from './errors.ts';
import type { RunProof } from './run-proof.ts';

interface Options {
  readonly kbs?: string;
  readonly kbsKey?: string;
}

const KEY_BYTES = 32;

/**
 * Attests what is about to run: nothing of the image but its manifest, whose digest is the
 * measurement, was read. The way to the broker is the host's to choose; the broker is not.
 */
export async function releasedKey(
  head: ImageHead,
  { kbs, kbsKey }: Options,
  { provider, evidence }: RunProof,
): Promise<Secret> {
  const { keyBroker, measurement } = head;
  if (keyBroker === undefined)
    throw usageError('the image is encrypted and names no key broker: give --image-key FILE');
  if (kbsKey !== undefined && kbsKey.toLowerCase() !== keyBroker.key)
    throw usageError(`the key broker of ${measurement} is ${keyBroker.key}, not that of --kbs-key`);
  const url = kbs ?? keyBroker.url;
  if (url === undefined)
    throw usageError('a key broker has the key of the image: say where it is with --kbs URL');
  const fetch = brokerSession(
    { url, key: parseBrokerKey(keyBroker.key) },
    provider.name,
    (publicKey, nonce) => evidence(head, publicKey, nonce),
  );
  const secret = await fetch(keyBroker.secret);
  if (secret.byteLength === KEY_BYTES) return secret;
  secret[Symbol.dispose]();
  const message = `secret ${keyBroker.secret} of the broker at ${url} is no key: it needs 32 bytes`;
  throw new CommandError('CLOISTER_IMAGE_KEY', message, RUN_STATUS.failed);
}
