/**
 * `/dev/attestation`, as Gramine documents it (Documentation/attestation.rst), so that attested
 * programs written for it run unchanged: 64 bytes into `user_report_data`, the evidence out of `quote`.
 *
 * Deviation: `attestation_type` names other TEEs than SGX, too, and `quote` is then their evidence.
 * Deviation: Gramine keeps `user_report_data` by process, this by instance: two processes of one
 * instance that attest at once must take turns. `report` and `my_target_info` are SGX's local
 * attestation, which no TEE below has: reading them is EOPNOTSUPP.
 */

import { EACCES, EBADF, EINVAL, EIO, EOPNOTSUPP } from '../../abi/errno.table.ts';
import { SEEK_CUR, SEEK_END, SEEK_SET } from '../../abi/file-flags.ts';
import { makeDev, S_IFCHR, S_IFDIR } from '../../abi/file-mode.ts';
import { assert } from '../../base/assert.ts';
import { Inode } from '../../vfs/inode.ts';
import { OpenFile, type OpenRequest } from '../../vfs/open-file.ts';
import type { Tmpfs } from '../tmpfs/tmpfs.ts';
import type { Devices } from './devices.ts';

/** Where the devices get evidence and keys: the TEE's provider, behind what the instance allows. */
export interface AttestationSource {
  /** "none", "dcap", "tdx", "snp", "nitro" or "sim". */
  readonly type: string;
  /** Evidence over 64 bytes, or undefined when the TEE did not answer. */
  quote(reportData: Uint8Array): Uint8Array | undefined;
  /** Secrets by name. What guests write replaces them for this instance. */
  readonly keys: ReadonlyMap<string, Uint8Array>;
}

const REPORT_DATA_BYTES = 64;
const TARGET_INFO_BYTES = 512;
const KEY_BYTES = 16;
/** Local/experimental numbers (admin-guide/devices.txt): nothing else of ours uses them. */
const MAJOR = 240;

/** What one node holds: its content at open, and what a whole write does; a negative errno refuses. */
interface Node {
  readonly mode: number;
  load(): Uint8Array | number;
  save?(content: Uint8Array): number;
}

/** Adds the folder to a /dev tree and its nodes to the device table. */
export function addAttestation(devfs: Tmpfs, devices: Devices, source: AttestationSource): void {
  const owner = { uid: 0, gid: 0, rdev: 0 };
  const folder = devfs.root.create('attestation', { ...owner, mode: S_IFDIR | 0o755 });
  assert(folder instanceof Inode);
  const keysFolder = folder.create('keys', { ...owner, mode: S_IFDIR | 0o755 });
  assert(keysFolder instanceof Inode);
  let minor = 0;
  const add = (parent: Inode, name: string, node: Node): void => {
    const rdev = makeDev(MAJOR, minor++);
    assert(parent.create(name, { ...owner, mode: S_IFCHR | node.mode, rdev }) instanceof Inode);
    devices.register(rdev, (request) => openNode(request, node));
  };
  for (const [name, node] of Object.entries(nodes(source))) add(folder, name, node);
  for (const [name, key] of source.keys) add(keysFolder, name, keyNode(key));
}

function nodes(source: AttestationSource): Readonly<Record<string, Node>> {
  const reportData = new Uint8Array(REPORT_DATA_BYTES);
  const targetInfo = new Uint8Array(TARGET_INFO_BYTES);
  const refuse = { mode: 0o444, load: () => -EOPNOTSUPP };
  return {
    attestation_type: { mode: 0o444, load: () => new TextEncoder().encode(source.type) },
    user_report_data: fixed(reportData),
    target_info: fixed(targetInfo),
    my_target_info: refuse,
    report: refuse,
    quote: {
      mode: 0o444,
      load: () =>
        source.type === 'none' ? -EOPNOTSUPP : (source.quote(reportData.slice()) ?? -EIO),
    },
  };
}

/** A field that is only written whole, as Gramine has it. */
function fixed(content: Uint8Array): Node {
  return {
    mode: 0o666,
    load: () => content.slice(),
    save(written) {
      if (written.length !== content.length) return -EINVAL;
      content.set(written);
      return 0;
    },
  };
}

/** Keys are for root and for writing once more; size as Gramine's wrap keys have it, or their own. */
function keyNode(initial: Uint8Array): Node {
  let key = initial;
  return {
    mode: 0o600,
    load: () => key.slice(),
    save(written) {
      if (written.length !== KEY_BYTES) return -EACCES;
      key = written;
      return 0;
    },
  };
}

function openNode(request: OpenRequest, node: Node): OpenFile | number {
  const content = node.load();
  return typeof content === 'number' ? content : new AttestationFile(request, content, node);
}

/** A snapshot taken at open; a write call replaces the whole content. */
class AttestationFile extends OpenFile {
  #content: Uint8Array;
  readonly #node: Node;

  constructor(request: OpenRequest, content: Uint8Array, node: Node) {
    super(request);
    this.#content = content;
    this.#node = node;
  }

  override get isSeekable(): boolean {
    return true;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    const count = this.readAt(this.position, target, start, length);
    if (count > 0) this.position += count;
    return count;
  }

  override readAt(position: number, target: Uint8Array, start: number, length: number): number {
    const part = this.#content.subarray(position, position + length);
    target.set(part, start);
    return part.length;
  }

  override write(source: Uint8Array, start: number, length: number): number {
    const count = this.writeAt(this.position, source, start, length);
    if (count > 0) this.position += count;
    return count;
  }

  override writeAt(position: number, source: Uint8Array, start: number, length: number): number {
    if (!this.#node.save) return -EBADF;
    if (position !== 0) return -EINVAL;
    const written = source.slice(start, start + length);
    const result = this.#node.save(written);
    if (result < 0) return result;
    this.#content = written;
    return length;
  }

  override seek(offset: number, whence: number): number {
    const base =
      whence === SEEK_SET
        ? 0
        : whence === SEEK_CUR
          ? this.position
          : whence === SEEK_END
            ? this.#content.length
            : Number.NaN;
    const next = base + offset;
    if (!(next >= 0)) return -EINVAL;
    this.position = next;
    return next;
  }

  override truncate(): number {
    // `echo x > file` opens with O_TRUNC; the content is replaced by the write anyway.
    return this.#node.save ? 0 : -EINVAL;
  }
}
