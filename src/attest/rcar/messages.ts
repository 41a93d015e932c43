/**
 * Messages of the CoCo key broker protocol, RCAR (request, challenge, attestation, response), version
 * 0.4.0 as the Trustee code speaks it: `kbs/docs/kbs_attestation_protocol.md` of
 * confidential-containers/trustee, and its `kbs-types`. Parsing and formatting only.
 */
import { concatBytes, fromBase64, toBase64, utf8 } from '../bytes.ts';
import { Refusal, require } from '../errors.ts';
import {
  EVIDENCE_FORMAT,
  type Evidence,
  evidenceFromJson,
  type ProviderName,
} from '../evidence.ts';
import { canonicalJson } from '../jose/jcs.ts';
import { type EcJwk, parseEcJwk } from '../jose/jwk.ts';
import { isObject, type Json, type JsonObject, Members, parseJson } from '../json.ts';
import { digest, type HashName } from '../webcrypto.ts';

export const RCAR_VERSION = '0.4.0';
const CODE = 'MALFORMED_MESSAGE';

/** Names of TEEs on the wire; `sample` is how the protocol calls what proves nothing. */
const TEE_NAMES: Readonly<Record<ProviderName, string>> = {
  tdx: 'tdx',
  snp: 'snp',
  sgx: 'sgx',
  nitro: 'nitro',
  tpm: 'tpm',
  sim: 'sample',
};
export const teeName = (provider: ProviderName): string => TEE_NAMES[provider];

export const RCAR_HASHES: Readonly<Record<string, HashName>> = {
  sha256: 'SHA-256',
  sha384: 'SHA-384',
  sha512: 'SHA-512',
};
/** What Trustee takes when nothing is negotiated. */
export const DEFAULT_HASH = 'sha384';

export interface AuthRequest {
  readonly tee: string;
  readonly hashes: readonly string[];
}

export function formatAuthRequest(provider: ProviderName): string {
  const parameters = { 'supported-hash-algorithms': Object.keys(RCAR_HASHES) };
  const tee = teeName(provider);
  return JSON.stringify({ version: RCAR_VERSION, tee, 'extra-params': parameters });
}

export function parseAuthRequest(text: string): AuthRequest {
  const top = new Members(parseJson(text, CODE), CODE, 'request');
  const version = top.string('version');
  // Trustee accepts exactly its own version: a peer must not talk us down to an older protocol.
  require(version === RCAR_VERSION, 'UNSUPPORTED_VERSION', `protocol ${version.slice(0, 20)}`);
  const tee = top.string('tee');
  require(Object.values(TEE_NAMES).includes(
    tee,
  ), 'UNSUPPORTED_EVIDENCE', `tee ${tee.slice(0, 40)}`);
  const extra = top.raw('extra-params');
  const hashes = isObject(extra)
    ? new Members(extra, CODE, 'extra-params').strings('supported-hash-algorithms', 16)
    : [];
  return { tee, hashes };
}

/** The best hash that both know; weaker ones are not offered by Trustee either. */
export function selectHash(offered: readonly string[]): string {
  const preferred = ['sha384', 'sha512', 'sha256'];
  return preferred.find((name) => offered.includes(name)) ?? DEFAULT_HASH;
}

export interface Challenge {
  readonly nonce: string;
  readonly hash: HashName;
}

export function formatChallenge(nonce: string, hash: string): string {
  return JSON.stringify({ nonce, 'extra-params': { 'selected-hash-algorithm': hash } });
}

export function parseChallenge(text: string): Challenge {
  const top = new Members(parseJson(text, CODE), CODE, 'challenge');
  const extra = top.raw('extra-params');
  const name =
    isObject(extra) && Object.hasOwn(extra, 'selected-hash-algorithm')
      ? new Members(extra, CODE, 'extra-params').string('selected-hash-algorithm')
      : DEFAULT_HASH;
  const hash = RCAR_HASHES[name];
  require(hash, 'UNSUPPORTED_SIGNATURE_ALGO', `hash ${name.slice(0, 20)}`);
  const nonce = top.string('nonce');
  require(nonce.length > 0 && nonce.length <= 1024, CODE, 'nonce of odd size');
  return { nonce, hash };
}

/** The nonce as Cloister's evidence binds it: base64-decoded, at most 64 bytes. */
export function nonceBytes(nonce: string): Uint8Array {
  const bytes = fromBase64(nonce, CODE);
  require(bytes.length >= 16 && bytes.length <= 64, CODE, 'nonce of odd size');
  return bytes;
}

export interface Attestation {
  readonly nonce: string;
  readonly teePubkey: EcJwk;
  /** `runtime-data` as it came, since its hash is over exactly these members. */
  readonly runtimeData: JsonObject;
  readonly primary: Json;
  readonly additional: string | undefined;
}

export function formatAttestation(
  nonce: string,
  teePubkey: EcJwk,
  primary: Json,
  additional = '',
): string {
  return JSON.stringify({
    'runtime-data': { nonce, 'tee-pubkey': teePubkey },
    'tee-evidence': { primary_evidence: primary, additional_evidence: additional },
  });
}

export function parseAttestation(text: string): Attestation {
  const top = new Members(parseJson(text, CODE), CODE, 'attestation');
  const runtimeData = top.raw('runtime-data');
  const runtime = new Members(runtimeData, CODE, 'runtime-data');
  const evidence = top.object('tee-evidence');
  const primary = evidence.raw('primary_evidence');
  require(primary !== undefined, CODE, 'primary_evidence missing');
  const additional = evidence.raw('additional_evidence') ?? undefined;
  require(additional === undefined || typeof additional === 'string', CODE, 'additional_evidence');
  return {
    nonce: runtime.string('nonce'),
    teePubkey: parseEcJwk(runtime.raw('tee-pubkey'), 'tee-pubkey'),
    runtimeData: runtimeData as JsonObject,
    primary,
    additional,
  };
}

/**
 * Report data of a plain RCAR client: H over the canonical JSON of additional evidence, nonce and
 * key, zero padded to 64 bytes.
 */
export async function rcarReportData(
  hash: HashName,
  runtimeData: JsonObject,
  additional: string | undefined,
): Promise<Uint8Array> {
  const value = { 'additional-evidence': additional ?? '', ...runtimeData };
  const hashed = await digest(hash, utf8(canonicalJson(value)));
  return concatBytes(hashed, new Uint8Array(64 - hashed.length));
}

/** Evidence in `primary_evidence`: Cloister's own form, or the bare quote of a plain client. */
export type PrimaryEvidence =
  | { readonly kind: 'cloister'; readonly evidence: Evidence }
  | { readonly kind: 'plain'; readonly evidence: Evidence };

export function parsePrimaryEvidence(tee: string, primary: Json): PrimaryEvidence {
  const members = new Members(primary, CODE, 'primary_evidence');
  if (members.has('format') && members.string('format') === EVIDENCE_FORMAT)
    return { kind: 'cloister', evidence: evidenceFromJson(primary) };
  if (tee !== 'tdx' && tee !== 'sgx')
    throw new Refusal(
      'UNSUPPORTED_EVIDENCE',
      `evidence of ${tee} is only read as ${EVIDENCE_FORMAT}`,
    );
  const raw = fromBase64(members.string('quote'), CODE);
  const evidence = { raw, certificates: [], binding: undefined, imageSignatures: [] };
  return { kind: 'plain', evidence: { provider: tee, ...evidence } };
}

export const plainQuote = (raw: Uint8Array): JsonObject => ({ quote: toBase64(raw) });

/** A resource is named by three path segments (protocol document, "Resource"). */
export function checkResourceId(id: string): string {
  const segment = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
  require(new RegExp(`^${segment}/${segment}/${segment}$`).test(id) &&
    !id.includes('..'), CODE, 'a secret is named REPOSITORY/TYPE/TAG');
  return id;
}

/** What the protected header of a released secret says, beyond JWE's own members. */
export interface ReleaseHeader {
  readonly secret: string;
  readonly version: number;
  /** Measurement of the image that it was released to; absent for plain clients. */
  readonly image?: string;
  /** RFC 7638 thumbprint of the key that it is encrypted to. */
  readonly key: string;
  readonly nonce: string;
}
export const RELEASE_HEADER = 'cloister';
