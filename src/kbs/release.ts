/**
 * Releases one secret: encrypted to the attested key, recorded before it leaves, with a receipt that
 * whoever holds it can check against the audit log.
 */
import type { Appraisal } from '../attest/appraise/appraisal.ts';
import { toHex, utf8 } from '../attest/bytes.ts';
import { encryptJwe } from '../attest/jose/jwe.ts';
import { type EcJwk, jwkThumbprint } from '../attest/jose/jwk.ts';
import { signJws } from '../attest/jose/jws.ts';
import { RELEASE_HEADER, type ReleaseHeader } from '../attest/rcar/messages.ts';
import { appendAudit } from './audit.ts';
import type { BrokerOptions } from './broker.ts';
import { type HttpResponse, jsonResponse } from './http.ts';
import type { Session } from './sessions.ts';
import type { StoredSecret } from './store.ts';

export interface Release {
  readonly id: string;
  readonly stored: StoredSecret;
  readonly session: Session;
  readonly teePubkey: EcJwk;
  readonly appraisal: Appraisal;
  readonly peer: string;
}

export const RECEIPT_HEADER = 'cloister-receipt';
export const RECEIPT_TYPE = 'cloister-release+jwt';

export async function releaseSecret(
  options: BrokerOptions,
  release: Release,
  nowMs: number,
): Promise<HttpResponse> {
  const { id, stored, session, teePubkey, appraisal } = release;
  const image = appraisal.software?.imageMeasurement;
  const header: ReleaseHeader = {
    secret: id,
    version: stored.version,
    ...(image === undefined ? {} : { image }),
    key: await jwkThumbprint(teePubkey),
    nonce: session.nonce,
  };
  const jwe = await sealTo(options, release, header);
  const body = JSON.stringify(jwe);
  const bodyHash = toHex(options.crypto.sha256(utf8(body)));
  const { store, crypto, key } = options;
  // The record is on disk before the first byte of the secret leaves.
  const record = store.transaction(() =>
    appendAudit(store, crypto, 'release', nowMs, {
      ...header,
      policy: stored.policy,
      provider: appraisal.provider,
      peer: release.peer,
      message: bodyHash,
    }),
  );
  const claims = {
    ...header,
    message: bodyHash,
    sequence: record.sequence,
    audit: toHex(record.hash),
    iat: Math.floor(nowMs / 1000),
  };
  const receipt = await signJws(RECEIPT_TYPE, claims, { algorithm: 'EdDSA', sign: key.sign });
  return jsonResponse(200, body, { [RECEIPT_HEADER]: receipt });
}

async function sealTo(options: BrokerOptions, release: Release, header: ReleaseHeader) {
  using secret = options.vault.open(release.stored);
  return await secret.use((bytes) =>
    encryptJwe(bytes, release.teePubkey, { [RELEASE_HEADER]: { ...header } }),
  );
}
