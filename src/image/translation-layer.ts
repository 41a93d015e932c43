/**
 * The layer of an image that holds translations of its programs and libraries, made at build time
 * and measured with it (docs/formats/translations.md). Contents are compressed in chunks and read
 * lazily, each block verified before it is decompressed. What the translations say is not trusted.
 */

import type { Crypto } from '../base/interfaces.ts';
import { MerkleBuilder, treeBytes } from '../fs/verity/merkle.ts';
import { PieceCache } from '../fs/verity/piece-cache.ts';
import { type BlobSource, type DigestHex, ImageDamage } from '../fs/verity/source.ts';
import { VerifiedFile } from '../fs/verity/verified-file.ts';
import { toHex } from './canonical-json.ts';
import type { ImageOutput, WrittenBlob } from './host-files.ts';

/** Lossless compression, the same bytes for the same input. */
export interface Compression {
  compress(bytes: Uint8Array): Uint8Array;
  /** Exactly `sizeBytes` bytes, or undefined: it is damaged. */
  decompress(bytes: Uint8Array, sizeBytes: number): Uint8Array | undefined;
}

/** What a build asks of the translator: a translation file for an ELF file; undefined: no code. */
export type Pretranslator = (file: Uint8Array) => Uint8Array | undefined;

/** Bytes of one module's translations; structurally the `TranslationSource` of `cpu/cache`. */
export interface ModuleTranslations {
  readonly sizeBytes: number;
  read(offset: number, length: number): Uint8Array | undefined;
}

const MAGIC = new TextEncoder().encode('CLTRLAYR');
const FORMAT = 1;
const HEAD_BYTES = 16;
const MODULE_BYTES = 48;
const DIGEST_BYTES = 32;
const CHUNK_BYTES = 128 * 1024;
const MAX_MODULE_BYTES = 1 << 30;
/** Chunks of a module kept decompressed. */
const MAX_CHUNKS = 64;

interface CompressedModule {
  readonly digest: Uint8Array;
  readonly sizeBytes: number;
  readonly chunks: readonly Uint8Array[];
}

/** Collects translations, in any order, and writes them in the order of their modules' digests. */
export class TranslationLayerWriter {
  readonly #compression: Compression;
  readonly #modules = new Map<string, CompressedModule>();

  constructor(compression: Compression) {
    this.#compression = compression;
  }

  /** `digest`: the fs-verity digest of the ELF file. */
  add(digest: Uint8Array, translations: Uint8Array): void {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < translations.length; at += CHUNK_BYTES)
      chunks.push(this.#compression.compress(translations.subarray(at, at + CHUNK_BYTES)));
    this.#modules.set(toHex(digest), { digest, sizeBytes: translations.length, chunks });
  }

  get moduleCount(): number {
    return this.#modules.size;
  }

  /** The blob with its hash tree behind it, and what a reader must know of it. */
  write(output: ImageOutput, crypto: Crypto) {
    const modules = [...this.#modules].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
    const builder = new MerkleBuilder(crypto);
    const blob = output.createBlob();
    const put = (bytes: Uint8Array): void => {
      builder.update(bytes);
      blob.write(bytes);
    };
    put(directoryOf(modules));
    for (const { chunks } of modules) {
      put(bytesOfSizes(chunks));
      for (const chunk of chunks) put(chunk);
    }
    const { sizeBytes, rootHash, tree } = builder.finish();
    blob.write(tree);
    const written: WrittenBlob = blob.finish();
    return { written, sizeBytes, rootHash };
  }
}

function directoryOf(modules: readonly CompressedModule[]): Uint8Array {
  const directory = new Uint8Array(HEAD_BYTES + modules.length * MODULE_BYTES);
  const view = new DataView(directory.buffer);
  directory.set(MAGIC);
  view.setUint32(8, FORMAT, true);
  view.setUint32(12, modules.length, true);
  let offset = directory.length;
  modules.forEach(({ digest, sizeBytes, chunks }, n) => {
    const at = HEAD_BYTES + n * MODULE_BYTES;
    directory.set(digest, at);
    view.setBigUint64(at + DIGEST_BYTES, BigInt(offset), true);
    view.setUint32(at + DIGEST_BYTES + 8, sizeBytes, true);
    view.setUint32(at + DIGEST_BYTES + 12, chunks.length, true);
    offset += chunks.reduce((sum, chunk) => sum + chunk.length, 4 * chunks.length);
  });
  return directory;
}

function bytesOfSizes(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(4 * chunks.length);
  const view = new DataView(bytes.buffer);
  for (const [n, chunk] of chunks.entries()) view.setUint32(4 * n, chunk.length, true);
  return bytes;
}

/** Where the layer lies and what it must hash to; part of the measured manifest. */
export interface TranslationLayerLocation {
  readonly digest: DigestHex;
  readonly sizeBytes: number;
  readonly rootHash: Uint8Array;
}

export class TranslationLayer {
  readonly #file: VerifiedFile;
  readonly #compression: Compression;
  readonly #onDamage: (damage: ImageDamage) => void;
  #modules: ReadonlyMap<string, ModuleTranslations> | undefined;

  /** `onDamage` is told of every read that did not verify: such translations are not there. */
  constructor(
    blobs: BlobSource,
    location: TranslationLayerLocation,
    crypto: Crypto,
    compression: Compression,
    onDamage: (damage: ImageDamage) => void,
  ) {
    const { digest, sizeBytes, rootHash } = location;
    const where = 'the translations';
    const blob = blobs.open(digest);
    if (blob.sizeBytes !== sizeBytes + treeBytes(sizeBytes))
      throw new ImageDamage(where, `their blob has ${blob.sizeBytes} bytes`);
    this.#file = new VerifiedFile(
      {
        blob,
        dataOffsetBytes: 0,
        treeOffsetBytes: sizeBytes,
        sizeBytes,
        rootHash,
        where: () => where,
      },
      crypto,
      new PieceCache(1 << 20),
    );
    this.#compression = compression;
    this.#onDamage = onDamage;
  }

  /** By the fs-verity digest of the ELF file, in hexadecimal. */
  find(digest: string): ModuleTranslations | undefined {
    this.#modules ??= this.#readDirectory();
    return this.#modules.get(digest);
  }

  /** Digests of all modules and the bytes of their translations, uncompressed. */
  list(): { readonly digest: string; readonly sizeBytes: number }[] {
    this.#modules ??= this.#readDirectory();
    return [...this.#modules].map(([digest, { sizeBytes }]) => ({ digest, sizeBytes }));
  }

  /** Reads all of it; throws {@link ImageDamage} at the first wrong byte. */
  verify(): void {
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (let at = 0; at < this.#file.sizeBytes; at += CHUNK_BYTES) this.#file.read(at, chunk);
  }

  #readDirectory(): ReadonlyMap<string, ModuleTranslations> {
    const modules = new Map<string, ModuleTranslations>();
    const head = this.#read(0, HEAD_BYTES);
    if (!head || MAGIC.some((byte, n) => head[n] !== byte)) return modules;
    const view = new DataView(head.buffer);
    const count = view.getUint32(12, true);
    if (view.getUint32(8, true) !== FORMAT) return modules;
    const directory = this.#read(HEAD_BYTES, count * MODULE_BYTES);
    if (!directory) return modules;
    const entries = new DataView(directory.buffer);
    for (let at = 0; at < directory.length; at += MODULE_BYTES) {
      const digest = toHex(directory.subarray(at, at + DIGEST_BYTES));
      const offset = Number(entries.getBigUint64(at + DIGEST_BYTES, true));
      const sizeBytes = entries.getUint32(at + DIGEST_BYTES + 8, true);
      const chunkCount = entries.getUint32(at + DIGEST_BYTES + 12, true);
      const isWhole = chunkCount === Math.ceil(sizeBytes / CHUNK_BYTES);
      if (isWhole && sizeBytes <= MAX_MODULE_BYTES)
        modules.set(
          digest,
          new ChunkedModule(this.#chunks(offset, chunkCount, sizeBytes), sizeBytes),
        );
    }
    return modules;
  }

  /** Gives chunk n of a module; its table of sizes is read with the first one. */
  #chunks(offset: number, count: number, sizeBytes: number) {
    let starts: Float64Array | undefined;
    return (n: number): Uint8Array | undefined => {
      starts ??= this.#starts(offset, count);
      if (!starts) return undefined;
      const stored = this.#read(starts[n]!, starts[n + 1]! - starts[n]!);
      const size = Math.min(CHUNK_BYTES, sizeBytes - n * CHUNK_BYTES);
      return stored && this.#compression.decompress(stored, size);
    };
  }

  #starts(offset: number, count: number): Float64Array | undefined {
    const sizes = this.#read(offset, 4 * count);
    if (!sizes) return undefined;
    const view = new DataView(sizes.buffer);
    const starts = new Float64Array(count + 1);
    starts[0] = offset + 4 * count;
    for (let n = 0; n < count; n++) starts[n + 1] = starts[n]! + view.getUint32(4 * n, true);
    return starts;
  }

  #read(offset: number, length: number): Uint8Array<ArrayBuffer> | undefined {
    if (offset + length > this.#file.sizeBytes) return undefined;
    const bytes = new Uint8Array(length);
    try {
      this.#file.read(offset, bytes);
      return bytes;
    } catch (error) {
      if (!(error instanceof ImageDamage)) throw error;
      this.#onDamage(error);
      return undefined;
    }
  }
}

class ChunkedModule implements ModuleTranslations {
  readonly sizeBytes: number;
  readonly #chunk: (n: number) => Uint8Array | undefined;
  readonly #kept = new Map<number, Uint8Array>();

  constructor(chunk: (n: number) => Uint8Array | undefined, sizeBytes: number) {
    this.#chunk = chunk;
    this.sizeBytes = sizeBytes;
  }

  read(offset: number, length: number): Uint8Array | undefined {
    if (offset + length > this.sizeBytes) return undefined;
    const first = Math.floor(offset / CHUNK_BYTES);
    const within = offset - first * CHUNK_BYTES;
    if (within + length <= CHUNK_BYTES) return this.#get(first)?.subarray(within, within + length);
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const n = Math.floor((offset + at) / CHUNK_BYTES);
      const from = offset + at - n * CHUNK_BYTES;
      const piece = this.#get(n)?.subarray(from, from + length - at);
      if (!piece || piece.length === 0) return undefined;
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  #get(n: number): Uint8Array | undefined {
    const known = this.#kept.get(n);
    if (known) return known;
    const chunk = this.#chunk(n);
    if (!chunk) return undefined;
    if (this.#kept.size >= MAX_CHUNKS) this.#kept.delete(this.#kept.keys().next().value as number);
    this.#kept.set(n, chunk);
    return chunk;
  }
}
