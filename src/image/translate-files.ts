/** Translations of every program and library that is staged, for the layer of an image. */

import type { Crypto } from '../base/interfaces.ts';
import { hasElfMagic } from '../elf/program.ts';
import type { FileNode } from '../fs/verity/index-model.ts';
import { fsverityDigest } from '../fs/verity/merkle.ts';
import type { HostFiles } from './host-files.ts';
import type { PackProgress } from './pack.ts';
import { readWhole } from './read-whole.ts';
import type { Staging } from './staging.ts';
import {
  type Compression,
  type Pretranslator,
  TranslationLayerWriter,
} from './translation-layer.ts';

export interface Translation {
  readonly translate: Pretranslator;
  readonly compression: Compression;
  readonly onProgress?: (progress: PackProgress) => void;
}

/** After the contents are packed: sizes and root hashes of the files are known. */
export function translateFiles(
  staging: Staging,
  host: HostFiles,
  crypto: Crypto,
  translation: Translation,
): TranslationLayerWriter {
  const layer = new TranslationLayerWriter(translation.compression);
  const programs = [...staging.sources.keys()].filter((node) => isElf(staging, host, node));
  const done = new Set<string>();
  programs.forEach((node, n) => {
    const digest = fsverityDigest(crypto, node.sizeBytes, node.rootHash);
    const name = digest.join();
    const bytes = done.has(name) ? undefined : bytesOf(staging, host, node);
    done.add(name);
    const made = bytes && translation.translate(bytes);
    if (made) layer.add(digest, made);
    translation.onProgress?.({ filesDone: n + 1, filesTotal: programs.length });
  });
  return layer;
}

function isElf(staging: Staging, host: HostFiles, node: FileNode): boolean {
  const source = staging.sources.get(node);
  if (!source || node.sizeBytes < 4) return false;
  if ('bytes' in source) return hasElfMagic(source.bytes);
  using file = host.open(source.host);
  const start = new Uint8Array(4);
  return file.readAt(0, start) === 4 && hasElfMagic(start);
}

function bytesOf(staging: Staging, host: HostFiles, node: FileNode): Uint8Array | undefined {
  const source = staging.sources.get(node);
  if (!source) return undefined;
  return 'bytes' in source ? source.bytes : readWhole(host, source.host);
}
