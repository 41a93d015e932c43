/** `cloister verify --evidence FILE --policy FILE`: appraises evidence, anywhere, without a network. */

import { readFileSync } from 'node:fs';
import type { Appraisal } from '../attest/appraise/appraisal.ts';
import type { Json } from '../attest/json.ts';
import { nodeClock } from '../host/clock.ts';
import { parseNonce } from './attest.ts';
import { usageError } from './errors.ts';
import { printJson, printLine } from './report.ts';

export interface EvidenceOptions {
  readonly evidence: string;
  readonly policy?: string;
  readonly nonce?: string;
  readonly collateral?: string;
  readonly time?: string;
  readonly json?: boolean;
}

/** Exit status for evidence that the policy does not accept. */
const REFUSED = 4;
const NS_PER_MS = 1_000_000n;

export async function verifyEvidence(options: EvidenceOptions): Promise<void> {
  if (options.policy === undefined) throw usageError('--evidence needs --policy FILE');
  const { parseEvidence } = await import('../attest/evidence.ts');
  const { parsePolicy } = await import('../attest/policy.ts');
  const { parseDcapCollateral } = await import('../attest/dcap/collateral.ts');
  const { verify } = await import('../attest/verify.ts');
  const text = (path: string) => readFileSync(path, 'utf8');
  const nonce = parseNonce(options.nonce);
  const time = options.time === undefined ? now() : new Date(options.time);
  if (Number.isNaN(time.getTime()))
    throw usageError('--time takes a time such as 2026-01-31T12:00:00Z');
  const appraisal = await verify({
    evidence: parseEvidence(text(options.evidence)),
    policy: parsePolicy(text(options.policy)),
    collateral: options.collateral ? { dcap: parseDcapCollateral(text(options.collateral)) } : {},
    time,
    ...(nonce ? { nonce } : {}),
  });
  if (options.json) printJson(appraisal);
  else render(appraisal);
  if (!appraisal.accepted) process.exitCode = REFUSED;
}

const now = (): Date => new Date(Number(nodeClock.realtimeNs() / NS_PER_MS));

const MARKS = { pass: 'ok  ', fail: 'FAIL', warn: 'note', skipped: '-   ' } as const;

function render(appraisal: Appraisal): void {
  const { software, hardware } = appraisal;
  const verdict = appraisal.accepted ? 'accepted' : `refused (${appraisal.error ?? 'no reason'})`;
  printLine(`verdict      ${verdict}, ${appraisal.status}, by policy ${appraisal.policy.name}`);
  printLine(`at           ${appraisal.time}`);
  printLine(`provider     ${appraisal.provider}`);
  if (appraisal.tcbStatus) printLine(`TCB status   ${appraisal.tcbStatus}`);
  if (appraisal.advisories.length > 0) printLine(`advisories   ${appraisal.advisories.join(' ')}`);
  if (software?.imageMeasurement) printLine(`image        ${software.imageMeasurement}`);
  if (software?.runtimeMeasurement) printLine(`runtime      ${software.runtimeMeasurement}`);
  if (software) printLine(`signers      ${software.imageSigners.join(' ') || 'none'}`);
  if (appraisal.validUntil) printLine(`valid until  ${appraisal.validUntil}`);
  for (const [name, value] of Object.entries(hardware))
    printLine(`hardware     ${name}: ${show(value)}`);
  for (const check of appraisal.checks)
    printLine(`${MARKS[check.status]}  ${check.id}: ${check.reason} [${check.clause}]`);
}

const show = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));
