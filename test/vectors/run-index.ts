/**
 * Runs an index of attestation vectors (format `attestation-vectors/1`): every case of every
 * vector, and every mutation, each at its own time, against what the index expects.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fromHex, toHex } from '../../src/attest/bytes.ts';
import { parseDcapCollateral } from '../../src/attest/dcap/collateral.ts';
import type { Quote } from '../../src/attest/dcap/quote.ts';
import { type DcapClaims, DcapVerifier, verifyDcap } from '../../src/attest/dcap/verify.ts';
import { Refusal } from '../../src/attest/errors.ts';
import { parseJson } from '../../src/attest/json.ts';
import { verifyNitro } from '../../src/attest/nitro/verify.ts';
import { checkReportData, parseRaTlsCertificate } from '../../src/attest/ratls/certificate.ts';
import { verifySnp } from '../../src/attest/snp/verify.ts';
import {
  checkCrlSignature,
  checkCrlTime,
  isoTime,
  validatePath,
} from '../../src/attest/x509/path.ts';
import { parseAnyCertificate, parseAnyCrl, parsePemChain } from '../../src/attest/x509/pem.ts';

/** The parts of the format that are read here; everything else is commentary. */
export interface Case {
  readonly time: string;
  readonly collateral?: string;
  readonly trustRoot?: string;
  readonly crl?: string;
  readonly intermediates?: readonly string[];
  readonly crls?: readonly string[];
  readonly trustAnchor?: string;
  readonly issuer?: string;
  readonly expect: Expectation;
}
export type Expectation = { readonly ok: boolean } & Readonly<Record<string, unknown>>;

export interface Vector {
  readonly id: string;
  readonly kind: string;
  readonly file: string;
  readonly sha256?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly endorsementKey?: { readonly file: string };
  readonly chain?: string;
  readonly cases?: readonly Case[];
}

export interface Mutation extends Case {
  readonly base: string;
  readonly target: string;
  readonly op: string;
  readonly offset?: number;
  readonly value?: number | string;
  readonly bytes?: string;
  readonly length?: number;
  readonly find?: string;
  readonly replace?: string;
  readonly what?: string;
}

export interface Index {
  readonly vectors: readonly Vector[];
  readonly mutations?: readonly Mutation[];
}

/** What the verifiers said, in the words of the index. */
export type Given = { readonly ok: boolean } & Readonly<Record<string, unknown>>;

export interface Result {
  readonly name: string;
  readonly expected: Expectation;
  readonly given: Given;
  readonly passed: boolean;
  /** Whether a refusal has the same word, not only the same class. */
  readonly exact: boolean;
}

/** All bytes that one case reads, so that a mutation can change any of them. */
export interface Material {
  readonly main: Uint8Array;
  readonly collateral: string | undefined;
  readonly trustRoot: Uint8Array | undefined;
  readonly endorsementKey: Uint8Array | undefined;
  readonly chain: readonly Uint8Array[];
  readonly crl: Uint8Array | undefined;
}

export class VectorSet {
  readonly directory: string;
  readonly index: Index;

  constructor(path: string) {
    this.directory = dirname(path);
    this.index = JSON.parse(readFileSync(path, 'utf8')) as Index;
  }

  read(file: string): Uint8Array {
    return new Uint8Array(readFileSync(join(this.directory, file)));
  }

  material(vector: Vector, one: Case | undefined): Material {
    const text = (file: string) => new TextDecoder().decode(this.read(file));
    return {
      main: this.read(vector.file),
      collateral: one?.collateral === undefined ? undefined : text(one.collateral),
      trustRoot: one?.trustRoot === undefined ? undefined : this.read(one.trustRoot),
      endorsementKey: vector.endorsementKey && this.read(vector.endorsementKey.file),
      chain: vector.chain ? parsePemChain(text(vector.chain)).map((c) => c.raw) : [],
      crl: one?.crl === undefined ? undefined : this.read(one.crl),
    };
  }

  async *run(): AsyncGenerator<Result> {
    for (const vector of this.index.vectors) {
      yield await this.#parseOnly(vector);
      for (const one of vector.cases ?? []) {
        const given = await caught(() => this.judge(vector, one, this.material(vector, one)));
        yield compare(`${vector.id} @ ${one.time}`, one.expect, given);
      }
    }
    for (const mutation of this.index.mutations ?? []) yield await this.#mutation(mutation);
  }

  /** Every file parses (or is refused by a case) and is the file that the index means. */
  async #parseOnly(vector: Vector): Promise<Result> {
    const given = await caught(() => {
      const bytes = this.read(vector.file);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      if (vector.sha256 !== undefined && vector.sha256 !== sha256)
        return { ok: false, error: 'FILE_CHANGED' };
      return parseFile(vector.kind, bytes);
    });
    return compare(`${vector.id} file`, { ok: true }, given);
  }

  async #mutation(mutation: Mutation): Promise<Result> {
    const vector = this.index.vectors.find((candidate) => candidate.id === mutation.base);
    const name = `${mutation.base} @ ${mutation.time}: ${mutation.what ?? mutation.op}`;
    if (!vector) return compare(name, mutation.expect, { ok: false, error: 'NO_SUCH_VECTOR' });
    const given = await caught(async () => {
      const material = mutate(this.material(vector, mutation), mutation);
      return this.judge(vector, mutation, material);
    });
    return compare(name, mutation.expect, given);
  }

  /** The verdict of the verifier of this kind over `material`. Never throws for bad material. */
  judge(vector: Vector, one: Case, material: Material): Promise<Given> {
    const timeMs = Date.parse(one.time);
    return caught(async () => {
      switch (vector.kind) {
        case 'dcap-quote':
          return judgeDcap(vector, material, timeMs);
        case 'snp-report':
          return judgeSnp(vector, material, timeMs);
        case 'nitro-attestation-document':
          return judgeNitro(vector, material, timeMs);
        case 'ra-tls-certificate':
          return judgeRaTls(material, timeMs);
        case 'x509-certificate':
          return this.#judgeCertificate(one, material, timeMs);
        case 'x509-crl':
          return this.#judgeCrl(one, material, timeMs);
        default:
          return { ok: false, error: `KIND_${vector.kind}` };
      }
    });
  }

  async #judgeCrl(one: Case, material: Material, timeMs: number): Promise<Given> {
    const issuer = parseAnyCertificate(this.read((one.issuer ?? one.trustAnchor) as string));
    const crl = parseAnyCrl(material.main);
    await checkCrlSignature(crl, issuer);
    checkCrlTime(crl, issuer, timeMs);
    return { ok: true };
  }

  async #judgeCertificate(one: Case, material: Material, timeMs: number): Promise<Given> {
    const anchor = parseAnyCertificate(this.read(one.trustAnchor as string));
    await validatePath(parseAnyCertificate(material.main), {
      intermediates: (one.intermediates ?? []).map((file) => parseAnyCertificate(this.read(file))),
      anchors: [anchor],
      timeMs,
      crls: (one.crls ?? []).map((file) => parseAnyCrl(this.read(file))),
      revocation: 'required',
    });
    return { ok: true };
  }
}

/** Turns a refusal into an answer; anything else is a fault of the verifier and stays one. */
async function caught(action: () => Given | Promise<Given>): Promise<Given> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, error: error.code, reason: error.message };
    return { ok: false, error: 'CRASH', reason: String((error as Error).stack) };
  }
}

function parseFile(kind: string, bytes: Uint8Array): Given {
  if (kind === 'x509-certificate' || kind === 'ra-tls-certificate') parseAnyCertificate(bytes);
  else if (kind === 'x509-crl') parseAnyCrl(bytes);
  else if (kind === 'json-sample') parseJson(new TextDecoder().decode(bytes), 'MALFORMED_JSON');
  return { ok: true };
}

const fieldsOf = (quote: Quote) =>
  Object.fromEntries(
    Object.entries(quote.body.report)
      .filter(([, value]) => value instanceof Uint8Array)
      .map(([name, value]) => [name, toHex(value as Uint8Array)]),
  );

/** Fields that the index states and the parser read differently. */
function fieldDifferences(
  stated: Readonly<Record<string, unknown>> | undefined,
  read: Readonly<Record<string, unknown>>,
): string[] {
  return Object.entries(stated ?? {})
    .filter(([name, value]) => name in read && !sameField(value, read[name]))
    .map(([name]) => name);
}

/** The index shortens long values and ends them in "…". */
function sameField(stated: unknown, read: unknown): boolean {
  if (typeof stated === 'string' && stated.endsWith('…'))
    return String(read).startsWith(stated.slice(0, -1));
  return JSON.stringify(stated) === JSON.stringify(read);
}

const rootsOf = ({ trustRoot }: Material) =>
  trustRoot ? { roots: [parseAnyCertificate(trustRoot)] } : {};

async function judgeDcap(vector: Vector, material: Material, timeMs: number): Promise<Given> {
  const verdict = await verifyDcap({
    quote: material.main,
    collateral: parseDcapCollateral(material.collateral ?? 'null'),
    timeMs,
    ...rootsOf(material),
  });
  if (!verdict.ok) return { ok: false, error: verdict.error, reason: verdict.reason };
  const { claims, warnings } = verdict;
  const wrong = fieldDifferences(vector.fields, fieldsOf(claims.quote));
  if (wrong.length > 0) return { ok: false, error: 'FIELDS_DIFFER', reason: wrong.join() };
  return { ok: true, ...dcapWords(claims), warnings };
}

function dcapWords(claims: DcapClaims) {
  const { evaluation } = claims;
  const { tdxModule } = evaluation;
  return {
    status: claims.status,
    platform: evaluation.platform.status,
    tdxModule: tdxModule ? `${tdxModule.id}:${tdxModule.level.status}` : null,
    qe: evaluation.qe.status,
    tcbDate: isoTime(evaluation.tcbDateMs),
    platformTcbDate: isoTime(evaluation.platform.tcbDateMs),
    advisoryIDs: evaluation.advisoryIds,
    launchStatus: claims.launchStatus,
    currentStatus: claims.currentStatus,
    tcbEvaluationDataNumber: claims.evaluationDataNumber,
    debug: claims.debug,
  };
}

async function judgeSnp(vector: Vector, material: Material, timeMs: number): Promise<Given> {
  const verdict = await verifySnp({
    report: material.main,
    endorsementKey: parseAnyCertificate(material.endorsementKey as Uint8Array).raw,
    chain: material.chain,
    ...(material.crl ? { crl: material.crl } : {}),
    ...rootsOf(material),
    timeMs,
  });
  if (!verdict.ok) return { ok: false, error: verdict.error, reason: verdict.reason };
  const { report, reportedTcb, currentTcb, committedTcb, launchTcb } = verdict.claims;
  const wrong = fieldDifferences(vector.fields, {
    version: report.version,
    guestSvn: report.guestSvn,
    policy: `0x${report.policy.raw.toString(16)}`,
    debugAllowed: report.policy.debugAllowed,
    smtAllowed: report.policy.smtAllowed,
    vmpl: report.vmpl,
    platformInfo: `0x${report.platformInfo.toString(16)}`,
    signingKey: report.signingKey,
    measurement: toHex(report.measurement),
    reportData: toHex(report.reportData),
    hostData: toHex(report.hostData),
    chipId: toHex(report.chipId),
    cpuid: report.cpuid ? toHex(Uint8Array.from(report.cpuid)) : null,
    reportedTcb,
    currentTcb,
    committedTcb,
    launchTcb,
  });
  if (wrong.length > 0) return { ok: false, error: 'FIELDS_DIFFER', reason: wrong.join() };
  return { ok: true };
}

async function judgeNitro(vector: Vector, material: Material, timeMs: number): Promise<Given> {
  const verdict = await verifyNitro({
    document: material.main,
    timeMs,
    ...rootsOf(material),
  });
  if (!verdict.ok) return { ok: false, error: verdict.error, reason: verdict.reason };
  const { document, debug } = verdict.claims;
  const wrong = fieldDifferences(vector.fields, {
    module_id: document.moduleId,
    pcrCount: document.pcrs.size,
    publicKeyLength: document.publicKey?.length ?? null,
    userData: document.userData ? toHex(document.userData) : null,
    nonce: document.nonce ? toHex(document.nonce) : null,
    debugMode: debug,
  });
  if (wrong.length > 0) return { ok: false, error: 'FIELDS_DIFFER', reason: wrong.join() };
  return { ok: true, debug };
}

async function judgeRaTls(material: Material, timeMs: number): Promise<Given> {
  const parsed = await parseRaTlsCertificate(material.main, timeMs);
  if (!parsed.ok) return { ok: false, error: parsed.error, reason: parsed.reason };
  const signed = await new DcapVerifier().verifySignatures(parsed.claims.quote, timeMs);
  if (!signed.ok) return { ok: false, error: signed.error, reason: signed.reason };
  checkReportData(signed.claims.quote.body.report.reportData, parsed.claims.binding);
  return { ok: true, selfSignature: true };
}

const BUNDLE_HEX = new Set([
  'root_ca_crl',
  'pck_crl',
  'tcb_info_signature',
  'qe_identity_signature',
]);

/** `material` with one change. Targets are the names that the index uses. */
export function mutate(material: Material, mutation: Mutation): Material {
  const { target } = mutation;
  if (
    target === 'quote' ||
    target === 'report' ||
    target === 'document' ||
    target === 'certificate'
  )
    return { ...material, main: mutateBytes(material.main, mutation) };
  if (target === 'endorsementKey' || target === 'vcek' || target === 'vlek')
    return {
      ...material,
      endorsementKey: mutateBytes(material.endorsementKey as Uint8Array, mutation),
    };
  if (target === 'crl' && material.crl)
    return { ...material, crl: mutateBytes(material.crl, mutation) };
  const bundle = JSON.parse(material.collateral ?? '{}') as Record<string, string | null>;
  const old = bundle[target];
  if (typeof old !== 'string') throw new Error(`unknown mutation target ${target}`);
  const isHex = BUNDLE_HEX.has(target) && mutation.op !== 'replaceText';
  const bytes = isHex ? fromHex(old) : new TextEncoder().encode(old);
  const changed = mutateBytes(bytes, mutation);
  bundle[target] = isHex ? toHex(changed) : new TextDecoder().decode(changed);
  return { ...material, collateral: JSON.stringify(bundle) };
}

function mutateBytes(bytes: Uint8Array, mutation: Mutation): Uint8Array {
  const { op, offset = 0, length = 0, find = '', replace = '' } = mutation;
  const value = mutation.value ?? mutation.bytes;
  if (op === 'truncate') return bytes.slice(0, length);
  if (op === 'xor' || op === 'set') {
    const copy = bytes.slice();
    const patch = typeof value === 'string' ? fromHex(value) : Uint8Array.of(value ?? 0);
    patch.forEach((byte, i) => {
      copy[offset + i] = op === 'xor' ? (copy[offset + i] as number) ^ byte : byte;
    });
    return copy;
  }
  if (op === 'append') return Uint8Array.from([...bytes, ...fromHex(String(value ?? ''))]);
  if (op === 'replaceText') {
    const text = new TextDecoder().decode(bytes);
    if (!text.includes(find)) throw new Error(`"${find}" is not in the text`);
    return new TextEncoder().encode(text.replace(find, replace));
  }
  throw new Error(`unknown mutation ${op}`);
}

/**
 * The class of a refusal. The index names classes, "the exact word is free": two strict readers may
 * stop at different bytes of one broken structure, but not for a different kind of reason.
 */
export function refusalClass(word: unknown): string {
  const text = String(word);
  const classes: readonly (readonly [RegExp, string])[] = [
    [/CRASH|FIELDS_DIFFER|FILE_CHANGED|NO_SUCH|KIND_/, `fault ${text}`],
    [/NOT_YET/, 'time: not yet valid'],
    [/EXPIRED/, 'time: expired'],
    [/REVOKED/, 'revoked'],
    [/CRL_(MISSING|ISSUER)/, 'no CRL of the issuer'],
    [/MISSING/, 'missing'],
    [/MALFORMED|BAD_SIGNATURE|COSE|UNSUPPORTED|QE_REPORT_DATA/, 'bytes are not what was signed'],
    [/ROOT|CHAIN|NOT_CA|PATH|USAGE|CRITICAL|WRONG_TYPE/, 'chain'],
    [/MISMATCH/, 'about something else'],
    [/TCB/, 'TCB'],
  ];
  return classes.find(([pattern]) => pattern.test(text))?.[1] ?? text;
}

/** Warnings are prose: what they are about counts. */
function warningWords(warnings: unknown): unknown {
  if (!Array.isArray(warnings)) return warnings;
  return warnings.map((warning) => String(warning).toLowerCase().replace(/\bca /, '')).sort();
}

function compare(name: string, expected: Expectation, given: Given): Result {
  if (!expected.ok || !given.ok) {
    const sameVerdict = expected.ok === given.ok;
    const sameClass = refusalClass(expected['error']) === refusalClass(given['error']);
    const exact = sameVerdict && expected['error'] === given['error'];
    return { name, expected, given, passed: sameVerdict && sameClass, exact };
  }
  const passed = Object.entries(expected).every(([key, value]) => {
    const simplify = key === 'warnings' ? warningWords : (x: unknown) => x;
    return JSON.stringify(simplify(given[key])) === JSON.stringify(simplify(value));
  });
  return { name, expected, given, passed, exact: passed };
}
