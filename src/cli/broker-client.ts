/** Secrets of a key broker, for a run that attests to it. */

import type { Evidence, ProviderName } from '../attest/evidence.ts';
import type { Secret } from '../base/secret.ts';
import { httpTransport } from '../host/broker-server.ts';
import { RcarClient } from '../kbs/client.ts';
import { CommandError, RUN_STATUS } from './errors.ts';

export interface BelievedBroker {
  readonly url: string;
  /** Its Ed25519 key: no other broker is believed. */
  readonly key: Uint8Array;
}

export type Prove = (publicKey: Uint8Array, nonce: Uint8Array) => Evidence;

/** A secret by its ID (REPOSITORY/TYPE/TAG). Throws {@link CommandError} saying which, and why not. */
export type FetchSecret = (id: string) => Promise<Secret>;

/** One session: attests at the first secret. */
export function brokerSession(
  { url, key }: BelievedBroker,
  provider: ProviderName,
  evidence: Prove,
): FetchSecret {
  const client = new RcarClient({
    ...{ transport: httpTransport(url), brokerKey: key },
    prover: { kind: 'cloister', provider, evidence },
  });
  return async (id) => {
    const { secret } = await client.secret(id).catch((error: Error) => {
      const message = `secret ${id} of the broker at ${url}: ${error.message}`;
      throw new CommandError('CLOISTER_BROKER', message, RUN_STATUS.failed);
    });
    return secret;
  };
}
