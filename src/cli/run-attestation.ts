/** Attestation of a run of a measured image: the guest's devices, and evidence before it starts. */

import { writeFileSync } from 'node:fs';
import { fromHex } from '../attest/bytes.ts';
import type { ProviderName } from '../attest/evidence.ts';
import { generateChannelKey } from '../attest/ratls/create.ts';
import type { Logger } from '../base/interfaces.ts';
import type { AttestationSource } from '../fs/devfs/attestation.ts';
import type { FreshnessAnchor } from '../fs/sealed/l4-store/anchor.ts';
import { nodeCrypto } from '../host/crypto.ts';
import type { Image } from '../image/open.ts';
import { guestAttestation } from '../runtime/guest-attestation.ts';
import type { BrokerSpec } from '../runtime/plan.ts';
import type { TeeProvider } from '../tee/provider.ts';
import { parseNonce } from './attest.ts';
import type { BrokerAnchors } from './broker-anchor.ts';
import type { BelievedBroker, Prove } from './broker-client.ts';
import { parseBrokerKey } from './broker-key.ts';
import type { RunProof } from './run-proof.ts';

interface Options {
  readonly evidence?: string;
  readonly nonce?: string;
}

export interface RunAttestation {
  readonly provider: TeeProvider;
  readonly measureRuntime: () => Uint8Array;
  /** Evidence of this run over a key of its own and a challenge. */
  readonly prove: Prove;
  readonly source: AttestationSource;
  /** Measures Cloister now: what is on the disk later need not be what runs. */
  measureNow(): void;
  /** A secret for Cloister's own use: the guest will not see it. */
  takeKey(name: string): Uint8Array | undefined;
  /** The broker as freshness anchor of the volume at a host path; undefined without a broker. */
  anchor(volume: string): Promise<FreshnessAnchor | undefined>;
}

export async function attestRun(
  image: Image,
  broker: BrokerSpec | undefined,
  options: Options,
  logger: Logger,
  proof: RunProof,
): Promise<RunAttestation> {
  const { provider, measureRuntime: measure } = proof;
  const { spki: publicKey } = await generateChannelKey();
  const parts = { image, provider, publicKey };
  const prove: Prove = (key, nonce) => proof.evidence(image, key, nonce);
  if (options.evidence !== undefined) {
    const { formatEvidence } = await import('../attest/evidence.ts');
    const nonce = parseNonce(options.nonce) ?? new Uint8Array(0);
    writeFileSync(options.evidence, formatEvidence(prove(publicKey, nonce)));
    if (provider.name === 'sim')
      logger.log('warn', 'simulated evidence: it proves nothing against this machine');
  }
  const believed = broker && { ...broker, key: parseBrokerKey(broker.key) };
  const keys = await fetchSecrets(believed, provider.name, prove);
  let anchors: BrokerAnchors | undefined;
  return {
    ...{ provider, prove, measureRuntime: measure },
    measureNow: () => void measure(),
    source: guestAttestation({
      ...{ ...parts, keys, logger },
      measureRuntime: measure,
      crypto: nodeCrypto,
    }),
    takeKey(name) {
      const key = keys.get(name);
      keys.delete(name);
      return key;
    },
    async anchor(volume) {
      if (believed === undefined) return undefined;
      const { BrokerAnchors } = await import('./broker-anchor.ts');
      anchors ??= new BrokerAnchors({
        ...{ url: believed.url, brokerKey: believed.key, provider: provider.name },
        imageMeasurement: fromHex(image.measurement.replace(/^sha256:/, '')),
        runtimeMeasurement: measure(),
        signatures: image.signatures,
      });
      return anchors.for(volume);
    },
  };
}

/** Secrets from a key broker, by the name under which the guest finds them. */
async function fetchSecrets(
  broker: (BelievedBroker & Pick<BrokerSpec, 'secrets'>) | undefined,
  provider: ProviderName,
  evidence: Prove,
): Promise<Map<string, Uint8Array>> {
  const keys = new Map<string, Uint8Array>();
  if (broker === undefined) return keys;
  const { brokerSession } = await import('./broker-client.ts');
  const fetch = brokerSession(broker, provider, evidence);
  for (const [name, id] of broker.secrets) {
    using held = await fetch(id);
    keys.set(
      name,
      held.use((bytes) => bytes.slice()),
    );
  }
  return keys;
}
