/**
 * Opens an image: finds its manifest, checks it against what is trusted, and hands out the measured
 * configuration and root file system. Costs a few small reads, whatever the size of the image.
 */

import * as v from 'valibot';
import { MOST_PROCESSORS } from '../abi/processors.ts';
import type { Crypto } from '../base/interfaces.ts';
import { type BlobSource, ImageDamage, readExactly } from '../fs/verity/source.ts';
import { VerityTree } from '../fs/verity/verity-tree.ts';
import { canonicalBytes, fromHex, toHex } from './canonical-json.ts';
import { ANCHOR, type ImageConfig } from './config-schema.ts';
import { measuredDoorEntries } from './door-schema.ts';
import { DecryptingSource, unwrapImageKey } from './encryption.ts';
import { ImageError, type ImageSource } from './host-files.ts';
import {
  ANNOTATION,
  digestOf,
  IMAGE_FORMAT,
  layoutIndexSchema,
  MAX_DOCUMENT_BYTES,
  type Manifest,
  MEDIA,
  manifestSchema,
  ociConfigOf,
  parseDocument,
  type ReadDescriptor,
  readDocumentBlob,
} from './oci.ts';
import { readSignatures, type VerifiedSignature } from './signature.ts';
import {
  type Compression,
  TranslationLayer,
  type TranslationLayerLocation,
} from './translation-layer.ts';

/** What an image must show before anything of it is used. All given conditions must hold. */
export interface ImageTrust {
  /** "sha256:…": exactly this image. */
  readonly measurement?: string;
  /** Signed by at least one of these raw Ed25519 keys. */
  readonly signers?: readonly Uint8Array[];
}

export interface Image {
  readonly measurement: string;
  /** Raw public keys whose signature is valid; trusted only as far as {@link ImageTrust} says. */
  readonly signers: readonly Uint8Array[];
  /** The signatures themselves, for evidence. */
  readonly signatures: readonly VerifiedSignature[];
  readonly config: ImageConfig;
  readonly tree: VerityTree;
  /** Where its translations lie, if it has any; {@link openTranslations} reads them. */
  readonly translations: TranslationLayerLocation | undefined;
  /** Its blobs, decrypted. */
  readonly blobs: BlobSource;
  readonly manifest: Manifest;
  readonly isEncrypted: boolean;
}

/** Who releases the owner's key of an encrypted image: as measured, and readable without the key. */
export interface KeyBroker {
  readonly url?: string | undefined;
  /** `ed25519:` and the key in hexadecimal. */
  readonly key: string;
  /** REPOSITORY/TYPE/TAG. */
  readonly secret: string;
}

/** What of an image can be read without its key; checked against what is trusted. */
export interface ImageHead
  extends Pick<Image, 'measurement' | 'signers' | 'signatures' | 'manifest' | 'isEncrypted'> {
  readonly keyBroker: KeyBroker | undefined;
}

/** `ownerKey`: the 32-byte key that an encrypted image needs. */
export function openImage(
  source: ImageSource,
  trust: ImageTrust,
  crypto: Crypto,
  ownerKey?: Uint8Array,
): Image {
  return openBody(source, openHead(source, trust, crypto), crypto, ownerKey);
}

export function openHead(source: ImageSource, trust: ImageTrust, crypto: Crypto): ImageHead {
  const { manifest, measurement, signatures } = readManifest(source, trust, crypto);
  const signers = signatures.map(({ publicKey }) => publicKey);
  const format = manifest.annotations[ANNOTATION.format];
  if (format !== IMAGE_FORMAT)
    throw new ImageError(
      'CLOISTER_IMAGE_FORMAT',
      format === undefined
        ? `${measurement} is an OCI image, but none that Cloister built`
        : `image format ${format}; this Cloister reads format ${IMAGE_FORMAT}`,
    );
  const isEncrypted = manifest.annotations[ANNOTATION.wrappedKey] !== undefined;
  const keyBroker = keyBrokerOf(manifest);
  return { measurement, signers, signatures, manifest, isEncrypted, keyBroker };
}

function keyBrokerOf(manifest: Manifest): KeyBroker | undefined {
  const text = manifest.annotations[ANNOTATION.keyBroker];
  const where = 'the annotation about the key broker';
  return text === undefined
    ? undefined
    : parseDocument(keyBrokerSchema, new TextEncoder().encode(text), where);
}

/** The rest of the image that `head` is of: of exactly that manifest, whatever lies there now. */
export function openBody(
  source: ImageSource,
  head: ImageHead,
  crypto: Crypto,
  ownerKey?: Uint8Array,
): Image {
  const { manifest, measurement, signers, signatures, isEncrypted } = head;
  const wrapped = manifest.annotations[ANNOTATION.wrappedKey];
  const suffix = wrapped === undefined ? '' : MEDIA.encrypted;
  const blobs = wrapped === undefined ? source : decrypting(source, wrapped, crypto, ownerKey);
  const config = readConfig(source, blobs, layer(manifest, MEDIA.config + suffix), crypto);
  checkOciConfig(source, manifest, wrapped === undefined ? config : undefined, crypto);
  const index = layer(manifest, MEDIA.rootIndex + suffix);
  const sizeBytes = Number(index.annotations[ANNOTATION.indexSize]);
  const rootHash = fromHex(index.annotations[ANNOTATION.indexRoot] ?? '', 32);
  if (!Number.isSafeInteger(sizeBytes) || rootHash === undefined)
    throw new ImageDamage('the manifest', 'size or root hash of the index is missing');
  const tree = new VerityTree(blobs, { digest: digestOf(index), sizeBytes, rootHash }, crypto);
  const translations = translationsOf(manifest, MEDIA.translations + suffix);
  return {
    ...{ measurement, signers, signatures, config, tree, translations, blobs },
    ...{ manifest, isEncrypted },
  };
}

function translationsOf(
  manifest: Manifest,
  mediaType: string,
): TranslationLayerLocation | undefined {
  const found = manifest.layers.find((one) => one.mediaType === mediaType);
  if (found === undefined) return undefined;
  const sizeBytes = Number(found.annotations[ANNOTATION.translationsSize]);
  const rootHash = fromHex(found.annotations[ANNOTATION.translationsRoot] ?? '', 32);
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0 || rootHash === undefined)
    throw new ImageDamage('the manifest', 'size or root hash of the translations is missing');
  return { digest: digestOf(found), sizeBytes, rootHash };
}

/** The translations of an image; undefined when it has none. `onDamage`: see the layer. */
export function openTranslations(
  image: Image,
  crypto: Crypto,
  compression: Compression,
  onDamage: (damage: ImageDamage) => void,
): TranslationLayer | undefined {
  const { translations, blobs } = image;
  if (translations === undefined) return undefined;
  return new TranslationLayer(blobs, translations, crypto, compression, onDamage);
}

function readManifest(source: ImageSource, trust: ImageTrust, crypto: Crypto) {
  const bytes = readTop(source, 'index.json');
  const layout = parseDocument(layoutIndexSchema, bytes, 'index.json');
  if (layout.manifests.length > 1)
    throw new ImageError(
      'CLOISTER_IMAGE_FORMAT',
      `the layout holds ${layout.manifests.length} images; a Cloister image holds one`,
    );
  const entry = layout.manifests[0] as ReadDescriptor;
  if (entry.mediaType !== MEDIA.manifest)
    throw new ImageDamage('index.json', `its entry is of type ${entry.mediaType}, not a manifest`);
  const measurement = entry.digest;
  const document = readDocumentBlob(source, entry, 'the manifest', crypto);
  const signature = entry.annotations[ANNOTATION.signature];
  const signatures =
    signature === undefined ? [] : readSignatures(source, signature, measurement, crypto);
  const signers = signatures.map(({ publicKey }) => publicKey);
  checkTrust(measurement, signers, trust);
  const manifest = parseDocument(manifestSchema, document, 'the manifest');
  return { manifest, measurement, signatures };
}

function checkTrust(measurement: string, signers: readonly Uint8Array[], trust: ImageTrust): void {
  if (trust.measurement !== undefined && trust.measurement !== measurement)
    throw new ImageError(
      'CLOISTER_IMAGE_UNTRUSTED',
      `this image is ${measurement}, but ${trust.measurement} was asked for`,
    );
  if (trust.signers === undefined) return;
  const trusted = new Set(trust.signers.map(toHex));
  if (signers.some((key) => trusted.has(toHex(key)))) return;
  const by = signers.length === 0 ? 'not signed' : `signed by ${signers.map(toHex).join(', ')}`;
  throw new ImageError(
    'CLOISTER_IMAGE_UNTRUSTED',
    `image ${measurement} is ${by}; trusted: ${[...trusted].join(', ') || 'no key'}`,
  );
}

const mountSchema = v.strictObject({
  type: v.picklist(['hostfs', 'tmpfs', 'sealed']),
  target: v.string(),
  source: v.optional(v.string()),
  readOnly: v.boolean(),
  sizeBytes: v.optional(v.number()),
  key: v.optional(v.string()),
  anchor: v.optional(v.pipe(v.string(), v.regex(ANCHOR))),
});

const keyBrokerSchema = v.strictObject({
  url: v.optional(v.string()),
  key: v.string(),
  secret: v.string(),
});

const natural = v.pipe(v.number(), v.integer(), v.minValue(0));

const imageConfigSchema = v.strictObject({
  name: v.string(),
  command: v.pipe(v.array(v.string()), v.minLength(1)),
  entryPoints: v.array(v.string()),
  workingDir: v.string(),
  uid: natural,
  gid: natural,
  environment: v.strictObject({
    fixed: v.record(v.string(), v.string()),
    fromHost: v.array(v.string()),
  }),
  limits: v.strictObject({
    memoryBytes: natural,
    processes: natural,
    openFiles: natural,
    tmpfsBytes: natural,
  }),
  cpus: v.optional(v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(MOST_PROCESSORS))),
  mounts: v.array(mountSchema),
  network: v.picklist(['none', 'host']),
  listen: v.optional(v.array(v.string())),
  connect: v.optional(v.array(v.string())),
  broker: v.optional(
    v.strictObject({
      url: v.optional(v.string()),
      key: v.string(),
      secrets: v.record(v.string(), v.string()),
    }),
  ),
  ...measuredDoorEntries,
  overrides: v.strictObject({
    environment: v.boolean(),
    mounts: v.boolean(),
    user: v.boolean(),
    working_dir: v.boolean(),
    arguments: v.boolean(),
    program: v.boolean(),
    limits: v.boolean(),
    network: v.boolean(),
    secrets: v.boolean(),
  }),
});

function decrypting(
  source: ImageSource,
  wrapped: string,
  crypto: Crypto,
  ownerKey: Uint8Array | undefined,
): BlobSource {
  if (ownerKey === undefined)
    throw new ImageError(
      'CLOISTER_IMAGE_KEY',
      'the image is encrypted: give its key (--image-key FILE); only a run gets it from a broker',
    );
  return new DecryptingSource(source, crypto, unwrapImageKey(crypto, ownerKey, wrapped));
}

function readConfig(
  source: ImageSource,
  blobs: BlobSource,
  of: ReadDescriptor,
  crypto: Crypto,
): ImageConfig {
  const where = 'the configuration';
  let bytes = readDocumentBlob(source, of, where, crypto);
  if (blobs !== source) {
    const blob = blobs.open(digestOf(of));
    bytes = new Uint8Array(blob.sizeBytes);
    readExactly(blob, 0, bytes, () => where);
  }
  return parseDocument(imageConfigSchema, bytes, where) as ImageConfig;
}

/** What other OCI tools show must be what Cloister runs. */
function checkOciConfig(
  source: ImageSource,
  manifest: Manifest,
  config: ImageConfig | undefined,
  crypto: Crypto,
): void {
  const where = 'the OCI configuration';
  const bytes = readDocumentBlob(source, manifest.config, where, crypto);
  const digests = manifest.layers.map((one) => one.digest);
  const wanted = canonicalBytes(ociConfigOf(config, digests));
  if (bytes.length !== wanted.length || bytes.some((byte, i) => byte !== wanted[i]))
    throw new ImageDamage(where, 'it does not say what the configuration of the image says');
}

function layer(manifest: Manifest, mediaType: string): ReadDescriptor {
  const found = manifest.layers.filter((one) => one.mediaType === mediaType);
  if (found.length !== 1)
    throw new ImageDamage('the manifest', `it has ${found.length} layers of type ${mediaType}`);
  return found[0] as ReadDescriptor;
}

function readTop(source: ImageSource, name: string): Uint8Array {
  try {
    return source.readFile(name, MAX_DOCUMENT_BYTES);
  } catch (cause) {
    throw new ImageError(
      'CLOISTER_IMAGE_FORMAT',
      `not an image: ${name} cannot be read (${String(cause)}). ` +
        'Give the folder that `cloister build` wrote',
      cause,
    );
  }
}
