/**
 * Policy against verified facts. Unlike verification, every rule is evaluated and listed, so that a
 * person sees all that would have to change, not only the first thing.
 */
import { isZero, toHex } from '../bytes.ts';
import type { Check } from '../checks.ts';
import type { TdReport } from '../dcap/quote.ts';
import type { DcapClaims } from '../dcap/verify.ts';
import type { RefusalCode } from '../errors.ts';
import type { NitroClaims } from '../nitro/verify.ts';
import type { Policy } from '../policy.ts';
import type { SimClaims } from '../sim/verify.ts';
import type { TcbVersion } from '../snp/report.ts';
import type { SnpClaims } from '../snp/verify.ts';
import type { TpmClaims } from '../tpm/verify.ts';
import { isoTime } from '../x509/path.ts';
import type { Facts } from './facts.ts';

/** Collects the outcome of rules. */
export class RuleList {
  readonly checks: Check[] = [];

  rule(id: string, code: RefusalCode, holds: boolean, good: string, bad: string): void {
    const check = { id: `policy.${id}`, clause: `policy: ${id}` };
    if (holds) this.checks.push({ ...check, status: 'pass', reason: good });
    else this.checks.push({ ...check, status: 'fail', reason: bad, code });
  }

  warn(id: string, reason: string): void {
    this.checks.push({ id: `policy.${id}`, clause: `policy: ${id}`, status: 'warn', reason });
  }

  /** `value` must be one of `allowed`, if the policy names any. */
  oneOf(
    id: string,
    code: RefusalCode,
    value: string,
    allowed: readonly string[] | undefined,
  ): void {
    if (allowed === undefined) return;
    this.rule(id, code, allowed.includes(value), `${value} is allowed`, `${value} is not listed`);
  }
}

export function checkProviderPolicy(rules: RuleList, facts: Facts, policy: Policy): void {
  const { tee } = facts;
  const names = Object.keys(policy.providers);
  const named = policy.providers[tee.provider] !== undefined;
  const list = names.length === 0 ? 'none' : names.join(', ');
  const missing = `the policy accepts ${list}, not ${tee.provider}`;
  rules.rule('providers', 'POLICY_PROVIDER', named, `${tee.provider} is accepted`, missing);
  if (!named) return;
  const { providers } = policy;
  if (tee.provider === 'snp') snpRules(rules, tee.claims, providers.snp);
  else if (tee.provider === 'nitro') nitroRules(rules, tee.claims, providers.nitro);
  else if (tee.provider === 'tpm') tpmRules(rules, tee.claims, providers.tpm);
  else if (tee.provider === 'sim') simRules(rules, tee.claims, providers.sim);
  else intelRules(rules, facts, tee.claims, policy);
}

function debugRule(rules: RuleList, isDebug: boolean, allowed: boolean): void {
  const bad = 'debugging is possible: the host can read everything';
  rules.rule('allowDebug', 'POLICY_DEBUG', !isDebug || allowed, 'debug as the policy wants', bad);
}

type Intel = NonNullable<Policy['providers']['tdx']> | NonNullable<Policy['providers']['sgx']>;

function intelRules(rules: RuleList, facts: Facts, claims: DcapClaims, policy: Policy): void {
  const { body } = claims.quote;
  const wanted: Intel = (
    body.kind === 'tdx' ? policy.providers.tdx : policy.providers.sgx
  ) as Intel;
  const { status, evaluation, pck, evaluationDataNumber } = claims;
  const statuses: readonly string[] = wanted.statuses;
  rules.oneOf('statuses', 'POLICY_TCB', status, statuses);
  const untolerated = facts.advisories.filter((id) => !wanted.tolerateAdvisories.includes(id));
  rules.rule(
    'tolerateAdvisories',
    'POLICY_ADVISORY',
    untolerated.length === 0,
    'no advisory applies that the policy does not name',
    `advisories apply that the policy does not name: ${untolerated.join(', ')}`,
  );
  const { minimumTcbDate, minimumEvaluationDataNumber: number } = wanted;
  if (minimumTcbDate !== undefined) {
    const tcbDate = isoTime(evaluation.tcbDateMs);
    const holds = evaluation.tcbDateMs >= minimumTcbDate;
    rules.rule('minimumTcbDate', 'POLICY_TCB', holds, `TCB of ${tcbDate}`, `TCB of ${tcbDate}`);
  }
  if (number !== undefined) {
    const reason = `TCB evaluation data number ${evaluationDataNumber}, at least ${number}`;
    const holds = evaluationDataNumber >= number;
    rules.rule('minimumEvaluationDataNumber', 'POLICY_TCB', holds, reason, reason);
  }
  rules.oneOf('fmspcs', 'POLICY_PLATFORM', pck.fmspc, wanted.fmspcs);
  const instance = pck.platformInstanceId ?? pck.ppid;
  rules.oneOf('platforms', 'POLICY_PLATFORM', instance, wanted.platforms);
  const revocation = claims.crlsChecked || !wanted.requireRevocationLists;
  const lists = 'revocation lists as the policy wants';
  const noList = 'the collateral lacks a revocation list';
  rules.rule('requireRevocationLists', 'POLICY_REVOCATION', revocation, lists, noList);
  debugRule(rules, claims.debug, wanted.allowDebug);
  const smt = wanted.allowSmt || pck.smtEnabled === false;
  rules.rule('allowSmt', 'POLICY_CONFIGURATION', smt, 'SMT as allowed', 'SMT is (or may be) on');
  const dynamic = wanted.allowDynamicPlatform || pck.dynamicPlatform === false;
  const dynamicBad = 'the platform is (or may be) dynamic';
  rules.rule(
    'allowDynamicPlatform',
    'POLICY_CONFIGURATION',
    dynamic,
    'platform as allowed',
    dynamicBad,
  );
  if (body.kind === 'tdx' && policy.providers.tdx)
    tdRules(rules, body.report, policy.providers.tdx);
  if (body.kind === 'sgx' && policy.providers.sgx) {
    const { mrEnclave, mrSigner, isvProdId, minimumIsvSvn } = policy.providers.sgx;
    const { report } = body;
    rules.oneOf('mrEnclave', 'POLICY_MEASUREMENT', toHex(report.mrEnclave), mrEnclave);
    rules.oneOf('mrSigner', 'POLICY_SIGNER', toHex(report.mrSigner), mrSigner);
    const product = isvProdId === undefined ? undefined : [String(isvProdId)];
    rules.oneOf('isvProdId', 'POLICY_MEASUREMENT', String(report.isvProdId), product);
    atLeast(rules, 'minimumIsvSvn', report.isvSvn, minimumIsvSvn);
  }
}

function atLeast(rules: RuleList, id: string, value: number, minimum: number | undefined): void {
  if (minimum === undefined) return;
  const reason = `${value}, at least ${minimum} wanted`;
  rules.rule(id, 'POLICY_VERSION', value >= minimum, reason, reason);
}

const SEPT_VE_DISABLE = 28;
const MIGRATABLE = 29;

function tdRules(
  rules: RuleList,
  report: TdReport,
  wanted: NonNullable<Policy['providers']['tdx']>,
): void {
  const measured = [
    ['mrTd', report.mrTd],
    ['mrSeam', report.mrSeam],
    ['mrConfigId', report.mrConfigId],
    ['mrOwner', report.mrOwner],
  ] as const;
  for (const [id, value] of measured)
    rules.oneOf(id, 'POLICY_MEASUREMENT', toHex(value), wanted[id]);
  for (const [i, id] of (['rtmr0', 'rtmr1', 'rtmr2', 'rtmr3'] as const).entries())
    rules.oneOf(id, 'POLICY_MEASUREMENT', toHex(report.rtmrs[i] as Uint8Array), wanted[id]);
  // A service TD can migrate the TD's secrets: none may be bound unless the policy names it.
  const service = report.mrServiceTd;
  // One that was bound earlier, or elsewhere before a migration, shows only in the extended body.
  const { extended } = report;
  const hashes = [service, extended?.initServiceTdHash, extended?.currentServiceTdHash];
  const bound = hashes.some((hash) => hash && !isZero(hash));
  if (wanted.mrServiceTd !== undefined || bound) {
    const allowed = wanted.mrServiceTd ?? [];
    rules.oneOf('mrServiceTd', 'POLICY_CONFIGURATION', service ? toHex(service) : 'none', allowed);
  }
  const attribute = (n: number) => (((report.tdAttributes[n >> 3] ?? 0) >> (n & 7)) & 1) === 1;
  const code = 'POLICY_CONFIGURATION';
  const sept = !wanted.requireSeptVeDisable || attribute(SEPT_VE_DISABLE);
  const septBad = 'SEPT_VE_DISABLE is clear: the host can inject #VE by taking pages away';
  rules.rule('requireSeptVeDisable', code, sept, 'SEPT_VE_DISABLE as wanted', septBad);
  const still = wanted.allowMigration || !attribute(MIGRATABLE);
  rules.rule('allowMigration', code, still, 'migration as wanted', 'the TD can be migrated');
}

function snpRules(rules: RuleList, claims: SnpClaims, wanted: Policy['providers']['snp']): void {
  if (!wanted) return;
  const { report, product } = claims;
  if (wanted.products) {
    rules.oneOf('products', 'POLICY_PLATFORM', product, Object.keys(wanted.products));
    const floor = wanted.products[product];
    // The committed TCB bounds to what the host can roll back; the launch TCB measured the guest.
    const versions = {
      reported: claims.reportedTcb,
      committed: claims.committedTcb,
      launch: claims.launchTcb,
    };
    for (const [name, tcb] of Object.entries(versions))
      for (const part of ['fmc', 'bootloader', 'tee', 'snp', 'microcode'] as const)
        floorRule(rules, `${name}.${part}`, tcb, part, floor?.[part]);
  } else rules.warn('products', 'the policy sets no TCB floor');
  rules.oneOf('measurements', 'POLICY_MEASUREMENT', toHex(report.measurement), wanted.measurements);
  rules.oneOf('hostData', 'POLICY_MEASUREMENT', toHex(report.hostData), wanted.hostData);
  rules.oneOf('idKeyDigests', 'POLICY_SIGNER', toHex(report.idKeyDigest), wanted.idKeyDigests);
  const author = report.authorKeyPresent ? toHex(report.authorKeyDigest) : 'no author key';
  rules.oneOf('authorKeyDigests', 'POLICY_SIGNER', author, wanted.authorKeyDigests);
  rules.oneOf('chipIds', 'POLICY_PLATFORM', toHex(report.chipId), wanted.chipIds);
  rules.oneOf('cspIds', 'POLICY_PLATFORM', claims.cspId ?? 'none', wanted.cspIds);
  atLeast(rules, 'minimumGuestSvn', report.guestSvn, wanted.minimumGuestSvn);
  const vmpl = `VMPL ${report.vmpl}, at most ${wanted.maximumVmpl}`;
  const config = 'POLICY_CONFIGURATION';
  rules.rule('maximumVmpl', config, report.vmpl <= wanted.maximumVmpl, vmpl, vmpl);
  const key = report.signingKey === 'vcek' || wanted.allowVlek;
  rules.rule('allowVlek', config, key, `signed by a ${report.signingKey}`, 'signed by a VLEK');
  const still = wanted.allowMigration || !report.policy.migrationAgentAllowed;
  rules.rule(
    'allowMigration',
    config,
    still,
    'migration as wanted',
    'a migration agent is allowed',
  );
  const smt = wanted.allowSmt || !report.policy.smtAllowed;
  rules.rule('allowSmt', config, smt, 'SMT as wanted', 'the guest may run with SMT');
  const alias = !wanted.requireAliasCheck || ((report.platformInfo >> 5n) & 1n) === 1n;
  const aliasBad = 'the firmware did not check for aliased memory';
  rules.rule('requireAliasCheck', config, alias, 'alias check as wanted', aliasBad);
  const lists = claims.crlChecked || !wanted.requireRevocationLists;
  const noList = 'no revocation list was given';
  rules.rule('requireRevocationLists', 'POLICY_REVOCATION', lists, 'revocation as wanted', noList);
  debugRule(rules, report.policy.debugAllowed, wanted.allowDebug);
}

function floorRule(
  rules: RuleList,
  id: string,
  tcb: TcbVersion,
  part: keyof TcbVersion,
  least: number | undefined,
): void {
  if (least === undefined) return;
  const value = tcb[part];
  const reason = `${id} TCB is ${value ?? 'absent'}, at least ${least} wanted`;
  rules.rule(`products.${id}`, 'POLICY_TCB', (value ?? -1) >= least, reason, reason);
}

function nitroRules(
  rules: RuleList,
  claims: NitroClaims,
  wanted: Policy['providers']['nitro'],
): void {
  if (!wanted) return;
  const { document } = claims;
  for (const [number, allowed] of Object.entries(wanted.pcrs ?? {})) {
    const value = document.pcrs.get(Number(number));
    rules.oneOf(`pcrs.${number}`, 'POLICY_MEASUREMENT', value ? toHex(value) : 'absent', allowed);
  }
  rules.oneOf('moduleIds', 'POLICY_PLATFORM', document.moduleId, wanted.moduleIds);
  debugRule(rules, claims.debug, wanted.allowDebug);
}

function tpmRules(rules: RuleList, claims: TpmClaims, wanted: Policy['providers']['tpm']): void {
  if (!wanted) return;
  const { attest, pcrs } = claims.quote;
  rules.warn(
    'providers',
    'a TPM vouches for what was measured, and isolates nothing from the host',
  );
  rules.oneOf('keyNames', 'POLICY_SIGNER', toHex(claims.name), wanted.keyNames);
  rules.oneOf('pcrDigests', 'POLICY_MEASUREMENT', toHex(attest.pcrDigest), wanted.pcrDigests);
  for (const [number, allowed] of Object.entries(wanted.pcrs ?? {})) {
    const found = pcrs.find(
      ({ bank, register }) => bank === 'SHA-256' && register === Number(number),
    );
    const value = found ? toHex(found.value) : 'absent';
    rules.oneOf(`pcrs.${number}`, 'POLICY_MEASUREMENT', value, allowed);
  }
}

function simRules(rules: RuleList, claims: SimClaims, wanted: Policy['providers']['sim']): void {
  if (!wanted) return;
  rules.warn('providers', 'simulated evidence: it proves nothing against whoever runs the machine');
  rules.oneOf('roots', 'POLICY_PLATFORM', toHex(claims.report.rootKey), wanted.roots);
  atLeast(rules, 'minimumSvn', claims.report.svn, wanted.minimumSvn);
  debugRule(rules, claims.report.debug, wanted.allowDebug);
}
