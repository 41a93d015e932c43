/** Where a broker gets DCAP collateral: a folder of bundles, or a caching service (PCCS). */

import { readdirSync, readFileSync, statSync } from 'node:fs';
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

export interface CollateralOptions {
  readonly collateral?: string;
  readonly pccs?: string;
}

type CollateralSource = (evidence: Evidence) => Promise<Collateral>;

/** From a folder (`--collateral`) or a caching service (`--pccs`); undefined without either. */
export function collateralSource(options: CollateralOptions): CollateralSource | undefined {
  const { collateral, pccs } = options;
  if (collateral !== undefined) return collateralFolder(collateral);
  return pccs === undefined ? undefined : collateralService(pccs);
}

/**
 * The bundle for the quote's platform and TEE that was issued last; the same object as long as the
 * folder has not changed. Throws when there is no such folder.
 */
export function collateralFolder(folder: string): CollateralSource {
  // In this order: what is written meanwhile is read the next time.
  let changed = changeOf(folder);
  let bundles = readBundles(folder);
  return async (evidence) => {
    if (evidence.provider !== 'tdx' && evidence.provider !== 'sgx') return {};
    const now = changeOf(folder);
    if (now !== changed) {
      bundles = readBundles(folder);
      changed = now;
    }
    const platform = platformOf(evidence.raw);
    const found = bundles.find(
      ({ info }) => info.fmspc === platform?.fmspc && info.id === platform.tee,
    );
    return found ? { dcap: found.collateral } : {};
  };
}

const namesIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.endsWith('.json'));

/** Differs when a bundle came, went, or was written again. */
const changeOf = (folder: string): string =>
  namesIn(folder)
    .map((name) => `${name} ${statSync(join(folder, name)).mtimeMs}`)
    .join('\n');

function readBundles(folder: string): readonly Bundle[] {
  return namesIn(folder)
    .map((name): Bundle => {
      const collateral = parseDcapCollateral(readFileSync(join(folder, name), 'utf8'));
      return { collateral, info: parseTcbInfo(collateral.tcbInfo) };
    })
    .sort((a, b) => b.info.issueDateMs - a.info.issueDateMs);
}

const NS_PER_MS = 1_000_000n;

function collateralService(base: string): CollateralSource {
  const cache = new CollateralCache(httpGetter(base));
  return async (evidence) => {
    const dcap = await cache.forEvidence(evidence, Number(nodeClock.realtimeNs() / NS_PER_MS));
    return dcap ? { dcap } : {};
  };
}
