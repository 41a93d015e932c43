/** Where a broker gets DCAP collateral: a folder of bundles, or a caching service (PCCS). */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DcapCollateral, parseDcapCollateral } from '../attest/dcap/collateral.ts';
import { CollateralCache } from '../attest/dcap/pccs.ts';
import { platformOf } from '../attest/dcap/platform.ts';
import { parseTcbInfo, type TcbInfo } from '../attest/dcap/tcb-info.ts';
import type { Evidence } from '../attest/evidence.ts';
import type { Collateral } from '../attest/verify.ts';
import { httpGetter } from '../host/broker-server.ts';
import { nodeClock } from '../host/clock.ts';

interface Bundle {
  readonly collateral: DcapCollateral;
  readonly info: TcbInfo;
}

/** The bundle for the quote's platform and TEE that was issued last. Reads the folder once; a broker is started anew when collateral changes. */
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

const NS_PER_MS = 1_000_000n;

export function collateralService(base: string): (evidence: Evidence) => Promise<Collateral> {
  const cache = new CollateralCache(httpGetter(base));
  return async (evidence) => {
    const dcap = await cache.forEvidence(evidence, Number(nodeClock.realtimeNs() / NS_PER_MS));
    return dcap ? { dcap } : {};
  };
}
