/**
 * Attestation: quotes, reports and documents verified a second, with collateral cached as a broker
 * has it; Intel quotes beside an independent verifier, taken in turn in one run.
 */
import { parseDcapCollateral } from '../src/attest/dcap/collateral.ts';
import { DcapVerifier, verifyDcap } from '../src/attest/dcap/verify.ts';
import { verifyNitro } from '../src/attest/nitro/verify.ts';
import { verifySnp } from '../src/attest/snp/verify.ts';
import { SignatureMemo } from '../src/attest/x509/path.ts';
import { peerVerifier } from '../test/attest/peer.ts';
import { type Case, type Vector, VectorSet } from '../test/vectors/run-index.ts';

const INDEX = new URL('../test/vectors/attestation/index.json', import.meta.url).pathname;
const ROUNDS = 9;
const EACH = 20;

const median = (values: number[]): number =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

/** Medians of milliseconds a call, the contestants taken in turn. */
async function race(
  contestants: Readonly<Record<string, () => unknown>>,
): Promise<Record<string, number>> {
  const times = new Map<string, number[]>();
  for (let round = 0; round <= ROUNDS; round++)
    for (const [name, action] of Object.entries(contestants)) {
      const start = performance.now();
      for (let i = 0; i < EACH; i++) await action();
      // The first round warms up.
      if (round > 0)
        times.set(name, [...(times.get(name) ?? []), (performance.now() - start) / EACH]);
    }
  return Object.fromEntries([...times].map(([name, list]) => [name, median(list)]));
}

const show = (ms: number | undefined): string => `${(ms ?? 0).toFixed(2)} ms`.padStart(10);

export async function benchAttest(rows: readonly string[]): Promise<void> {
  const set = new VectorSet(INDEX);
  const peer = peerVerifier();
  const pick = (id: string): readonly [Vector, Case] => {
    const vector = set.index.vectors.find((candidate) => candidate.id === id) as Vector;
    return [vector, vector.cases?.find((one) => one.expect.ok) as Case];
  };
  console.log('                                 cached       cold       peer  peer ÷ cached');
  for (const id of ['phala-sgx-v3-00a067', 'phala-tdx-v4-b0c06f', 'google-tdx-v5-90c06f']) {
    if (rows.length > 0 && !rows.includes(id)) continue;
    const [vector, one] = pick(id);
    const material = set.material(vector, one);
    const timeMs = Date.parse(one.time);
    const text = material.collateral ?? '';
    const collateral = parseDcapCollateral(text);
    const verifier = new DcapVerifier();
    const quote = material.main;
    const found = await race({
      cached: () => verifier.verify({ quote, collateral, timeMs }),
      cold: () => verifyDcap({ quote, collateral: parseDcapCollateral(text), timeMs }),
      peer: () => peer(material, timeMs),
    });
    const ratio = ((found['peer'] ?? 0) / (found['cached'] ?? 1)).toFixed(1);
    const cells = ['cached', 'cold', 'peer'].map((name) => show(found[name])).join(' ');
    console.log(`${id.padEnd(28)} ${cells}  ${ratio.padStart(12)}`);
  }
  for (const id of ['trustee-milan-v2-vcek', 'ms-turin-v5', 'veracruz-2022']) {
    if (rows.length > 0 && !rows.includes(id)) continue;
    const [vector, one] = pick(id);
    const material = set.material(vector, one);
    const memo = new SignatureMemo();
    const timeMs = Date.parse(one.time);
    const { main, chain, endorsementKey } = material;
    const cached = endorsementKey
      ? () => verifySnp({ report: main, endorsementKey, chain, timeMs, memo })
      : () => verifyNitro({ document: main, timeMs, memo });
    const found = await race({ cached, cold: () => set.judge(vector, one, material) });
    console.log(`${id.padEnd(28)} ${show(found['cached'])} ${show(found['cold'])}`);
  }
}
