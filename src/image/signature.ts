/**
 * Signatures as cosign makes them: a manifest whose layers are "simple signing" payloads that name
 * the digest of the image manifest, with the signature over the payload as an annotation. Ed25519
 * (RFC 8032), pure. In the layout, the descriptor of the image names that manifest in an
 * annotation, so that the layout still holds exactly one image; a registry has it under the tag
 * `sha256-<digest>.sig`.
 */

import * as v from 'valibot';
import type { Crypto } from '../base/interfaces.ts';
import { ImageDamage } from '../fs/verity/source.ts';
import { canonicalBytes, toHex } from './canonical-json.ts';
import type { ImageOutput, ImageSource, Signer, WrittenBlob } from './host-files.ts';
import {
  ANNOTATION,
  descriptorOf,
  MEDIA,
  manifestSchema,
  parseDocument,
  readDocumentBlob,
} from './oci.ts';

const payloadSchema = v.looseObject({
  critical: v.looseObject({
    image: v.looseObject({ 'docker-manifest-digest': v.string() }),
    type: v.literal('cosign container image signature'),
  }),
});

export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

export function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** Signs the image manifest `measurement` ("sha256:…"); answers the signature manifest. */
export function writeSignature(
  output: ImageOutput,
  measurement: string,
  name: string,
  signer: Signer,
): WrittenBlob {
  const put = (bytes: Uint8Array) => {
    const blob = output.createBlob();
    blob.write(bytes);
    return blob.finish();
  };
  const payload = canonicalBytes({
    critical: {
      identity: { 'docker-reference': name },
      image: { 'docker-manifest-digest': measurement },
      type: 'cosign container image signature',
    },
    optional: null,
  });
  const layer = descriptorOf(MEDIA.simpleSigning, put(payload), {
    [ANNOTATION.cosignSignature]: toBase64(signer.sign(payload)),
    [ANNOTATION.signer]: toBase64(signer.publicKey),
  });
  const config = put(
    canonicalBytes({
      architecture: '',
      os: '',
      config: {},
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
    }),
  );
  return put(
    canonicalBytes({
      schemaVersion: 2,
      mediaType: MEDIA.manifest,
      config: descriptorOf(MEDIA.ociConfig, config),
      layers: [layer],
    }),
  );
}

/** A valid signature over the payload that names the image. */
export interface VerifiedSignature {
  /** Raw Ed25519 key, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * The valid signatures over `measurement`. A signature that names another image or
 * does not verify is an error, not an unsigned image.
 */
export function readSignatures(
  source: ImageSource,
  signatureDigest: string,
  measurement: string,
  crypto: Crypto,
): VerifiedSignature[] {
  const where = 'the signature';
  if (!/^sha256:[0-9a-f]{64}$/.test(signatureDigest))
    throw new ImageDamage(where, 'its digest is none');
  const size = sizeOf(source, signatureDigest, where);
  const bytes = readDocumentBlob(source, { digest: signatureDigest, size }, where, crypto);
  const manifest = parseDocument(manifestSchema, bytes, where);
  readDocumentBlob(source, manifest.config, where, crypto);
  const signatures: VerifiedSignature[] = [];
  for (const layer of manifest.layers) {
    if (layer.mediaType !== MEDIA.simpleSigning) continue;
    const payload = readDocumentBlob(source, layer, where, crypto);
    const document = parseDocument(payloadSchema, payload, where);
    if (document.critical.image['docker-manifest-digest'] !== measurement)
      throw new ImageDamage(where, 'it is of another image');
    const key = fromBase64(layer.annotations[ANNOTATION.signer] ?? '');
    const signature = fromBase64(layer.annotations[ANNOTATION.cosignSignature] ?? '');
    if (!key || !signature || !crypto.ed25519Verify(key, payload, signature))
      throw new ImageDamage(
        where,
        `it does not verify under key ${toHex(key ?? new Uint8Array())}`,
      );
    signatures.push({ publicKey: key, payload, signature });
  }
  return signatures;
}

function sizeOf(source: ImageSource, digest: string, where: string): number {
  try {
    return source.open(digest.slice('sha256:'.length)).sizeBytes;
  } catch (cause) {
    throw new ImageDamage(where, `the host has no blob ${digest} (${String(cause)})`, cause);
  }
}
