/** Collateral from a folder of bundles: the one for the quote's platform and TEE that was issued last. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DcapCollateral, parseDcapCollateral } from '../attest/dcap/collateral.ts';
import { platformOf } from '../attest/dcap/platform.ts';
import { parseTcbInfo, type TcbInfo } from '../attest/dcap/tcb-info.ts';
import type { Evidence } from '../attest/evidence.ts';
import type { Collateral } from '../attest/verify.ts';

interface Bundle {
  readonly collateral: DcapCollateral;
  readonly info: TcbInfo;
}

/** Reads the folder once; a broker is started anew when collateral changes. */
export function collateralFolder(folder: string): (evidence: Evidence) => Promise<Collateral> {
  const bundles = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name): Bundle => {
      const collateral = parseDcapCollateral(readFileSync(join(folder, name), 'utf8'));
      return { collateral, info: parseTcbInfo(collateral.tcbInfo) };
    })
    .sort((a, b) => b.info.issueDateMs - a.info.issueDateMs);
  return async (evidence) => {
    if (evidence.provider !== 'tdx' && evidence.provider !== 'sgx') return {};
    const platform = platformOf(evidence.raw);
    const found = bundles.find(
      ({ info }) => info.fmspc === platform?.fmspc && info.id === platform.tee,
    );
    return found ? { dcap: found.collateral } : {};
  };
}
