import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../src/base/random.ts';
import { type Case, type Given, type Vector, VectorSet } from '../vectors/run-index.ts';
import {
  chainMutants,
  collateralMutants,
  dcapJudge,
  endorsementMutants,
  evidenceMutants,
  fault,
  type Mutant,
  timeMutants,
  UNBOUND,
} from './mutants.ts';

const INDEX = new URL('../vectors/attestation/index.json', import.meta.url).pathname;
const LEAST_MUTANTS = 10_000;

const set = new VectorSet(INDEX);
const random = new SeededRandom(20260101);
const accepted = set.index.vectors.flatMap((vector): (readonly [Vector, Case])[] => {
  const one = (vector.cases ?? []).find((candidate) => candidate.expect.ok);
  const isEvidence = !vector.kind.startsWith('x509');
  return one && isEvidence ? [[vector, one]] : [];
});

let mutants = 0;
const kept = new Map<string, number>();

async function check(
  name: string,
  original: Given,
  source: Iterable<Mutant>,
  judge: (mutant: Mutant) => Promise<Given>,
): Promise<void> {
  for (const mutant of source) {
    const given = await judge(mutant);
    mutants++;
    const wrong = fault(mutant, original, given);
    assert.equal(wrong, undefined, `${name}, ${mutant.what}: ${wrong}`);
    if (given.ok) kept.set(mutant.region as string, (kept.get(mutant.region as string) ?? 0) + 1);
  }
}

for (const [vector, one] of accepted)
  test(`no mutant of ${vector.id} is accepted`, async () => {
    const material = set.material(vector, one);
    const slow = (mutant: Mutant) => set.judge(vector, mutant.case, mutant.material);
    const original = await set.judge(vector, one, material);
    assert.equal(original.ok, true);
    await check(vector.id, original, timeMutants(one, material), slow);
    if (vector.kind === 'dcap-quote') {
      const fast = dcapJudge(material);
      const first = await fast({ what: '', material, case: one, region: undefined });
      await check(vector.id, first, chainMutants(one, material), fast);
      await check(vector.id, first, evidenceMutants(vector, one, material, random, 12), fast);
      await check(vector.id, original, collateralMutants(one, material, random, 6), slow);
    } else {
      const stride = vector.kind === 'snp-report' ? 1 : 10;
      await check(
        vector.id,
        original,
        evidenceMutants(vector, one, material, random, stride),
        slow,
      );
    }
    if (material.endorsementKey)
      await check(vector.id, original, endorsementMutants(one, material, random), slow);
  });

test('the number of mutants is what the project promises, and unbound regions are real', (t) => {
  t.diagnostic(`${mutants} mutants; kept their verdict: ${JSON.stringify([...kept])}`);
  assert.ok(mutants >= LEAST_MUTANTS, `${mutants} mutants`);
  for (const region of kept.keys()) assert.ok(region in UNBOUND, region);
});

test('the oracle sees an accepted mutant and a missing reason', () => {
  const mutant = { what: '', region: undefined } as unknown as Mutant;
  assert.equal(fault(mutant, { ok: true }, { ok: true }), 'accepted');
  assert.match(String(fault(mutant, { ok: true }, { ok: false, error: 'CRASH' })), /no proper/);
  const tail = { ...mutant, region: 'after the quote' } as const;
  assert.match(String(fault(tail, { ok: true }, { ok: true, status: 'x' })), /changed/);
  assert.equal(fault(tail, { ok: true }, { ok: true }), undefined);
});
