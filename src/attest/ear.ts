/**
 * Appraisals as Entity Attestation Results (draft-ietf-rats-ear; EAT, RFC 9711), signed as a JWT.
 * One submodule named after the provider; the whole appraisal travels as annotated evidence.
 */
import type { Appraisal } from './appraise/appraisal.ts';
import { type JwsKey, type JwsSigner, signJws, verifyJws } from './jose/jws.ts';
import type { JsonObject, Members } from './json.ts';

/** draft-ietf-rats-ear, section 3.1: identifies this use of EAR. */
export const EAR_PROFILE = 'tag:github.com,2023:veraison/ear';
const TOKEN_TYPE = 'JWT';

export interface EarOptions {
  readonly issuedAt: Date;
  readonly expiresAt?: Date;
  /** Name and version of the verifier. */
  readonly developer: string;
  readonly build: string;
  /** Further claims, for example `tee-pubkey`. */
  readonly extra?: JsonObject;
}

const seconds = (time: Date): number => Math.floor(time.getTime() / 1000);

export function toEar(appraisal: Appraisal, options: EarOptions): JsonObject {
  return {
    eat_profile: EAR_PROFILE,
    iat: seconds(options.issuedAt),
    ...(options.expiresAt ? { exp: seconds(options.expiresAt) } : {}),
    'ear.verifier-id': { developer: options.developer, build: options.build },
    ...(appraisal.software?.nonce ? { eat_nonce: appraisal.software.nonce } : {}),
    submods: {
      [appraisal.provider]: {
        'ear.status': appraisal.status,
        'ear.trustworthiness-vector': { ...appraisal.trustVector },
        'ear.appraisal-policy-id': appraisal.policy.name,
        'ear.veraison.annotated-evidence': JSON.parse(JSON.stringify(appraisal)) as JsonObject,
      },
    },
    ...(options.extra ?? {}),
  };
}

export function signEar(
  appraisal: Appraisal,
  signer: JwsSigner,
  options: EarOptions,
): Promise<string> {
  return signJws(TOKEN_TYPE, toEar(appraisal, options), signer);
}

/** The claims of an EAR that `key` signed. Expiry is the caller's to check: time is an argument. */
export function verifyEar(token: string, key: JwsKey): Promise<Members> {
  return verifyJws(token, TOKEN_TYPE, key);
}
