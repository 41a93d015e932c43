/** Appraisals of real evidence: what each policy key accepts and refuses, and that all is listed. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { factsOf } from './appraise/facts.ts';
import { checkProviderPolicy, RuleList } from './appraise/policy-checks.ts';
import { parseDcapCollateral } from './dcap/collateral.ts';
import { DcapVerifier } from './dcap/verify.ts';
import { signEar, verifyEar } from './ear.ts';
import type { Evidence, ProviderName } from './evidence.ts';
import { parsePolicy } from './policy.ts';
import { Forge, NOW_MS } from './testing/forge.ts';
import { type Collateral, verify } from './verify.ts';

const VECTORS = new URL('../../test/vectors/attestation/', import.meta.url);
const bytes = (name: string) => new Uint8Array(readFileSync(new URL(name, VECTORS)));
const bundle = (name: string): Collateral => ({
  dcap: parseDcapCollateral(readFileSync(new URL(`collateral/${name}.json`, VECTORS), 'utf8')),
});

interface Real {
  readonly evidence: Evidence;
  readonly collateral: Collateral;
  readonly time: Date;
}
const real = (
  provider: ProviderName,
  file: string,
  time: string,
  collateral: Collateral = {},
  certificates: readonly string[] = [],
): Real => ({
  evidence: {
    provider,
    raw: bytes(file),
    certificates: certificates.map(bytes),
    binding: undefined,
    imageSignatures: [],
  },
  collateral,
  time: new Date(time),
});
const tdx = real(
  'tdx',
  'dcap/phala-tdx-v4-b0c06f.bin',
  '2025-07-04T10:16:31Z',
  bundle('tdx-b0c06f000000-2025-06-19-v3-e17'),
);
const sgx = real(
  'sgx',
  'dcap/phala-sgx-v3-00a067.bin',
  '2025-07-04T10:28:44Z',
  bundle('sgx-00a067110000-2025-06-19-v3-e17'),
);
const debugTd = real(
  'tdx',
  'dcap/trustee-tdx-v4-50806f-debug.bin',
  '2023-06-28T08:03:58Z',
  bundle('tdx-50806f000000-2023-06-18-v3-e15'),
);
const noSept = real(
  'tdx',
  'dcap/azure-tdx-v4-00806f-no-sept-ve-disable.bin',
  '2025-06-11T19:23:55Z',
  bundle('tdx-00806f050000-2025-05-27-v3-e17'),
);
const noCrl = real(
  'sgx',
  'dcap/mobilecoin-sgx-v3-00906e.bin',
  '2023-07-27T20:22:34Z',
  bundle('sgx-00906ed50000-2023-07-12-v3-e15'),
);
const milan = real('snp', 'snp/ms-milan-v3.report.bin', '2026-03-07T01:04:33Z', {}, [
  'snp/ms-milan-v3.vcek.der',
]);
const vlek = real('snp', 'snp/trustee-milan-v3-vlek.report.bin', '2025-01-09T22:14:21Z', {}, [
  'snp/trustee-milan-v3-vlek.vlek.der',
]);
const debugGuest = real('snp', 'snp/google-milan-v2.report.bin', '2022-10-24T00:55:28Z', {}, [
  'snp/google-milan-v2.vcek.der',
]);
const nitro = real('nitro', 'nitro/automata-2023.cbor', '2023-09-28T11:08:28Z');
const debugNitro = real('nitro', 'nitro/evervault-debug-2022.cbor', '2022-10-12T13:50:07Z');

const appraise = (what: Real, providers: string, more = '', nonce?: Uint8Array) =>
  verify({
    ...what,
    policy: parsePolicy(
      `format: cloister-policy/1\nproviders: {${providers}}\nimages: any\n${more}`,
    ),
    ...(nonce ? { nonce } : {}),
  });
const refusals = async (what: Real, providers: string, more = '') => {
  const appraisal = await appraise(what, providers, more);
  const codes = appraisal.checks.flatMap(({ code }) => (code ? [code] : []));
  assert.equal(appraisal.accepted, codes.length === 0);
  assert.equal(appraisal.error, codes[0]);
  return codes;
};

test('Intel: statuses and advisories are accepted by name only', async () => {
  assert.deepEqual(await refusals(tdx, 'tdx: {}'), []);
  assert.deepEqual(await refusals(sgx, 'sgx: {}'), ['POLICY_TCB', 'POLICY_ADVISORY']);
  const status = 'statuses: [ConfigurationAndSWHardeningNeeded]';
  assert.deepEqual(await refusals(sgx, `sgx: {${status}}`), ['POLICY_ADVISORY']);
  const one = `sgx: {${status}, tolerateAdvisories: [INTEL-SA-00289]}`;
  assert.deepEqual(await refusals(sgx, one), ['POLICY_ADVISORY']);
  const both = `sgx: {${status}, tolerateAdvisories: [INTEL-SA-00289, INTEL-SA-00615]}`;
  assert.deepEqual(await refusals(sgx, both), []);
});

test('Intel: debug, SEPT_VE_DISABLE and missing revocation lists are refused unless the policy says so', async () => {
  assert.deepEqual(await refusals(debugTd, 'tdx: {requireSeptVeDisable: false}'), ['POLICY_DEBUG']);
  assert.deepEqual(await refusals(noSept, 'tdx: {}'), ['POLICY_CONFIGURATION']);
  assert.deepEqual(await refusals(noSept, 'tdx: {requireSeptVeDisable: false}'), []);
  const hardened =
    'statuses: [SWHardeningNeeded], tolerateAdvisories: [INTEL-SA-00334, INTEL-SA-00615]';
  assert.deepEqual(await refusals(noCrl, `sgx: {${hardened}}`), ['POLICY_REVOCATION']);
  assert.deepEqual(await refusals(noCrl, `sgx: {${hardened}, requireRevocationLists: false}`), []);
});

test('Intel: minimum date and number, platform, measurements', async () => {
  const refusedBy = async (rule: string, code: string) =>
    assert.deepEqual(await refusals(tdx, `tdx: {${rule}}`), [code], rule);
  await refusedBy('minimumTcbDate: 2025-01-01', 'POLICY_TCB');
  await refusedBy('minimumEvaluationDataNumber: 18', 'POLICY_TCB');
  await refusedBy('fmspcs: [000000000000]', 'POLICY_PLATFORM');
  await refusedBy(`platforms: [${'0'.repeat(32)}]`, 'POLICY_PLATFORM');
  for (const name of ['mrTd', 'mrSeam', 'rtmr0', 'rtmr3', 'mrConfigId', 'mrOwner'])
    await refusedBy(`${name}: [${'ab'.repeat(48)}]`, 'POLICY_MEASUREMENT');
  await refusedBy(`mrServiceTd: [${'ab'.repeat(48)}]`, 'POLICY_CONFIGURATION');
  assert.deepEqual(
    await refusals(tdx, 'tdx: {minimumTcbDate: 2024-03-13, fmspcs: [B0C06F000000]}'),
    [],
  );
});

test('Intel: a quote of the other kind, and a missing bundle, are refused', async () => {
  const mislabelled = { ...tdx, evidence: { ...tdx.evidence, provider: 'sgx' as const } };
  assert.deepEqual(await refusals(mislabelled, 'sgx: {}'), ['UNSUPPORTED_EVIDENCE']);
  assert.deepEqual(await refusals({ ...tdx, collateral: {} }, 'tdx: {}'), ['COLLATERAL_MISSING']);
});

test('TDX: a service TD that was bound earlier shows in the extended body, and is refused', async () => {
  const svns = (svn: number) => Array.from({ length: 16 }, () => ({ svn }));
  const tcb = { sgxtcbcomponents: svns(1), pcesvn: 5, tdxtcbcomponents: svns(0) };
  const level = { tcb, tcbDate: '2025-01-01T00:00:00Z', tcbStatus: 'UpToDate' };
  const forge = new Forge({ tcbInfo: { tcbLevels: [level] } });
  const verifier = new DcapVerifier([forge.root]);
  const refusedRules = async (extended: Uint8Array) => {
    const quote = forge.quote({ extended });
    const verdict = await verifier.verify({
      quote,
      collateral: forge.collateral(),
      timeMs: NOW_MS,
    });
    assert.ok(verdict.ok);
    const rules = new RuleList();
    const facts = factsOf({ provider: 'tdx', claims: verdict.claims });
    const policy = 'format: cloister-policy/1\nproviders: {tdx: {}}\nimages: any';
    checkProviderPolicy(rules, facts, parsePolicy(policy));
    return rules.checks.filter(({ status }) => status === 'fail').map(({ id }) => id);
  };
  const none = new Uint8Array(885 - 648);
  assert.deepEqual(await refusedRules(none), []);
  // After vmId (1), tdId (32) and devInfo (48); and 8 bytes before the end.
  for (const at of [1 + 32 + 48, none.length - 9])
    assert.deepEqual(await refusedRules(none.with(at, 1)), ['policy.mrServiceTd']);
});

test('SNP: TCB floors, VMPL, VLEK, debug, digests', async () => {
  assert.deepEqual(
    await refusals(milan, 'snp: {products: {Milan: {snp: 24, microcode: 219}}}'),
    [],
  );
  const high = await refusals(milan, 'snp: {products: {Milan: {snp: 25}}}');
  assert.deepEqual(high, ['POLICY_TCB', 'POLICY_TCB', 'POLICY_TCB']);
  assert.deepEqual(await refusals(milan, 'snp: {products: {Genoa: {}}}'), ['POLICY_PLATFORM']);
  assert.deepEqual(await refusals(vlek, 'snp: {}'), [
    'POLICY_CONFIGURATION',
    'POLICY_CONFIGURATION',
  ]);
  assert.deepEqual(await refusals(vlek, 'snp: {allowVlek: true, maximumVmpl: 1}'), []);
  assert.deepEqual(await refusals(debugGuest, 'snp: {}'), ['POLICY_DEBUG']);
  const rules: readonly (readonly [string, string])[] = [
    [`measurements: [${'00'.repeat(48)}]`, 'POLICY_MEASUREMENT'],
    [`hostData: [${'00'.repeat(32)}]`, 'POLICY_MEASUREMENT'],
    [`idKeyDigests: [${'11'.repeat(48)}]`, 'POLICY_SIGNER'],
    [`authorKeyDigests: [${'11'.repeat(48)}]`, 'POLICY_SIGNER'],
    [`chipIds: [${'00'.repeat(64)}]`, 'POLICY_PLATFORM'],
    ['allowSmt: false', 'POLICY_CONFIGURATION'],
    ['minimumGuestSvn: 3', 'POLICY_VERSION'],
    ['requireRevocationLists: true', 'POLICY_REVOCATION'],
  ];
  for (const [rule, code] of rules)
    assert.deepEqual(await refusals(milan, `snp: {${rule}}`), [code], rule);
  assert.deepEqual(await refusals(milan, 'snp: {requireAliasCheck: true}'), []);
});

test('Nitro: PCRs, debug, age', async () => {
  const pcr0 =
    'ca78fbe0b97bbfe1895dd713639dffcbdd21da5c7e05b8d90fe57a4e122414edc0f677d673df31fee1c16a7b34c16f36';
  assert.deepEqual(await refusals(nitro, `nitro: {pcrs: {0: [${pcr0}]}}`), []);
  assert.deepEqual(await refusals(nitro, `nitro: {pcrs: {1: [${pcr0}]}}`), ['POLICY_MEASUREMENT']);
  assert.deepEqual(await refusals(nitro, `nitro: {pcrs: {20: [${pcr0}]}}`), ['POLICY_MEASUREMENT']);
  assert.deepEqual(await refusals(debugNitro, 'nitro: {}'), ['POLICY_DEBUG']);
  assert.deepEqual(await refusals(nitro, 'nitro: {}', 'maximumEvidenceAgeSeconds: 5'), []);
  const later = { ...nitro, time: new Date('2023-09-28T11:10:00Z') };
  assert.deepEqual(await refusals(later, 'nitro: {}', 'maximumEvidenceAgeSeconds: 5'), [
    'POLICY_AGE',
  ]);
  assert.deepEqual(await refusals(tdx, 'tdx: {}', 'maximumEvidenceAgeSeconds: 5'), ['POLICY_AGE']);
});

test('every check is listed with a reason and a clause, reached or not', async () => {
  const expired = { ...tdx, time: new Date('2025-07-20T10:00:35Z') };
  const appraisal = await appraise(expired, 'tdx: {}');
  assert.equal(appraisal.error, 'CRL_EXPIRED');
  assert.ok(appraisal.checks.every(({ reason, clause }) => reason && clause));
  const status = (id: string) => appraisal.checks.find((check) => check.id === id)?.status;
  assert.deepEqual(
    [status('tdx.pck-chain'), status('tdx.pck-crl'), status('tdx.tcb')],
    ['pass', 'fail', 'skipped'],
  );
  assert.equal(
    appraisal.hardware['mrTd'],
    undefined,
    'no claims from evidence that did not verify',
  );
});

test('an EAR says what the appraisal says, and only its signer can make it', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
  const signer = {
    algorithm: 'EdDSA',
    sign: (m: Uint8Array) => new Uint8Array(sign(null, m, privateKey)),
  } as const;
  const options = { issuedAt: tdx.time, developer: 'https://example.org', build: 'test' };
  const good = await signEar(await appraise(tdx, 'tdx: {}', '', undefined), signer, options);
  const claims = await verifyEar(good, { algorithm: 'EdDSA', publicKey: raw });
  const part = claims.object('submods').object('tdx');
  assert.equal(part.string('ear.status'), 'warning', 'no nonce was asked for');
  assert.equal(part.object('ear.trustworthiness-vector').integer('hardware', 127), 2);
  const bad = await signEar(await appraise(debugTd, 'tdx: {}'), signer, options);
  const badPart = (await verifyEar(bad, { algorithm: 'EdDSA', publicKey: raw }))
    .object('submods')
    .object('tdx');
  assert.equal(badPart.string('ear.status'), 'contraindicated');
  const forged = `${good.split('.').slice(0, 2).join('.')}.${bad.split('.')[2]}`;
  await assert.rejects(verifyEar(forged, { algorithm: 'EdDSA', publicKey: raw }), /not signed/);
  await assert.rejects(
    verifyEar(good, { algorithm: 'ES256', point: new Uint8Array(65) }),
    /another algorithm/,
  );
});
