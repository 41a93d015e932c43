/** Attestation of a run of a measured image: the guest's devices, and evidence before it starts. */

import { writeFileSync } from 'node:fs';
import { generateChannelKey } from '../attest/ratls/create.ts';
import type { Logger } from '../base/interfaces.ts';
import type { AttestationSource } from '../fs/devfs/attestation.ts';
import { nodeCrypto } from '../host/crypto.ts';
import { runtimeFiles } from '../host/runtime-files.ts';
import type { Image } from '../image/open.ts';
import { evidenceOf } from '../runtime/evidence.ts';
import { guestAttestation } from '../runtime/guest-attestation.ts';
import { measureRuntime } from '../runtime/measure.ts';
import { parseNonce } from './attest.ts';
import { selectProvider } from './providers.ts';

interface Options {
  readonly evidence?: string;
  readonly nonce?: string;
}

export async function attestRun(
  image: Image,
  options: Options,
  logger: Logger,
): Promise<AttestationSource> {
  const provider = await selectProvider(undefined);
  const { spki: publicKey } = await generateChannelKey();
  const measure = () => measureRuntime(runtimeFiles(), nodeCrypto);
  const parts = { image, provider, publicKey };
  if (options.evidence !== undefined) {
    const { formatEvidence } = await import('../attest/evidence.ts');
    const nonce = parseNonce(options.nonce) ?? new Uint8Array(0);
    const request = { ...parts, nonce, runtimeMeasurement: measure() };
    writeFileSync(options.evidence, formatEvidence(evidenceOf(request, nodeCrypto)));
    if (provider.name === 'sim')
      logger.log('warn', 'simulated evidence: it proves nothing against this machine');
  }
  return guestAttestation({ ...parts, measureRuntime: measure, crypto: nodeCrypto, logger });
}
