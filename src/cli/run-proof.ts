/** Which TEE a run has, and what of Cloister runs: asked once, for all that a run attests to. */

import type { Evidence } from '../attest/evidence.ts';
import { nodeCrypto } from '../host/crypto.ts';
import { runtimeFiles } from '../host/runtime-files.ts';
import { type AttestedImage, evidenceOf } from '../runtime/evidence.ts';
import { measureRuntime } from '../runtime/measure.ts';
import type { TeeProvider } from '../tee/provider.ts';
import { selectProvider } from './providers.ts';

export interface RunProof {
  readonly provider: TeeProvider;
  /** Reads all of Cloister at the first call. */
  readonly measureRuntime: () => Uint8Array;
  /** Evidence of a run of `image` over a key of its own and a challenge. */
  readonly evidence: (image: AttestedImage, publicKey: Uint8Array, nonce: Uint8Array) => Evidence;
}

export async function openProof(): Promise<RunProof> {
  const provider = await selectProvider(undefined);
  let measured: Uint8Array | undefined;
  const measure = () => {
    measured ??= measureRuntime(runtimeFiles(), nodeCrypto);
    return measured;
  };
  return {
    ...{ provider, measureRuntime: measure },
    evidence: (image, publicKey, nonce) => {
      const request = { image, provider, publicKey, nonce, runtimeMeasurement: measure() };
      return evidenceOf(request, nodeCrypto);
    },
  };
}
