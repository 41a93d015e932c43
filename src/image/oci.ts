/**
 * The OCI side of an image: media types, annotations, manifest and configuration (OCI image-spec
 * v1.1: manifest.md, config.md, image-layout.md), and the checked reading of those documents.
 */

import * as v from 'valibot';
import type { Crypto } from '../base/interfaces.ts';
import { type DigestHex, ImageDamage, readExactly } from '../fs/verity/source.ts';
import { type Json, toHex } from './canonical-json.ts';
import type { ImageConfig } from './config-schema.ts';
import type { ImageSource, WrittenBlob } from './host-files.ts';

export const MEDIA = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  config: 'application/vnd.cloister.image.config.v1+json',
  rootIndex: 'application/vnd.cloister.image.index.v1',
  content: 'application/vnd.cloister.image.content.v1',
  translations: 'application/vnd.cloister.image.translations.v1',
  /** After the type of a layer that is encrypted. */
  encrypted: '+encrypted',
  simpleSigning: 'application/vnd.dev.cosign.simplesigning.v1+json',
} as const;

export const ANNOTATION = {
  format: 'dev.cloister.image.format',
  indexSize: 'dev.cloister.index.size',
  indexRoot: 'dev.cloister.index.root',
  translationsSize: 'dev.cloister.translations.size',
  translationsRoot: 'dev.cloister.translations.root',
  signature: 'dev.cloister.signature',
  /** The image key, wrapped under the owner's key. */
  wrappedKey: 'dev.cloister.encryption.key',
  /** Who releases the owner's key to the attested image: {@link KeyBroker}, canonical JSON. */
  keyBroker: 'dev.cloister.encryption.broker',
  signer: 'dev.cloister.signer',
  cosignSignature: 'dev.cosignproject.cosign/signature',
  refName: 'org.opencontainers.image.ref.name',
} as const;

export const IMAGE_FORMAT = '1';

/** Manifests of millions of files are still small: they list blobs, not files. */
export const MAX_DOCUMENT_BYTES = 4 << 20;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function descriptorOf(
  mediaType: string,
  blob: WrittenBlob,
  annotations?: Readonly<Record<string, string>>,
) {
  const digest = `sha256:${toHex(blob.digest)}`;
  return {
    mediaType,
    digest,
    size: blob.storedBytes ?? blob.sizeBytes,
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** The configuration that other OCI tools read. */
export function ociConfigOf(
  config: ImageConfig | undefined,
  layerDigests: readonly string[],
): Json {
  const rootfs = { type: 'layers', diff_ids: layerDigests };
  // An encrypted image tells nothing about what it runs.
  if (config === undefined) return { architecture: 'amd64', os: 'linux', config: {}, rootfs };
  const env = Object.entries(config.environment.fixed).map(([name, value]) => `${name}=${value}`);
  return {
    architecture: 'amd64',
    os: 'linux',
    config: {
      Entrypoint: [config.command[0] as string],
      Cmd: config.command.slice(1),
      Env: env.sort(),
      WorkingDir: config.workingDir,
      User: `${config.uid}:${config.gid}`,
    },
    rootfs,
  };
}

const descriptor = v.looseObject({
  mediaType: v.string(),
  digest: v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/)),
  size: v.pipe(v.number(), v.integer(), v.minValue(0)),
  annotations: v.optional(v.record(v.string(), v.string()), {}),
});

export const manifestSchema = v.looseObject({
  schemaVersion: v.literal(2),
  mediaType: v.literal(MEDIA.manifest),
  config: descriptor,
  layers: v.array(descriptor),
  annotations: v.optional(v.record(v.string(), v.string()), {}),
});

export const layoutIndexSchema = v.looseObject({
  schemaVersion: v.literal(2),
  manifests: v.pipe(v.array(descriptor), v.minLength(1)),
});

export type ReadDescriptor = v.InferOutput<typeof descriptor>;
export type Manifest = v.InferOutput<typeof manifestSchema>;

/** Parses JSON that came from the host; `where` names it in the error. */
export function parseDocument<T extends v.GenericSchema>(
  schema: T,
  bytes: Uint8Array,
  where: string,
): v.InferOutput<T> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ImageDamage(where, 'it is not JSON', cause);
  }
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = (issue.path ?? []).map((item) => String(item.key)).join('.');
  throw new ImageDamage(where, `\`${path}\` is wrong: ${issue.message}`);
}

export function digestOf(of: { readonly digest: string }): DigestHex {
  return of.digest.slice('sha256:'.length);
}

/** A small blob, whole, checked against its digest. */
export function readDocumentBlob(
  source: ImageSource,
  of: { readonly digest: string; readonly size: number },
  where: string,
  crypto: Crypto,
): Uint8Array {
  const name = `${where} (blob ${of.digest})`;
  if (of.size > MAX_DOCUMENT_BYTES) throw new ImageDamage(name, `${of.size} bytes are too many`);
  let blob: ReturnType<ImageSource['open']>;
  try {
    blob = source.open(digestOf(of));
  } catch (cause) {
    throw new ImageDamage(name, `the host has no such blob (${String(cause)})`, cause);
  }
  if (blob.sizeBytes !== of.size)
    throw new ImageDamage(name, `it has ${blob.sizeBytes} bytes instead of ${of.size}`);
  const bytes = new Uint8Array(of.size);
  readExactly(blob, 0, bytes, () => name);
  if (toHex(crypto.sha256(bytes)) !== digestOf(of))
    throw new ImageDamage(name, 'its bytes do not match its digest');
  return bytes;
}
