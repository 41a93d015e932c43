/** Verification of simulated evidence, step by step as for a real TEE. */
import { runChecks, type Verdict } from '../checks.ts';
import { require } from '../errors.ts';
import { verifyEd25519 } from '../webcrypto.ts';
import { keyStatement, parseSimReport, type SimReport } from './report.ts';

const PLAN = {
  structure: [
    'the report is well formed and says that it is simulated',
    'docs/formats/evidence.md, 4',
  ],
  chain: ['the root key vouches for the attestation key', 'docs/formats/evidence.md, 4'],
  signature: ['the report is signed by the attestation key', 'docs/formats/evidence.md, 4'],
} as const;

export interface SimClaims {
  readonly report: SimReport;
}

/** Which root is acceptable is the policy's matter: any host can make one. */
export function verifySim(bytes: Uint8Array): Promise<Verdict<SimClaims>> {
  return runChecks(PLAN, async (checks) => {
    const report = await checks.step('structure', () => parseSimReport(bytes));
    const { rootKey, attestationKey, platformId, keySignature } = report;
    await checks.step('chain', async () => {
      const good = await verifyEd25519(
        rootKey,
        keyStatement(platformId, attestationKey),
        keySignature,
      );
      require(good, 'CERT_BAD_SIGNATURE', 'the root key did not sign the attestation key');
    });
    await checks.step('signature', async () => {
      const good = await verifyEd25519(attestationKey, report.signed, report.signature);
      require(good, 'SIM_BAD_SIGNATURE', 'the report is not signed by the attestation key');
    });
    return { report };
  });
}
