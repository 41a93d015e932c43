/**
 * Evidence as Cloister hands it out (docs/formats/evidence.md): what the TEE signed, the
 * certificates that came with it, and the structure that its report data binds. JSON, strict.
 */
import type { EvidenceBinding } from './binding.ts';
import { fromBase64, fromHex, toBase64, toHex } from './bytes.ts';
import { Refusal, require } from './errors.ts';
import { type Json, Members, parseJson } from './json.ts';

export const PROVIDERS = ['sim', 'tdx', 'snp', 'sgx', 'nitro', 'tpm'] as const;
export type ProviderName = (typeof PROVIDERS)[number];

/** A signature over the image manifest's digest, as cosign makes it ("simple signing"). */
export interface ImageSignature {
  /** Raw Ed25519 key, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

export interface Evidence {
  readonly provider: ProviderName;
  /** Quote, report or document, exactly as the TEE gave it. */
  readonly raw: Uint8Array;
  /** Certificates that came with it, DER (SNP: endorsement key and those above it). */
  readonly certificates: readonly Uint8Array[];
  /** Absent for evidence that was not made by Cloister. */
  readonly binding: EvidenceBinding | undefined;
  readonly imageSignatures: readonly ImageSignature[];
  /** Evidence from an RA-TLS certificate: bound as its convention has it, instead of `binding`. */
  readonly channel?: ChannelBinding;
}

/** What the report data of RA-TLS evidence binds (CCC interoperable RA-TLS, Gramine). */
export interface ChannelBinding {
  /** First bytes of the report data; the rest must be zero. */
  readonly expected: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly nonce: Uint8Array | undefined;
  readonly imageMeasurement: Uint8Array | undefined;
  readonly runtimeMeasurement: Uint8Array | undefined;
}

export const EVIDENCE_FORMAT = 'cloister-evidence/1';
const CODE = 'MALFORMED_EVIDENCE';
const MAXIMUM_CERTIFICATES = 16;
const MAXIMUM_SIGNATURES = 16;

export function formatEvidence(evidence: Evidence): string {
  const { binding } = evidence;
  const value = {
    format: EVIDENCE_FORMAT,
    provider: evidence.provider,
    // Whoever reads the file alone is told what it is worth.
    ...(evidence.provider === 'sim'
      ? { warning: 'simulated: made without hardware, proves nothing against the host' }
      : {}),
    evidence: toBase64(evidence.raw),
    certificates: evidence.certificates.map(toBase64),
    ...(binding
      ? {
          binding: {
            imageMeasurement: toHex(binding.imageMeasurement),
            runtimeMeasurement: toHex(binding.runtimeMeasurement),
            publicKey: toBase64(binding.publicKey),
            nonce: toHex(binding.nonce),
          },
        }
      : {}),
    imageSignatures: evidence.imageSignatures.map((one) => ({
      publicKey: toHex(one.publicKey),
      payload: toBase64(one.payload),
      signature: toBase64(one.signature),
    })),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

export function parseEvidence(text: string): Evidence {
  return evidenceFromJson(parseJson(text, CODE));
}

/** Evidence inside a larger JSON message. */
export function evidenceFromJson(value: Json): Evidence {
  const top = new Members(value, CODE, 'evidence');
  const format = top.string('format');
  if (format !== EVIDENCE_FORMAT)
    throw new Refusal('UNSUPPORTED_VERSION', `evidence format "${format.slice(0, 40)}"`);
  const name = top.string('provider');
  const provider = PROVIDERS.find((candidate) => candidate === name);
  if (!provider) throw new Refusal('UNSUPPORTED_EVIDENCE', `provider "${name.slice(0, 40)}"`);
  return {
    provider,
    raw: fromBase64(top.string('evidence'), CODE),
    certificates: top
      .strings('certificates', MAXIMUM_CERTIFICATES)
      .map((certificate) => fromBase64(certificate, CODE)),
    binding: top.has('binding') ? parseBinding(top.object('binding')) : undefined,
    imageSignatures: top.has('imageSignatures')
      ? top.objects('imageSignatures', MAXIMUM_SIGNATURES).map(parseImageSignature)
      : [],
  };
}

function parseBinding(members: Members): EvidenceBinding {
  const nonce = fromHex(members.string('nonce'), CODE);
  require(nonce.length <= 64, CODE, 'nonce of more than 64 bytes');
  return {
    imageMeasurement: fromHex(members.hex('imageMeasurement', 32), CODE),
    runtimeMeasurement: fromHex(members.hex('runtimeMeasurement', 32), CODE),
    publicKey: fromBase64(members.string('publicKey'), CODE),
    nonce,
  };
}

function parseImageSignature(members: Members): ImageSignature {
  return {
    publicKey: fromHex(members.hex('publicKey', 32), CODE),
    payload: fromBase64(members.string('payload'), CODE),
    signature: fromBase64(members.string('signature'), CODE),
  };
}
