/**
 * Mutants of real evidence: every accepted vector, changed in every field, certificate and
 * signature. A mutant must be refused with a reason, or lie in a region that the format leaves
 * unsigned and keep the verdict word for word; each such region is declared here with its clause.
 */
import { fromHex, toHex } from '../../src/attest/bytes.ts';
import { parseDcapCollateral } from '../../src/attest/dcap/collateral.ts';
import { parseQuote } from '../../src/attest/dcap/quote.ts';
import { type DcapClaims, DcapVerifier } from '../../src/attest/dcap/verify.ts';
import { REFUSAL_CODES } from '../../src/attest/errors.ts';
import { parseAnyCertificate } from '../../src/attest/x509/pem.ts';
import type { SeededRandom } from '../../src/base/random.ts';
import type { Case, Given, Material, Vector } from '../vectors/run-index.ts';

/** Unsigned parts of the formats: where a mutant may keep its verdict. */
export const UNBOUND = {
  'after the quote': 'TDX DCAP API, A.3: sizes end the quote; hosts pad the buffer that holds it',
  'PEM blanks': 'RFC 7468, section 2: parsers should ignore whitespace',
  'PPID certification data':
    'QuoteLib, table 9: types 1 to 3 only name a certificate, which is then given apart',
  'issuer chain of the PCK CRL':
    'not read: the list is checked with the CA of the PCK chain (QVL 4.1.2.5.7)',
  'order of certificates': 'RFC 5280, section 6.1: the path is built by name, not by position',
} as const;
export type Region = keyof typeof UNBOUND;

export interface Mutant {
  readonly what: string;
  readonly material: Material;
  readonly case: Case;
  readonly region: Region | undefined;
}

const CODES: ReadonlySet<unknown> = new Set(REFUSAL_CODES);

/** Why a mutant's outcome is wrong, or undefined when it is right. */
export function fault(mutant: Mutant, original: Given, given: Given): string | undefined {
  if (!given.ok) {
    const hasReason = CODES.has(given['error']) && typeof given['reason'] === 'string';
    return hasReason ? undefined : `no proper reason: ${JSON.stringify(given)}`;
  }
  if (mutant.region === undefined) return 'accepted';
  const same = JSON.stringify(given) === JSON.stringify(original);
  return same ? undefined : `verdict changed: ${JSON.stringify(given)}`;
}

const flip = (bytes: Uint8Array, at: number, mask: number): Uint8Array => {
  const copy = bytes.slice();
  copy[at] = (copy[at] as number) ^ mask;
  return copy;
};

/** Whether the change of byte `at` is one between blanks of a PEM text. */
function isBlankChange(before: Uint8Array, after: Uint8Array, at: number): boolean {
  const blanks = [0x09, 0x0a, 0x0d, 0x20];
  return blanks.includes(before[at] as number) && blanks.includes(after[at] as number);
}

/** Every byte of [0, dense), then every `stride`-th, each with one random bit flipped. */
function* positions(length: number, dense: number, stride: number, random: SeededRandom) {
  for (let at = 0; at < length; at += at < dense ? 1 : 1 + random.below(2 * stride))
    yield [at, 1 << random.below(8)] as const;
}

function quoteRegion(original: Uint8Array, changed: Uint8Array, at: number): Region | undefined {
  const quote = parseQuote(original);
  if (at >= original.length - quote.trailingBytes) return 'after the quote';
  if (isBlankChange(original, changed, at)) return 'PEM blanks';
  if (quote.certificationData.kind === 'outside') {
    const authEnd = quote.qeAuthData.byteOffset - original.byteOffset + quote.qeAuthData.length;
    // The type may change among 1 to 4, and the data is not used; the size in between must fit.
    if (at === authEnd || at >= authEnd + 6) return 'PPID certification data';
  }
  return undefined;
}

/** Mutants of the evidence itself. */
export function* evidenceMutants(
  vector: Vector,
  one: Case,
  material: Material,
  random: SeededRandom,
  stride: number,
): Generator<Mutant> {
  const isQuote = vector.kind === 'dcap-quote';
  const { main } = material;
  for (const [at, mask] of positions(main.length, isQuote ? 700 : 0, stride, random)) {
    const changed = flip(main, at, mask);
    const region = isQuote ? quoteRegion(main, changed, at) : undefined;
    // RA-TLS vectors are PEM files.
    const pem = vector.kind === 'ra-tls-certificate' && isBlankChange(main, changed, at);
    const what = `byte ${at} ^ ${mask}`;
    const place = pem ? 'PEM blanks' : region;
    yield { what, material: { ...material, main: changed }, case: one, region: place };
  }
  for (let length = 0; length < main.length; length += 1 + random.below(160)) {
    const inTail = isQuote && length >= main.length - parseQuote(main).trailingBytes;
    const region = inTail ? 'after the quote' : undefined;
    const cut = { ...material, main: main.slice(0, length) };
    yield { what: `cut to ${length}`, material: cut, case: one, region };
  }
  for (const tail of ['00', 'ff', '2d2d2d2d2d424547494e'])
    yield {
      what: `followed by ${tail}`,
      material: { ...material, main: Uint8Array.from([...main, ...fromHex(tail)]) },
      case: one,
      region: isQuote ? 'after the quote' : undefined,
    };
}

/** The certificates inside a quote in other orders, one missing, one twice. */
export function* chainMutants(one: Case, material: Material): Generator<Mutant> {
  const quote = parseQuote(material.main);
  if (quote.certificationData.kind !== 'pem-chain') return;
  const { text } = quote.certificationData;
  const from = text.byteOffset - material.main.byteOffset;
  const pem = new TextDecoder().decode(text);
  const blocks = pem.match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----\n?/g) ?? [];
  const [leaf = '', ca = '', root = ''] = blocks;
  const orders: readonly (readonly [string, readonly string[], Region | undefined])[] = [
    ['reversed', [root, ca, leaf], 'order of certificates'],
    ['rotated', [ca, root, leaf], 'order of certificates'],
    ['without CA', [leaf, root], undefined],
    ['without leaf', [ca, root], undefined],
    ['CA twice', [leaf, ca, ca], undefined],
  ];
  for (const [what, order, region] of orders) {
    const changed = new TextEncoder().encode(order.join('').padEnd(text.length, '\n'));
    if (changed.length !== text.length) continue;
    const main = material.main.slice();
    main.set(changed, from);
    yield { what: `chain ${what}`, material: { ...material, main }, case: one, region };
  }
}

/** Wrong times: far before and far after everything that the vector rests on. */
export function* timeMutants(one: Case, material: Material): Generator<Mutant> {
  for (const time of ['1990-01-01T00:00:00Z', '2015-06-01T00:00:00Z', '2060-01-01T00:00:00Z'])
    yield { what: `at ${time}`, material, case: { ...one, time }, region: undefined };
}

const BUNDLE_HEX = ['root_ca_crl', 'pck_crl', 'tcb_info_signature', 'qe_identity_signature'];
const BUNDLE_PEM = ['tcb_info_issuer_chain', 'qe_identity_issuer_chain', 'pck_certificate_chain'];
const BUNDLE_TEXT = ['tcb_info', 'qe_identity'];

/** Mutants of DCAP collateral: every part of the bundle. */
export function* collateralMutants(
  one: Case,
  material: Material,
  random: SeededRandom,
  each: number,
): Generator<Mutant> {
  const bundle = JSON.parse(material.collateral ?? '{}') as Record<string, string | null>;
  const parts = [...BUNDLE_HEX, ...BUNDLE_PEM, ...BUNDLE_TEXT, 'pck_crl_issuer_chain'];
  for (const part of parts) {
    const old = bundle[part];
    if (typeof old !== 'string') continue;
    const isHex = BUNDLE_HEX.includes(part);
    const bytes = isHex ? fromHex(old) : new TextEncoder().encode(old);
    for (let i = 0; i < each; i++) {
      const at = random.below(bytes.length);
      const changed = flip(bytes, at, 1 << random.below(7));
      const text = isHex ? toHex(changed) : new TextDecoder().decode(changed);
      const collateral = JSON.stringify({ ...bundle, [part]: text });
      const region = collateralRegion(part, bytes, changed, at);
      yield {
        what: `${part} byte ${at}`,
        material: { ...material, collateral },
        case: one,
        region,
      };
    }
  }
}

function collateralRegion(
  part: string,
  before: Uint8Array,
  after: Uint8Array,
  at: number,
): Region | undefined {
  if (part === 'pck_crl_issuer_chain') return 'issuer chain of the PCK CRL';
  const isPem = BUNDLE_PEM.includes(part);
  return isPem && isBlankChange(before, after, at) ? 'PEM blanks' : undefined;
}

/** Mutants of the SNP endorsement key certificate and of those above it. */
export function* endorsementMutants(
  one: Case,
  material: Material,
  random: SeededRandom,
): Generator<Mutant> {
  const key = material.endorsementKey as Uint8Array;
  for (const [at, mask] of positions(key.length, 0, 3, random))
    yield {
      what: `endorsement key byte ${at} ^ ${mask}`,
      material: { ...material, endorsementKey: flip(key, at, mask) },
      case: one,
      region: undefined,
    };
}

/** Runs mutants of one DCAP vector with one verifier, so that unchanged collateral costs nothing. */
export function dcapJudge(material: Material) {
  const roots = material.trustRoot ? [parseAnyCertificate(material.trustRoot)] : undefined;
  const verifier = new DcapVerifier(roots);
  const collateral = parseDcapCollateral(material.collateral ?? 'null');
  return async (mutant: Mutant): Promise<Given> => {
    const timeMs = Date.parse(mutant.case.time);
    const verdict = await verifier.verify({ quote: mutant.material.main, collateral, timeMs });
    if (!verdict.ok) return { ok: false, error: verdict.error, reason: verdict.reason };
    return { ok: true, ...words(verdict.claims) };
  };
}

const words = (claims: DcapClaims) => ({
  status: claims.status,
  reportData: toHex(claims.quote.body.report.reportData),
  advisories: claims.evaluation.advisoryIds,
  pck: claims.pck,
  debug: claims.debug,
});
