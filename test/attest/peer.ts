/** An independent verifier of DCAP quotes from npm (@phala/dcap-qvl, development only), as an oracle. */
import { createRequire } from 'node:module';
import type { Material } from '../vectors/run-index.ts';

interface Peer {
  verify(quote: Buffer, collateral: unknown, seconds: number): { readonly status: string };
}

const HEX_FIELDS = ['root_ca_crl', 'pck_crl', 'tcb_info_signature', 'qe_identity_signature'];

/** Its answer: a TCB status, or its error behind "refused: ". */
export function peerVerifier(): (material: Material, timeMs: number) => string {
  const peer = createRequire(import.meta.url)('@phala/dcap-qvl') as Peer;
  return (material, timeMs) => {
    try {
      return peer.verify(Buffer.from(material.main), peerCollateral(material), timeMs / 1000)
        .status;
    } catch (error) {
      return `refused: ${(error as Error).message}`;
    }
  };
}

function peerCollateral(material: Material): unknown {
  const bundle = JSON.parse(material.collateral ?? '{}') as Record<string, unknown>;
  for (const name of HEX_FIELDS)
    if (typeof bundle[name] === 'string') bundle[name] = Buffer.from(bundle[name], 'hex');
  return bundle;
}
