import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Evidence } from '../evidence.ts';
import { parseDcapCollateral } from './collateral.ts';
import { CollateralCache, type FetchedResponse, type PccsFetch } from './pccs.ts';
import { verifyDcap } from './verify.ts';

const VECTORS = new URL('../../../test/vectors/attestation/', import.meta.url);
const bundle = parseDcapCollateral(
  readFileSync(new URL('collateral/tdx-b0c06f000000-2025-06-19-v3-e17.json', VECTORS), 'utf8'),
);
const raw = new Uint8Array(readFileSync(new URL('dcap/phala-tdx-v4-b0c06f.bin', VECTORS)));
const evidence: Evidence = {
  provider: 'tdx',
  raw,
  certificates: [],
  binding: undefined,
  imageSignatures: [],
};
const NOW_MS = Date.parse('2025-07-04T10:16:31Z');
const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');
const utf8 = (text: string) => new TextEncoder().encode(text);

/** A caching service that serves the bundle as PCCS does. */
function service() {
  const asked: string[] = [];
  let broken = false;
  const signed = (member: string, text: string, signature: Uint8Array) =>
    utf8(`{"${member}":${text},"signature":"${hex(signature)}"}`);
  const answer = (path: string): FetchedResponse => {
    const chain = (name: string, text: string | undefined) => ({
      [name]: encodeURIComponent(text ?? ''),
    });
    if (path === '/tdx/certification/v4/tcb?fmspc=b0c06f000000')
      return {
        status: 200,
        headers: chain('tcb-info-issuer-chain', bundle.tcbInfoIssuerChain),
        body: signed('tcbInfo', bundle.tcbInfo, bundle.tcbInfoSignature),
      };
    if (path === '/tdx/certification/v4/qe/identity')
      return {
        status: 200,
        headers: chain('sgx-enclave-identity-issuer-chain', bundle.qeIdentityIssuerChain),
        body: signed('enclaveIdentity', bundle.qeIdentity, bundle.qeIdentitySignature),
      };
    if (path === '/sgx/certification/v4/pckcrl?ca=platform&encoding=der')
      return {
        status: 200,
        headers: chain('sgx-pck-crl-issuer-chain', bundle.pckCrlIssuerChain),
        body: bundle.pckCrl as Uint8Array,
      };
    if (path === '/sgx/certification/v4/rootcacrl')
      return { status: 200, headers: {}, body: utf8(`${hex(bundle.rootCaCrl)}\n`) };
    return { status: 404, headers: {}, body: new Uint8Array(0) };
  };
  const fetch: PccsFetch = async (path) => {
    asked.push(path);
    return broken ? { status: 503, headers: {}, body: new Uint8Array(0) } : answer(path);
  };
  const stop = () => {
    broken = true;
  };
  return { asked, fetch, break: stop };
}

test('what a caching service serves verifies, and is fetched once', async () => {
  const { fetch, asked } = service();
  const cache = new CollateralCache(fetch);
  const collateral = await cache.forEvidence(evidence, NOW_MS);
  assert.ok(collateral);
  const verdict = await verifyDcap({ quote: raw, collateral, timeMs: NOW_MS });
  assert.equal(verdict.ok && verdict.claims.status, 'UpToDate');
  assert.equal(await cache.forEvidence(evidence, NOW_MS + 1000), collateral, 'the same object');
  assert.equal(asked.length, 4);
});

test('a service that fails is done without until the collateral ends', async () => {
  const pccs = service();
  const cache = new CollateralCache(pccs.fetch);
  const first = await cache.forEvidence(evidence, NOW_MS);
  pccs.break();
  assert.equal(await cache.forEvidence(evidence, NOW_MS + 86_400_000), first);
  await assert.rejects(cache.forEvidence(evidence, NOW_MS + 60 * 86_400_000), /status 503/);
});

test('evidence without a platform, and of other TEEs, asks nothing', async () => {
  const { fetch, asked } = service();
  const cache = new CollateralCache(fetch);
  assert.equal(await cache.forEvidence({ ...evidence, provider: 'snp' }, NOW_MS), undefined);
  assert.equal(await cache.forEvidence({ ...evidence, raw: new Uint8Array(9) }, NOW_MS), undefined);
  assert.deepEqual(asked, []);
});
