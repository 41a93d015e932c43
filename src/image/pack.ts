/**
 * Writes file contents into content blobs: each distinct content once, in the order of the index,
 * its hash tree right behind it. A large file is read twice (to hash, then to write), and the
 * second reading must give the same tree.
 */

import type { Crypto } from '../base/interfaces.ts';
import { type FileNode, orderNodes, showBytes } from '../fs/verity/index-model.ts';
import { type BuiltTree, MerkleBuilder } from '../fs/verity/merkle.ts';
import { toHex } from './canonical-json.ts';
import {
  type BlobWriter,
  type HostFiles,
  ImageError,
  type ImageOutput,
  type WrittenBlob,
} from './host-files.ts';
import type { FileSource, Staging } from './staging.ts';

/** Content blobs stay below this, unless one file is larger: registries dislike huge layers. */
const BLOB_BYTES = 256 << 20;
const CHUNK_BYTES = 1 << 20;

interface Place {
  readonly blob: number;
  readonly dataOffsetBytes: number;
}

export interface PackProgress {
  readonly filesDone: number;
  readonly filesTotal: number;
}

/** Fills in size, hash and place of every staged file; answers the blobs. */
export function packContents(
  staging: Staging,
  host: HostFiles,
  output: ImageOutput,
  crypto: Crypto,
  onProgress: (progress: PackProgress) => void = () => undefined,
): WrittenBlob[] {
  const writer = new PackWriter(output);
  const places = new Map<string, Place>();
  const files = orderNodes(staging.root).nodes.filter((n): n is FileNode => n.kind === 'file');
  files.forEach((node, i) => {
    const source = staging.sources.get(node) as FileSource;
    const builder = new MerkleBuilder(crypto);
    const first = readSource(host, source, (chunk) => builder.update(chunk));
    const built = builder.finish();
    node.sizeBytes = built.sizeBytes;
    node.rootHash = built.rootHash;
    if (built.sizeBytes > 0) {
      const key = `${built.sizeBytes}:${toHex(built.rootHash)}`;
      let place = places.get(key);
      if (place === undefined) {
        place = writer.begin(built.sizeBytes + built.tree.length);
        if (first) writer.write(first);
        else copyAgain(host, source, writer, built, crypto);
        writer.write(built.tree);
        places.set(key, place);
      }
      Object.assign(node, place);
    }
    onProgress({ filesDone: i + 1, filesTotal: files.length });
  });
  return writer.finish();
}

class PackWriter {
  readonly #output: ImageOutput;
  readonly #done: WrittenBlob[] = [];
  #current: BlobWriter | undefined;
  #currentBytes = 0;

  constructor(output: ImageOutput) {
    this.#output = output;
  }

  begin(bytes: number): Place {
    if (this.#current && this.#currentBytes + bytes > BLOB_BYTES) this.#close();
    this.#current ??= this.#output.createBlob();
    return { blob: this.#done.length, dataOffsetBytes: this.#currentBytes };
  }

  write(bytes: Uint8Array): void {
    this.#current?.write(bytes);
    this.#currentBytes += bytes.length;
  }

  finish(): WrittenBlob[] {
    this.#close();
    return this.#done;
  }

  #close(): void {
    if (!this.#current) return;
    this.#done.push(this.#current.finish());
    this.#current = undefined;
    this.#currentBytes = 0;
  }
}

/** Feeds the bytes to `sink`; answers them whole if they fit one chunk. */
function readSource(
  host: HostFiles,
  source: FileSource,
  sink: (chunk: Uint8Array) => void,
): Uint8Array | undefined {
  if ('bytes' in source) {
    sink(source.bytes);
    return source.bytes;
  }
  try {
    using file = host.open(source.host);
    const chunk = new Uint8Array(CHUNK_BYTES);
    let at = 0;
    for (;;) {
      const got = file.readAt(at, chunk);
      if (got === 0) return at === 0 ? new Uint8Array(0) : undefined;
      sink(chunk.subarray(0, got));
      if (at === 0 && got < CHUNK_BYTES) return chunk.subarray(0, got);
      at += got;
    }
  } catch (cause) {
    const path = showBytes(source.host);
    throw new ImageError('CLOISTER_BUILD', `cannot read ${path}: ${String(cause)}`, cause);
  }
}

function copyAgain(
  host: HostFiles,
  source: FileSource,
  writer: PackWriter,
  built: BuiltTree,
  crypto: Crypto,
): void {
  const again = new MerkleBuilder(crypto);
  readSource(host, source, (chunk) => {
    again.update(chunk);
    writer.write(chunk);
  });
  if (toHex(again.finish().rootHash) !== toHex(built.rootHash)) {
    const path = 'host' in source ? showBytes(source.host) : 'a generated file';
    throw new ImageError('CLOISTER_BUILD', `${path} changed while it was read; build again`);
  }
}
