/** Worker thread of `broker-anchor.ts`: attests to the broker and moves anchors there. */

import { httpTransport } from '../host/broker-server.ts';
import { nodeCrypto, nodeEntropy } from '../host/crypto.ts';
import { serveCalls } from '../host/worker-call.ts';
import { RcarClient } from '../kbs/client.ts';
import { createEvidence } from '../tee/provider.ts';
import type { AnchorAnswer, AnchorParameters, AnchorRequest } from './broker-anchor.ts';
import { selectProvider } from './providers.ts';

serveCalls<AnchorParameters, AnchorRequest>(async (parameters) => {
  const { url, brokerKey, imageMeasurement, runtimeMeasurement, signatures } = parameters;
  const provider = await selectProvider(parameters.provider);
  const client = new RcarClient({
    transport: httpTransport(url),
    brokerKey,
    prover: {
      kind: 'cloister',
      provider: provider.name,
      evidence: (publicKey, nonce) => {
        const binding = { imageMeasurement, runtimeMeasurement, publicKey, nonce };
        return createEvidence(provider, binding, nodeCrypto, signatures);
      },
    },
  });
  return async ({ volume, move }): Promise<AnchorAnswer> => {
    const nonce = new Uint8Array(32);
    nodeEntropy.fill(nonce);
    const { statement, receipt } = move
      ? await client.advance(volume, nonce, move.from, move.to)
      : await client.freshness(volume, nonce);
    return { counter: statement.counter, root: statement.root, receipt };
  };
});
