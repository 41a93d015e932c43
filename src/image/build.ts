/**
 * Builds an image: configuration + files of this machine → an OCI image layout. Deterministic: the
 * same inputs give the same measurement in any folder and at any time.
 */

import { S_IFDIR } from '../abi/file-mode.ts';
import type { Crypto, Entropy } from '../base/interfaces.ts';
import { type FileNode, newDir } from '../fs/verity/index-model.ts';
import { encodeIndex } from '../fs/verity/index-writer.ts';
import { MerkleBuilder } from '../fs/verity/merkle.ts';
import { canonicalBytes, type Json, toHex } from './canonical-json.ts';
import { type BuildConfig, type ImageConfig, toImageConfig } from './config-schema.ts';
import { addPackages } from './dpkg.ts';
import { ElfResolver, type MissingLibrary } from './elf-needs.ts';
import { EncryptingOutput, wrapImageKey } from './encryption.ts';
import { type HostFiles, ImageError, type ImageOutput, type Signer } from './host-files.ts';
import { CLAMP_SEC, HostImport } from './host-import.ts';
import { ANNOTATION, descriptorOf, IMAGE_FORMAT, MEDIA, ociConfigOf } from './oci.ts';
import type { KeyBroker } from './open.ts';
import { type PackProgress, packContents } from './pack.ts';
import { writeSignature } from './signature.ts';
import { Staging, utf8ByteString } from './staging.ts';
import { type Translation, translateFiles } from './translate-files.ts';
import type { TranslationLayerWriter } from './translation-layer.ts';

export interface BuildInputs {
  readonly config: BuildConfig;
  /** Folder that relative paths of `files.copy` start from, an absolute path. */
  readonly baseDir: string;
  readonly host: HostFiles;
  readonly output: ImageOutput;
  readonly crypto: Crypto;
  readonly signer?: Signer;
  /** Encrypt under this 32-byte key of the owner. */
  readonly encryption?: { readonly ownerKey: Uint8Array; readonly entropy: Entropy };
  /** Content of a policy file that the configuration names; throws {@link ImageError} for a bad one. */
  readonly policyText?: (file: string) => string;
  readonly onProgress?: (progress: PackProgress) => void;
  /** Makes the layer of translations; without it, or where the configuration says so, there is none. */
  readonly translation?: Translation;
}

export interface BuildResult {
  /** "sha256:…": the digest of the image manifest. */
  readonly measurement: string;
  readonly fileCount: number;
  readonly contentBytes: number;
  readonly packages: readonly string[];
  /** Programs and libraries with translations, and the bytes of that layer. */
  readonly translations: { readonly moduleCount: number; readonly layerBytes: number };
  /** Libraries that files of packages name but that this machine lacks (often optional plug-ins). */
  readonly missing: readonly MissingLibrary[];
}

export function buildImage(inputs: BuildInputs): BuildResult {
  const { host, output, crypto } = inputs;
  const keyBroker = keyBrokerOf(inputs);
  const sealed = inputs.encryption && encryptionOf(inputs.encryption, output, crypto);
  const staging = new Staging();
  const imageConfig = toImageConfig(inputs.config, inputs.policyText);
  const { packages, missing } = stage(staging, inputs, imageConfig);
  const blobs = packContents(staging, host, sealed?.output ?? output, crypto, inputs.onProgress);
  const index = encodeIndex(staging.root, blobs);
  const { translation } = inputs;
  const layer =
    translation && inputs.config.translations
      ? translateFiles(staging, host, crypto, translation)
      : undefined;
  const translations = layer?.write(sealed?.output ?? output, crypto);
  const manifest = writeManifest({
    ...{ output, sealed, keyBroker, imageConfig, index, blobs, crypto },
    ...(translations ? { translations } : {}),
  });
  const measurement = `sha256:${toHex(manifest.digest)}`;
  const signature =
    inputs.signer && writeSignature(output, measurement, imageConfig.name, inputs.signer);
  writeLayout(output, imageConfig.name, manifest, signature);
  return {
    measurement,
    fileCount: countFiles(staging),
    contentBytes: blobs.reduce((sum, blob) => sum + blob.sizeBytes, 0),
    packages,
    translations: {
      moduleCount: layer?.moduleCount ?? 0,
      layerBytes: translations?.written.sizeBytes ?? 0,
    },
    missing,
  };
}

/** Who releases the owner's key to the attested image. */
function keyBrokerOf({ config, encryption }: BuildInputs): KeyBroker | undefined {
  const { image_key: secret, key, url } = config.broker ?? {};
  if (secret === undefined || key === undefined) return undefined;
  if (encryption === undefined)
    throw new ImageError(
      'CLOISTER_BUILD',
      'broker.image_key is the key of an encrypted image: build it with --encrypt-key FILE',
    );
  return { key, secret, ...(url === undefined ? {} : { url }) };
}

const textOf = (broker: KeyBroker): string =>
  new TextDecoder().decode(canonicalBytes({ ...broker } as Json));

function countFiles(staging: Staging): number {
  const files = new Set<FileNode>();
  for (const [, node] of staging.walk()) if (node.kind === 'file') files.add(node);
  return files.size;
}

function stage(staging: Staging, inputs: BuildInputs, imageConfig: ImageConfig) {
  const { config, host, baseDir } = inputs;
  const { files } = config;
  const into = new HostImport(host, staging);
  const packages = addPackages(host, staging, into, files.packages, { docs: files.docs });
  // What a person lists must be complete; a package may have plug-ins that lack something.
  const fromPackages = new Set<FileNode>(staging.sources.keys());
  for (const item of files.copy) {
    if (typeof item === 'string') into.mirrorTree(utf8ByteString(item));
    else {
      const from = item.from.startsWith('/') ? item.from : `${baseDir}/${item.from}`;
      const { mode, uid, gid } = item;
      into.copyTo(utf8ByteString(from), utf8ByteString(item.to), {
        ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }),
        ...(uid === undefined ? {} : { uid }),
        ...(gid === undefined ? {} : { gid }),
      });
    }
  }
  for (const [path, target] of Object.entries(files.symlinks))
    staging.putSymlink(utf8ByteString(path), utf8ByteString(target), { mtimeSec: CLAMP_SEC });
  const resolver = new ElfResolver(host, staging, into);
  resolver.resolveAll();
  if (files.base) addBase(staging);
  for (const { path, mode } of files.directories)
    staging.put(utf8ByteString(path), {
      ...newDir(),
      mode: S_IFDIR | Number.parseInt(mode ?? '0755', 8),
    });
  for (const path of files.exclude) staging.remove(utf8ByteString(path));
  checkPrograms(staging, imageConfig);
  checkLibraries(resolver.missing, staging, fromPackages);
  clampTimes(staging);
  return { packages, missing: resolver.missing };
}

/** Folders and files that every Linux program expects and no package owns. */
function addBase(staging: Staging): void {
  for (const path of [
    '/dev',
    '/etc',
    '/home',
    '/proc',
    '/root',
    '/run',
    '/sys',
    '/var/tmp',
    '/tmp',
  ])
    staging.directory(path);
  for (const path of ['/tmp', '/var/tmp']) staging.directory(path).mode = S_IFDIR | 0o1777;
  staging.directory('/root').mode = S_IFDIR | 0o700;
  const texts: Readonly<Record<string, string>> = {
    '/etc/passwd':
      'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
    '/etc/group': 'root:x:0:\ntty:x:5:\nusers:x:100:\nnogroup:x:65534:\n',
    '/etc/hosts': '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n',
    '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n',
  };
  for (const [path, text] of Object.entries(texts))
    if (!staging.find(path)) staging.putText(path, text);
}

function checkPrograms(staging: Staging, config: ImageConfig): void {
  for (const program of new Set([...config.entryPoints, config.command[0] as string])) {
    if (!program.startsWith('/'))
      throw new ImageError(
        'CLOISTER_BUILD',
        `command and entry_points name programs by absolute path; ${program} is none`,
      );
    if (staging.find(utf8ByteString(program), true)?.kind !== 'file')
      throw new ImageError(
        'CLOISTER_BUILD',
        `program ${program} is not in the image: list it under files.copy, ` +
          'or its package under files.packages',
      );
  }
}

function checkLibraries(
  missing: readonly MissingLibrary[],
  staging: Staging,
  fromPackages: ReadonlySet<FileNode>,
): void {
  for (const { library, neededBy } of missing) {
    const node = staging.find(utf8ByteString(neededBy), true);
    if (node?.kind !== 'file' || fromPackages.has(node)) continue;
    throw new ImageError(
      'CLOISTER_BUILD',
      `${neededBy} needs ${library}, which this machine does not have: install it, ` +
        'or copy it into the image (files.copy)',
    );
  }
}

function clampTimes(staging: Staging): void {
  staging.root.mtimeSec = CLAMP_SEC;
  for (const [, node] of staging.walk())
    if (node.kind !== 'file' || node.mtimeSec === 0) node.mtimeSec = CLAMP_SEC;
}

interface Sealed {
  readonly output: ImageOutput;
  readonly wrappedKey: string;
}

/** A fresh image key, and an output that encrypts under it. */
function encryptionOf(
  { ownerKey, entropy }: NonNullable<BuildInputs['encryption']>,
  output: ImageOutput,
  crypto: Crypto,
): Sealed {
  const imageKey = new Uint8Array(32);
  entropy.fill(imageKey);
  return {
    output: new EncryptingOutput(output, crypto, entropy, imageKey),
    wrappedKey: wrapImageKey(crypto, entropy, ownerKey, imageKey),
  };
}

function putBlob(output: ImageOutput, ...parts: readonly Uint8Array[]) {
  const blob = output.createBlob();
  for (const part of parts) blob.write(part);
  return blob.finish();
}

interface ManifestInputs {
  readonly output: ImageOutput;
  readonly sealed: Sealed | undefined;
  readonly keyBroker: KeyBroker | undefined;
  readonly imageConfig: ImageConfig;
  readonly index: Uint8Array;
  readonly blobs: ReturnType<typeof packContents>;
  readonly crypto: Crypto;
  readonly translations?: ReturnType<TranslationLayerWriter['write']>;
}

function writeManifest(inputs: ManifestInputs) {
  const { output, sealed, keyBroker, imageConfig, index, blobs, crypto, translations } = inputs;
  const layerOutput = sealed?.output ?? output;
  const typeOf = (type: string) => (sealed ? type + MEDIA.encrypted : type);
  const builder = new MerkleBuilder(crypto);
  builder.update(index);
  const { rootHash, tree } = builder.finish();
  const layers = [
    descriptorOf(
      typeOf(MEDIA.config),
      putBlob(layerOutput, canonicalBytes(imageConfig as unknown as Json)),
    ),
    descriptorOf(typeOf(MEDIA.rootIndex), putBlob(layerOutput, index, tree), {
      [ANNOTATION.indexSize]: String(index.length),
      [ANNOTATION.indexRoot]: toHex(rootHash),
    }),
    ...blobs.map((blob) => descriptorOf(typeOf(MEDIA.content), blob)),
    ...(translations === undefined
      ? []
      : [
          descriptorOf(typeOf(MEDIA.translations), translations.written, {
            [ANNOTATION.translationsSize]: String(translations.sizeBytes),
            [ANNOTATION.translationsRoot]: toHex(translations.rootHash),
          }),
        ]),
  ];
  const digests = layers.map((layer) => layer.digest);
  const shown = sealed ? undefined : imageConfig;
  const ociConfig = putBlob(output, canonicalBytes(ociConfigOf(shown, digests)));
  return putBlob(
    output,
    canonicalBytes({
      schemaVersion: 2,
      mediaType: MEDIA.manifest,
      config: descriptorOf(MEDIA.ociConfig, ociConfig),
      layers,
      annotations: {
        [ANNOTATION.format]: IMAGE_FORMAT,
        ...(sealed ? { [ANNOTATION.wrappedKey]: sealed.wrappedKey } : {}),
        ...(keyBroker ? { [ANNOTATION.keyBroker]: textOf(keyBroker) } : {}),
      },
    }),
  );
}

function writeLayout(
  output: ImageOutput,
  name: string,
  manifest: { digest: Uint8Array; sizeBytes: number },
  signature: { digest: Uint8Array } | undefined,
): void {
  const annotations: Record<string, string> = { [ANNOTATION.refName]: name };
  if (signature) annotations[ANNOTATION.signature] = `sha256:${toHex(signature.digest)}`;
  output.writeFile('oci-layout', canonicalBytes({ imageLayoutVersion: '1.0.0' }));
  output.writeFile(
    'index.json',
    canonicalBytes({
      schemaVersion: 2,
      mediaType: MEDIA.index,
      manifests: [descriptorOf(MEDIA.manifest, manifest, annotations)],
    }),
  );
}
